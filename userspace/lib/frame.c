// SPDX-License-Identifier: GPL-2.0
// Owns the layout of frames: fields to bytes and back, without any I/O.
#include <endian.h>
#include <string.h>

#include "frame.h"

void frame_put(unsigned char *to, const struct frame_header *h)
{
	struct azattest_frame wire = {
		.magic = htole32(h->magic),
		.version = h->version,
		.type = h->type,
		.status = htole16(h->status),
		.length = htole32(h->length),
		.id = htole32(h->id),
	};

	memcpy(to, &wire, sizeof(wire));
}

void frame_get(const unsigned char *from, struct frame_header *h)
{
	struct azattest_frame wire;

	memcpy(&wire, from, sizeof(wire));
	h->magic = le32toh(wire.magic);
	h->version = wire.version;
	h->type = wire.type;
	h->status = le16toh(wire.status);
	h->length = le32toh(wire.length);
	h->id = le32toh(wire.id);
}

static void put_header(unsigned char *to, uint8_t type, uint32_t id,
		       size_t length)
{
	frame_put(to, &(struct frame_header){
		.magic = AZATTEST_FRAME_MAGIC,
		.version = AZATTEST_FRAME_VERSION,
		.type = type,
		.length = (uint32_t)length,
		.id = id,
	});
}

/* HELLO, ISSUER: a header alone. Returns the frame's bytes. */
size_t frame_put_request(unsigned char *to, uint8_t type, uint32_t id)
{
	put_header(to, type, id, 0);
	return FRAME_HEADER;
}

/* @nonce is valid, or NULL for none. */
size_t frame_put_attest(unsigned char to[AZATTEST_REQUEST_MAX], uint32_t id,
			uint32_t api_version, uint32_t timeout_ms,
			const char *nonce)
{
	size_t nonce_len = nonce ? strlen(nonce) : 0;
	struct azattest_frame_attest wire = {
		.flags = htole32(nonce ? 0 : AZATTEST_ATTEST_NO_NONCE),
		.api_version = htole32(api_version),
		.timeout_ms = htole32(timeout_ms),
		.nonce_len = (uint8_t)nonce_len,
	};

	put_header(to, AZATTEST_FRAME_ATTEST, id, sizeof(wire) + nonce_len);
	memcpy(to + FRAME_HEADER, &wire, sizeof(wire));
	if (nonce)
		memcpy(to + FRAME_HEADER + sizeof(wire), nonce, nonce_len);
	return FRAME_HEADER + sizeof(wire) + nonce_len;
}

/* A refusal answers no request: id 0, never OK. NULL: the type fits. */
static const char *check_type(const struct frame_header *h, uint8_t type,
			      uint32_t id)
{
	if (h->type == AZATTEST_FRAME_REFUSED) {
		if (h->id != 0)
			return "a refusal with an id";
		if (h->status == AZATTEST_STATUS_OK)
			return "a refusal with status ok";
		return NULL;
	}
	if (h->type != (type | AZATTEST_FRAME_REPLY))
		return "reply of another type";
	if (h->id != id)
		return "reply to another request";
	return NULL;
}

static const char *check_length(const struct frame_header *h)
{
	if (h->length > AZATTEST_FRAME_MAX - FRAME_HEADER)
		return "reply longer than a frame may be";
	if (h->status != AZATTEST_STATUS_OK)
		return h->length ? "a failure with a payload" : NULL;
	if (h->type == (AZATTEST_FRAME_HELLO | AZATTEST_FRAME_REPLY))
		return h->length == sizeof(struct azattest_frame_hello) ?
		       NULL : "payload of another size than HELLO has";
	return h->length ? NULL : "success without a payload";
}

static const char *check_header(const struct frame_header *h, uint8_t type,
				uint32_t id)
{
	const char *why;

	if (h->magic != AZATTEST_FRAME_MAGIC)
		return "wrong magic number";
	if (h->version != AZATTEST_FRAME_VERSION)
		return "another frame version";
	why = check_type(h, type, id);
	if (why)
		return why;
	if (h->status > AZATTEST_STATUS_MAX)
		return "unknown status";
	return check_length(h);
}

int frame_check_reply(const unsigned char *data, size_t len, uint8_t type,
		      uint32_t id, struct frame_header *h, const char **why)
{
	if (len < FRAME_HEADER)
		return 0;
	frame_get(data, h);
	*why = check_header(h, type, id);
	if (*why)
		return -1;
	if (len < FRAME_HEADER + h->length)
		return 0;
	if (len > FRAME_HEADER + h->length) {
		*why = "bytes after the reply";
		return -1;
	}
	return (int)len;
}
