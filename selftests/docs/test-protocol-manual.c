// SPDX-License-Identifier: GPL-2.0
// Promises that the bytes shown in azattest-protocol(7) are the frames that it says they are.

#include <kmod/frame.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <selftests/lib/tap.h>

#define PAGE AZ_TOP "/userspace/man/azattest-protocol.7.scd"
#define BLOCK "\n```\n41 "	/* a literal block that begins with a frame's first byte */

static char text[32768];

static void load(void)
{
	FILE *page = fopen(PAGE, "r");
	size_t n;

	tap_need_msg(page, "%s: %s", PAGE, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, page);
	fclose(page);
	tap_need(n > 0 && n < sizeof(text) - 1);
	text[n] = '\0';
}

/* The bytes of block @number, from 0. */
static size_t shown(int number, unsigned char *frame, size_t room)
{
	char *at, *end;
	size_t len = 0;

	load();
	for (at = strstr(text, BLOCK); at && number; number--)
		at = strstr(at + 1, BLOCK);
	tap_need_msg(at, "no such block in %s", PAGE);
	for (at += strlen("\n```\n"); *at != '`'; at = end + strspn(end, " \n")) {
		unsigned long byte = strtoul(at, &end, 16);

		tap_need_msg(end == at + 2 && len < room, "no byte: %.8s", at);
		frame[len++] = byte;
	}
	return len;
}

static void the_request_shown_asks_for_what_is_said(void)
{
	unsigned char frame[AZATTEST_REQUEST_MAX];
	size_t len = shown(0, frame, sizeof(frame));
	struct azattest_ask ask;

	tap_need_eq(len, 42);
	tap_need_eq(azattest_frame_parse(frame, len, &ask), 0);
	tap_need_eq(ask.type, AZATTEST_FRAME_ATTEST);
	tap_need_eq(ask.id, 7);
	tap_need_eq(ask.api_version, 20201001);
	tap_need_eq(ask.timeout_ms, 0);
	tap_need_eq(ask.nonce_len, strlen("guest-4711"));
	tap_need(!memcmp(ask.nonce, "guest-4711", ask.nonce_len));
}

static void need_reply(int number, uint16_t status, uint32_t length)
{
	unsigned char frame[sizeof(struct azattest_frame)];
	size_t len = shown(number, frame, sizeof(frame));
	struct azattest_frame want;

	azattest_frame_reply(&want, AZATTEST_FRAME_ATTEST, 7, status, length);
	tap_need_eq(len, sizeof(want));
	tap_need(!memcmp(frame, &want, sizeof(want)));
}

static void the_replies_shown_are_what_is_said(void)
{
	need_reply(1, AZATTEST_STATUS_OK, 1517);
	need_reply(2, AZATTEST_STATUS_RETRY, 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_request_shown_asks_for_what_is_said),
	TAP_TEST(the_replies_shown_are_what_is_said),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
