// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl help": the commands as their table has them, all or one.

#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void help_all(FILE *to)
{
	fputs("usage: azattestctl [--socket PATH] [--api PATH] COMMAND\n", to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %s%s%s\n      %s\n", c->name, *c->synopsis ? " " : "", c->synopsis,
			c->help);
	fputs("azattestctl help COMMAND, and azattestctl(1), tell more\n", to);
}

void help_one(FILE *to, const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			fprintf(to, "usage: azattestctl %s%s%s\n  %s\n", c->name,
				*c->synopsis ? " " : "", c->synopsis, c->help);
}

bool help_group(FILE *to, const char *word)
{
	const char *said = "";
	size_t length = strlen(word);

	for (const struct command *c = commands; c->name; c++) {
		if (strncmp(c->name, word, length) || c->name[length] != ' ' ||
		    !strcmp(c->name, said))
			continue;
		help_one(to, c->name);
		said = c->name;
	}
	return *said;
}

int help_command(const struct ctl *ctl, int argc, char **argv)
{
	const struct command *command;
	int count;

	(void)ctl;
	if (argc == 1) {
		help_all(stdout);
		return output_end(argv[0]);
	}
	command = commands_find(argc - 1, argv + 1, &count);
	if (command && count == argc - 1) {
		help_one(stdout, command->name);
		return output_end(argv[0]);
	}
	if (argc == 2 && help_group(stdout, argv[1]))
		return output_end(argv[0]);
	say("help: no command \"%s%s%s\": azattestctl help lists them", argv[1],
	    argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
	return EXIT_USAGE;
}
