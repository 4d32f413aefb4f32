// SPDX-License-Identifier: GPL-2.0
/* Owns a loop over mutated frames, the same in every run: frame.c against the oracle. */
#include "oracle.h"

#include <selftests/lib/tap.h>

#define ROOM	96
#define INPUTS	400000
#define SEEDS	8

/* xorshift64: the run must be repeatable on every machine. */
static uint64_t state;

static u32 rnd(u32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 16) % below;
}

static const u8 nonce_table[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t good_frame(u8 *buf)
{
	u8 type = 1 + rnd(3), n = rnd(AZATTEST_NONCE_MAX + 1);
	size_t len = type == AZATTEST_FRAME_ATTEST ? 32u + n : 16u;

	memset(buf, 0, ROOM);
	memcpy(buf, "AZTA\1", 5);
	buf[5] = type;
	buf[8] = len - 16;
	for (int i = 12; i < 16; i++)
		buf[i] = rnd(256);
	if (type != AZATTEST_FRAME_ATTEST)
		return len;
	buf[16] = !n;
	for (int i = 20; i < 28; i++)
		buf[i] = rnd(256);
	buf[28] = n;
	for (int i = 0; i < n; i++)
		buf[32 + i] = nonce_table[rnd(64)];
	return len;
}

/* Off by one, a sign bit, a limit: values at which comparisons go wrong. */
static u8 interesting(u8 old)
{
	static const u8 edges[] = { 0, 1, 15, 16, 31, 32, 33, 47, 48, 49, 127, 128, 255 };

	switch (rnd(4)) {
	case 0:
		return old ^ 1 << rnd(8);
	case 1:
		return old + 1;
	case 2:
		return old - 1;
	default:
		return edges[rnd(TAP_COUNT(edges))];
	}
}

static size_t mutate(u8 *buf, size_t len)
{
	u32 at = rnd(len);

	switch (rnd(5)) {
	case 0:
		return rnd(ROOM);
	case 1:
		if (len >= 16)	/* keep claimed and real length equal */
			buf[8] = rnd(ROOM - 16);
		return len >= 16 ? 16u + buf[8] : len;
	case 2:
		if (len > 28)
			buf[28] = interesting(buf[28]);
		return len;
	default:
		buf[at] = interesting(buf[at]);
		return len;
	}
}

/* How often each verdict was heard, the fields' fates with it. */
static unsigned int heard[AZATTEST_STATUS_MAX + 1];

static void one_input(void)
{
	struct azattest_ask ask;
	u8 buf[ROOM];
	size_t len = good_frame(buf);
	const char *why;

	for (u32 n = rnd(4); n && len; n--)
		len = mutate(buf, len);
	why = oracle_compare(buf, len);
	if (why) {
		char hex[2 * ROOM + 1] = "";

		for (size_t i = 0; i < len; i++) {
			hex[2 * i] = "0123456789abcdef"[buf[i] >> 4];
			hex[2 * i + 1] = "0123456789abcdef"[buf[i] & 15];
		}
		tap_need_msg(!why, "%s: %s", why, hex);
	}
	heard[oracle_parse(buf, len, &ask)]++;
}

static void mutated_frames_are_judged_as_the_manual_says(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		state = 0x9e3779b97f4a7c15ULL * seed;
		for (int i = 0; i < INPUTS / SEEDS; i++)
			one_input();
	}
	tap_diag("ok %u, bad request %u, unsupported %u", heard[0],
		 heard[AZATTEST_STATUS_BAD_REQUEST], heard[AZATTEST_STATUS_UNSUPPORTED]);
	/* A loop that only ever hears one verdict tests nothing. */
	tap_need(heard[0] > INPUTS / 10);
	tap_need(heard[AZATTEST_STATUS_BAD_REQUEST] > INPUTS / 10);
	tap_need(heard[AZATTEST_STATUS_UNSUPPORTED] > INPUTS / 100);
}

static const struct tap_test tests[] = {
	TAP_TEST(mutated_frames_are_judged_as_the_manual_says),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
