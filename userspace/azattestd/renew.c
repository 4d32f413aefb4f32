// SPDX-License-Identifier: GPL-2.0
// Owns the child that fetches a certificate, and when it may be tried again.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RETRY_FIRST_MS	(30 * 1000LL)
#define RETRY_LAST_MS	(60 * 60 * 1000LL)
/* Longest wait when this little is left of the certificate. */
#define RETRY_URGENT_MS	(5 * 60 * 1000LL)
#define URGENT_S	86400

/*
 * A child, because a source blocks and holds secrets (the embedded CA's key):
 * both end with it. It is forked and not executed: it needs our configuration
 * and the locked state directory, and there is no key in this process.
 */
__attribute__((noreturn))
static void child(struct azattestd *d, int words, pid_t parent)
{
	const struct source_host host = {
		.state = &d->state, .config = &d->config, .config_path = d->config_path,
		.signer = d->signer, .sync = d->sync,
	};
	struct failure failure = { 0 };
	sigset_t none;
	int ret;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	ret = source_run(&host, &failure);
	if (!ret)
		_exit(EXIT_SUCCESS);
	if (write(words, failure.text, strlen(failure.text)) < 0)
		_exit(EXIT_FAILURE);
	_exit(failure.exit);
}

static void hear(struct watch *watch, uint32_t events)
{
	struct renew *renew = watch->owner;
	size_t room = sizeof(renew->failure.text) - 1 - renew->failure_len;
	ssize_t n = read(watch->fd, renew->failure.text + renew->failure_len, room);

	(void)events;
	if (n > 0)
		renew->failure_len += (size_t)n;
	else if (!n || errno != EAGAIN)
		watch_close(watch);
	renew->failure.text[renew->failure_len] = 0;
}

/* Name, size and time of what is there: whoever replaces it changes one of them. */
static uint64_t look(const char *directory)
{
	char path[CONFIG_TEXT_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/cert.pem", directory);
	if (stat(path, &st))
		return 0;
	return (uint64_t)st.st_ino ^ (uint64_t)st.st_size << 20 ^
	       (uint64_t)st.st_mtim.tv_sec << 32 ^ (uint64_t)st.st_mtim.tv_nsec;
}

int renew_start(struct azattestd *d)
{
	struct renew *renew = &d->renew;
	pid_t parent = getpid();
	int words[2];

	if (pipe2(words, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	renew->failure_len = 0;
	renew->failure.text[0] = 0;
	renew->last_s = time(NULL);
	renew->run++;
	renew->seen = look(d->config.directory);
	renew->pid = fork();
	if (!renew->pid)
		child(d, words[1], parent);
	close(words[1]);
	if (renew->pid < 0) {
		close(words[0]);
		renew->pid = 0;
		return -errno;
	}
	renew->watch = (struct watch) { .fd = words[0], .ready = hear, .owner = renew };
	return watch_add(&renew->watch, EPOLLIN);
}

/* A quarter more or less: a fleet whose CA comes back does not come all at once. */
static int64_t jitter(int64_t wait)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return wait;
	return wait - wait / 4 + wait / 2 * random / UINT16_MAX;
}

static void retry_later(struct azattestd *d)
{
	struct renew *renew = &d->renew;
	int64_t wait = RETRY_FIRST_MS << (renew->failures < 7 ? renew->failures : 7);
	int64_t last = RETRY_LAST_MS;

	if (d->leaf.number && d->leaf.not_after - time(NULL) < URGENT_S)
		last = RETRY_URGENT_MS;
	renew->failed++;
	if (!renew->failures++) {
		history_failing(d, renew->failure.text);
		renew->failing_s = history_failing_since(d);
	}
	renew->next_ms = watch_now_ms() + jitter(wait < last ? wait : last);
}

void renew_failed(struct azattestd *d, const char *why)
{
	failure_set(&d->renew.failure, EXIT_FAILURE, 0, "%s", why);
	retry_later(d);
}

bool renew_directory_changed(struct azattestd *d)
{
	return d->config.source == CONFIG_FILE && look(d->config.directory) != d->renew.seen;
}

int renew_ended(struct azattestd *d, int status)
{
	struct renew *renew = &d->renew;

	renew->pid = 0;
	while (renew->watch.fd >= 0 && renew->failure_len < sizeof(renew->failure.text) - 1)
		hear(&renew->watch, 0);
	watch_close(&renew->watch);
	if (!status) {
		renew->failures = 0;
		renew->taken++;
		renew->wanted = false;
		return 0;
	}
	renew->failure.exit = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
	if (!renew->failure_len)
		failure_set(&renew->failure, EXIT_FAILURE, 0, "its process ended with status %d",
			    status);
	retry_later(d);
	return -EIO;
}
