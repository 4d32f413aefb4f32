// SPDX-License-Identifier: GPL-2.0
// Owns one connection of a VM: a request in, its reply out, with deadlines.
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kmod/frame.h>

#include "mux.h"

void conn_open(struct conn *c, int fd)
{
	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->state = CONN_READING;
}

void conn_close(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
	c->state = CONN_FREE;
}

/* Nothing is read while a request is open; POLLHUP is heard all the same. */
short conn_events(const struct conn *c)
{
	switch (c->state) {
	case CONN_READING:
		return POLLIN;
	case CONN_WRITING:
		return POLLOUT;
	default:
		return 0;
	}
}

/* The module's own judgement, byte by byte as they come. */
static void look(struct conn *c, int64_t frame_ms)
{
	uint32_t total;
	int rc = azattest_frame_header(c->in, c->in_len, &total);

	if (rc < 0) {
		conn_refuse(c, (uint16_t)-rc, frame_ms);
		return;
	}
	if (rc == 0)
		return;
	c->in_total = total;
	if (c->in_len == c->in_total) {
		c->state = CONN_ASKING;
		c->deadline = 0;
	}
}

/* Takes no byte past the frame: what follows waits in the VM's socket. */
void conn_read(struct conn *c, int64_t frame_ms)
{
	size_t want = c->in_total ?: sizeof(struct azattest_frame);
	ssize_t n = read(c->fd, c->in + c->in_len, want - c->in_len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
		return;
	}
	if (c->in_len == 0)
		c->deadline = mux_now() + frame_ms;
	c->in_len += (size_t)n;
	look(c, frame_ms);
}

void conn_asked(struct conn *c, int64_t now)
{
	c->state = CONN_WAITING;
	c->deadline = now + MUX_ANSWER_MS;
}

/* Makes a frame the connection's reply and begins to write it. */
void conn_reply(struct conn *c, const unsigned char *frame, size_t len,
		int64_t frame_ms)
{
	memcpy(c->out, frame, len);
	c->out_len = len;
	c->out_sent = 0;
	c->state = CONN_WRITING;
	c->deadline = mux_now() + frame_ms;
	conn_write(c);
}

void conn_refuse(struct conn *c, uint16_t status, int64_t frame_ms)
{
	struct azattest_frame header;

	azattest_frame_reply(&header, AZATTEST_FRAME_REFUSED, 0, status, 0);
	c->close_after = true;
	conn_reply(c, (unsigned char *)&header, sizeof(header), frame_ms);
}

static void rest(struct conn *c)
{
	c->state = CONN_READING;
	c->deadline = 0;
	c->in_len = 0;
	c->in_total = 0;
}

void conn_write(struct conn *c)
{
	ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->out_sent += (size_t)n;
	if (c->out_sent < c->out_len)
		return;
	if (c->close_after || c->busy >= MUX_BUSY_MAX ||
	    ++c->replies >= MUX_REPLIES_MAX)
		conn_close(c);
	else
		rest(c);
}
