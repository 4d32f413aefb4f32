// SPDX-License-Identifier: GPL-2.0
// Owns one question to azattest-take, from its socket to the answer, and for how long it is waited for.

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <userspace/take/take.h>

/* The service manager starts a process for it, on a host that may be busy. */
#define PATIENCE_MS	10000

static int connect_taker(const char *path, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd >= 0 && (size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) <
		       sizeof(address.sun_path) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return failure_set(failure, EXIT_FAILURE, -ECONNREFUSED,
			   "%s: %s: systemctl start azattest-take.socket", path, strerror(error));
}

/* Its own words, if it sent any. */
static int judge(const struct take_answer *answer, int vhost, struct failure *failure)
{
	if (answer->error < 0 && memchr(answer->text, 0, sizeof(answer->text)))
		return failure_set(failure, EXIT_FAILURE, answer->error, "%s", answer->text);
	if (!answer->error && vhost >= 0 && answer->cid >= AZATTEST_CID_MIN)
		return 0;
	return failure_set(failure, EXIT_FAILURE, -EPROTO, "azattest-take: its answer cannot be read: "
			   "are both of one release?");
}

static int no_answer(int error, struct failure *failure)
{
	return failure_set(failure, EXIT_FAILURE, -ECONNREFUSED, "azattest-take: no answer: %s: "
			   "see journalctl -u 'azattest-take@*'", strerror(-error));
}

/* Whoever hears the end may free @taker with what it is in. */
static void end(struct taker *taker, const struct taken *taken, const struct failure *failure)
{
	int pidfd = taker->pidfd;

	watch_close(&taker->sock);
	taker->pidfd = -1;
	taker->ended(taker, taken, failure);
	if (taken->vhost >= 0)
		close(taken->vhost);
	close(pidfd);
}

static void on_answer(struct watch *watch, uint32_t events)
{
	struct taker *taker = watch->owner;
	struct taken taken = { .pidfd = taker->pidfd };
	struct take_answer answer;
	struct failure failure;
	int ret = take_receive(watch->fd, &answer, sizeof(answer), &taken.vhost);

	(void)events;
	if (ret == -EAGAIN || ret == -EINTR)
		return;
	taken.error = ret ? no_answer(ret, &failure) : judge(&answer, taken.vhost, &failure);
	taken.cid = ret ? 0 : answer.cid;
	end(taker, &taken, &failure);
}

void taker_init(struct taker *taker,
		void (*ended)(struct taker *, const struct taken *, const struct failure *), void *owner)
{
	*taker = (struct taker) { .sock.fd = -1, .pidfd = -1, .ended = ended, .owner = owner };
}

bool taker_busy(const struct taker *taker)
{
	return taker->sock.fd >= 0;
}

int taker_ask(struct taker *taker, const char *path, const struct take_question *question, int pidfd,
	      struct failure *failure)
{
	int fd = connect_taker(path, failure), ret;

	if (fd < 0)
		return fd;
	taker->sock = (struct watch) { .fd = fd, .ready = on_answer, .owner = taker };
	ret = take_send(fd, question, sizeof(*question), pidfd);
	if (!ret)
		ret = watch_add(&taker->sock, EPOLLIN);
	if (!ret) {
		taker->pidfd = pidfd;
		taker->until_ms = watch_now_ms() + PATIENCE_MS;
		return 0;
	}
	watch_close(&taker->sock);
	return no_answer(ret, failure);
}

void taker_tick(struct taker *taker)
{
	struct taken taken = { .pidfd = taker->pidfd, .vhost = -1 };
	struct failure failure;

	if (!taker_busy(taker) || watch_now_ms() < taker->until_ms)
		return;
	taken.error = no_answer(-ETIMEDOUT, &failure);
	end(taker, &taken, &failure);
}

void taker_close(struct taker *taker)
{
	if (!taker_busy(taker))
		return;
	watch_close(&taker->sock);
	close(taker->pidfd);
	taker->pidfd = -1;
}
