/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of commands. A new command is a row in commands.c, its function in
 * ctl.h, and its synopsis with what it does in the manual; a test compares.
 *
 * The synopsis is read by completion too: what begins with "--" is an option,
 * and takes an argument unless its word ends there ("[--json]") or another
 * option follows; "a|b" are words to choose from if they are lower case.
 * Completion knows these operands: UUID, NAME, VM (either of them), DOMAIN (of libvirt), IF, USER, FILE, DIR,
 * LIMIT, COMMAND.
 */
#ifndef AZATTESTCTL_COMMANDS_H
#define AZATTESTCTL_COMMANDS_H

#include "ctl.h"

#include <stdio.h>

struct command {
	const char *name;	/* one word or two */
	const char *synopsis;	/* after the name; a command with two forms has two rows */
	const char *help;
	int (*run)(const struct ctl *ctl, int argc, char **argv);
};

/* Ends with a row without name. */
extern const struct command commands[];

/* The first row whose name these words begin with, or NULL; *@count: of how many words. */
const struct command *commands_find(int argc, char **argv, int *count);

/* ---- synopsis.c ---- */

#define SYNOPSIS_WORD	32

struct synopsis_word {
	char text[SYNOPSIS_WORD];	/* "--uuid", "UUID", "on" */
	char argument[SYNOPSIS_WORD];	/* of an option; "": none */
	bool option;
	bool repeats;
	int place;			/* of an operand: 0 is the first; choices share one */
};

typedef bool (*synopsis_fn)(const struct synopsis_word *word, void *arg);

/* Calls @fn with each option and each operand, until it returns false. */
void synopsis_walk(const char *synopsis, synopsis_fn fn, void *arg);

/* ---- shared.c ---- */

struct shared {
	bool no_headers, dry_run;
	double watch;			/* seconds between two answers; 0: one */
};

/* Takes those that the command's synopsis has out of @argv; false after one line. */
bool shared_take(const struct command *command, int *argc, char **argv, struct shared *shared);

/* ---- watch.c ---- */

/* Until it fails for good: an exit code. */
int watch_run(const struct command *command, const struct ctl *ctl, int argc, char **argv,
	      double seconds);

/* ---- help.c ---- */

void help_all(FILE *to);
/* Every form of it. */
void help_one(FILE *to, const char *name);
/* "vm" alone stands for all that begin with it; false if none does. */
bool help_group(FILE *to, const char *word);

#endif
