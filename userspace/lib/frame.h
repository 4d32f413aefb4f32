/* SPDX-License-Identifier: GPL-2.0 */
/* Frames as bytes: built and taken apart without any input or output. */
#ifndef _AZ_FRAME_H
#define _AZ_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include <linux/azattest_frame.h>

#define FRAME_HEADER	sizeof(struct azattest_frame)

/* A header in the machine's byte order. */
struct frame_header {
	uint32_t magic;
	uint8_t version;
	uint8_t type;
	uint16_t status;
	uint32_t length;
	uint32_t id;
};

/* frame.c */
void frame_put(unsigned char *to, const struct frame_header *header);
void frame_get(const unsigned char *from, struct frame_header *header);
size_t frame_put_request(unsigned char *to, uint8_t type, uint32_t id);
size_t frame_put_attest(unsigned char to[AZATTEST_REQUEST_MAX], uint32_t id,
			uint32_t api_version, uint32_t timeout_ms,
			const char *nonce);

/*
 * What the first @len bytes from a host are: 0 needs more, > 0 that many bytes
 * are one whole reply to request @type @id, -1 no reply at all and @why says
 * why. Looks at the header as soon as it is there, so that a wrong one is not
 * waited for.
 */
int frame_check_reply(const unsigned char *data, size_t len, uint8_t type,
		      uint32_t id, struct frame_header *header,
		      const char **why);

#endif /* _AZ_FRAME_H */
