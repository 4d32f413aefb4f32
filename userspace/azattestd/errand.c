// SPDX-License-Identifier: GPL-2.0
// Owns a short-lived child that does what blocks, and its last words.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * It is forked and not executed: it needs our configuration and the locked
 * state directory, and there is no key in this process. It leads a process
 * group, so that what it starts ends with it.
 */
__attribute__((noreturn))
static void child(const struct azattestd *d, errand_fn *fn, int words, pid_t parent)
{
	struct source_host host = {
		.state = (struct state *)&d->state, .config = &d->config,
		.config_path = d->config_path, .signer = d->signer, .sync = d->sync,
		.keeper = d->keeper.now.ask,
		.used = history_newest(d),
		.sealed = keeper_ready(d) && d->keeper.now.report.level != SEAL_FILE,
	};
	struct failure failure = { 0 };
	sigset_t none;

	memcpy(host.kek, d->keeper.now.report.id, sizeof(host.kek));
	control_leave(d);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	if (!fn(d, &host, &failure))
		_exit(EXIT_SUCCESS);
	if (write(words, failure.text, strlen(failure.text)) < 0)
		_exit(EXIT_FAILURE);
	_exit(failure.exit);
}

static void hear(struct watch *watch, uint32_t events)
{
	struct errand *errand = watch->owner;
	size_t room = sizeof(errand->words) - 1 - errand->length;
	ssize_t n = read(watch->fd, errand->words + errand->length, room);

	(void)events;
	if (n > 0)
		errand->length += (size_t)n;
	else if (!n || errno != EAGAIN)
		watch_close(watch);
	errand->words[errand->length] = 0;
}

void errand_init(struct errand *errand)
{
	errand->watch.fd = -1;
}

int errand_start(struct azattestd *d, struct errand *errand, errand_fn *fn)
{
	pid_t parent = getpid();
	int words[2];

	if (pipe2(words, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	errand->length = 0;
	errand->words[0] = 0;
	errand->pid = fork();
	if (!errand->pid)
		child(d, fn, words[1], parent);
	close(words[1]);
	if (errand->pid < 0) {
		int error = errno;

		close(words[0]);
		errand->pid = 0;
		return -error;
	}
	setpgid(errand->pid, errand->pid);
	errand->watch = (struct watch) { .fd = words[0], .ready = hear, .owner = errand };
	return watch_add(&errand->watch, EPOLLIN);
}

int errand_ended(struct errand *errand, int status)
{
	errand->pid = 0;
	while (errand->watch.fd >= 0 && errand->length < sizeof(errand->words) - 1)
		hear(&errand->watch, 0);
	watch_close(&errand->watch);
	if (!status)
		return 0;
	if (errand->length)
		return failure_set(&errand->failure,
				   WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE, -EIO, "%s",
				   errand->words);
	return failure_set(&errand->failure, EXIT_FAILURE, -EIO, "its process ended with status %d",
			   status);
}

/* All that it started as well: a CA may keep azattest-sync waiting for long. */
void errand_stop(struct errand *errand)
{
	if (errand->pid)
		kill(-errand->pid, SIGTERM);
}
