// SPDX-License-Identifier: GPL-2.0
// Owns the table of commands: what is there, and the help that says so.

#include "ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET	"/run/azattest/azattestd.sock"
#define DEFAULT_API	"/run/azattest/api.sock"

struct command {
	const char *name;	/* one word or two */
	const char *options;
	const char *help;
	int (*run)(const struct ctl *ctl, int argc, char **argv);
};

static int help_command(const struct ctl *ctl, int argc, char **argv);

static const struct command commands[] = {
	{ "status", "[--json]", "how this host stands; exit code 5 unless Active",
	  status_command },
	{ "certificate show", "[--json]",
	  "the certificate in use: chain, serial, key level, source, history",
	  certificate_show_command },
	{ "metrics", "", "what daemon and module count, for Prometheus", metrics_command },
	{ "trust", "[--issuer] [--output FILE]",
	  "the root certificate that verifiers trust, PEM; --issuer: and the issuing one",
	  trust_command },
	{ "sync", "[--json]", "fetches a new certificate now, and waits until it is in use (root)",
	  sync_command },
	{ "decommission", "[--yes] [--no-revoke] [--json]",
	  "has the certificate revoked, destroys the keys; VMs get no documents any more (root)",
	  decommission_command },
	{ "recommission", "", "takes a decommissioned host into service again (root)",
	  recommission_command },
	{ "audit verify", "[--head SEQ:HASH] [--closed] [DIR|FILE...]",
	  "whether the audit journal is one chain; exit code 6 if not, 7 if its end is torn",
	  audit_verify_command },
	{ "audit show", "[--vm UUID] [--since TIME] [--json] [DIR|FILE...]",
	  "lines of the audit journal", audit_show_command },
	{ "audit head", "[DIR|FILE...]",
	  "its last line's number and hash, to be noted elsewhere", audit_head_command },
	{ "module", "[--all] [--json]",
	  "numbers, limits and counters of the module; --all: also counters at zero",
	  module_command },
	{ "bindings", "[--json]", "the VMs that have an identity now (root)", bindings_command },
	{ "unbind", "UUID", "ends a VM's binding (root)", unbind_command },
	{ "grant", "--uuid UUID --uid USER [--name NAME] [--profile PROFILE] [--cid CID]",
	  "lets that user give that VM its identity, once (root)", grant_command },
	{ "grants", "[--json]", "the grants that nobody has used yet (root)", grants_command },
	{ "revoke", "UUID", "takes an unused grant back (root)", revoke_command },
	{ "limit", "NAME VALUE", "sets a limit of the module until it is unloaded (root)",
	  limit_command },
	{ "legacy", "on|off [--json]",
	  "REST access at 169.254.169.253; on again repairs it (root, group azattest-admin)",
	  legacy_command },
	{ "vm add", "--uuid UUID --tap IF [--pid PID] [--name NAME] [--profile PROFILE] [--json]",
	  "lets the VM behind that tap use REST; --pid: and gives it its identity (likewise)",
	  vm_add_command },
	{ "vm remove", "UUID", "ends that (likewise)", vm_remove_command },
	{ "vm list", "[--json]", "the VMs that may use REST", vm_list_command },
	{ "vm show", "UUID [--json]", "all that is known of one of them", vm_show_command },
	{ "help", "", "this page", help_command },
};

void say(const char *format, ...)
{
	va_list args;

	fputs("azattestctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_help(FILE *to)
{
	fputs("usage: azattestctl [--socket PATH] [--api PATH] COMMAND\n", to);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].options,
			commands[i].help);
}

static int help_command(const struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	(void)argc;
	(void)argv;
	print_help(stdout);
	return EXIT_SUCCESS;
}

/* Whether the words begin with @name; *@count: how many they are. */
static bool matches(const char *name, int argc, char **argv, int *count)
{
	size_t first = strcspn(name, " ");

	*count = name[first] ? 2 : 1;
	if (strlen(argv[0]) != first || strncmp(name, argv[0], first))
		return false;
	return !name[first] || (argc > 1 && !strcmp(name + first + 1, argv[1]));
}

static const struct command *find(int argc, char **argv, int *count)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (matches(commands[i].name, argc, argv, count))
			return &commands[i];
	return NULL;
}

/* The command's name takes the place of the words it was found by. */
static int run(const struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;
	char name[24];
	int count;

	command = find(argc, argv, &count);
	if (!command) {
		say("no command \"%s%s%s\": see azattestctl help", argv[0], argc > 1 ? " " : "",
		    argc > 1 ? argv[1] : "");
		return EXIT_USAGE;
	}
	snprintf(name, sizeof(name), "%s", command->name);
	argc -= count - 1;
	argv += count - 1;
	argv[0] = name;
	optind = 0;	/* the command's own options begin anew */
	return command->run(ctl, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "api", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct ctl ctl = { .socket = DEFAULT_SOCKET, .api = DEFAULT_API };
	int c;

	while ((c = getopt_long(argc, argv, "+", table, NULL)) != -1) {
		if (c == 's') {
			ctl.socket = optarg;
		} else if (c == 'a') {
			ctl.api = optarg;
		} else {
			print_help(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	return run(&ctl, argc - optind, argv + optind);
}
