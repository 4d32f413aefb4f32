/* SPDX-License-Identifier: GPL-2.0 */
/* Builds request frames and takes reply frames apart (azattest_frame.h). */
#ifndef SELFTESTS_LIB_FRAMES_H
#define SELFTESTS_LIB_FRAMES_H

#include <linux/azattest_frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Header only, any values: for what an honest guest never says. */
size_t frames_raw(void *buf, uint32_t magic, uint8_t version, uint8_t type,
		  uint16_t status, uint32_t length, uint32_t id);

/* Whole requests; each returns its length, at most AZATTEST_REQUEST_MAX. */
size_t frames_hello(void *buf, uint32_t id);
size_t frames_issuer(void *buf, uint32_t id);
size_t frames_attest(void *buf, uint32_t id, const void *nonce, size_t nonce_len);
size_t frames_attest_timeout(void *buf, uint32_t id, const void *nonce, size_t nonce_len,
			     uint32_t timeout_ms);

/* ATTEST with every field of its payload free; the nonce is copied as it is. */
struct frames_attest {
	uint32_t flags;
	uint32_t api_version;
	uint32_t timeout_ms;
	uint8_t nonce_len;
	uint8_t reserved[3];
	const void *nonce;
	size_t nonce_bytes;	/* really sent; nonce_len is what is claimed */
};

#define FRAMES_API_VERSION	20181001u

size_t frames_attest_raw(void *buf, uint32_t id, const struct frames_attest *a);

struct frames_reply {
	uint8_t type;
	uint16_t status;
	uint32_t id;
	uint32_t length;
	const uint8_t *payload;	/* into the parsed buffer */
};

/*
 * Bytes of the first frame in buf; 0: not yet complete; -1: not a frame that a
 * host may send (magic, version, type, status, length).
 */
int frames_parse(const void *buf, size_t len, struct frames_reply *reply);

const char *frames_status_name(unsigned int status);

#endif /* SELFTESTS_LIB_FRAMES_H */
