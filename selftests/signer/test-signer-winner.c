// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the promise of one winner: when an answer meets a signal, a deadline,
 * the binding's end or another signer, both sides hear the same outcome.
 */
#include <selftests/device/talk.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned int loops(void)
{
	return tap_loops(60, 600);
}

/* A different moment in every round, without a clock. */
static void dawdle(unsigned int round)
{
	for (volatile unsigned int i = 0; i < (round * 7919u) % 20011u; i++)
		;
}

/*
 * The moment at which two things meet, found by trying: whoever won the last
 * round is later in the next.
 */
static unsigned int meeting = 4000;

static void wait_for_meeting(unsigned int round)
{
	for (volatile unsigned int i = 0; i < meeting + (round * 7919u) % 257u; i++)
		;
}

static void move_meeting(bool too_early)
{
	meeting = too_early ? meeting + meeting / 16 + 16 : meeting - meeting / 16;
}

/* Both sides' words on one request; only these pairs are one truth. */
static void need_one_truth(int answer, bool answered, unsigned int round)
{
	tap_need_msg(answer == 0 || answer == -ENOENT, "round %u: answer %d", round, answer);
	tap_need_msg((answer == 0) == answered, "round %u: the signer hears %d, the guest %s",
		     round, answer, answered ? "a document" : "none");
}

static unsigned int wins, losses;

static void score(int answer)
{
	wins += answer == 0;
	losses += answer != 0;
}

static void tell_score(void)
{
	tap_diag("the answer won %u times and lost %u times", wins, losses);
}

/* ---- a signal ---- */

static int owner;
static volatile int asker_result;

static void *ask_one(void *arg)
{
	char doc[64];
	uint32_t len = sizeof(doc);

	(void)arg;
	asker_result = azbind_attest(owner, "n", 1, doc, &len);
	return NULL;
}

static void answer_against_signal(void)
{
	int signer = talk_signer();

	owner = rig_owner(1280);
	talk_hear_signals();
	for (unsigned int i = 0; i < 5 * loops(); i++) {
		struct azattest_signer_request r;
		pthread_t t;
		int answer;

		tap_need(!pthread_create(&t, NULL, ask_one, NULL));
		r = talk_take(signer);
		pthread_kill(t, SIGUSR1);
		wait_for_meeting(i);
		answer = fakesigner_answer(signer, r.cookie, 0, "d", 1);
		pthread_join(t, NULL);
		tap_need(asker_result == 0 || asker_result == -EINTR);
		need_one_truth(answer, asker_result == 0, i);
		move_meeting(answer == 0);
		score(answer);
	}
	tell_score();
}

/* ---- the deadline ---- */

static void answer_against_deadline(void)
{
	char frame[AZATTEST_REQUEST_MAX];
	int fd = rig_owner(1281), signer = talk_signer();

	for (unsigned int i = 0; i < loops(); i++) {
		struct azattest_signer_request r;
		struct frames_reply p;
		int answer;

		talk_put(fd, frame, frames_attest_timeout(frame, i, "n", 1, 12));
		/* On a slow machine it may be gone before it is taken. */
		if (fakesigner_take(signer, &r, 30) != 1) {
			tap_need_eq(talk_reply(fd).status, AZATTEST_STATUS_RETRY);
			continue;
		}
		if (i % 4)
			rig_poll(fd, POLLIN, r.deadline_ms + i % 4 - 1);
		dawdle(i);
		answer = fakesigner_answer(signer, r.cookie, 0, "d", 1);
		p = talk_reply(fd);
		tap_need_eq(p.id, i);
		tap_need(p.status == AZATTEST_STATUS_OK || p.status == AZATTEST_STATUS_RETRY);
		need_one_truth(answer, p.status == AZATTEST_STATUS_OK, i);
		tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
		score(answer);
	}
	tell_score();
}

/* ---- the end of the binding ---- */

static void *close_owner(void *arg)
{
	dawdle(*(unsigned int *)arg);
	close(owner);
	return NULL;
}

static void answer_against_the_end(void)
{
	int signer = talk_signer();

	for (unsigned int i = 0; i < loops(); i++) {
		struct azattest_signer_request r;
		struct frames_reply p;
		int answer, fd;
		pthread_t t;

		owner = rig_owner(1282);
		fd = rig_attached(1282, AZATTEST_TRANSPORT_REST);
		talk_ask(fd, i);
		r = talk_take(signer);
		tap_need(!pthread_create(&t, NULL, close_owner, &i));
		answer = fakesigner_answer(signer, r.cookie, 0, "d", 1);
		p = talk_reply(fd);
		tap_need(p.status == AZATTEST_STATUS_OK || p.status == AZATTEST_STATUS_UNBOUND);
		need_one_truth(answer, p.status == AZATTEST_STATUS_OK, i);
		pthread_join(t, NULL);
		tap_need_eq(talk_get(fd, talk_buf, sizeof(talk_buf)), -ENODEV);
		close(fd);
		score(answer);
	}
	tell_score();
}

/* ---- two signers ---- */

struct second {
	int fd;
	uint64_t cookie;
	int result;
};

static void *answer_second(void *arg)
{
	struct second *s = arg;

	s->result = fakesigner_answer(s->fd, s->cookie, 0, "second", 6);
	return NULL;
}

/* One signer, two threads: the same answer, by each of them. */
static void answer_against_the_same_answer(void)
{
	int fd = rig_owner(1283), signer = talk_signer();

	for (unsigned int i = 0; i < loops(); i++) {
		struct second s = { .fd = signer };
		struct frames_reply p;
		pthread_t t;
		int answer;

		talk_ask(fd, i);
		s.cookie = talk_take(signer).cookie;
		tap_need(!pthread_create(&t, NULL, answer_second, &s));
		dawdle(i);
		answer = fakesigner_answer(signer, s.cookie, 0, "first", 5);
		pthread_join(t, NULL);
		tap_need_msg((answer == 0) != (s.result == 0), "round %u: %d and %d", i, answer,
			     s.result);
		p = talk_reply(fd);
		tap_need(!memcmp(p.payload, answer ? "second" : "first", p.length));
		tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
		score(answer);
	}
	tell_score();
}

/* It loses the request to attempt_ms, or answers: never both, never neither. */
static void answer_against_attempt_ms(void)
{
	int fd = rig_owner(1284), one = talk_signer(), two = talk_signer();

	azbind_limit("attempt_ms", 12);
	for (unsigned int i = 0; i < loops(); i++) {
		struct azattest_signer_request r, again;
		int answer, second = 0;

		talk_ask(fd, i);
		r = talk_take(one);
		if (i % 2)
			rig_poll(two, POLLIN, 14);
		dawdle(i);
		answer = fakesigner_answer(one, r.cookie, 0, "one", 3);
		if (answer) {
			tap_need_eq(azbind_limit_set("attempt_ms", 60000), 0);
			again = talk_take(two);
			second = fakesigner_answer(two, again.cookie, 0, "two", 3);
			/* Taken before the limit was lifted, it may come back once more. */
			while (second == -ENOENT && !rig_poll(fd, POLLIN, 0)) {
				again = talk_take(two);
				second = fakesigner_answer(two, again.cookie, 0, "two", 3);
			}
			tap_need_eq(azbind_limit_set("attempt_ms", 12), 0);
		}
		tap_need(!memcmp(talk_reply(fd).payload, answer ? "two" : "one", 3));
		tap_need_eq(rig_poll(two, POLLIN, 0), 0);
		tap_need_eq(rig_poll(fd, POLLIN, 0), 0);
		score(answer);
	}
	tell_score();
}

static const struct tap_test tests[] = {
	TAP_TEST(answer_against_signal),
	TAP_TEST(answer_against_deadline),
	TAP_TEST(answer_against_the_end),
	TAP_TEST(answer_against_the_same_answer),
	TAP_TEST(answer_against_attempt_ms),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
