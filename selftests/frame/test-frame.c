// SPDX-License-Identifier: GPL-2.0
/* Owns one promise for each rule of linux/azattest_frame.h, kept by kmod/frame.c. */
#include "oracle.h"

#include <selftests/lib/tap.h>

#include <stdlib.h>

/* Room for frames that are longer than any may be. */
#define ROOM 512

#define AT_MAGIC	0
#define AT_VERSION	4
#define AT_TYPE		5
#define AT_STATUS	6
#define AT_LENGTH	8
#define AT_ID		12
#define AT_FLAGS	16
#define AT_NONCE_LEN	28
#define AT_RESERVED	29
#define AT_NONCE	32

static void put32(u8 *p, u32 v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> (8 * i);
}

/* A good request with an id and, for ATTEST, a nonce of that length. */
static size_t good(u8 *buf, u8 type, unsigned int nonce_len)
{
	size_t len = type == AZATTEST_FRAME_ATTEST ? AT_NONCE + nonce_len : 16;

	memset(buf, 0, ROOM);
	memcpy(buf, "AZTA", 4);
	buf[AT_VERSION] = 1;
	buf[AT_TYPE] = type;
	put32(buf + AT_LENGTH, len - 16);
	put32(buf + AT_ID, 0x89abcdef);
	if (type != AZATTEST_FRAME_ATTEST)
		return len;
	put32(buf + AT_FLAGS, nonce_len ? 0 : AZATTEST_ATTEST_NO_NONCE);
	put32(buf + AT_FLAGS + 4, 20181001);
	put32(buf + AT_FLAGS + 8, 1500);
	buf[AT_NONCE_LEN] = nonce_len;
	memset(buf + AT_NONCE, 'n', nonce_len);
	return len;
}

/* Parses a copy of exactly that length: the sanitizer sees any further read. */
static int parse(const u8 *buf, size_t len, struct azattest_ask *ask)
{
	struct azattest_ask mine;
	u8 *block = malloc(len ? len : 1);
	int ret;

	tap_need(block);
	memcpy(block, buf, len);
	ret = azattest_frame_parse(block, len, ask ? ask : &mine);
	free(block);
	return ret;
}

static int header(const u8 *buf, size_t have, u32 *total)
{
	u8 *block = malloc(have ? have : 1);
	u32 mine;
	int ret;

	tap_need(block);
	memcpy(block, buf, have);
	ret = azattest_frame_header(block, have, total ? total : &mine);
	free(block);
	return ret;
}

/* The frame is refused with the status, and so is its header if that shows it. */
static void need_refused(const u8 *buf, size_t len, int status)
{
	tap_need_eq(parse(buf, len, NULL), status);
}

static void need_header_refused(const u8 *buf, size_t len, int status)
{
	need_refused(buf, len, status);
	tap_need_eq(header(buf, 16, NULL), -status);
}

static void good_frames_come_out_as_fields(void)
{
	struct azattest_ask ask;
	u8 buf[ROOM];

	for (u8 type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++) {
		memset(&ask, 0xee, sizeof(ask));
		tap_need_eq(parse(buf, good(buf, type, 5), &ask), 0);
		tap_need_eq(ask.type, type);
		tap_need_eq(ask.id, 0x89abcdef);
		if (type == AZATTEST_FRAME_ATTEST)
			continue;
		tap_need_eq(ask.api_version, 0);
		tap_need_eq(ask.timeout_ms, 0);
		tap_need_eq(ask.nonce_len, 0);
	}
}

static void attest_fields_come_out_with_rest_of_nonce_zero(void)
{
	static const u8 zero[AZATTEST_NONCE_MAX];
	struct azattest_ask ask;
	u8 buf[ROOM];

	for (unsigned int n = 0; n <= AZATTEST_NONCE_MAX; n++) {
		memset(&ask, 0xee, sizeof(ask));
		tap_need_eq(parse(buf, good(buf, AZATTEST_FRAME_ATTEST, n), &ask), 0);
		tap_need_eq(ask.api_version, 20181001);
		tap_need_eq(ask.timeout_ms, 1500);
		tap_need_eq(ask.nonce_len, n);
		tap_need(!memcmp(ask.nonce, buf + AT_NONCE, n));
		tap_need(!memcmp(ask.nonce + n, zero, sizeof(zero) - n));
	}
}

static void any_api_version_timeout_and_id_pass(void)
{
	static const u32 values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	struct azattest_ask ask;
	u8 buf[ROOM];

	for (size_t i = 0; i < TAP_COUNT(values); i++) {
		size_t len = good(buf, AZATTEST_FRAME_ATTEST, 1);

		put32(buf + AT_ID, values[i]);
		put32(buf + AT_FLAGS + 4, values[i]);
		put32(buf + AT_FLAGS + 8, values[i]);
		tap_need_eq(parse(buf, len, &ask), 0);
		tap_need_eq(ask.id, values[i]);
		tap_need_eq(ask.api_version, values[i]);
		tap_need_eq(ask.timeout_ms, values[i]);
	}
}

static void wrong_magic_is_bad_request(void)
{
	u8 buf[ROOM];

	for (int bit = 0; bit < 32; bit++) {
		size_t len = good(buf, AZATTEST_FRAME_ATTEST, 4);

		buf[AT_MAGIC + bit / 8] ^= 1 << bit % 8;
		need_header_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
	}
}

static void wrong_magic_is_refused_at_its_first_wrong_byte(void)
{
	u8 buf[ROOM];

	for (int at = 0; at < 4; at++) {
		good(buf, AZATTEST_FRAME_HELLO, 0);
		buf[at] ^= 0x20;
		for (int have = 0; have <= 16; have++)
			tap_need_eq(header(buf, have, NULL), have <= at ? 0 :
				    -AZATTEST_STATUS_BAD_REQUEST);
	}
}

static void unknown_version_is_unsupported(void)
{
	u8 buf[ROOM];

	for (int version = 0; version < 256; version++) {
		size_t len = good(buf, AZATTEST_FRAME_ATTEST, 4);

		buf[AT_VERSION] = version;
		if (version == AZATTEST_FRAME_VERSION)
			tap_need_eq(parse(buf, len, NULL), 0);
		else
			need_header_refused(buf, len, AZATTEST_STATUS_UNSUPPORTED);
	}
}

static void unknown_type_is_unsupported(void)
{
	u8 buf[ROOM];

	for (int type = 0; type < 256; type++) {
		size_t len = good(buf, AZATTEST_FRAME_HELLO, 0);

		buf[AT_TYPE] = type;
		if (type == AZATTEST_FRAME_HELLO || type == AZATTEST_FRAME_ISSUER)
			tap_need_eq(parse(buf, len, NULL), 0);
		else if (type == AZATTEST_FRAME_ATTEST)
			need_header_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
		else
			need_header_refused(buf, len, AZATTEST_STATUS_UNSUPPORTED);
	}
}

static void a_status_in_a_request_is_bad_request(void)
{
	u8 buf[ROOM];

	for (int bit = 0; bit < 16; bit++) {
		size_t len = good(buf, AZATTEST_FRAME_ATTEST, 4);

		buf[AT_STATUS + bit / 8] = 1 << bit % 8;
		need_header_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
	}
}

static void every_claimed_length_is_judged_by_its_type(void)
{
	u8 buf[ROOM];
	u32 total;

	for (u8 type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++) {
		u32 min = type == AZATTEST_FRAME_ATTEST ? 16 : 0;
		u32 max = type == AZATTEST_FRAME_ATTEST ? 48 : 0;

		for (u32 length = 0; length < 3 * AZATTEST_REQUEST_MAX; length++) {
			good(buf, type, 1);
			put32(buf + AT_LENGTH, length);
			total = 0xdead;
			if (length < min || length > max) {
				tap_need_eq(header(buf, 16, &total),
					    -AZATTEST_STATUS_BAD_REQUEST);
				continue;
			}
			tap_need_eq(header(buf, 16, &total), 1);
			tap_need_eq(total, 16 + length);
		}
	}
}

static void huge_lengths_are_bad_request(void)
{
	static const u32 lengths[] = {
		0x100, 0x10000, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffff0,
		0xffffffef, 0xffffffff, 0x100 + 17, 0x10000 + 17, 0x80000000 + 17,
	};
	u8 buf[ROOM];

	for (u8 type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++)
		for (size_t i = 0; i < TAP_COUNT(lengths); i++) {
			size_t len = good(buf, type, 1);

			put32(buf + AT_LENGTH, lengths[i]);
			need_header_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
		}
}

static void every_real_length_but_the_claimed_is_refused(void)
{
	u8 buf[ROOM];

	for (u8 type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++)
		for (unsigned int n = 0; n <= AZATTEST_NONCE_MAX; n += 8) {
			size_t whole = good(buf, type, n);

			memset(buf + whole, 'n', ROOM - whole);
			for (size_t len = 0; len < 3 * AZATTEST_REQUEST_MAX; len++)
				tap_need_eq(parse(buf, len, NULL), len == whole ? 0 :
					    AZATTEST_STATUS_BAD_REQUEST);
		}
}

static void header_needs_16_bytes_and_no_more(void)
{
	u8 buf[ROOM];
	u32 total;

	for (u8 type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++) {
		size_t whole = good(buf, type, 32);

		for (size_t have = 0; have <= whole; have++) {
			total = 0;
			tap_need_eq(header(buf, have, &total), have >= 16);
			tap_need_eq(total, have >= 16 ? whole : 0);
		}
	}
}

static void nonce_len_and_length_must_agree(void)
{
	u8 buf[ROOM];

	for (unsigned int n = 0; n <= AZATTEST_NONCE_MAX; n++)
		for (int claimed = 0; claimed < 256; claimed++) {
			size_t len = good(buf, AZATTEST_FRAME_ATTEST, n);

			buf[AT_NONCE_LEN] = claimed;
			tap_need_eq(parse(buf, len, NULL), claimed == (int)n ? 0 :
				    AZATTEST_STATUS_BAD_REQUEST);
		}
}

static void no_nonce_and_empty_nonce_go_together(void)
{
	u8 buf[ROOM];
	size_t len;

	len = good(buf, AZATTEST_FRAME_ATTEST, 0);
	tap_need_eq(parse(buf, len, NULL), 0);
	put32(buf + AT_FLAGS, 0);
	need_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
	len = good(buf, AZATTEST_FRAME_ATTEST, 1);
	put32(buf + AT_FLAGS, AZATTEST_ATTEST_NO_NONCE);
	need_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
}

static void unknown_flags_are_bad_request(void)
{
	u8 buf[ROOM];

	for (int bit = 1; bit < 32; bit++)
		for (unsigned int n = 0; n < 2; n++) {
			size_t len = good(buf, AZATTEST_FRAME_ATTEST, n);

			buf[AT_FLAGS + bit / 8] |= 1 << bit % 8;
			need_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
		}
}

static void reserved_bytes_must_be_zero(void)
{
	u8 buf[ROOM];

	for (int bit = 0; bit < 24; bit++) {
		size_t len = good(buf, AZATTEST_FRAME_ATTEST, 4);

		buf[AT_RESERVED + bit / 8] = 1 << bit % 8;
		need_refused(buf, len, AZATTEST_STATUS_BAD_REQUEST);
	}
}

static bool in_nonce_table(int c)
{
	return c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789-_", c);
}

static void only_64_byte_values_may_stand_in_a_nonce(void)
{
	static const int places[] = { 0, 1, 15, 30, 31 };
	u8 buf[ROOM];
	int taken = 0;

	for (int c = 0; c < 256; c++)
		for (size_t i = 0; i < TAP_COUNT(places); i++) {
			size_t len = good(buf, AZATTEST_FRAME_ATTEST, 32);

			buf[AT_NONCE + places[i]] = c;
			tap_need_eq(parse(buf, len, NULL), in_nonce_table(c) ? 0 :
				    AZATTEST_STATUS_BAD_REQUEST);
			taken += in_nonce_table(c);
		}
	tap_need_eq(taken, 64 * TAP_COUNT(places));
}

/* The ioctl has no frame: its fields meet the same rules at the same place. */
static void check_has_the_rules_of_the_frame(void)
{
	u8 nonce[256];

	for (size_t n = 0; n < sizeof(nonce); n++) {
		memset(nonce, '_', sizeof(nonce));
		tap_need_eq(azattest_frame_check(0, nonce, n), n >= 1 && n <= 32);
		tap_need_eq(azattest_frame_check(1, nonce, n), n == 0);
		tap_need_eq(azattest_frame_check(2, nonce, n), false);
		tap_need_eq(azattest_frame_check(0x80000000, nonce, n), false);
	}
	for (int c = 0; c < 256; c++) {
		nonce[31] = c;
		tap_need_eq(azattest_frame_check(0, nonce, 32), in_nonce_table(c));
		tap_need_eq(azattest_frame_check(0, nonce, 31), true);
	}
}

static void type_and_id_survive_a_refused_payload(void)
{
	struct azattest_ask ask;
	u8 buf[ROOM];
	size_t len = good(buf, AZATTEST_FRAME_ATTEST, 3);

	buf[AT_NONCE] = '!';
	tap_need_eq(parse(buf, len, &ask), AZATTEST_STATUS_BAD_REQUEST);
	tap_need_eq(ask.type, AZATTEST_FRAME_ATTEST);
	tap_need_eq(ask.id, 0x89abcdef);
}

static void reply_copies_type_and_id(void)
{
	static const u8 want[] = {
		'A', 'Z', 'T', 'A', 1, 0x82, 3, 0, 0x44, 0x33, 0x22, 0x11,
		0xef, 0xcd, 0xab, 0x89,
	};
	struct azattest_frame hdr;

	memset(&hdr, 0xee, sizeof(hdr));
	azattest_frame_reply(&hdr, AZATTEST_FRAME_ATTEST, 0x89abcdef,
			     AZATTEST_STATUS_BUSY, 0x11223344);
	tap_need(!memcmp(&hdr, want, sizeof(want)));
	azattest_frame_reply(&hdr, AZATTEST_FRAME_REFUSED, 0, AZATTEST_STATUS_UNBOUND, 0);
	tap_need_eq(hdr.type, AZATTEST_FRAME_REFUSED);
}

static void hello_says_one_version_and_the_largest_frame(void)
{
	static const u8 want[] = { 1, 1, 2, 0, 0x00, 0x20, 0, 0 };
	struct azattest_frame_hello hello;

	memset(&hello, 0xee, sizeof(hello));
	azattest_frame_hello(&hello, AZATTEST_HOST_EXPIRED);
	tap_need(!memcmp(&hello, want, sizeof(want)));
}

/* Without it, a comparison that never differs would look like success. */
static void control_oracle_sees_a_difference(void)
{
	u8 buf[ROOM];
	struct azattest_ask ask;
	size_t len = good(buf, AZATTEST_FRAME_ATTEST, 3);

	tap_need(!oracle_compare(buf, len));
	tap_need_eq(oracle_parse(buf, len, &ask), 0);
	tap_need_eq(oracle_parse(buf, len - 1, &ask), AZATTEST_STATUS_BAD_REQUEST);
	buf[AT_NONCE] = '/';
	tap_need_eq(oracle_parse(buf, len, &ask), AZATTEST_STATUS_BAD_REQUEST);
	buf[AT_VERSION] = 2;
	tap_need_eq(oracle_parse(buf, len, &ask), AZATTEST_STATUS_UNSUPPORTED);
}

static const struct tap_test tests[] = {
	TAP_TEST(good_frames_come_out_as_fields),
	TAP_TEST(attest_fields_come_out_with_rest_of_nonce_zero),
	TAP_TEST(any_api_version_timeout_and_id_pass),
	TAP_TEST(wrong_magic_is_bad_request),
	TAP_TEST(wrong_magic_is_refused_at_its_first_wrong_byte),
	TAP_TEST(unknown_version_is_unsupported),
	TAP_TEST(unknown_type_is_unsupported),
	TAP_TEST(a_status_in_a_request_is_bad_request),
	TAP_TEST(every_claimed_length_is_judged_by_its_type),
	TAP_TEST(huge_lengths_are_bad_request),
	TAP_TEST(every_real_length_but_the_claimed_is_refused),
	TAP_TEST(header_needs_16_bytes_and_no_more),
	TAP_TEST(nonce_len_and_length_must_agree),
	TAP_TEST(no_nonce_and_empty_nonce_go_together),
	TAP_TEST(unknown_flags_are_bad_request),
	TAP_TEST(reserved_bytes_must_be_zero),
	TAP_TEST(only_64_byte_values_may_stand_in_a_nonce),
	TAP_TEST(check_has_the_rules_of_the_frame),
	TAP_TEST(type_and_id_survive_a_refused_payload),
	TAP_TEST(reply_copies_type_and_id),
	TAP_TEST(hello_says_one_version_and_the_largest_frame),
	TAP_TEST(control_oracle_sees_a_difference),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
