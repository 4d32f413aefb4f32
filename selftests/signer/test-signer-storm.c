// SPDX-License-Identifier: GPL-2.0
/* Owns what holds while signers and askers die at random: nobody is lost. */
#include <selftests/device/talk.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNERS	3
#define ASKERS	5

/* In memory that the askers share with us. */
struct tally {
	volatile unsigned int ok, fault, other, wrong;
	volatile int last;
};

struct asker {
	uint32_t number;
	unsigned int loops;
	struct tally *tally;
};

static void tell(struct tally *t, int status, bool mine)
{
	if (status == AZATTEST_STATUS_OK && mine) {
		t->ok++;
	} else if (status == AZATTEST_STATUS_OK) {
		t->wrong++;
	} else if (status == AZATTEST_STATUS_FAULT) {
		t->fault++;
	} else {
		t->other++;
		t->last = status;
	}
}

static int ask_and_ask(void *arg)
{
	char doc[AZATTEST_FRAME_MAX], nonce[33];
	struct asker *k = arg;
	int fd = rig_owner(k->number);

	for (unsigned int i = 0; i < k->loops; i++) {
		uint32_t len = sizeof(doc);
		int n = snprintf(nonce, sizeof(nonce), "%u-%u", k->number, i);
		int status = azbind_attest(fd, nonce, n, doc, &len);

		tell(k->tally, status,
		     fakesigner_is_for(doc, len, k->number, nonce, n));
	}
	return 0;
}

static struct fakesigner *start_signer(unsigned int i)
{
	struct fakesigner_options o = { .slots = 1 + i * 4, .exchange = i == 1 };

	return fakesigner_start(&o);
}

/* Three deaths under one request are its end: FAULT. All others are answered. */
static void killed_signers_lose_no_request(void)
{
	struct fakesigner *s[SIGNERS];
	struct tally *t = tap_shared(ASKERS * sizeof(*t));
	struct asker k[ASKERS];
	pid_t pids[ASKERS];
	unsigned int kills = 0, fault = 0, loops = tap_loops(250, 2000);

	for (unsigned int i = 0; i < SIGNERS; i++)
		s[i] = start_signer(i);
	for (unsigned int i = 0; i < ASKERS; i++) {
		k[i] = (struct asker) { 1250 + i, loops, &t[i] };
		pids[i] = tap_spawn(ask_and_ask, &k[i], -1);
	}
	do {
		unsigned int i = kills++ % SIGNERS;

		fakesigner_kill(s[i]);
		s[i] = start_signer(i);
	} while (waitpid(pids[0], NULL, WNOHANG) == 0);
	for (unsigned int i = 1; i < ASKERS; i++)
		tap_need_eq(tap_join(pids[i]), 0);
	for (unsigned int i = 0; i < ASKERS; i++) {
		tap_need_msg(!t[i].wrong && !t[i].other, "%u wrong documents, %u times %d",
			     t[i].wrong, t[i].other, t[i].last);
		tap_need_eq(t[i].ok + t[i].fault, loops);
		fault += t[i].fault;
	}
	tap_diag("%u signers were killed, %u requests met three deaths", kills, fault);
	/* A signer holds few at once, and three must die under each of these. */
	tap_need(fault * AZATTEST_SIGNER_ATTEMPTS <= kills * 9);
}

static void killed_askers_leave_nothing_in_the_queue(void)
{
	struct fakesigner_options o = { .mode = FAKESIGNER_LATE, .delay_ms = 5 };
	struct tally *t = tap_shared(sizeof(*t));
	struct asker k = { 1260, 1000000, t };
	struct azattest_signer_request r;
	struct fakesigner *s = fakesigner_start(&o);

	for (unsigned int i = 0; i < tap_loops(15, 150); i++) {
		uint64_t before = s->taken;
		pid_t pid = tap_spawn(ask_and_ask, &k, -1);

		tap_need_wait(s->taken > before);
		tap_kill(pid);
		tap_need(rig_uuid_free(1260));
	}
	fakesigner_kill(s);
	tap_need_eq(fakesigner_take(talk_signer(), &r, 0), 0);
	tap_need_eq(t->wrong, 0);
	tap_need_eq(t->other, 0);
}

/* Signers of every kind at once; guests hear statuses, never silence. */
static void hostile_signers_harm_nobody_but_their_requests(void)
{
	static const enum fakesigner_mode modes[] = {
		FAKESIGNER_TWICE, FAKESIGNER_TRUNCATED, FAKESIGNER_FOREIGN, FAKESIGNER_WRONG,
		FAKESIGNER_ANSWER,
	};
	struct tally *t = tap_shared(2 * sizeof(*t));
	struct asker k[2];
	pid_t pids[2];

	for (size_t i = 0; i < TAP_COUNT(modes); i++) {
		struct fakesigner_options o = { .mode = modes[i] };

		fakesigner_start(&o);
	}
	for (int i = 0; i < 2; i++) {
		k[i] = (struct asker) { 1270 + i, tap_loops(100, 1000), &t[i] };
		pids[i] = tap_spawn(ask_and_ask, &k[i], -1);
	}
	for (int i = 0; i < 2; i++) {
		tap_need_eq(tap_join(pids[i]), 0);
		tap_need_eq(t[i].ok, k[i].loops);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(killed_signers_lose_no_request),
	TAP_TEST(killed_askers_leave_nothing_in_the_queue),
	TAP_TEST(hostile_signers_harm_nobody_but_their_requests),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
