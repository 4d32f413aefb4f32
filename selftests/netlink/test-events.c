// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of group "events": what is told, and with which attributes. */
#include "client.h"

#include <signal.h>
#include <unistd.h>

#define BIT(n)		(1u << AZATTEST_EVENT_A_##n)
#define REFUSALS_PER_S	20	/* docs/counters.md */

static struct client listener;

static void listen_now(void)
{
	client_need(&listener);
	tap_need_eq(client_listen(&listener), 0);
}

static void need_only(const struct client_event *e, unsigned int must, unsigned int may)
{
	must |= BIT(KIND);
	tap_need_msg((e->seen & must) == must, "kind %u lacks attributes: %#x, not %#x",
		     e->kind, e->seen, must);
	tap_need_msg(!(e->seen & ~(must | may | BIT(PAD))),
		     "kind %u has attributes %#x beside %#x", e->kind, e->seen, must | may);
}

/* "One word": what a program can compare. */
static void need_word(const char *reason)
{
	tap_need_msg(*reason && strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
		     strlen(reason), "reason \"%s\"", reason);
}

static void bound_and_unbound_are_told(void)
{
	struct client_event e;
	uint64_t generation;
	int fd;

	listen_now();
	fd = azbind_new(1500, 0, -1, -1, &generation);
	client_need_event(&listener, AZATTEST_EVENT_BOUND, 1500, &e);
	need_only(&e, BIT(UUID) | BIT(GENERATION) | BIT(PID), 0);
	tap_need_eq(e.generation, generation);
	tap_need_eq(e.pid, getpid());
	close(fd);
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1500, &e);
	need_only(&e, BIT(UUID) | BIT(GENERATION) | BIT(REASON), BIT(PID));
	tap_need_eq(e.generation, generation);
	need_word(e.reason);
}

static void the_cid_is_told_if_there_is_one(void)
{
	struct client_event e;
	int vhost = rig_vhost();

	listen_now();
	tap_need(azbind_new(1501, 42000, vhost, -1, NULL) >= 0);
	client_need_event(&listener, AZATTEST_EVENT_BOUND, 1501, &e);
	need_only(&e, BIT(UUID) | BIT(GENERATION) | BIT(PID) | BIT(CID), 0);
	tap_need_eq(e.cid, 42000);
}

/* The reasons of the ways to end differ, so that an operator can tell them. */
static void unbound_tells_why(void)
{
	struct client_event closed, died, ended, left;
	pid_t pid = rig_sleeper();
	int vhost = rig_vhost(), fd;
	struct client c;

	listen_now();
	client_need(&c);
	close(rig_owner(1502));
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1502, &closed);
	fd = azbind_new(1502, 0, -1, rig_pidfd(pid), NULL);
	tap_kill(pid);
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1502, &died);
	close(fd);
	fd = rig_owner(1502);
	tap_need_eq(client_binding_end(&c, 1502), 0);
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1502, &ended);
	close(fd);
	fd = azbind_new(1502, 42001, vhost, -1, NULL);
	tap_need(fd >= 0);
	close(vhost);
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1502, &left);
	tap_diag("%s, %s, %s, %s", closed.reason, died.reason, ended.reason, left.reason);
	tap_need(strcmp(closed.reason, died.reason) && strcmp(closed.reason, ended.reason));
	tap_need(strcmp(died.reason, ended.reason) && strcmp(closed.reason, left.reason));
	need_word(died.reason);
	need_word(ended.reason);
	need_word(left.reason);
}

static void one_end_is_told_once(void)
{
	struct client_event e;
	pid_t pid = rig_sleeper();
	int fd;

	listen_now();
	fd = azbind_new(1503, 0, -1, rig_pidfd(pid), NULL);
	tap_kill(pid);
	client_need_event(&listener, AZATTEST_EVENT_UNBOUND, 1503, &e);
	close(fd);
	tap_need(rig_uuid_free(1504));
	do {
		tap_need(client_event(&listener, &e, tap_patience_ms()));
		tap_need(e.kind != AZATTEST_EVENT_UNBOUND);
	} while (e.kind != AZATTEST_EVENT_BOUND);
}

static void cid_lost_is_told_of_the_older_binding(void)
{
	struct client_event e;
	int old = rig_vhost(), young = rig_vhost();
	uint64_t generation;

	listen_now();
	tap_need(azbind_new(1505, 42002, old, -1, &generation) >= 0);
	tap_need_eq(rig_set_cid(old, 42003), 0);
	tap_need(azbind_new(1506, 42002, young, -1, NULL) >= 0);
	client_need_event(&listener, AZATTEST_EVENT_CID_LOST, 1505, &e);
	need_only(&e, BIT(UUID) | BIT(GENERATION) | BIT(CID), BIT(PID) | BIT(REASON));
	tap_need_eq(e.generation, generation);
	tap_need_eq(e.cid, 42002);
	client_need_event(&listener, AZATTEST_EVENT_BOUND, 1506, &e);
}

static int bind_as_nobody(void *arg)
{
	struct azattest_bind b;

	azbind_fill(&b, 1507);
	return -azbind_bind(*(int *)arg, &b);
}

static int attach_as_nobody(void *arg)
{
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, 1508);
	return -azbind_attach(*(int *)arg, uuid, AZATTEST_TRANSPORT_REST);
}

static void a_refused_bind_is_told_with_the_caller(void)
{
	struct client_event e;
	int fd = azbind_open();

	listen_now();
	tap_need_eq(rig_as(RIG_NOBODY_USER, bind_as_nobody, &fd, fd), EPERM);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1507, &e);
	need_only(&e, BIT(UUID) | BIT(PID) | BIT(UID) | BIT(REASON), 0);
	tap_need_eq(e.uid, RIG_NOBODY);
	tap_need(e.pid > 1 && e.pid != (uint32_t)getpid());
	need_word(e.reason);
	tap_need_eq(rig_as(RIG_USERNS_ROOT, bind_as_nobody, &fd, fd), EPERM);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1507, &e);
	tap_need_eq(e.uid, RIG_NOBODY);
}

static void a_refused_attach_is_told(void)
{
	struct client_event e;
	int fd = azbind_open();

	rig_owner(1508);
	listen_now();
	tap_need_eq(rig_as(RIG_NOBODY_USER, attach_as_nobody, &fd, fd), EPERM);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1508, &e);
	need_only(&e, BIT(UUID) | BIT(PID) | BIT(UID) | BIT(REASON), 0);
	tap_need_eq(e.uid, RIG_NOBODY);
}

static void a_twin_is_told(void)
{
	struct client_event twin, right;
	int fd = azbind_open();

	rig_owner(1507);
	listen_now();
	tap_need_eq(azbind_new(1507, 0, -1, -1, NULL), -EBUSY);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1507, &twin);
	tap_need_eq(twin.uid, 0);
	tap_need_eq(rig_as(RIG_NOBODY_USER, bind_as_nobody, &fd, fd), EPERM);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1507, &right);
	tap_need(strcmp(twin.reason, right.reason));
}

static void a_foreign_cid_is_told(void)
{
	struct client_event e;
	int theirs = rig_vhost(), mine = rig_vhost();

	tap_need_eq(rig_set_cid(theirs, 42004), 0);
	listen_now();
	tap_need_eq(azbind_new(1509, 42004, mine, -1, NULL), -EADDRINUSE);
	client_need_event(&listener, AZATTEST_EVENT_REFUSED, 1509, &e);
	need_only(&e, BIT(UUID) | BIT(PID) | BIT(UID) | BIT(REASON) | BIT(CID), 0);
	tap_need_eq(e.cid, 42004);
}

static void signers_are_told_up_and_down(void)
{
	struct client_event e;
	struct fakesigner_options o = { .generation = 0x1234567890ULL };
	struct fakesigner *s;

	listen_now();
	s = fakesigner_start(&o);
	client_need_event(&listener, AZATTEST_EVENT_SIGNER_UP, 0, &e);
	need_only(&e, BIT(GENERATION), BIT(PID));
	tap_need_eq(e.generation, o.generation);
	fakesigner_kill(s);
	client_need_event(&listener, AZATTEST_EVENT_SIGNER_DOWN, 0, &e);
	need_only(&e, BIT(GENERATION), BIT(PID));
	tap_need_eq(e.generation, o.generation);
}

/*
 * BIND with a life that is just ending, so many turns after the signal; true
 * if it was still alive to BIND. The binding has ended then.
 */
static bool bind_beside_death(unsigned int delay)
{
	pid_t pid = rig_sleeper();
	int life = rig_pidfd(pid), fd;

	kill(pid, SIGKILL);
	for (volatile unsigned int i = 0; i < delay; i++)
		;
	fd = azbind_new(1512, 0, -1, life, NULL);
	tap_need(fd >= 0 || fd == -ESRCH);
	if (fd >= 0)
		tap_need_wait(rig_ended(fd));
	close(fd);
	close(life);
	tap_join(pid);
	return fd >= 0;
}

/* Reads what was told of one round: BOUND, then UNBOUND of the same. */
static void need_order(void)
{
	struct client_event e;

	tap_need(client_event(&listener, &e, tap_patience_ms()));
	tap_need_msg(e.kind == AZATTEST_EVENT_BOUND, "event %u was told before BOUND", e.kind);
	tap_need(client_event(&listener, &e, tap_patience_ms()));
	tap_need_eq(e.kind, AZATTEST_EVENT_UNBOUND);
}

/*
 * A watcher that hears them the other way round would keep a dead VM for ever.
 * The moment at which the death falls into BIND is found by trying.
 */
static void bound_is_told_before_unbound(void)
{
	unsigned int rounds = tap_loops(200, 2000), bound = 0, delay = 2000;

	listen_now();
	for (unsigned int i = 0; i < rounds; i++) {
		if (bind_beside_death(delay + (i * 7919u) % 257u)) {
			bound++;
			need_order();
			delay += delay / 16 + 16;
		} else {
			delay -= delay / 16;
		}
	}
	tap_diag("%u of %u were bound", bound, rounds);
	tap_need(bound);
}

static unsigned int refusals_told(void)
{
	struct client_event e;
	unsigned int count = 0;

	while (client_event(&listener, &e, 0))
		count += e.kind == AZATTEST_EVENT_REFUSED;
	return count;
}

/* Anybody who may open the device can be refused as often as he likes. */
static void refusals_do_not_drown_other_events(void)
{
	struct azattest_bind b;
	struct client_event e;
	unsigned int told = 0;
	int64_t begin = tap_now_ms(), seconds;

	rig_owner(1510);
	listen_now();
	for (int i = 0; i < 3000; i++) {
		int fd = azbind_open();

		azbind_fill(&b, 1510);
		tap_need_eq(azbind_bind(fd, &b), -EBUSY);
		close(fd);
		told += refusals_told();
	}
	seconds = (tap_now_ms() - begin) / 1000;
	rig_owner(1511);
	do {
		tap_need(client_event(&listener, &e, tap_patience_ms()));
		told += e.kind == AZATTEST_EVENT_REFUSED;
	} while (e.kind != AZATTEST_EVENT_BOUND);
	tap_diag("%u of 3000 refusals were told in %lld s", told, (long long)seconds);
	/* The seconds that have begun, each with its share. */
	tap_need(told >= 1 && told <= (seconds + 2) * REFUSALS_PER_S);
}

static const struct tap_test tests[] = {
	TAP_TEST(bound_and_unbound_are_told),
	TAP_TEST(the_cid_is_told_if_there_is_one),
	TAP_TEST(unbound_tells_why),
	TAP_TEST(one_end_is_told_once),
	TAP_TEST(cid_lost_is_told_of_the_older_binding),
	TAP_TEST(a_refused_bind_is_told_with_the_caller),
	TAP_TEST(a_refused_attach_is_told),
	TAP_TEST(a_twin_is_told),
	TAP_TEST(a_foreign_cid_is_told),
	TAP_TEST(signers_are_told_up_and_down),
	TAP_TEST(bound_is_told_before_unbound),
	TAP_TEST(refusals_do_not_drown_other_events),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
