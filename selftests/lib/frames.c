// SPDX-License-Identifier: GPL-2.0
/* Builds request frames and takes reply frames apart; knows nothing of doors. */
#include <selftests/lib/frames.h>

#include <endian.h>
#include <string.h>

size_t frames_raw(void *buf, uint32_t magic, uint8_t version, uint8_t type,
		  uint16_t status, uint32_t length, uint32_t id)
{
	struct azattest_frame f = {
		.magic = htole32(magic),
		.version = version,
		.type = type,
		.status = htole16(status),
		.length = htole32(length),
		.id = htole32(id),
	};

	memcpy(buf, &f, sizeof(f));
	return sizeof(f);
}

static size_t header(void *buf, uint8_t type, uint32_t length, uint32_t id)
{
	return frames_raw(buf, AZATTEST_FRAME_MAGIC, AZATTEST_FRAME_VERSION, type, 0, length, id);
}

size_t frames_hello(void *buf, uint32_t id)
{
	return header(buf, AZATTEST_FRAME_HELLO, 0, id);
}

size_t frames_issuer(void *buf, uint32_t id)
{
	return header(buf, AZATTEST_FRAME_ISSUER, 0, id);
}

size_t frames_attest_raw(void *buf, uint32_t id, const struct frames_attest *a)
{
	struct azattest_frame_attest p = {
		.flags = htole32(a->flags),
		.api_version = htole32(a->api_version),
		.timeout_ms = htole32(a->timeout_ms),
		.nonce_len = a->nonce_len,
	};
	uint8_t *out = buf;
	size_t n = header(out, AZATTEST_FRAME_ATTEST, sizeof(p) + a->nonce_bytes, id);

	memcpy(p.reserved, a->reserved, sizeof(p.reserved));
	memcpy(out + n, &p, sizeof(p));
	if (a->nonce_bytes)
		memcpy(out + n + sizeof(p), a->nonce, a->nonce_bytes);
	return n + sizeof(p) + a->nonce_bytes;
}

size_t frames_attest_timeout(void *buf, uint32_t id, const void *nonce, size_t nonce_len,
			     uint32_t timeout_ms)
{
	struct frames_attest a = {
		.flags = nonce_len ? 0 : AZATTEST_ATTEST_NO_NONCE,
		.api_version = FRAMES_API_VERSION,
		.timeout_ms = timeout_ms,
		.nonce_len = nonce_len,
		.nonce = nonce,
		.nonce_bytes = nonce_len,
	};

	return frames_attest_raw(buf, id, &a);
}

size_t frames_attest(void *buf, uint32_t id, const void *nonce, size_t nonce_len)
{
	return frames_attest_timeout(buf, id, nonce, nonce_len, 0);
}

static bool type_may_come(uint8_t type)
{
	return type == AZATTEST_FRAME_REFUSED ||
	       ((type & AZATTEST_FRAME_REPLY) != 0);
}

int frames_parse(const void *buf, size_t len, struct frames_reply *reply)
{
	struct azattest_frame f;

	if (len < sizeof(f))
		return 0;
	memcpy(&f, buf, sizeof(f));
	reply->type = f.type;
	reply->status = le16toh(f.status);
	reply->id = le32toh(f.id);
	reply->length = le32toh(f.length);
	reply->payload = (const uint8_t *)buf + sizeof(f);
	if (le32toh(f.magic) != AZATTEST_FRAME_MAGIC || f.version != AZATTEST_FRAME_VERSION ||
	    !type_may_come(f.type) || reply->status > AZATTEST_STATUS_MAX)
		return -1;
	if (reply->length > AZATTEST_FRAME_MAX - sizeof(f) ||
	    (reply->status != AZATTEST_STATUS_OK && reply->length))
		return -1;
	return len < sizeof(f) + reply->length ? 0 : (int)(sizeof(f) + reply->length);
}

const char *frames_status_name(unsigned int status)
{
	static const char *const names[] = {
		"ok", "retry", "expired", "busy", "unbound", "denied", "bad-request",
		"unsupported", "fault",
	};

	return status < sizeof(names) / sizeof(names[0]) ? names[status] : "?";
}
