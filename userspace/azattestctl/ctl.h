/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattestctl: asks azattestd and the module of this host; has no
 * rights of its own.
 *
 *   main.c       the table of commands, which is also the help
 *   ask.c        one question to a daemon's socket
 *   status.c     azattestctl status
 *   trust.c      azattestctl trust
 *
 * What asks the module is in module.h:
 *
 *   netlink.c    one question to the module, and its refusals in words
 *   fields.c     attributes of an answer as JSON
 *   arguments.c  words of the command line
 *   output.c     answers as JSON or as a table
 *   module.c     azattestctl module
 *   bindings.c   azattestctl bindings, unbind
 *   grants.c     azattestctl grant, grants, revoke
 *   limit.c      azattestctl limit
 */
#ifndef AZATTESTCTL_H
#define AZATTESTCTL_H

#include <jansson.h>

/* Exit codes, as in azattestctl(8). */
#define EXIT_USAGE	2
#define EXIT_NO_DAEMON	3	/* nobody answers: no daemon, no module */
#define EXIT_REFUSED	4	/* the daemon or the module says no */
#define EXIT_NOT_ACTIVE	5	/* status: the host cannot make documents now */

struct ctl {
	const char *socket;
};

/* ask.c: the answer, or NULL and *@exit after one line on standard error. */
json_t *ask_daemon(const struct ctl *ctl, const char *request, int *exit);

/* One a command: exit codes; @argv begins with the command's name. */
int status_command(const struct ctl *ctl, int argc, char **argv);
int trust_command(const struct ctl *ctl, int argc, char **argv);
int module_command(const struct ctl *ctl, int argc, char **argv);
int bindings_command(const struct ctl *ctl, int argc, char **argv);
int unbind_command(const struct ctl *ctl, int argc, char **argv);
int grant_command(const struct ctl *ctl, int argc, char **argv);
int grants_command(const struct ctl *ctl, int argc, char **argv);
int revoke_command(const struct ctl *ctl, int argc, char **argv);
int limit_command(const struct ctl *ctl, int argc, char **argv);

/* main.c: one line, "azattestctl: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
