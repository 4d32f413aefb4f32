/* SPDX-License-Identifier: GPL-2.0 */
/* The running of another program: how it ends, and what it prints. */
#ifndef AZATTESTCTL_PROGRAM_H
#define AZATTESTCTL_PROGRAM_H

#include <stddef.h>

/* What of ours a program has. */
enum program_ties {
	PROGRAM_APART,	/* nothing: no environment, no input, and its errors are lines as well */
	PROGRAM_OURS,	/* environment, input, and where errors go */
};

/* 0 to 255 as it exits, 128 and the signal that ended it, or -errno. Each line goes to @take. */
int program_lines(enum program_ties ties, char *const argv[],
		  void (*take)(const char *line, void *arg), void *arg);
/* The same, apart; @text: the last line of all it printed that is not empty. */
int program_run(char *const argv[], char *text, size_t size);
/* A program of this build: beside this one, or in the sbin beside its bin. */
void program_path(const char *name, char *path, size_t size);

#endif
