// SPDX-License-Identifier: GPL-2.0
/* Turns the bytes of a frame into fields and back. Calls nothing, allocates nothing. */
#include "frame.h"

static bool nonce_byte_ok(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool azattest_frame_check(u32 flags, const u8 *nonce, size_t nonce_len)
{
	size_t i;

	if (flags & ~AZATTEST_ATTEST_FLAGS || nonce_len > AZATTEST_NONCE_MAX)
		return false;
	if (!(flags & AZATTEST_ATTEST_NO_NONCE) != !!nonce_len)
		return false;
	for (i = 0; i < nonce_len; i++)
		if (!nonce_byte_ok(nonce[i]))
			return false;
	return true;
}

/* Payload lengths that a type allows; every other length is refused unread. */
static bool length_ok(u8 type, u32 length)
{
	u32 min = type == AZATTEST_FRAME_ATTEST ? sizeof(struct azattest_frame_attest) : 0;
	u32 max = type == AZATTEST_FRAME_ATTEST ? min + AZATTEST_NONCE_MAX : 0;

	return length >= min && length <= max;
}

static int header_check(const struct azattest_frame *hdr)
{
	if (le32_to_cpu(hdr->magic) != AZATTEST_FRAME_MAGIC)
		return -AZATTEST_STATUS_BAD_REQUEST;
	if (hdr->version != AZATTEST_FRAME_VERSION)
		return -AZATTEST_STATUS_UNSUPPORTED;
	if (hdr->type < AZATTEST_FRAME_HELLO || hdr->type > AZATTEST_FRAME_ISSUER)
		return -AZATTEST_STATUS_UNSUPPORTED;
	if (hdr->status || !length_ok(hdr->type, le32_to_cpu(hdr->length)))
		return -AZATTEST_STATUS_BAD_REQUEST;
	return 1;
}

int azattest_frame_header(const void *buf, size_t have, u32 *total)
{
	static const u8 magic[4] = { 'A', 'Z', 'T', 'A' };
	struct azattest_frame hdr;
	int ret;

	if (memcmp(buf, magic, have < sizeof(magic) ? have : sizeof(magic)))
		return -AZATTEST_STATUS_BAD_REQUEST;
	if (have < sizeof(hdr))
		return 0;
	memcpy(&hdr, buf, sizeof(hdr));
	ret = header_check(&hdr);
	if (ret > 0)
		*total = sizeof(hdr) + le32_to_cpu(hdr.length);
	return ret;
}

static int attest_parse(const u8 *payload, size_t len, struct azattest_ask *ask)
{
	struct azattest_frame_attest attest;

	memcpy(&attest, payload, sizeof(attest));
	if (attest.reserved[0] || attest.reserved[1] || attest.reserved[2])
		return AZATTEST_STATUS_BAD_REQUEST;
	if (len != sizeof(attest) + attest.nonce_len)
		return AZATTEST_STATUS_BAD_REQUEST;
	if (!azattest_frame_check(le32_to_cpu(attest.flags), payload + sizeof(attest),
				  attest.nonce_len))
		return AZATTEST_STATUS_BAD_REQUEST;
	ask->api_version = le32_to_cpu(attest.api_version);
	ask->timeout_ms = le32_to_cpu(attest.timeout_ms);
	ask->nonce_len = attest.nonce_len;
	memcpy(ask->nonce, payload + sizeof(attest), attest.nonce_len);
	return 0;
}

int azattest_frame_parse(const void *buf, size_t len, struct azattest_ask *ask)
{
	struct azattest_frame hdr;
	u32 total = 0;
	int ret;

	memset(ask, 0, sizeof(*ask));
	ret = azattest_frame_header(buf, len, &total);
	if (ret < 0)
		return -ret;
	if (!ret || total != len)
		return AZATTEST_STATUS_BAD_REQUEST;
	memcpy(&hdr, buf, sizeof(hdr));
	ask->type = hdr.type;
	ask->id = le32_to_cpu(hdr.id);
	if (hdr.type != AZATTEST_FRAME_ATTEST)
		return 0;
	return attest_parse((const u8 *)buf + sizeof(hdr), len - sizeof(hdr), ask);
}

void azattest_frame_reply(struct azattest_frame *hdr, u8 type, u32 id, u16 status, u32 length)
{
	hdr->magic = cpu_to_le32(AZATTEST_FRAME_MAGIC);
	hdr->version = AZATTEST_FRAME_VERSION;
	hdr->type = type | AZATTEST_FRAME_REPLY;
	hdr->status = cpu_to_le16(status);
	hdr->length = cpu_to_le32(length);
	hdr->id = cpu_to_le32(id);
}

void azattest_frame_hello(struct azattest_frame_hello *hello, u8 host_state)
{
	hello->version_min = AZATTEST_FRAME_VERSION;
	hello->version_max = AZATTEST_FRAME_VERSION;
	hello->host_state = host_state;
	hello->reserved = 0;
	hello->max_frame = cpu_to_le32(AZATTEST_FRAME_MAX);
}
