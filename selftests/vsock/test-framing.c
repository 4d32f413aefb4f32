// SPDX-License-Identifier: GPL-2.0
/* Frames as they must not be: cut anywhere, glued together, every field wrong. */
#include <selftests/vsock/door.h>

#include <stdio.h>
#include <string.h>

#define MAGIC	AZATTEST_FRAME_MAGIC
#define VERSION	AZATTEST_FRAME_VERSION

static const char nonce32[] = "0123456789abcdefABCDEF-_zyxwvuts";

/* The host has taken and dealt with every packet so far. */
static void barrier(struct fakeguest *g)
{
	tap_need_wait((fakeguest_pump(g, 0), fakeguest_sent_all(g)));
}

static void frame_cut_at_every_byte_is_one_request(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c = testvm_connect(vm);
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, nonce32, 32);
	struct ask_reply r;

	tap_need_eq(len, AZATTEST_REQUEST_MAX);
	for (size_t cut = 1; cut < len; cut++) {
		tap_need_eq(fakeguest_send(c, frame, cut), 0);
		barrier(vm->guest);
		tap_need_eq(ask(c, frame + cut, len - cut, &r), 0);
		tap_need_msg(r.status == AZATTEST_STATUS_OK, "cut at %zu: %s", cut,
			     frames_status_name(r.status));
		tap_need(fakesigner_is_for(r.payload, r.length, 1, nonce32, 32));
	}
	tap_need_eq(s->taken, len - 1);
}

static void frame_in_single_bytes_is_one_request(void)
{
	struct testvm *vm;
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, nonce32, 32);
	struct ask_reply r;

	door_signer();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	for (size_t i = 0; i + 1 < len; i++)
		tap_need_eq(fakeguest_send(c, frame + i, 1), 0);
	tap_need_eq(ask(c, frame + len - 1, 1, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
}

/* The second is not even looked at while the first is with the signer. */
static void two_frames_in_one_packet_are_answered_one_at_a_time(void)
{
	struct fakesigner_options never = { .mode = FAKESIGNER_NEVER };
	struct testvm *a, *b;
	struct fakeguest_conn *c;
	struct fakesigner *s;
	uint8_t two[2 * AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(two, 1, "first", 5);
	struct ask_reply r;

	door_open_wide();
	s = fakesigner_start(&never);
	a = testvm_start(1);
	b = testvm_start(2);
	c = testvm_connect(a);
	len += frames_attest(two + len, 2, "second", 6);
	tap_need_eq(fakeguest_send(c, two, len), 0);
	tap_need_wait(s->taken == 1);
	/* By the time another VM's later request is taken, it would be too. */
	c = testvm_connect(b);
	len = frames_attest(two, 1, "other", 5);
	tap_need_eq(fakeguest_send(c, two, len), 0);
	tap_need_wait(s->taken == 2);
	tap_need(!memcmp((const void *)s->last.nonce, "other", 5));
	fakesigner_kill(s);
	s = fakesigner_start(NULL);
	c = a->guest->conns;
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.id, 1);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, "first", 5));
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.id, 2);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, "second", 6));
}

static void many_frames_glued_are_answered_in_order(void)
{
	enum { COUNT = 60 };
	static uint8_t all[COUNT * AZATTEST_REQUEST_MAX];
	struct testvm *vm;
	struct fakeguest_conn *c;
	struct ask_reply r;
	size_t len = 0;

	door_signer();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	for (uint32_t i = 0; i < COUNT; i++)
		len += i % 3 ? frames_attest(all + len, i, nonce32, 1 + i % 32) :
			       frames_hello(all + len, i);
	/* 1, 2, 3, ... bytes a packet: cuts fall everywhere. */
	for (size_t done = 0, n = 1; done < len; done += n, n++) {
		if (n > len - done)
			n = len - done;
		tap_need_eq(fakeguest_send(c, all + done, n), 0);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		tap_need_eq(ask_read(c, &r), 0);
		tap_need_eq(r.id, i);
		tap_need_eq(r.status, AZATTEST_STATUS_OK);
	}
}

static void refuses_raw(struct testvm *vm, uint32_t magic, uint8_t version, uint8_t type,
			uint16_t status, uint32_t length, uint16_t want)
{
	uint8_t frame[sizeof(struct azattest_frame) + 64] = "";
	size_t n = frames_raw(frame, magic, version, type, status, length, 1);
	char what[96];

	snprintf(what, sizeof(what), "magic %#x version %u type %u status %u length %u",
		 magic, version, type, status, length);
	/* A short payload is sent as claimed; of a long one, the header says all. */
	door_refuses(vm, frame, length <= 64 ? n + length : n, want, what);
}

static void wrong_magic_is_bad_request(void)
{
	static const uint32_t magics[] = {
		0, 0xffffffff, __builtin_bswap32(MAGIC), MAGIC ^ 1, MAGIC ^ 0x80000000,
		0x20544547 /* "GET " */,
	};
	struct testvm *vm;

	door_signer();
	vm = testvm_start(1);
	for (size_t i = 0; i < TAP_COUNT(magics); i++)
		refuses_raw(vm, magics[i], VERSION, AZATTEST_FRAME_HELLO, 0, 0,
			    AZATTEST_STATUS_BAD_REQUEST);
}

static void unknown_version_or_type_is_unsupported(void)
{
	static const uint8_t types[] = { 0, 4, 5, 0x7f, 0x80, 0x81, 0x82, 0x83, 0xfe, 0xff };
	static const uint8_t versions[] = { 0, 2, 0x7f, 0xff };
	struct testvm *vm;

	door_signer();
	vm = testvm_start(1);
	for (size_t i = 0; i < TAP_COUNT(versions); i++)
		refuses_raw(vm, MAGIC, versions[i], AZATTEST_FRAME_HELLO, 0, 0,
			    AZATTEST_STATUS_UNSUPPORTED);
	for (size_t i = 0; i < TAP_COUNT(types); i++)
		refuses_raw(vm, MAGIC, VERSION, types[i], 0, 0, AZATTEST_STATUS_UNSUPPORTED);
}

static void status_in_a_request_is_bad_request(void)
{
	static const uint16_t statuses[] = { 1, 8, 9, 0x100, 0xffff };
	struct testvm *vm;

	door_signer();
	vm = testvm_start(1);
	for (size_t i = 0; i < TAP_COUNT(statuses); i++)
		refuses_raw(vm, MAGIC, VERSION, AZATTEST_FRAME_HELLO, statuses[i], 0,
			    AZATTEST_STATUS_BAD_REQUEST);
}

/* Refused by the header alone: the payload never comes. */
static void overlong_length_is_bad_request_at_once(void)
{
	static const uint32_t lengths[] = {
		AZATTEST_REQUEST_MAX - sizeof(struct azattest_frame) + 1,
		AZATTEST_FRAME_MAX, AZATTEST_FRAME_MAX + 1, 65536, 0x7fffffff,
		0x80000000, 0xfffffff0, 0xffffffff,
	};
	struct testvm *vm;

	door_signer();
	vm = testvm_start(1);
	for (size_t i = 0; i < TAP_COUNT(lengths); i++)
		for (uint8_t type = AZATTEST_FRAME_HELLO; type <= AZATTEST_FRAME_ISSUER; type++)
			refuses_raw(vm, MAGIC, VERSION, type, 0, lengths[i],
				    AZATTEST_STATUS_BAD_REQUEST);
}

static void length_that_does_not_fit_the_type_is_bad_request(void)
{
	struct testvm *vm;

	door_signer();
	vm = testvm_start(1);
	refuses_raw(vm, MAGIC, VERSION, AZATTEST_FRAME_HELLO, 0, 1, AZATTEST_STATUS_BAD_REQUEST);
	refuses_raw(vm, MAGIC, VERSION, AZATTEST_FRAME_HELLO, 0, 16, AZATTEST_STATUS_BAD_REQUEST);
	refuses_raw(vm, MAGIC, VERSION, AZATTEST_FRAME_ISSUER, 0, 1, AZATTEST_STATUS_BAD_REQUEST);
	for (uint32_t n = 0; n < 16; n++)
		refuses_raw(vm, MAGIC, VERSION, AZATTEST_FRAME_ATTEST, 0, n,
			    AZATTEST_STATUS_BAD_REQUEST);
}

static void refuses_attest(struct testvm *vm, struct frames_attest a, const char *what)
{
	uint8_t frame[AZATTEST_REQUEST_MAX + 64];

	if (!a.api_version)
		a.api_version = FRAMES_API_VERSION;
	if (!a.nonce)
		a.nonce = nonce32;
	door_refuses(vm, frame, frames_attest_raw(frame, 1, &a), AZATTEST_STATUS_BAD_REQUEST,
		     what);
}

static void attest_payload_out_of_rule_is_bad_request(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	const uint32_t none = AZATTEST_ATTEST_NO_NONCE;

	refuses_attest(vm, (struct frames_attest){ 0 }, "no nonce, no flag");
	refuses_attest(vm, (struct frames_attest){ .flags = none, .nonce_len = 4,
		.nonce_bytes = 4 }, "nonce and NO_NONCE");
	for (int bit = 1; bit < 32; bit++)
		refuses_attest(vm, (struct frames_attest){ .flags = 1U << bit, .nonce_len = 4,
			.nonce_bytes = 4 }, "unknown flag");
	for (int i = 0; i < 3; i++) {
		struct frames_attest a = { .nonce_len = 4, .nonce_bytes = 4 };

		a.reserved[i] = 1 << (2 * i);
		refuses_attest(vm, a, "reserved");
	}
	refuses_attest(vm, (struct frames_attest){ .nonce_len = 5, .nonce_bytes = 4 },
		       "nonce shorter than it says");
	refuses_attest(vm, (struct frames_attest){ .nonce_len = 4, .nonce_bytes = 5 },
		       "trailing byte");
	refuses_attest(vm, (struct frames_attest){ .flags = none, .nonce_bytes = 1 },
		       "trailing byte after NO_NONCE");
	refuses_attest(vm, (struct frames_attest){ .nonce_len = 33, .nonce_bytes = 32 },
		       "nonce of 33 in the room of 32");
	refuses_attest(vm, (struct frames_attest){ .nonce_len = 33, .nonce_bytes = 33,
		.nonce = "0123456789012345678901234567890123" }, "nonce of 33");
	refuses_attest(vm, (struct frames_attest){ .nonce_len = 255, .nonce_bytes = 32 },
		       "nonce of 255");
	tap_need_eq(s->taken, 0);
}

static bool in_table(int byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static void nonce_bytes_are_exactly_the_table(void)
{
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c = testvm_connect(vm);
	unsigned int good = 0;
	char what[32];

	for (int byte = 0; byte < 256; byte++) {
		char nonce[32];
		struct ask_reply r;

		/* In the middle, at the front and at the end in turn. */
		memset(nonce, 'x', sizeof(nonce));
		nonce[byte % 3 ? (byte % 3 == 1 ? 0 : 31) : 16] = byte;
		if (in_table(byte)) {
			tap_need_eq(ask_attest(c, byte, nonce, 32, &r), 0);
			tap_need_msg(r.status == AZATTEST_STATUS_OK, "byte %#x: %s", byte,
				     frames_status_name(r.status));
			good++;
			continue;
		}
		snprintf(what, sizeof(what), "byte %#x", byte);
		refuses_attest(vm, (struct frames_attest){ .nonce_len = 32, .nonce_bytes = 32,
			.nonce = nonce }, what);
	}
	tap_need_eq(good, 64);
	tap_need_eq(s->taken, good);
}

static void nonce_of_every_length_is_taken(void)
{
	struct fakesigner *s = door_signer();
	struct fakeguest_conn *c = testvm_connect(testvm_start(1));
	struct ask_reply r;

	for (size_t len = 1; len <= AZATTEST_NONCE_MAX; len++) {
		tap_need_eq(ask_attest(c, len, nonce32, len, &r), 0);
		tap_need(fakesigner_is_for(r.payload, r.length, 1, nonce32, len));
	}
	tap_need_eq(s->taken, AZATTEST_NONCE_MAX);
}

static void bad_frame_after_good_ones_still_closes(void)
{
	struct fakeguest_conn *c;
	uint8_t both[2 * AZATTEST_REQUEST_MAX];
	size_t len = frames_hello(both, 1);
	struct ask_reply r;

	door_signer();
	c = testvm_connect(testvm_start(1));
	len += frames_raw(both + len, MAGIC ^ 1, VERSION, AZATTEST_FRAME_HELLO, 0, 0, 2);
	tap_need_eq(ask(c, both, len, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(r.id, 1);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_BAD_REQUEST);
	door_hung_up(c, "after a bad frame");
}

static const struct tap_test tests[] = {
	TAP_TEST(frame_cut_at_every_byte_is_one_request),
	TAP_TEST(frame_in_single_bytes_is_one_request),
	TAP_TEST(two_frames_in_one_packet_are_answered_one_at_a_time),
	TAP_TEST(many_frames_glued_are_answered_in_order),
	TAP_TEST(wrong_magic_is_bad_request),
	TAP_TEST(unknown_version_or_type_is_unsupported),
	TAP_TEST(status_in_a_request_is_bad_request),
	TAP_TEST(overlong_length_is_bad_request_at_once),
	TAP_TEST(length_that_does_not_fit_the_type_is_bad_request),
	TAP_TEST(attest_payload_out_of_rule_is_bad_request),
	TAP_TEST(nonce_bytes_are_exactly_the_table),
	TAP_TEST(nonce_of_every_length_is_taken),
	TAP_TEST(bad_frame_after_good_ones_still_closes),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
