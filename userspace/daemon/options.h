/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line of a program that takes options and no other word. Each has
 * --version and --help, which end it with 0; what is no option ends it with
 * what usage(stderr) returns.
 */
#ifndef AZATTEST_DAEMON_OPTIONS_H
#define AZATTEST_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* --NAME WORD if @text is not NULL, else --NAME. */
struct options_one {
	const char *name;
	const char **text;
	bool *flag;
};

#define OPTIONS_MAX	16

void options_read(int argc, char **argv, const char *program, int (*usage)(FILE *to),
		  const struct options_one *options, size_t count);

#endif
