/* SPDX-License-Identifier: GPL-2.0 */
/* Frames: bytes into fields and back. Also built, tested and fuzzed in user space. */
#ifndef AZATTEST_FRAME_H
#define AZATTEST_FRAME_H

#ifdef __KERNEL__
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#else
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
#define le32_to_cpu(x) le32toh(x)
#define le16_to_cpu(x) le16toh(x)
#define cpu_to_le32(x) htole32(x)
#define cpu_to_le16(x) htole16(x)
#endif

#include <linux/azattest_frame.h>

/**
 * struct azattest_ask - one request, as typed fields
 * @type:        AZATTEST_FRAME_HELLO, _ATTEST or _ISSUER
 * @nonce_len:   0 if none was given
 * @id:          the requester's
 * @api_version: 0 unless @type is ATTEST
 * @timeout_ms:  0: the host's deadline
 * @nonce:       @nonce_len bytes, rest zero
 */
struct azattest_ask {
	u8 type;
	u8 nonce_len;
	u32 id;
	u32 api_version;
	u32 timeout_ms;
	u8 nonce[AZATTEST_NONCE_MAX];
};

/**
 * azattest_frame_header - how long is the request frame that begins here?
 * @buf:   bytes received so far
 * @have:  their number
 * @total: set to the frame's whole length if the result is positive
 *
 * Returns 1 if the header is sound, 0 if more bytes are needed to tell, or the
 * negative AZATTEST_STATUS_* to refuse with. A wrong magic is refused at its
 * first wrong byte, all else when the header is whole.
 */
int azattest_frame_header(const void *buf, size_t have, u32 *total);

/**
 * azattest_frame_parse - one whole request frame into fields
 * @buf: the frame
 * @len: exactly its length
 * @ask: filled; @ask->type and @ask->id also on refusal if the header is sound
 *
 * Returns 0 or the AZATTEST_STATUS_* to refuse with.
 */
int azattest_frame_parse(const void *buf, size_t len, struct azattest_ask *ask);

/**
 * azattest_frame_check - may these fields be asked?
 * @flags:    AZATTEST_ATTEST_*
 * @nonce:    bytes
 * @nonce_len: their number, at most AZATTEST_NONCE_MAX is sound
 *
 * The rules for ATTEST that hold whatever way the fields came in.
 */
bool azattest_frame_check(u32 flags, const u8 *nonce, size_t nonce_len);

/**
 * azattest_frame_reply - header of a reply
 * @hdr:    filled
 * @type:   of the request; or AZATTEST_FRAME_REFUSED
 * @id:     of the request
 * @status: AZATTEST_STATUS_*
 * @length: bytes that will follow
 */
void azattest_frame_reply(struct azattest_frame *hdr, u8 type, u32 id, u16 status, u32 length);

/**
 * azattest_frame_hello - payload of a reply to HELLO
 * @hello:      filled
 * @host_state: AZATTEST_HOST_*
 */
void azattest_frame_hello(struct azattest_frame_hello *hello, u8 host_state);

#endif
