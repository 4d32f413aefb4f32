// SPDX-License-Identifier: GPL-2.0
/* Limits at the vsock door: who is over one hears it, and nobody else does. */
#include <selftests/vsock/door.h>

#include <stdlib.h>
#include <unistd.h>

/* The connection is there and answers. */
static bool answers(struct fakeguest_conn *c)
{
	struct ask_reply r;

	return c && ask_hello(c, 1, &r) == 0 && r.status == AZATTEST_STATUS_OK;
}

static struct fakeguest_conn *try_connect(struct testvm *vm)
{
	struct fakeguest_conn *c = fakeguest_connect(vm->guest, 0, testvm_port());

	if (c && !answers(c)) {
		fakeguest_forget(c);
		c = NULL;
	}
	return c;
}

static int attest_status(struct fakeguest_conn *c)
{
	struct ask_reply r;
	int err = ask_attest(c, 1, "n", 1, &r);

	tap_need_msg(!err, "attest: errno %d", -err);
	return r.status;
}

static void no_signer_until_the_deadline_is_retry(void)
{
	struct fakeguest_conn *c;
	int64_t begin;

	door_open_wide();
	azbind_limit("deadline_ms", 400);
	c = testvm_connect(testvm_start(1));
	begin = tap_now_ms();
	tap_need_eq(attest_status(c), AZATTEST_STATUS_RETRY);
	/* It waited for a signer; and the connection is as good as before. */
	tap_need(tap_now_ms() - begin >= 390);
	tap_need(answers(c));
}

static void guest_may_ask_for_a_shorter_deadline(void)
{
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	int64_t begin = tap_now_ms();
	struct ask_reply r;

	door_open_wide();
	azbind_limit("deadline_ms", 55000);
	c = testvm_connect(testvm_start(1));
	tap_need_eq(ask(c, frame, frames_attest_timeout(frame, 1, "n", 1, 100), &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_RETRY);
	tap_need(tap_now_ms() - begin < 50000);
}

static void guest_cannot_ask_for_a_longer_deadline(void)
{
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct ask_reply r;

	door_open_wide();
	azbind_limit("deadline_ms", 100);
	c = testvm_connect(testvm_start(1));
	tap_need_eq(ask(c, frame, frames_attest_timeout(frame, 1, "n", 1, 0xffffffff), &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_RETRY);
}

static void request_waits_for_a_signer_to_come(void)
{
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct ask_reply r;

	door_open_wide();
	c = testvm_connect(testvm_start(1));
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 1, "n", 1)), 0);
	fakesigner_start(NULL);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
}

static void dead_signers_request_goes_to_the_next(void)
{
	struct fakesigner_options die = { .mode = FAKESIGNER_DIE };
	struct fakeguest_conn *c;
	struct fakesigner *s;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct ask_reply r;

	door_open_wide();
	s = fakesigner_start(&die);
	c = testvm_connect(testvm_start(1));
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 1, "n", 1)), 0);
	tap_join(s->pid);
	s = fakesigner_start(NULL);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_OK);
	tap_need_eq(s->last.attempt, 2);
}

static void request_that_kills_three_signers_is_a_fault(void)
{
	struct fakesigner_options die = { .mode = FAKESIGNER_DIE };
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct ask_reply r;

	door_open_wide();
	c = testvm_connect(testvm_start(1));
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 1, "n", 1)), 0);
	for (int i = 0; i < AZATTEST_SIGNER_ATTEMPTS; i++)
		tap_join(fakesigner_start(&die)->pid);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_FAULT);
	fakesigner_start(NULL);
	tap_need_eq(attest_status(c), AZATTEST_STATUS_OK);
}

static void late_answer_never_reaches_the_next_request(void)
{
	struct azattest_signer_request req;
	struct testvm *vm;
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	char der[AZATTEST_DOCUMENT_MAX];
	struct ask_reply r;
	int signer;

	door_open_wide();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	signer = fakesigner_open();
	tap_need_eq(fakesigner_join(signer, 1, AZATTEST_HOST_READY, 1), 0);
	azbind_limit("deadline_ms", 200);
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 1, "n", 1)), 0);
	tap_need_eq(fakesigner_take(signer, &req, tap_patience_ms()), 1);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_RETRY);
	azbind_limit("deadline_ms", 30000);
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 2, "next", 4)), 0);
	tap_need_eq(fakesigner_answer(signer, req.cookie, AZATTEST_STATUS_OK, der,
				      fakesigner_document(der, &req, 1, 1)), -ENOENT);
	tap_need_eq(fakesigner_take(signer, &req, tap_patience_ms()), 1);
	tap_need_eq(fakesigner_answer(signer, req.cookie, AZATTEST_STATUS_OK, der,
				      fakesigner_document(der, &req, 1, 1)), 0);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.id, 2);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, "next", 4));
}

static void double_and_foreign_answers_reach_nobody(void)
{
	static const enum fakesigner_mode modes[] = {
		FAKESIGNER_TWICE, FAKESIGNER_FOREIGN, FAKESIGNER_TRUNCATED, FAKESIGNER_WRONG,
	};
	static const int refusals[] = { ENOENT, ENOENT, EBADMSG, EINVAL };
	struct testvm *vm;
	struct fakeguest_conn *c;
	struct fakesigner *s = door_signer();

	vm = testvm_start(1);
	c = testvm_connect(vm);
	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		s->options.mode = modes[i];
		testvm_attest_on(vm, c, "mine");
		tap_need_wait(s->refused == i + 1);
		tap_need_eq(s->last_refusal, refusals[i]);
		testvm_attest_on(vm, c, "mine-too");
		tap_need_wait(s->refused == i + 2);
		s->refused = i + 1;
	}
}

static void over_the_rate_is_busy_for_that_vm_alone(void)
{
	struct testvm *a, *b;
	struct fakeguest_conn *c;
	unsigned int ok = 0, busy = 0;
	int64_t begin;

	door_signer();
	a = testvm_start(1);
	b = testvm_start(2);
	c = testvm_connect(a);
	begin = tap_now_ms();
	azbind_limit("request_burst", 3);
	azbind_limit("request_rate", 1);
	while (busy < 5 && ok < 50) {
		int status = attest_status(c);

		ok += status == AZATTEST_STATUS_OK;
		busy += status == AZATTEST_STATUS_BUSY;
		tap_need(status == AZATTEST_STATUS_OK || status == AZATTEST_STATUS_BUSY);
	}
	tap_need_eq(busy, 5);
	tap_need(ok >= 1 && ok <= 4 + (tap_now_ms() - begin) / 1000);
	testvm_attest(b, "unharmed");
	azbind_limit("request_rate", 0);
	testvm_attest(a, "again");
}

static void rate_is_one_bucket_for_all_doors(void)
{
	char der[AZATTEST_FRAME_MAX];
	uint32_t len = sizeof(der);
	struct fakeguest_conn *c;
	struct testvm *vm;
	int busy = 0;

	door_signer();
	vm = testvm_start(1);
	c = testvm_connect(vm);
	azbind_limit("request_burst", 3);
	azbind_limit("request_rate", 1);
	/* Two looks, since a token may come between the doors; a bucket of its
	 * own would give the device three.
	 */
	for (int i = 0; i < 2; i++) {
		while (attest_status(c) != AZATTEST_STATUS_BUSY)
			;
		len = sizeof(der);
		busy += azbind_attest(vm->fd, "n", 1, der, &len) == AZATTEST_STATUS_BUSY;
	}
	tap_need(busy >= 1);
}

static void connections_of_one_cid_are_capped(void)
{
	struct fakeguest_conn *c[20], *more;
	struct testvm *a, *b;
	int64_t cap;

	door_signer();
	cap = azbind_limit_get("connections_per_cid");
	tap_need_eq(cap, 16);
	a = testvm_start(1);
	b = testvm_start(2);
	for (int i = 0; i < cap; i++)
		tap_need((c[i] = try_connect(a)));
	for (int i = 0; i < 5; i++)
		tap_need(!try_connect(a));
	testvm_attest(b, "unharmed");
	for (int i = 0; i < cap; i++)
		tap_need(answers(c[i]));
	fakeguest_hangup(c[3]);
	tap_need_wait((more = try_connect(a)));
	tap_need(!try_connect(a));
}

static void connections_of_an_unbound_cid_do_not_last(void)
{
	struct testvm *vm;
	struct ask_reply r;

	door_signer();
	vm = testvm_start_unbound(1);
	for (int i = 0; i < 50; i++) {
		struct fakeguest_conn *c = fakeguest_connect(vm->guest, 0, testvm_port());

		tap_need(c);
		tap_need_eq(ask_read(c, &r), 0);
		tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
		tap_need_eq(fakeguest_wait_end(c), 0);
	}
	testvm_bind(vm);
	testvm_attest(vm, "n");
}

static void connections_in_all_are_capped(void)
{
	struct testvm *a, *b;
	struct fakeguest_conn *c;

	door_signer();
	a = testvm_start(1);
	b = testvm_start(2);
	azbind_limit("connections", 3);
	tap_need((c = try_connect(a)));
	tap_need(try_connect(a));
	tap_need(try_connect(b));
	tap_need(!try_connect(b));
	tap_need(!try_connect(a));
	fakeguest_hangup(c);
	tap_need_wait(try_connect(b));
}

static void accepts_of_one_cid_are_rate_limited(void)
{
	struct testvm *a, *b;
	unsigned int good = 0, bad = 0;
	struct fakeguest_conn *c;
	int64_t begin;

	door_signer();
	a = testvm_start(1);
	b = testvm_start(2);
	azbind_limit("accept_burst", 5);
	azbind_limit("accept_rate", 1);
	begin = tap_now_ms();
	while (good < 60 && bad < 10) {
		c = try_connect(a);
		if (c)
			fakeguest_hangup(c);
		good += !!c;
		bad += !c;
	}
	tap_need_eq(bad, 10);
	tap_need(good >= 1 && good <= 6 + (tap_now_ms() - begin) / 1000);
	testvm_attest(b, "unharmed");
	tap_need_wait(try_connect(a));
}

static unsigned int with_data(struct fakeguest_conn **c, unsigned int count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < count; i++) {
		fakeguest_pump(c[i]->guest, 0);
		n += c[i]->data_len != 0;
	}
	return n;
}

/*
 * One request on each connection: all but `room` are BUSY while no signer is
 * there, and the others are answered when it comes.
 */
static void queue_has_room_for(unsigned int room, struct fakeguest_conn **c, unsigned int count)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];
	unsigned int seen[AZATTEST_STATUS_MAX + 1] = { 0 };
	struct ask_reply r;

	for (unsigned int i = 0; i < count; i++)
		tap_need_eq(fakeguest_send(c[i], frame, frames_attest(frame, i, "n", 1)), 0);
	tap_need_wait(with_data(c, count) == count - room);
	fakesigner_start(NULL);
	for (unsigned int i = 0; i < count; i++) {
		tap_need_eq(ask_read(c[i], &r), 0);
		seen[r.status]++;
	}
	tap_need_eq(seen[AZATTEST_STATUS_BUSY], count - room);
	tap_need_eq(seen[AZATTEST_STATUS_OK], room);
}

static void full_queue_of_one_vm_is_busy_at_once(void)
{
	struct fakeguest_conn *c[9];
	struct testvm *a, *b;

	door_open_wide();
	azbind_limit("queue_per_binding", 3);
	a = testvm_start(1);
	b = testvm_start(2);
	for (size_t i = 0; i < 8; i++)
		c[i] = testvm_connect(a);
	/* The last one is another VM's: it has a queue of its own. */
	c[8] = testvm_connect(b);
	queue_has_room_for(4, c, TAP_COUNT(c));
	testvm_attest(a, "again");
}

static void full_queue_of_all_is_busy_at_once(void)
{
	struct fakeguest_conn *c[6];
	struct testvm *vm = NULL;

	door_open_wide();
	azbind_limit("queue", 4);
	for (size_t i = 0; i < TAP_COUNT(c); i++) {
		vm = testvm_start(1 + i);
		c[i] = testvm_connect(vm);
	}
	queue_has_room_for(4, c, TAP_COUNT(c));
	testvm_attest(vm, "again");
}

/* The guest is gone: nobody else may get its place's answer. */
static void guest_that_hangs_up_cancels_its_request(void)
{
	struct fakesigner_options never = { .mode = FAKESIGNER_NEVER };
	struct testvm *vm;
	struct fakeguest_conn *c;
	struct fakesigner *s;
	uint8_t frame[AZATTEST_REQUEST_MAX];

	door_open_wide();
	azbind_limit("queue_per_binding", 1);
	s = fakesigner_start(&never);
	vm = testvm_start(1);
	c = testvm_connect(vm);
	tap_need_eq(fakeguest_send(c, frame, frames_attest(frame, 1, "n", 1)), 0);
	tap_need_wait(s->taken == 1);
	fakeguest_reset(c);
	fakesigner_kill(s);
	s = fakesigner_start(NULL);
	/* Its slot is free before its deadline, and it is not signed again. */
	c = testvm_connect(vm);
	tap_need_wait(attest_status(c) == AZATTEST_STATUS_OK);
	tap_need_eq(s->taken, 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(no_signer_until_the_deadline_is_retry),
	TAP_TEST(guest_may_ask_for_a_shorter_deadline),
	TAP_TEST(guest_cannot_ask_for_a_longer_deadline),
	TAP_TEST(request_waits_for_a_signer_to_come),
	TAP_TEST(dead_signers_request_goes_to_the_next),
	TAP_TEST(request_that_kills_three_signers_is_a_fault),
	TAP_TEST(late_answer_never_reaches_the_next_request),
	TAP_TEST(double_and_foreign_answers_reach_nobody),
	TAP_TEST(over_the_rate_is_busy_for_that_vm_alone),
	TAP_TEST(rate_is_one_bucket_for_all_doors),
	TAP_TEST(connections_of_one_cid_are_capped),
	TAP_TEST(connections_of_an_unbound_cid_do_not_last),
	TAP_TEST(connections_in_all_are_capped),
	TAP_TEST(accepts_of_one_cid_are_rate_limited),
	TAP_TEST(full_queue_of_one_vm_is_busy_at_once),
	TAP_TEST(full_queue_of_all_is_busy_at_once),
	TAP_TEST(guest_that_hangs_up_cancels_its_request),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
