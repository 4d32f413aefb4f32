// SPDX-License-Identifier: GPL-2.0
// Owns the time that one run may take, whatever a CA, a resolver or a program does.

#include "sync.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Made before the signal, because little may be called in its handler. */
static char line[400];
static volatile pid_t child;

static void on_alarm(int number)
{
	(void)number;
	if (child > 0)
		kill(-child, SIGKILL);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		_exit(EXIT_FAILURE);
	_exit(SYNC_EXIT_TIME);
}

void limit_start(unsigned int seconds, const char *what)
{
	const struct sigaction action = { .sa_handler = on_alarm };

	snprintf(line, sizeof(line), "%s%s: %s did not finish within %u s (sync-timeout)\n",
		 log_prefix(LOG_ERR), log_name, what, seconds);
	sigaction(SIGALRM, &action, NULL);
	alarm(seconds);
}

void limit_child(pid_t pid)
{
	child = pid;
}
