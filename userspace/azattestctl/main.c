// SPDX-License-Identifier: GPL-2.0
// Owns the way from the command line to a command.

#include "commands.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET	"/run/azattest/azattestd.sock"
#define DEFAULT_API	"/run/azattest/api.sock"

void say(const char *format, ...)
{
	va_list args;

	fputs("azattestctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return false;
}

/* The command's name takes the place of the words it was found by. */
static int run(struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;
	struct shared shared = { 0 };
	char name[24];
	int count;

	command = commands_find(argc, argv, &count);
	if (!command && argc == 2 && !strcmp(argv[1], "--help") && help_group(stdout, argv[0]))
		return output_end(argv[0]);
	if (!command) {
		say("no command \"%s%s%s\": see azattestctl help", argv[0], argc > 1 ? " " : "",
		    argc > 1 ? argv[1] : "");
		return EXIT_USAGE;
	}
	if (asks_help(argc, argv)) {
		help_one(stdout, command->name);
		return output_end(command->name);
	}
	snprintf(name, sizeof(name), "%s", command->name);
	argc -= count - 1;
	argv += count - 1;
	argv[0] = name;
	if (!shared_take(command, &argc, argv, &shared))
		return EXIT_USAGE;
	ctl->dry_run = shared.dry_run;
	if (shared.no_headers)
		output_no_headers();
	if (shared.watch > 0)
		return watch_run(command, ctl, argc, argv, shared.watch);
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
			help_all(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
		}
	}
	if (optind == argc) {
		help_all(stderr);
		return EXIT_USAGE;
	}
	return run(&ctl, argc - optind, argv + optind);
}
