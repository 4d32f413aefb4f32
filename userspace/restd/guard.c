// SPDX-License-Identifier: GPL-2.0
// Owns the recv() that libmicrohttpd calls: no byte of a guest reaches that library's parser.

/*
 * libmicrohttpd 0.9.75 at its strictest level takes "Metadata:\r\n true" for a
 * header "Metadatatrue", cuts at NUL, accepts bare LF, removes bare CR, and
 * answers what it refuses with HTML (docs/rest.md has the list). And it shows no
 * raw byte to the program. So its recv() is this one: the program's symbols come
 * before those of the C library. It collects a whole head and gives it to
 * head.c, and to libmicrohttpd one of two fixed requests instead, for which
 * http.c then answers what route.c found.
 *
 * Were recv() no longer what it calls, it would receive for itself: then
 * http.c finds a request without conn->whole, and answers nothing.
 */
#undef _FORTIFY_SOURCE

#include "restd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char get[] = "GET / HTTP/1.1\r\nHost: -\r\n\r\n";
static const char head_only[] = "HEAD / HTTP/1.1\r\nHost: -\r\n\r\n";

static ssize_t fail(int error)
{
	errno = error;
	return -1;
}

static ssize_t give(struct conn *conn, void *buf, size_t size)
{
	size_t length = strlen(conn->instead);

	if (length > size)
		length = size;
	memcpy(buf, conn->instead, length);
	conn->instead += length;
	return (ssize_t)length;
}

/* What the bytes so far are; true: something to answer. */
static bool judge(struct conn *conn)
{
	const char *why = NULL;
	struct head head;
	int length = head_parse(conn->bytes, conn->length, &head, &why);

	if (length == 0)
		return false;
	if (length < 0)
		route_malformed(why, &conn->route);
	else
		route_find(&head, conn_config(), &conn->route);
	/* Bytes behind a head are never looked at: they go with the connection. */
	conn->last = conn->route.close || conn->length > (size_t)length;
	conn->linger = length < 0 || head.body || conn->length > (size_t)length;
	conn->instead = length > 0 && text_is(head.method, "HEAD") ? head_only : get;
	conn->whole = true;
	return true;
}

static ssize_t collect(struct conn *conn, int fd)
{
	ssize_t n;

	if (!conn->bytes)
		conn->bytes = pool_take(HEAD_MAX);
	if (!conn->bytes)
		return fail(ENOMEM);
	n = recvfrom(fd, conn->bytes + conn->length, HEAD_MAX - conn->length, 0, NULL, NULL);
	/* libmicrohttpd looks before anything is there: who says nothing has no buffer. */
	if (n <= 0 && !conn->length) {
		pool_give(conn->bytes);
		conn->bytes = NULL;
	}
	if (n <= 0)
		return n;
	if (!conn->length)
		conn_phase(conn, CONN_REQUEST);
	conn->length += (size_t)n;
	return n;
}

static ssize_t receive(struct conn *conn, void *buf, size_t size)
{
	ssize_t n;

	if (conn->phase == CONN_DEAD)
		return fail(ECONNRESET);
	if (!conn->whole) {
		n = collect(conn, conn->socket.fd);
		if (n <= 0)
			return n;
		if (!judge(conn))
			return fail(EAGAIN);
	}
	return conn->instead[0] ? give(conn, buf, size) : fail(EAGAIN);
}

ssize_t recv(int fd, void *buf, size_t size, int flags) __attribute__((visibility("default")));

ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	struct conn *conn = conn_of_fd(fd);

	(void)flags;
	return conn ? receive(conn, buf, size) : fail(ENOTCONN);
}
