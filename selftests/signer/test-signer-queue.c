// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of the queue: requeue, poison, deadlines, fairness, limits. */
#include <selftests/device/talk.h>

#include <signal.h>
#include <unistd.h>

static void ask_nonce(int fd, uint32_t id, const char *nonce, uint32_t timeout_ms)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest_timeout(frame, id, nonce, strlen(nonce), timeout_ms);

	tap_need_eq(talk_put(fd, frame, n), n);
}

static int signer_with_slots(uint32_t slots)
{
	int fd = fakesigner_open();

	tap_need_eq(fakesigner_join(fd, slots, AZATTEST_HOST_READY, 1), 0);
	return fd;
}

/* ---- a signer dies ---- */

static void requests_of_a_killed_signer(int count)
{
	struct fakesigner_options o = { .mode = FAKESIGNER_NEVER, .slots = 16 };
	struct fakesigner *s = fakesigner_start(&o);
	char nonce[2] = "a";
	int owner = rig_owner(1200), fd;

	for (int i = 0; i < count; i++) {
		nonce[0] = 'a' + i;
		ask_nonce(owner, i, nonce, 0);
	}
	tap_need_wait(s->taken == (uint64_t)count);
	fd = talk_signer();
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
	fakesigner_kill(s);
	ask_nonce(owner, 15, "z", 0);
	for (int i = 0; i <= count; i++) {
		struct azattest_signer_request r = talk_take(fd);

		tap_need_eq(r.nonce[0], i < count ? 'a' + i : 'z');
		tap_need_eq(r.attempt, i < count ? 2 : 1);
		talk_answer(fd, r.cookie, "d");
		tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_OK);
	}
}

static void the_request_of_a_killed_signer_is_not_lost(void)
{
	requests_of_a_killed_signer(1);
}

static void twelve_requests_of_a_killed_signer_are_not_lost(void)
{
	requests_of_a_killed_signer(12);
}

static void closing_the_file_gives_requests_back(void)
{
	int owner = rig_owner(1201), fd = talk_signer(), copy = dup(fd);

	talk_ask(owner, 1);
	talk_take(fd);
	close(fd);	/* a copy is left: the signer lives */
	fd = talk_signer();
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
	close(copy);
	tap_need_eq(talk_take(fd).attempt, 2);
}

static void after_three_deaths_it_is_poison(void)
{
	int owner = rig_owner(1202);

	talk_ask(owner, 1);
	for (int i = 1; i <= AZATTEST_SIGNER_ATTEMPTS; i++) {
		int fd = talk_signer();

		tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
		tap_need_eq(talk_take(fd).attempt, i);
		close(fd);
	}
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_FAULT);
	tap_need_eq(rig_poll(talk_signer(), POLLIN, 0), 0);
}

/* ---- a signer hangs ---- */

static void a_hanging_signer_loses_it_and_its_late_answer_is_enoent(void)
{
	struct azattest_signer_request a, b;
	int owner, first, second;

	azbind_limit("attempt_ms", 100);
	owner = rig_owner(1204);
	first = signer_with_slots(1);
	talk_ask(owner, 1);
	a = talk_take(first);
	/* In force for what begins now: the second may take its time. */
	tap_need_eq(azbind_limit_set("attempt_ms", 60000), 0);
	second = signer_with_slots(1);
	b = talk_take(second);
	tap_need_eq(b.attempt, 2);
	tap_need_eq(fakesigner_answer(first, a.cookie, 0, "late", 4), -ENOENT);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
	talk_answer(second, b.cookie, "good");
	tap_need(!memcmp(talk_reply(owner).payload, "good", 4));
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

static void a_stopped_signer_process_loses_it_too(void)
{
	struct fakesigner_options o = { .mode = FAKESIGNER_NEVER, .slots = 1 };
	struct fakesigner *s = fakesigner_start(&o);
	int owner = rig_owner(1203);

	azbind_limit("attempt_ms", 100);
	talk_ask(owner, 1);
	tap_need_wait(s->taken == 1);
	kill(s->pid, SIGSTOP);
	tap_need_eq(azbind_limit_set("attempt_ms", 60000), 0);
	fakesigner_start(NULL);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_OK);
}

static void after_three_hangs_it_is_poison(void)
{
	int owner, fd;

	azbind_limit("attempt_ms", 50);
	owner = rig_owner(1205);
	fd = signer_with_slots(1);
	talk_ask(owner, 1);
	for (int i = 1; i <= AZATTEST_SIGNER_ATTEMPTS; i++)
		tap_need_eq(talk_take(fd).attempt, i);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_FAULT);
}

/* ---- deadlines ---- */

static void at_its_deadline_a_held_request_is_retry(void)
{
	int owner = rig_owner(1206), fd = talk_signer();
	struct azattest_signer_request r;

	ask_nonce(owner, 1, "n", 300);
	r = talk_take(fd);
	tap_need(r.deadline_ms <= 300);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_RETRY);
	tap_need_eq(fakesigner_answer(fd, r.cookie, 0, "late", 4), -ENOENT);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

static void an_earlier_deadline_is_not_held_up_by_a_later_one(void)
{
	struct frames_reply p;
	int owner = rig_owner(1207);

	ask_nonce(owner, 2, "n", 50000);
	ask_nonce(owner, 1, "n", 100);
	p = talk_reply(owner);
	tap_need_eq(p.id, 1);
	tap_need_eq(p.status, AZATTEST_STATUS_RETRY);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

static void a_signer_that_comes_in_time_answers_what_waited(void)
{
	int owner = rig_owner(1208);

	ask_nonce(owner, 1, "n", 0);
	tap_need_eq(rig_poll(owner, POLLIN, 50), 0);
	fakesigner_start(NULL);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_OK);
}

static void hosts_deadline_is_the_longest(void)
{
	struct azattest_signer_request r;
	int owner, fd = talk_signer();

	azbind_limit("deadline_ms", 400);
	owner = rig_owner(1209);
	ask_nonce(owner, 1, "n", 0xffffffff);
	r = talk_take(fd);
	tap_need(r.deadline_ms <= 400);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_RETRY);
}

/* ---- shares ---- */

static void one_vm_with_a_full_queue_does_not_hold_up_five(void)
{
	struct azattest_signer_request r;
	int files[4], small[5], fd, last = 0, seen = 0;
	uint8_t uuid[AZATTEST_UUID_LEN];

	files[0] = rig_owner(1210);
	for (int i = 1; i < 4; i++)
		files[i] = rig_attached(1210, AZATTEST_TRANSPORT_VMM);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < AZATTEST_FILE_INFLIGHT; k++)
			talk_ask(files[i], k);
	for (int i = 0; i < 5; i++) {
		small[i] = rig_owner(1211 + i);
		talk_ask(small[i], 1);
	}
	fd = talk_signer();
	azbind_uuid(uuid, 1210);
	for (int i = 1; i <= 12; i++) {
		r = talk_take(fd);
		if (memcmp(r.uuid, uuid, sizeof(uuid))) {
			seen++;
			last = i;
		}
	}
	tap_diag("the five were taken by take %d", last);
	tap_need_eq(seen, 5);
	tap_need(last <= 11);
}

static void a_vms_own_requests_keep_their_order(void)
{
	char nonce[2] = "a";
	int owner = rig_owner(1220), fd;

	for (int i = 0; i < 16; i++) {
		nonce[0] = 'a' + i;
		ask_nonce(owner, i, nonce, 0);
	}
	fd = talk_signer();
	for (int i = 0; i < 16; i++)
		tap_need_eq(talk_take(fd).nonce[0], 'a' + i);
}

static void queue_per_binding_is_busy_for_that_vm_alone(void)
{
	struct frames_reply p;
	int one, two;

	azbind_limit("queue_per_binding", 3);
	one = rig_owner(1221);
	two = rig_owner(1222);
	for (int i = 0; i < 4; i++)
		talk_ask(one, i);
	p = talk_reply(one);
	tap_need_eq(p.status, AZATTEST_STATUS_BUSY);
	tap_need_eq(p.id, 3);
	tap_need_eq(p.length, 0);
	talk_ask(two, 9);
	tap_need_eq(rig_poll(two, POLLIN, 0), 0);
	fakesigner_start(NULL);
	for (int i = 0; i < 3; i++)
		tap_need_eq(talk_reply(one).status, AZATTEST_STATUS_OK);
	tap_need_eq(talk_reply(two).status, AZATTEST_STATUS_OK);
	talk_ask(one, 10);
	tap_need_eq(talk_reply(one).status, AZATTEST_STATUS_OK);
}

static void requests_that_a_signer_holds_count_too(void)
{
	int owner, fd = talk_signer();

	azbind_limit("queue_per_binding", 2);
	owner = rig_owner(1223);
	talk_ask(owner, 1);
	talk_ask(owner, 2);
	talk_take(fd);
	talk_take(fd);
	talk_ask(owner, 3);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_BUSY);
}

static void the_limit_of_the_whole_queue_is_busy_for_all(void)
{
	int one, two;

	azbind_limit("queue", 4);
	one = rig_owner(1224);
	two = rig_owner(1225);
	for (int i = 0; i < 4; i++)
		talk_ask(one, i);
	talk_ask(two, 1);
	tap_need_eq(talk_reply(two).status, AZATTEST_STATUS_BUSY);
	fakesigner_start(NULL);
	for (int i = 0; i < 4; i++)
		tap_need_eq(talk_reply(one).status, AZATTEST_STATUS_OK);
	talk_ask(two, 2);
	tap_need_eq(talk_reply(two).status, AZATTEST_STATUS_OK);
}

static void a_signer_holds_no_more_than_its_slots(void)
{
	struct azattest_signer_request r[8];
	int owner = rig_owner(1226), fd = signer_with_slots(2);

	for (int i = 0; i < 6; i++)
		talk_ask(owner, i);
	talk_nonblock(fd, true);
	tap_need_eq(talk_get(fd, r, sizeof(r)), 2 * sizeof(r[0]));
	tap_need_eq(talk_get(fd, r + 2, sizeof(r[0])), -EAGAIN);
	tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
	talk_answer(fd, r[0].cookie, "d");
	tap_need(rig_poll(fd, POLLIN, 0) & POLLIN);
	tap_need_eq(talk_get(fd, r + 2, 6 * sizeof(r[0])), sizeof(r[0]));
	/* Joined again, it has more. */
	tap_need_eq(fakesigner_join(fd, 4, AZATTEST_HOST_READY, 1), 0);
	tap_need(rig_poll(fd, POLLIN, 0) & POLLIN);
	tap_need_eq(talk_get(fd, r + 3, 5 * sizeof(r[0])), 2 * sizeof(r[0]));
	tap_need_eq(talk_get(fd, r + 5, sizeof(r[0])), -EAGAIN);
	/* And fewer: nothing until enough is answered. */
	tap_need_eq(fakesigner_join(fd, 1, AZATTEST_HOST_READY, 1), 0);
	for (int i = 1; i < 5; i++) {
		tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
		talk_answer(fd, r[i].cookie, "d");
	}
	tap_need_eq(talk_get(fd, r + 5, sizeof(r[0])), sizeof(r[0]));
}

static void two_signers_share_what_waits(void)
{
	struct azattest_signer_request r[16];
	int owner = rig_owner(1227), one = talk_signer(), two = talk_signer();
	int n, m;

	for (int i = 0; i < 16; i++)
		talk_ask(owner, i);
	n = talk_get(one, r, sizeof(r)) / (int)sizeof(r[0]);
	talk_nonblock(two, true);
	m = talk_get(two, r, sizeof(r)) / (int)sizeof(r[0]);
	tap_diag("one took %d, two took %d", n, m);
	tap_need(n >= 1 && m >= 1 && n + m <= 16);
}

struct reader {
	int fd;
	volatile int *done;	/* how many have read something */
};

static int read_one(void *arg)
{
	struct azattest_signer_request r;
	struct reader *k = arg;

	if (talk_get(k->fd, &r, sizeof(r)) != sizeof(r))
		return 1;
	__atomic_fetch_add(k->done, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return 0;
}

/*
 * Two readers of one file with one slot, before another signer in the line of
 * those who wait: the second request wakes one who may not have it.
 */
static void a_wake_up_that_one_cannot_use_goes_to_another(void)
{
	volatile int *done = tap_shared(sizeof(*done));
	struct reader full = { signer_with_slots(1), done }, idle = { talk_signer(), done };
	int owner = rig_owner(1228);
	pid_t pids[3];

	for (int i = 0; i < 3; i++) {
		struct reader *k = i < 2 ? &full : &idle;

		pids[i] = tap_spawn(read_one, k, k->fd);
		tap_need_wait(talk_asleep(pids[i]));
	}
	talk_ask(owner, 1);
	tap_need_wait(*done == 1);
	talk_ask(owner, 2);
	tap_need_wait(*done == 2);
	for (int i = 0; i < 3; i++)
		tap_kill(pids[i]);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_request_of_a_killed_signer_is_not_lost),
	TAP_TEST(twelve_requests_of_a_killed_signer_are_not_lost),
	TAP_TEST(closing_the_file_gives_requests_back),
	TAP_TEST(after_three_deaths_it_is_poison),
	TAP_TEST(a_hanging_signer_loses_it_and_its_late_answer_is_enoent),
	TAP_TEST(a_stopped_signer_process_loses_it_too),
	TAP_TEST(after_three_hangs_it_is_poison),
	TAP_TEST(at_its_deadline_a_held_request_is_retry),
	TAP_TEST(an_earlier_deadline_is_not_held_up_by_a_later_one),
	TAP_TEST(a_signer_that_comes_in_time_answers_what_waited),
	TAP_TEST(hosts_deadline_is_the_longest),
	TAP_TEST(one_vm_with_a_full_queue_does_not_hold_up_five),
	TAP_TEST(a_vms_own_requests_keep_their_order),
	TAP_TEST(queue_per_binding_is_busy_for_that_vm_alone),
	TAP_TEST(requests_that_a_signer_holds_count_too),
	TAP_TEST(the_limit_of_the_whole_queue_is_busy_for_all),
	TAP_TEST(a_signer_holds_no_more_than_its_slots),
	TAP_TEST(two_signers_share_what_waits),
	TAP_TEST(a_wake_up_that_one_cannot_use_goes_to_another),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
