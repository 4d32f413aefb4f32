// SPDX-License-Identifier: GPL-2.0
// Owns one exchange: sends a request, collects the reply, keeps the deadline.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "exchange.h"
#include "lib.h"

int64_t exchange_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int set_nonblocking(int fd, struct azattest_fault *fault)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return fault_set(fault, AZATTEST_E_SYSTEM, "descriptor %d: %s",
				 fd, strerror(errno));
	return 0;
}

/* A device file is no socket; a socket must not raise SIGPIPE. */
static ssize_t put_some(int fd, const void *data, size_t len)
{
	ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

	if (n < 0 && errno == ENOTSOCK)
		return write(fd, data, len);
	return n;
}

static bool gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN ||
	       error == ENODEV;
}

/*
 * A host that refuses may have said so and hung up before it read anything:
 * a failed write is no failure until there is nothing to read either.
 */
static int send_step(int fd, struct exchange *x, size_t *sent,
		     struct azattest_fault *fault)
{
	ssize_t n = put_some(fd, (const char *)x->request + *sent,
			     x->request_len - *sent);

	if (n >= 0) {
		*sent += (size_t)n;
		return 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (gone(errno)) {
		*sent = x->request_len;
		return 0;
	}
	return fault_set(fault, AZATTEST_E_SYSTEM,
			 "cannot send to the host: %s", strerror(errno));
}

static int ended(const struct exchange *x, struct azattest_fault *fault)
{
	return fault_set(fault, AZATTEST_E_RESET, x->reply_len ?
			 "the host closed the connection inside its reply" :
			 "the host closed the connection without a reply");
}

/* 0: more to come, or the reply is whole and @done is set. */
static int receive_step(int fd, struct exchange *x, bool *done,
			struct azattest_fault *fault)
{
	const char *why;
	ssize_t n;
	int whole;

	n = read(fd, x->reply + x->reply_len, x->reply_size - x->reply_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == 0 || (n < 0 && gone(errno)))
		return ended(x, fault);
	if (n < 0)
		return fault_set(fault, AZATTEST_E_SYSTEM,
				 "cannot read from the host: %s",
				 strerror(errno));
	x->reply_len += (size_t)n;
	whole = x->whole(x, &why);
	if (whole < 0)
		return fault_set(fault, AZATTEST_E_REPLY,
				 "the host's reply is malformed: %s", why);
	*done = whole > 0;
	return 0;
}

/* Waits until something can be done; TIMEOUT at @deadline. */
static int wait_ready(int fd, short events, int64_t deadline, short *ready,
		      struct azattest_fault *fault)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left = deadline - exchange_now_ms();
	int n;

	if (left > 0) {
		n = poll(&p, 1, (int)left);
		*ready = p.revents;
		if (n > 0 || (n < 0 && errno == EINTR))
			return 0;
		if (n < 0)
			return fault_set(fault, AZATTEST_E_SYSTEM, "poll: %s",
					 strerror(errno));
	}
	return fault_set(fault, AZATTEST_E_TIMEOUT,
			 "no whole reply from the host in time");
}

int exchange_run(int fd, struct exchange *x, int timeout_ms,
		 struct azattest_fault *fault)
{
	int64_t deadline = exchange_now_ms() + timeout_ms;
	bool done = false;
	size_t sent = 0;
	int rc;

	x->reply_len = 0;
	rc = set_nonblocking(fd, fault);
	while (!rc && !done) {
		short events = sent < x->request_len ? POLLIN | POLLOUT : POLLIN;
		short ready = 0;

		rc = wait_ready(fd, events, deadline, &ready, fault);
		if (!rc && (ready & POLLOUT))
			rc = send_step(fd, x, &sent, fault);
		if (!rc && (ready & (POLLIN | POLLHUP | POLLERR | POLLNVAL)))
			rc = receive_step(fd, x, &done, fault);
	}
	return rc;
}
