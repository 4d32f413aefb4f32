// SPDX-License-Identifier: GPL-2.0
/* Owns the promise that each refusal and each close at the vsock door is counted as what it was. */
#include <selftests/vsock/door.h>

#include <selftests/netlink/deltas.h>

/* BUSY in a row that end a connection (docs/counters.md). */
#define BUSY_MAX	8

static struct testvm *vm;
static uint8_t frame[AZATTEST_REQUEST_MAX];

static bool no_connections(struct client *c)
{
	static struct client_status s;

	tap_need_eq(client_status(c, &s), 0);
	return !s.connections;
}

/* What the promise before this one left open has been closed, and counted. */
static void quiet(void)
{
	struct client c;

	client_need(&c);
	tap_need_wait(no_connections(&c));
	client_close(&c);
	door_open_wide();
}

static void bound_vm(void)
{
	quiet();
	vm = testvm_start(1);
}

/* A connection that has answered, so that the module has accepted it. */
static struct fakeguest_conn *greeted(void)
{
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;

	tap_need_eq(ask_hello(c, 1, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	return c;
}

/* A connection that ends by itself, without a word. */
static void turned_away(void)
{
	struct fakeguest_conn *c = fakeguest_connect(vm->guest, 0, testvm_port());

	if (!c)
		return;
	door_hung_up(c, "connection over a limit");
	fakeguest_forget(c);
}

/* ---- Refused ---- */

static void hear_unbound(void)
{
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;

	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
	fakeguest_forget(c);
}

static void a_cid_without_binding_is_counted(void)
{
	quiet();
	vm = testvm_start_unbound(1);
	EXPECT(hear_unbound, { "refused_unbound", 1 });
}

static void one_too_many(void)
{
	greeted();
	turned_away();
}

static void one_more_than_a_cid_may_have_is_counted(void)
{
	bound_vm();
	azbind_limit("connections_per_cid", 1);
	EXPECT(one_too_many, { "accepted", 1 }, { "hello", 1 }, { "refused_cid_connections", 1 });
}

static void one_more_than_all_may_have_is_counted(void)
{
	bound_vm();
	azbind_limit("connections", 1);
	EXPECT(one_too_many, { "accepted", 1 }, { "hello", 1 }, { "refused_connections", 1 });
}

/* All at once: a token a second lets a few of them in, however slow the host. */
static void connects_over_the_accept_rate_are_counted(void)
{
	enum { COUNT = 40 };
	uint64_t accepted, refused;
	struct client c;

	bound_vm();
	client_need(&c);
	accepted = client_counter(&c, "accepted");
	refused = client_counter(&c, "refused_accept_rate");
	azbind_limit("connections_per_cid", COUNT);
	azbind_limit("accept_burst", 1);
	azbind_limit("accept_rate", 1);
	for (int i = 0; i < COUNT; i++)
		fakeguest_connect_begin(vm->guest, 0, testvm_port());
	tap_need_wait((fakeguest_pump(vm->guest, 0),
		       client_counter(&c, "accepted") - accepted +
		       client_counter(&c, "refused_accept_rate") - refused == COUNT));
	tap_need(client_counter(&c, "accepted") > accepted);
	tap_need(client_counter(&c, "refused_accept_rate") > refused);
}

/* ---- Closed ---- */

static void hang_up(void)
{
	fakeguest_hangup(greeted());
}

static void reset(void)
{
	fakeguest_reset(greeted());
}

static void guests_that_hang_up_are_counted(void)
{
	bound_vm();
	EXPECT(hang_up, { "accepted", 1 }, { "hello", 1 }, { "closed_by_peer", 1 });
	EXPECT(reset, { "accepted", 1 }, { "hello", 1 }, { "closed_by_peer", 1 });
}

static void send_half(void)
{
	struct fakeguest_conn *c = testvm_connect(vm);
	size_t len = frames_attest(frame, 1, "n", 1);

	tap_need_eq(fakeguest_send(c, frame, len / 2), 0);
	door_hung_up(c, "half a frame");
}

static void half_frames_are_counted(void)
{
	bound_vm();
	azbind_limit("frame_ms", 100);
	EXPECT(send_half, { "accepted", 1 }, { "closed_timeout", 1 });
}

static void send_without_magic(void)
{
	size_t len = frames_raw(frame, ~AZATTEST_FRAME_MAGIC, AZATTEST_FRAME_VERSION,
				AZATTEST_FRAME_HELLO, 0, 0, 1);

	door_refuses(vm, frame, len, AZATTEST_STATUS_BAD_REQUEST, "no magic");
}

static void send_bad_nonce(void)
{
	door_refuses(vm, frame, frames_attest(frame, 1, "!", 1), AZATTEST_STATUS_BAD_REQUEST,
		     "bad nonce");
}

static void bad_frames_and_their_ends_are_counted(void)
{
	bound_vm();
	EXPECT(send_without_magic, { "accepted", 1 }, { "frame_bad", 1 },
	       { "closed_bad_frame", 1 });
	EXPECT(send_bad_nonce, { "accepted", 1 }, { "frame_bad", 1 }, { "closed_bad_frame", 1 });
}

static void send_other_version(void)
{
	size_t len = frames_raw(frame, AZATTEST_FRAME_MAGIC, AZATTEST_FRAME_VERSION + 1,
				AZATTEST_FRAME_HELLO, 0, 0, 1);

	door_refuses(vm, frame, len, AZATTEST_STATUS_UNSUPPORTED, "other version");
}

static void frames_of_other_versions_are_counted(void)
{
	bound_vm();
	EXPECT(send_other_version, { "accepted", 1 }, { "frame_unsupported", 1 },
	       { "closed_bad_frame", 1 });
}

static void be_unbound(void)
{
	struct fakeguest_conn *c = greeted();

	testvm_unbind(vm);
	door_hung_up(c, "connection of an ended binding");
}

static void connections_that_end_with_their_binding_are_counted(void)
{
	bound_vm();
	EXPECT(be_unbound, { "accepted", 1 }, { "hello", 1 }, { "unbound", 1 },
	       { "closed_unbound", 1 });
}

/* ---- Busy ---- */

/* Until BUSY: a token a second lets a HELLO or two more pass on a slow host. */
static void hellos_over_the_rate_are_counted(void)
{
	uint64_t hello, busy;
	struct ask_reply r = { .status = AZATTEST_STATUS_OK };
	struct fakeguest_conn *conn;
	struct client c;
	int ok = 0;

	bound_vm();
	client_need(&c);
	conn = greeted();
	hello = client_counter(&c, "hello");
	busy = client_counter(&c, "busy_rate");
	azbind_limit("request_burst", 1);
	azbind_limit("request_rate", 1);
	for (; r.status == AZATTEST_STATUS_OK && ok < 100; ok++)
		tap_need_eq(ask_hello(conn, 1, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_BUSY);
	tap_need_eq(client_counter(&c, "busy_rate") - busy, 1);
	tap_need_eq(client_counter(&c, "hello") - hello, ok - 1);
}

/* A signer that never answers holds the only request that this VM may have. */
static void full_vm(void)
{
	struct fakesigner_options never = { .mode = FAKESIGNER_NEVER };
	struct fakesigner *s;

	bound_vm();
	s = fakesigner_start(&never);
	azbind_limit("queue_per_binding", 1);
	tap_need_eq(fakeguest_send(greeted(), frame, frames_attest(frame, 1, "n", 1)), 0);
	tap_need_wait(s->taken == 1);
}

static void hear_busy(struct fakeguest_conn *c, unsigned int times)
{
	struct ask_reply r;

	while (times--) {
		tap_need_eq(ask_attest(c, 1, "n", 1, &r), 0);
		tap_need_eq(r.status, AZATTEST_STATUS_BUSY);
	}
}

static void hear_busy_to_the_end(void)
{
	struct fakeguest_conn *c = testvm_connect(vm);

	hear_busy(c, BUSY_MAX);
	door_hung_up(c, "after the last BUSY");
}

static void eighth_busy_in_a_row_is_the_last_word(void)
{
	full_vm();
	EXPECT(hear_busy_to_the_end, { "accepted", 1 }, { "busy_queue", BUSY_MAX },
	       { "closed_busy", 1 });
}

static void hear_another_word_between(void)
{
	struct fakeguest_conn *c = greeted();
	struct ask_reply r;

	for (int i = 0; i < 3; i++) {
		hear_busy(c, BUSY_MAX - 1);
		tap_need_eq(ask_hello(c, 1, &r), 0);
	}
}

static void another_answer_starts_the_count_of_busy_anew(void)
{
	full_vm();
	EXPECT(hear_another_word_between, { "accepted", 1 }, { "hello", 4 },
	       { "busy_queue", 3 * (BUSY_MAX - 1) });
}

/* ---- Replies ---- */

static void hear_replies(unsigned int count)
{
	struct fakeguest_conn *c = testvm_connect(vm);
	struct ask_reply r;

	while (count--)
		tap_need_eq(ask_hello(c, 1, &r), 0);
	door_hung_up(c, "after the last reply");
}

static void hear_three(void)
{
	hear_replies(3);
}

static void hear_as_many_as_shipped(void)
{
	hear_replies(128);
}

static void connection_ends_after_its_limit_of_replies(void)
{
	bound_vm();
	tap_need_eq(azbind_limit_get("replies"), 128);
	EXPECT(hear_as_many_as_shipped, { "accepted", 1 }, { "hello", 128 },
	       { "closed_replies", 1 });
	azbind_limit("replies", 3);
	EXPECT(hear_three, { "accepted", 1 }, { "hello", 3 }, { "closed_replies", 1 });
}

static const struct tap_test tests[] = {
	TAP_TEST(a_cid_without_binding_is_counted),
	TAP_TEST(one_more_than_a_cid_may_have_is_counted),
	TAP_TEST(one_more_than_all_may_have_is_counted),
	TAP_TEST(connects_over_the_accept_rate_are_counted),
	TAP_TEST(guests_that_hang_up_are_counted),
	TAP_TEST(half_frames_are_counted),
	TAP_TEST(bad_frames_and_their_ends_are_counted),
	TAP_TEST(frames_of_other_versions_are_counted),
	TAP_TEST(connections_that_end_with_their_binding_are_counted),
	TAP_TEST(hellos_over_the_rate_are_counted),
	TAP_TEST(eighth_busy_in_a_row_is_the_last_word),
	TAP_TEST(another_answer_starts_the_count_of_busy_anew),
	TAP_TEST(connection_ends_after_its_limit_of_replies),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
