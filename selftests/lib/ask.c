// SPDX-License-Identifier: GPL-2.0
/* Whole requests and whole replies over a fake guest's connection. */
#include <selftests/lib/ask.h>

#include <endian.h>
#include <errno.h>
#include <string.h>

#include <selftests/lib/frames.h>
#include <selftests/lib/tap.h>

/* Exactly len bytes: 0, 1 at an end before the first, or -errno. */
static int read_all(struct fakeguest_conn *c, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		int n = fakeguest_recv(c, (char *)buf + done, len - done);

		if (n == -ETIMEDOUT)
			return n;
		if (n <= 0)
			return done ? -EPIPE : 1;
		done += n;
	}
	return 0;
}

int ask_read(struct fakeguest_conn *c, struct ask_reply *r)
{
	uint8_t frame[AZATTEST_FRAME_MAX];
	struct azattest_frame h;
	struct frames_reply p;
	int err = read_all(c, frame, sizeof(h));

	if (err)
		return err > 0 ? -ENODATA : err;
	memcpy(&h, frame, sizeof(h));
	if (le32toh(h.length) > sizeof(frame) - sizeof(h))
		return -EBADMSG;
	err = read_all(c, frame + sizeof(h), le32toh(h.length));
	if (err)
		return err > 0 ? -EPIPE : err;
	if (frames_parse(frame, sizeof(h) + le32toh(h.length), &p) <= 0)
		return -EBADMSG;
	r->type = p.type;
	r->status = p.status;
	r->id = p.id;
	r->length = p.length;
	memcpy(r->payload, p.payload, p.length);
	return 0;
}

int ask(struct fakeguest_conn *c, const void *frame, size_t len, struct ask_reply *r)
{
	int err = fakeguest_send(c, frame, len);

	return err ? err : ask_read(c, r);
}

static int ask_typed(struct fakeguest_conn *c, const void *frame, size_t len, uint8_t type,
		     uint32_t id, struct ask_reply *r)
{
	int err = ask(c, frame, len, r);

	if (err)
		return err;
	return r->id == id && r->type == (type | AZATTEST_FRAME_REPLY) ? 0 : -EBADMSG;
}

int ask_hello(struct fakeguest_conn *c, uint32_t id, struct ask_reply *r)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];

	return ask_typed(c, frame, frames_hello(frame, id), AZATTEST_FRAME_HELLO, id, r);
}

int ask_issuer(struct fakeguest_conn *c, uint32_t id, struct ask_reply *r)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];

	return ask_typed(c, frame, frames_issuer(frame, id), AZATTEST_FRAME_ISSUER, id, r);
}

int ask_attest(struct fakeguest_conn *c, uint32_t id, const void *nonce, size_t nonce_len,
	       struct ask_reply *r)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];

	return ask_typed(c, frame, frames_attest(frame, id, nonce, nonce_len),
			 AZATTEST_FRAME_ATTEST, id, r);
}

int ask_end(struct fakeguest_conn *c)
{
	uint8_t byte;
	int n = fakeguest_recv(c, &byte, 1);

	if (n == -ETIMEDOUT)
		return n;
	return n > 0 ? -EBADMSG : 0;
}
