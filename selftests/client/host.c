// SPDX-License-Identifier: GPL-2.0
// Owns the host that plays its part in a child, and the fetching from it.

#include "host.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct host host_good(uint8_t type, uint32_t payload)
{
	return (struct host){
		.reply = { .version = AZATTEST_FRAME_VERSION,
			   .type = type | AZATTEST_FRAME_REPLY,
			   .length = htole32(payload) },
		.payload = payload,
	};
}

static size_t make_reply(const struct host *h, uint32_t id, unsigned char *to)
{
	struct azattest_frame reply = h->reply;
	size_t i;

	reply.magic = htole32(AZATTEST_FRAME_MAGIC ^ h->xor_magic);
	reply.id = htole32(h->reply.type == AZATTEST_FRAME_REFUSED ? h->xor_id :
			   id ^ h->xor_id);
	memcpy(to, &reply, HOST_HEADER);
	for (i = 0; i < h->payload + h->extra; i++)
		to[HOST_HEADER + i] = (unsigned char)(0x30 + i * 7);
	return HOST_HEADER + h->payload + h->extra - h->cut;
}

int host_play(void *arg)
{
	const struct host_stage *stage = arg;
	const struct host *h = stage->host;
	unsigned char request[256], reply[20000];
	struct azattest_frame header = { 0 };
	size_t len, sent, step;
	ssize_t n;

	if (!h->deaf) {
		n = read(stage->fd, request, sizeof(request));
		if (n < (ssize_t)HOST_HEADER)
			return 1;
		memcpy(&header, request, HOST_HEADER);
	}
	if (h->silent)
		return read(stage->fd, request, 1) != 0;
	len = make_reply(h, le32toh(header.id), reply);
	for (sent = 0; sent < len; sent += step) {
		step = h->step && h->step < len - sent ? h->step : len - sent;
		if (send(stage->fd, reply + sent, step, MSG_NOSIGNAL) < 0)
			return 0;
		if (h->step)
			tap_pause();
	}
	return 0;
}

int host_fetch(int fd, uint8_t type, int timeout_ms, struct host_outcome *o)
{
	struct azattest_request request = { .nonce = "abc" };
	struct azattest_hello hello;

	memset(o, 0, sizeof(*o));
	o->fault.code = -1;
	if (type == AZATTEST_FRAME_HELLO)
		return azattest_fetch_hello(fd, timeout_ms, &hello, &o->fault);
	if (type == AZATTEST_FRAME_ISSUER)
		return azattest_fetch_issuer(fd, timeout_ms, &o->der, &o->len,
					     &o->fault);
	return azattest_fetch_document(fd, &request, timeout_ms, &o->der,
				       &o->len, &o->fault);
}

int host_fetch_from(const struct host *h, uint8_t type, int timeout_ms,
		    struct host_outcome *o)
{
	int pair[2], code;
	struct host_stage stage;
	pid_t pid;

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	stage = (struct host_stage){ pair[1], h };
	pid = tap_spawn(host_play, &stage, pair[1]);
	close(pair[1]);
	code = host_fetch(pair[0], type, timeout_ms, o);
	close(pair[0]);
	tap_need_eq(tap_join(pid), 0);
	if (code)
		tap_need_eq(o->fault.code, code);
	return code;
}

void host_need(const struct host *h, uint8_t type, int code)
{
	struct host_outcome o;
	int got = host_fetch_from(h, type, HOST_TIMEOUT_MS, &o);

	tap_need_msg(got == code, "type %u gives %s (%s), not %s", type,
		     azattest_code_name(got), o.fault.text,
		     azattest_code_name(code));
	free(o.der);
}
