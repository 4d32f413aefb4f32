// SPDX-License-Identifier: GPL-2.0
// Tests that only a right reply is believed, that every other one has its own
// name, and that no host can make a client wait longer than it wants.

#include "host.h"

#include <endian.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t types[] = {
	AZATTEST_FRAME_HELLO, AZATTEST_FRAME_ATTEST, AZATTEST_FRAME_ISSUER,
};

static uint32_t size_of(uint8_t type)
{
	return type == AZATTEST_FRAME_HELLO ?
	       sizeof(struct azattest_frame_hello) : 1500;
}

static void good_reply_accepted(void)
{
	size_t i;

	for (i = 0; i < TAP_COUNT(types); i++) {
		struct host h = host_good(types[i], size_of(types[i]));

		host_need(&h, types[i], AZATTEST_E_OK);
	}
}

static void payload_comes_out_whole(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST,
				  AZATTEST_FRAME_MAX - HOST_HEADER);
	struct host_outcome o;
	size_t i;

	tap_need_eq(host_fetch_from(&h, AZATTEST_FRAME_ATTEST, HOST_TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, AZATTEST_FRAME_MAX - HOST_HEADER);
	for (i = 0; i < o.len; i++)
		tap_need_eq(o.der[i], (unsigned char)(0x30 + i * 7));
	free(o.der);
}

static void reply_in_single_bytes_accepted(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 300);

	h.step = 1;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_OK);
}

static void wrong_header_fields_refused(void)
{
	uint8_t type = AZATTEST_FRAME_ATTEST;
	struct host h;
	int bit;

	for (bit = 0; bit < 32; bit++) {
		h = host_good(type, 100);
		h.xor_magic = 1u << bit;
		host_need(&h, type, AZATTEST_E_REPLY);
		h = host_good(type, 100);
		h.xor_id = 1u << bit;
		host_need(&h, type, AZATTEST_E_REPLY);
	}
	for (bit = 0; bit < 8; bit++) {
		h = host_good(type, 100);
		h.reply.version ^= 1u << bit;
		host_need(&h, type, AZATTEST_E_REPLY);
		h = host_good(type, 100);
		h.reply.type ^= 1u << bit;
		host_need(&h, type, AZATTEST_E_REPLY);
	}
}

static void wrong_lengths_refused(void)
{
	static const uint32_t lengths[] = {
		0, AZATTEST_FRAME_MAX - HOST_HEADER + 1, AZATTEST_FRAME_MAX,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff,
	};
	struct host h;
	size_t i;

	for (i = 0; i < TAP_COUNT(lengths); i++) {
		h = host_good(AZATTEST_FRAME_ATTEST, 200);
		h.reply.length = htole32(lengths[i]);
		host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	}
	for (i = 0; i < 20; i++) {
		if (i == sizeof(struct azattest_frame_hello))
			continue;
		h = host_good(AZATTEST_FRAME_HELLO, (uint32_t)i);
		host_need(&h, AZATTEST_FRAME_HELLO, AZATTEST_E_REPLY);
	}
}

static void bytes_after_reply_refused(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 100);

	h.extra = 1;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h = host_good(AZATTEST_FRAME_ATTEST, AZATTEST_FRAME_MAX - HOST_HEADER);
	h.extra = 4000;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
}

/* A restarting host may hang up anywhere: worth another try, unlike a lie. */
static void every_cut_is_a_reset(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 40);

	for (h.cut = 1; h.cut <= HOST_HEADER + 40; h.cut++)
		host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RESET);
	tap_need(azattest_code_retryable(AZATTEST_E_RESET));
}

static void each_status_has_its_code(void)
{
	unsigned int status;

	for (status = 1; status <= AZATTEST_STATUS_MAX; status++) {
		struct host h = host_good(AZATTEST_FRAME_ATTEST, 0);

		h.reply.status = htole16(status);
		host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RETRY - 1 + (int)status);
		h.reply.type = AZATTEST_FRAME_REFUSED;
		host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RETRY - 1 + (int)status);
	}
	tap_need_eq(AZATTEST_E_RETRY - 1 + AZATTEST_STATUS_MAX,
		    AZATTEST_E_FAULT);
	tap_need_eq(AZATTEST_E_RETRY - 1 + AZATTEST_STATUS_UNBOUND,
		    AZATTEST_E_UNBOUND);
}

static void statuses_that_lie_refused(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 0);

	h.reply.status = htole16(AZATTEST_STATUS_MAX + 1);
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h.reply.status = 0xffff;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	/* a failure brings no document */
	h = host_good(AZATTEST_FRAME_ATTEST, 100);
	h.reply.status = htole16(AZATTEST_STATUS_EXPIRED);
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	/* a refusal is never a success, and answers no request */
	h = host_good(AZATTEST_FRAME_ATTEST, 100);
	h.reply.type = AZATTEST_FRAME_REFUSED;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	h = host_good(AZATTEST_FRAME_ATTEST, 0);
	h.reply.type = AZATTEST_FRAME_REFUSED;
	h.reply.status = htole16(AZATTEST_STATUS_UNBOUND);
	h.xor_id = 1;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
}

/* UNBOUND comes before a word was said, and the connection is gone then. */
static void refusal_before_the_request_is_heard(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 0);
	struct host_outcome o;
	struct host_stage stage;
	int pair[2];
	pid_t pid;

	h.reply.type = AZATTEST_FRAME_REFUSED;
	h.reply.status = htole16(AZATTEST_STATUS_UNBOUND);
	h.deaf = true;
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	stage = (struct host_stage){ pair[1], &h };
	pid = tap_spawn(host_play, &stage, pair[1]);
	close(pair[1]);
	tap_need_eq(tap_join(pid), 0);
	tap_need_eq(host_fetch(pair[0], AZATTEST_FRAME_ATTEST, HOST_TIMEOUT_MS, &o),
		    AZATTEST_E_UNBOUND);
	close(pair[0]);
}

static void hang_up_without_a_word_is_a_reset(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 0);

	h.cut = HOST_HEADER;
	h.deaf = true;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_RESET);
}

static void need_timeout(const struct host *h)
{
	int64_t begin = tap_now_ms();
	struct host_outcome o;

	tap_need_eq(host_fetch_from(h, AZATTEST_FRAME_ATTEST, 200, &o),
		    AZATTEST_E_TIMEOUT);
	tap_need(tap_now_ms() - begin >= 200);
}

static void silence_times_out(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 0);

	h.silent = true;
	need_timeout(&h);
}

/* Each byte comes in time; the whole never does. */
static void trickle_times_out(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 8000);

	h.step = 1;
	need_timeout(&h);
}

/* A wrong header is not waited out. */
static void wrong_header_is_told_at_once(void)
{
	struct host h = host_good(AZATTEST_FRAME_ATTEST, 100);
	int64_t begin = tap_now_ms();

	h.xor_magic = 1;
	h.cut = 100;
	host_need(&h, AZATTEST_FRAME_ATTEST, AZATTEST_E_REPLY);
	tap_need(tap_now_ms() - begin < HOST_TIMEOUT_MS);
}

static const struct tap_test tests[] = {
	TAP_TEST(good_reply_accepted),
	TAP_TEST(payload_comes_out_whole),
	TAP_TEST(reply_in_single_bytes_accepted),
	TAP_TEST(wrong_header_fields_refused),
	TAP_TEST(wrong_lengths_refused),
	TAP_TEST(bytes_after_reply_refused),
	TAP_TEST(every_cut_is_a_reset),
	TAP_TEST(each_status_has_its_code),
	TAP_TEST(statuses_that_lie_refused),
	TAP_TEST(refusal_before_the_request_is_heard),
	TAP_TEST(hang_up_without_a_word_is_a_reset),
	TAP_TEST(silence_times_out),
	TAP_TEST(trickle_times_out),
	TAP_TEST(wrong_header_is_told_at_once),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
