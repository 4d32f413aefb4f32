// SPDX-License-Identifier: GPL-2.0
// Owns the VMM as a child: held back until it has an identity, then released.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

/* In the child: runs only after the byte; without it the parent has given up. */
static void become(int go, char **command)
{
	sigset_t none;
	char byte;

	if (read(go, &byte, 1) != 1)
		_exit(EXIT_REFUSED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	say("cannot run %s: %s: give the VMM's path after --", command[0],
	    strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

int child_start(struct child *child, char **command)
{
	int go[2];

	if (pipe2(go, O_CLOEXEC) < 0)
		return say_failed(-errno, "no pipe: %s", strerror(errno));
	child->pid = fork();
	if (child->pid < 0)
		return say_failed(-errno, "cannot fork: %s", strerror(errno));
	if (child->pid == 0) {
		close(go[1]);
		become(go[0], command);
	}
	close(go[0]);
	child->go = go[1];
	child->pidfd = device_pidfd(child->pid);
	if (child->pidfd >= 0)
		return 0;
	child_stop(child, SIGKILL);
	return -ESRCH;
}

void child_release(struct child *child)
{
	if (child->pidfd < 0)
		return;
	if (write(child->go, "", 1) != 1)
		say("the VMM has ended before it began");
	close(child->go);
	child->go = -1;
}

/* After its end: its exit code, or 128 and the signal's number. */
int child_status(struct child *child)
{
	int status;

	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_REFUSED;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

void child_stop(struct child *child, int signal)
{
	if (child->pid > 0)
		kill(child->pid, signal);
}
