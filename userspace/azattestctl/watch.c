// SPDX-License-Identifier: GPL-2.0
// Owns --watch: a command, again and again, until somebody ends it.

#include "commands.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void pause_for(double seconds)
{
	struct timespec pause = { .tv_sec = (time_t)seconds };

	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
}

/* On a terminal each answer takes the place of the one before; else a line parts them. */
static void part(bool first)
{
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	else if (!first)
		putchar('\n');
}

/* Who is not there now may be there later; wrong words stay wrong. */
static bool goes_on(int exit)
{
	return exit != EXIT_USAGE && exit != EXIT_FAILURE;
}

int watch_run(const struct command *command, const struct ctl *ctl, int argc, char **argv,
	      double seconds)
{
	int exit;

	for (bool first = true;; first = false) {
		part(first);
		optind = 0;
		exit = command->run(ctl, argc, argv);
		if (!goes_on(exit) || output_end(argv[0]))
			return exit ? exit : EXIT_FAILURE;
		pause_for(seconds);
	}
}
