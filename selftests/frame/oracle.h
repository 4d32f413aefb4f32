/* SPDX-License-Identifier: GPL-2.0 */
/* A second reading of linux/azattest_frame.h, to hold against kmod/frame.c. */
#ifndef SELFTESTS_FRAME_ORACLE_H
#define SELFTESTS_FRAME_ORACLE_H

#include "kmod/frame.h"

/**
 * oracle_parse - what the manual says about a buffer that ends here
 * @buf: bytes
 * @len: their number
 * @ask: filled if the answer is 0
 *
 * Returns 0 or the status to refuse with.
 */
int oracle_parse(const u8 *buf, size_t len, struct azattest_ask *ask);

/**
 * oracle_compare - hold frame.c against the manual for one input
 * @buf: bytes; copied to a block of exactly their length, so that the
 *       sanitizer sees a read behind the last one
 * @len: their number
 *
 * Returns NULL if they agree, or a sentence about what does not.
 */
const char *oracle_compare(const u8 *buf, size_t len);

#endif
