/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattestctl: asks the daemons of this host; has no rights of its own.
 *
 *   main.c    the table of commands, which is also the help
 *   ask.c     one question to a daemon's socket
 *   status.c  azattestctl status
 *   trust.c   azattestctl trust
 */
#ifndef AZATTESTCTL_H
#define AZATTESTCTL_H

#include <jansson.h>

/* Exit codes, as in azattestctl(8). */
#define EXIT_USAGE	2
#define EXIT_NO_DAEMON	3	/* nobody answers */
#define EXIT_REFUSED	4	/* the daemon says no */
#define EXIT_NOT_ACTIVE	5	/* status: the host cannot make documents now */

struct ctl {
	const char *socket;
};

/* ask.c: the answer, or NULL and *@exit after one line on standard error. */
json_t *ask_daemon(const struct ctl *ctl, const char *request, int *exit);

/* status.c, trust.c: exit codes; @argv begins with the command's name. */
int status_command(const struct ctl *ctl, int argc, char **argv);
int trust_command(const struct ctl *ctl, int argc, char **argv);

/* main.c: one line, "azattestctl: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
