// SPDX-License-Identifier: GPL-2.0
// Owns the table of commands: what is there, and the help that says so.

#include "ctl.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET	"/run/azattest/azattestd.sock"

struct command {
	const char *name;
	const char *options;
	const char *help;
	int (*run)(const struct ctl *ctl, int argc, char **argv);
};

static int help_command(const struct ctl *ctl, int argc, char **argv);

static const struct command commands[] = {
	{ "status", "[--json]", "how this host stands; exit code 5 unless Active",
	  status_command },
	{ "trust", "[--issuer] [--output FILE]",
	  "the root certificate that verifiers trust, PEM; --issuer: and the issuing one",
	  trust_command },
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
	fputs("usage: azattestctl [--socket PATH] COMMAND\n", to);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
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

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct ctl ctl = { .socket = DEFAULT_SOCKET };
	const struct command *command;
	int c;

	while ((c = getopt_long(argc, argv, "+", table, NULL)) != -1) {
		if (c == 's') {
			ctl.socket = optarg;
			continue;
		}
		print_help(c == 'h' ? stdout : stderr);
		return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
	}
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	command = find(argv[optind]);
	if (!command) {
		say("no command \"%s\": see azattestctl help", argv[optind]);
		return EXIT_USAGE;
	}
	argc -= optind;
	argv += optind;
	optind = 0;	/* the command's own options begin anew */
	return command->run(&ctl, argc, argv);
}
