// SPDX-License-Identifier: GPL-2.0
// Owns connections: who is let in, how long each phase may last, and how one ends.

#include "restd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_AT_ONCE	64	/* then others get their turn */

static struct watch listener;
static struct restlink_config config;
static bool configured;
static unsigned int count, most;
static struct conn **of_fd;
static int fds;

/* All of one phase have the same time, so the first to end is the first. */
static struct {
	struct conn *first, *last;
} phases[CONN_PHASES];

const struct restlink_config *conn_config(void)
{
	return &config;
}

struct conn *conn_of_fd(int fd)
{
	return fd >= 0 && fd < fds ? of_fd[fd] : NULL;
}

static void phase_leave(struct conn *conn)
{
	if (conn->prev)
		conn->prev->next = conn->next;
	else
		phases[conn->phase].first = conn->next;
	if (conn->next)
		conn->next->prev = conn->prev;
	else
		phases[conn->phase].last = conn->prev;
}

static void phase_enter(struct conn *conn, enum conn_phase phase)
{
	conn->phase = phase;
	conn->since = watch_now_ms();
	conn->next = NULL;
	conn->prev = phases[phase].last;
	if (conn->prev)
		conn->prev->next = conn;
	else
		phases[phase].first = conn;
	phases[phase].last = conn;
}

void conn_phase(struct conn *conn, enum conn_phase phase)
{
	phase_leave(conn);
	phase_enter(conn, phase);
}

static void vm_join(struct conn *conn, struct vm *vm)
{
	conn->vm = vm;
	conn->vm_next = vm->first;
	if (vm->first)
		vm->first->vm_prev = conn;
	vm->first = conn;
	vm->conns++;
}

static void vm_leave(struct conn *conn)
{
	if (!conn->vm)
		return;
	if (conn->vm_prev)
		conn->vm_prev->vm_next = conn->vm_next;
	else
		conn->vm->first = conn->vm_next;
	if (conn->vm_next)
		conn->vm_next->vm_prev = conn->vm_prev;
	conn->vm->conns--;
	conn->vm = NULL;
	conn->vm_next = NULL;
	conn->vm_prev = NULL;
}

void conn_forget_request(struct conn *conn)
{
	pool_give(conn->bytes);
	conn->bytes = NULL;
	pool_give(conn->document);
	conn->document = NULL;
	conn->length = 0;
	conn->whole = false;
	conn->replied = false;
	conn->ask = 0;
}

void conn_free(struct conn *conn)
{
	conn_forget_request(conn);
	vm_leave(conn);
	phase_leave(conn);
	if (conn->socket.fd >= 0)
		of_fd[conn->socket.fd] = NULL;
	free(conn);
	count--;
}

static void abort_socket(int fd)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void linger_end(struct conn *conn)
{
	of_fd[conn->socket.fd] = NULL;
	watch_close(&conn->socket);
	conn_free(conn);
}

/*
 * Dissolving the association sends a reset and empties the send queue, here
 * and now, whoever has the descriptor; closing it is libmicrohttpd's.
 */
void conn_reset(struct conn *conn)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	enum conn_phase was = conn->phase;

	(void)connect(conn->socket.fd, &none, sizeof(none));
	vm_leave(conn);
	conn_phase(conn, CONN_DEAD);
	if (was == CONN_ASKING)
		http_resume(conn);
	else if (was == CONN_LINGER)
		linger_end(conn);
}

/* Until the peer has closed too: a close now would reset what it has not read. */
static void linger_ready(struct watch *watch, uint32_t events)
{
	static char nowhere[16384];
	ssize_t n = recvfrom(watch->fd, nowhere, sizeof(nowhere), 0, NULL, NULL);

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		linger_end(watch->owner);
}

/* False: not, and nothing has changed. */
static bool linger_begin(struct conn *conn)
{
	int old = conn->socket.fd;
	int fd = fcntl(old, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return false;
	conn->socket = (struct watch){ .fd = fd, .ready = linger_ready, .owner = conn };
	if (watch_add(&conn->socket, EPOLLIN | EPOLLRDHUP)) {
		close(fd);
		conn->socket.fd = old;
		return false;
	}
	of_fd[old] = NULL;
	of_fd[fd] = conn;
	shutdown(fd, SHUT_WR);
	conn_forget_request(conn);
	conn_phase(conn, CONN_LINGER);
	return true;
}

void conn_closing(struct conn *conn)
{
	if (conn->phase != CONN_SENDING || !conn->linger || !linger_begin(conn))
		conn_free(conn);
}

void conn_reply(struct conn *conn, uint16_t status, const uint8_t *der, size_t length)
{
	conn->ask = 0;
	conn->status = status;
	conn->replied = true;
	if (der && length) {
		conn->document = pool_take(length);
		if (conn->document)
			memcpy(conn->document, der, length);
		else
			conn->status = AZATTEST_STATUS_FAULT;
		conn->document_length = length;
	}
	conn_phase(conn, CONN_SENDING);
	http_resume(conn);
}

/* Whether this connection may stay; @vm NULL: nobody's. */
static bool admit(const struct vm *vm)
{
	if (!vm)
		count_up(COUNT_no_vm);
	else if (vm->conns >= config.connections_per_vm)
		count_up(COUNT_vm_full);
	else if (count >= most)
		count_up(COUNT_full);
	else
		return true;
	return false;
}

static void begin(int fd, const struct sockaddr_in *peer)
{
	struct vm *vm = vm_of_peer(peer->sin_addr);
	struct conn *conn = fd < fds && admit(vm) ? calloc(1, sizeof(*conn)) : NULL;

	if (!conn) {
		abort_socket(fd);
		return;
	}
	count++;
	count_up(COUNT_accepted);
	conn->socket.fd = fd;
	of_fd[fd] = conn;
	phase_enter(conn, CONN_IDLE);
	vm_join(conn, vm);
	http_add(conn, peer);
}

/* To try for nothing costs ten times this: the kernel makes a socket and a file first. */
static bool more_wait(int fd)
{
	struct pollfd listening = { .fd = fd, .events = POLLIN };

	return poll(&listening, 1, 0) == 1;
}

static void accept_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		struct sockaddr_in peer = { 0 };
		socklen_t size = sizeof(peer);
		int fd = watch_accept(watch, (struct sockaddr *)&peer, &size);

		if (fd >= 0)
			begin(fd, &peer);
		else if (errno != ECONNABORTED && errno != EINTR)
			return;
		if (!more_wait(watch->fd))
			return;
	}
}

int conn_open(int fd, unsigned int at_most)
{
	most = at_most;
	fds = (int)sysconf(_SC_OPEN_MAX);
	of_fd = calloc((size_t)fds, sizeof(*of_fd));
	listener = (struct watch){ .fd = fd, .ready = accept_ready };
	return of_fd ? 0 : -ENOMEM;
}

void conn_configure(const struct restlink_config *new)
{
	int ttl = new->hop_limit ? new->hop_limit : -1;

	config = *new;
	setsockopt(listener.fd, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (!configured)
		configured = !watch_add(&listener, EPOLLIN);
}

static int64_t time_of(enum conn_phase phase)
{
	switch (phase) {
	case CONN_IDLE:
		return config.idle_ms;
	case CONN_ASKING:
		return (int64_t)config.answer_ms + ASK_GRACE_MS;
	default:
		return config.request_ms;
	}
}

static void expire(struct conn *conn)
{
	switch (conn->phase) {
	case CONN_ASKING:
		conn_reply(conn, AZATTEST_STATUS_RETRY, NULL, 0);
		return;
	case CONN_LINGER:
		break;
	case CONN_IDLE:
		count_up(COUNT_idle);
		break;
	default:
		count_up(COUNT_slow);
	}
	conn_reset(conn);
}

int conn_tick(int64_t now)
{
	int64_t next = -1;

	for (enum conn_phase phase = 0; phase < CONN_DEAD; phase++) {
		struct conn *conn;

		while ((conn = phases[phase].first)) {
			int64_t left = conn->since + time_of(phase) - now;

			if (left > 0) {
				next = next < 0 || left < next ? left : next;
				break;
			}
			expire(conn);
		}
	}
	return (int)next;
}
