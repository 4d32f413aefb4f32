// SPDX-License-Identifier: GPL-2.0
// Owns the way between the connections and the one device file.
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mux.h"

#define DEVICE		0
#define LISTENER	1
#define FIRST		2

int64_t mux_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void mux_init(struct mux *mux, int device, int listener)
{
	memset(mux, 0, sizeof(*mux));
	mux->device = device;
	mux->listener = listener;
	mux->frame_ms = MUX_FRAME_MS;
}

static bool any_asking(const struct mux *mux)
{
	int i;

	for (i = 0; i < MUX_CONNECTIONS; i++)
		if (mux->conns[i].state == CONN_ASKING)
			return true;
	return false;
}

static int64_t next_deadline(const struct mux *mux)
{
	int64_t next = mux->pause_ms;
	int i;

	for (i = 0; i < MUX_CONNECTIONS; i++) {
		const struct conn *c = &mux->conns[i];

		if (c->state != CONN_FREE && c->deadline &&
		    (!next || c->deadline < next))
			next = c->deadline;
	}
	return next;
}

/* Fills @fds; returns the time to wait in ms, -1 for ever. */
int mux_prepare(const struct mux *mux, struct pollfd fds[MUX_FDS])
{
	int64_t next = next_deadline(mux), left;
	int i;

	fds[DEVICE] = (struct pollfd){ mux->device, POLLIN, 0 };
	if (any_asking(mux))
		fds[DEVICE].events |= POLLOUT;
	fds[LISTENER] = (struct pollfd){ mux->pause_ms ? -1 : mux->listener, POLLIN, 0 };
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		const struct conn *c = &mux->conns[i];

		fds[FIRST + i] = (struct pollfd){
			c->state == CONN_FREE ? -1 : c->fd, conn_events(c), 0
		};
	}
	if (!next)
		return -1;
	left = next - mux_now();
	return left > 0 ? (int)left + 1 : 0;
}

/* Who waits keeps the listener ready: without a pause poll() would not wait any more. */
static void accept_failed(struct mux *mux, int error)
{
	if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
		mux->pause_ms = mux_now() + MUX_PAUSE_MS;
}

/* Over the cap: accepted and closed, so that the VM hears it at once. */
static void accept_one(struct mux *mux)
{
	int fd = accept4(mux->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int i;

	if (fd < 0) {
		accept_failed(mux, errno);
		return;
	}
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		if (mux->conns[i].state != CONN_FREE)
			continue;
		conn_open(&mux->conns[i], fd);
		return;
	}
	close(fd);
}

/*
 * The header has been judged, so EBADMSG is only possible when program and
 * module are of two versions. EAGAIN: requests of connections that are gone
 * still hold the device's slots; it is tried again on POLLOUT.
 */
static void ask(struct mux *mux, struct conn *c)
{
	struct azattest_frame header;

	memcpy(&header, c->in, sizeof(header));
	c->id = le32toh(header.id);
	c->ticket = ++mux->next_ticket;
	header.id = htole32(c->ticket);
	memcpy(c->in, &header, sizeof(header));
	if (write(mux->device, c->in, c->in_len) == (ssize_t)c->in_len) {
		conn_asked(c, mux_now());
		return;
	}
	header.id = htole32(c->id);
	memcpy(c->in, &header, sizeof(header));
	if (errno == ENODEV || errno == ENOTCONN || errno == EPIPE)
		mux->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		conn_refuse(c, errno == EBADMSG ? AZATTEST_STATUS_UNSUPPORTED :
						  AZATTEST_STATUS_FAULT,
			    mux->frame_ms);
}

static void ask_all(struct mux *mux)
{
	int i;

	for (i = 0; i < MUX_CONNECTIONS && !mux->ended; i++)
		if (mux->conns[i].state == CONN_ASKING)
			ask(mux, &mux->conns[i]);
}

static struct conn *find(struct mux *mux, uint32_t ticket)
{
	int i;

	for (i = 0; i < MUX_CONNECTIONS; i++)
		if (mux->conns[i].state == CONN_WAITING &&
		    mux->conns[i].ticket == ticket)
			return &mux->conns[i];
	return NULL;
}

/* A reply whose connection is gone is dropped. */
static void hand_out(struct mux *mux, unsigned char *frame, size_t len)
{
	struct azattest_frame header;
	unsigned int status;
	struct conn *c;

	if (len < sizeof(header))
		return;
	memcpy(&header, frame, sizeof(header));
	c = find(mux, le32toh(header.id));
	if (!c)
		return;
	status = le16toh(header.status);
	c->busy = status == AZATTEST_STATUS_BUSY ? c->busy + 1 : 0;
	c->close_after = status == AZATTEST_STATUS_BAD_REQUEST ||
			 status == AZATTEST_STATUS_UNSUPPORTED;
	header.id = htole32(c->id);
	memcpy(frame, &header, sizeof(header));
	conn_reply(c, frame, len, mux->frame_ms);
}

/*
 * All replies that are there; the end of the binding shows after the last.
 * ENOMEM costs one reply: its connection meets its deadline.
 */
static void take_replies(struct mux *mux)
{
	unsigned char frame[AZATTEST_FRAME_MAX];
	ssize_t n;

	while ((n = read(mux->device, frame, sizeof(frame))) > 0)
		hand_out(mux, frame, (size_t)n);
	if (n == 0 || (errno != EAGAIN && errno != EINTR && errno != ENOMEM))
		mux->ended = true;
}

static void serve(struct mux *mux, struct conn *c, short ready)
{
	if (c->state == CONN_READING && (ready & (POLLIN | POLLHUP | POLLERR)))
		conn_read(c, mux->frame_ms);
	else if (c->state == CONN_WRITING && (ready & POLLOUT))
		conn_write(c);
	else if (c->state != CONN_FREE && (ready & (POLLHUP | POLLERR)))
		conn_close(c);
}

static void expire(struct mux *mux)
{
	int64_t now = mux_now();
	int i;

	if (mux->pause_ms && now >= mux->pause_ms)
		mux->pause_ms = 0;
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		struct conn *c = &mux->conns[i];

		if (c->state != CONN_FREE && c->deadline && now >= c->deadline)
			conn_close(c);
	}
}

/*
 * Connections before the listener: a slot that becomes free here may be taken
 * by a newcomer only after poll's word on the old one has been heard.
 */
void mux_step(struct mux *mux, const struct pollfd fds[MUX_FDS])
{
	int i;

	for (i = 0; i < MUX_CONNECTIONS; i++)
		if (fds[FIRST + i].fd >= 0 && fds[FIRST + i].revents)
			serve(mux, &mux->conns[i], fds[FIRST + i].revents);
	expire(mux);
	ask_all(mux);
	if (fds[DEVICE].revents)
		take_replies(mux);
	if (fds[LISTENER].revents)
		accept_one(mux);
}

void mux_close(struct mux *mux)
{
	int i;

	for (i = 0; i < MUX_CONNECTIONS; i++)
		if (mux->conns[i].state != CONN_FREE)
			conn_close(&mux->conns[i]);
}
