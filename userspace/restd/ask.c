// SPDX-License-Identifier: GPL-2.0
// Owns what is asked of the module over a VM's file, and which reply belongs to which request.

#include "restd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <userspace/lib/frame.h>

static size_t put_frame(unsigned char *frame, const struct conn *conn)
{
	if (conn->route.kind == ROUTE_ISSUER)
		return frame_put_request(frame, AZATTEST_FRAME_ISSUER, conn->ask);
	return frame_put_attest(frame, conn->ask, conn->route.version, conn_config()->answer_ms,
				conn->route.nonce[0] ? conn->route.nonce : NULL);
}

int ask_send(struct conn *conn)
{
	unsigned char frame[AZATTEST_REQUEST_MAX];
	struct vm *vm = conn->vm;
	size_t length;

	if (!++vm->last_ask)
		vm->last_ask++;
	conn->ask = vm->last_ask;
	conn->ask_type = conn->route.kind == ROUTE_ISSUER ? AZATTEST_FRAME_ISSUER :
			 AZATTEST_FRAME_ATTEST;
	length = put_frame(frame, conn);
	if (write(vm->file.fd, frame, length) == (ssize_t)length)
		return 0;
	conn->ask = 0;
	if (errno == ENODEV || errno == EPIPE) {
		count_up(COUNT_hung_up);
		vm_end(vm);
		return -ENODEV;
	}
	return errno == EAGAIN ? -EAGAIN : -EIO;
}

static struct conn *find(struct vm *vm, uint32_t id)
{
	for (struct conn *conn = vm->first; conn; conn = conn->vm_next)
		if (conn->ask == id)
			return conn;
	return NULL;
}

static bool waits(const struct vm *vm)
{
	for (const struct conn *conn = vm->first; conn; conn = conn->vm_next)
		if (conn->ask)
			return true;
	return false;
}

/* False: the binding has ended, and @vm's connections with it. */
static bool take_reply(struct vm *vm, const unsigned char *frame, size_t length)
{
	struct frame_header header;
	struct conn *conn;
	const char *why;

	if (length < FRAME_HEADER)
		return true;
	frame_get(frame, &header);
	conn = header.id ? find(vm, header.id) : NULL;
	if (!conn) {
		count_up(COUNT_late);
		return true;
	}
	if (frame_check_reply(frame, length, conn->ask_type, conn->ask, &header, &why) <= 0) {
		conn_reply(conn, AZATTEST_STATUS_FAULT, NULL, 0);
		return true;
	}
	if (header.status == AZATTEST_STATUS_UNBOUND) {
		count_up(COUNT_unbound);
		vm_end(vm);
		return false;
	}
	conn_reply(conn, header.status, frame + FRAME_HEADER, header.length);
	return true;
}

void ask_ready(struct watch *watch, uint32_t events)
{
	static unsigned char frame[AZATTEST_FRAME_MAX];
	struct vm *vm = watch->owner;
	ssize_t n;

	if (events & (EPOLLHUP | EPOLLERR)) {
		count_up(COUNT_hung_up);
		vm_end(vm);
		return;
	}
	/* More than can be open: whoever sends for ever does not hold up others. */
	for (int i = 0; i < 2 * AZATTEST_FILE_INFLIGHT; i++) {
		n = read(vm->file.fd, frame, sizeof(frame));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == ENODEV)) {
			vm_end(vm);
			return;
		}
		if (n < 0 || !take_reply(vm, frame, (size_t)n) || !waits(vm))
			return;
	}
}
