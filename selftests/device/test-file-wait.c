// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of calls that wait on a bound file: signals, and the end. */
#include "talk.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* ---- signals ---- */

static int blocked_read(void *arg)
{
	return -talk_get(*(int *)arg, talk_buf, sizeof(talk_buf));
}

static int blocked_write(void *arg)
{
	char frame[AZATTEST_REQUEST_MAX];

	return -talk_put(*(int *)arg, frame, frames_attest(frame, 1, "n", 1));
}

static int interrupted(int (*fn)(void *arg), int fd)
{
	pid_t pid;

	talk_hear_signals();
	pid = tap_spawn(fn, &fd, fd);
	tap_need_wait(talk_asleep(pid));
	kill(pid, SIGUSR1);
	return tap_join(pid);
}

static void a_signal_ends_a_blocked_read(void)
{
	tap_need_eq(interrupted(blocked_read, rig_owner(616)), EINTR);
}

static void a_signal_ends_a_blocked_write(void)
{
	int fd = rig_owner(617);

	talk_signer();
	tap_need_eq(talk_fill_up(fd, 100), AZATTEST_FILE_INFLIGHT);
	tap_need_eq(interrupted(blocked_write, fd), EINTR);
}

static int write_one(void *arg)
{
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest(frame, 1, "n", 1);

	return talk_put(*(int *)arg, frame, n) == (int)n ? 0 : 1;
}

static void a_blocked_write_goes_on_when_one_ends(void)
{
	int fd = rig_owner(618), signer = talk_signer();
	pid_t pid;

	tap_need_eq(talk_fill_up(fd, 100), AZATTEST_FILE_INFLIGHT);
	pid = tap_spawn(write_one, &fd, fd);
	tap_need_wait(talk_asleep(pid));
	talk_answer(signer, talk_take(signer).cookie, "d");
	talk_reply(fd);
	tap_need_eq(tap_join(pid), 0);
}

/* ---- the end ---- */

/* What was open when the binding ended hears UNBOUND. */
static void need_unbound_then_enodev(int fd, int count)
{
	struct frames_reply r;
	int n;

	while ((n = talk_get(fd, talk_buf, sizeof(talk_buf))) > 0) {
		tap_need_eq(frames_parse(talk_buf, n, &r), n);
		tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
		count--;
	}
	tap_need_eq(n, -ENODEV);
	tap_need_eq(count, 0);
}

static void replies_are_still_readable_after_the_end(void)
{
	int owner = rig_owner(619), fd = rig_attached(619, AZATTEST_TRANSPORT_REST);
	int signer = talk_signer();

	for (int i = 0; i < 4; i++)
		talk_ask(fd, 20 + i);
	for (int i = 0; i < 3; i++)
		talk_answer(signer, talk_take(signer).cookie, "d");
	tap_need(rig_poll(fd, POLLIN, tap_patience_ms()) & POLLIN);
	close(owner);
	tap_need_wait(rig_ended(fd));
	tap_need(rig_poll(fd, POLLIN, 0) & POLLIN);
	for (int i = 0; i < 3; i++) {
		struct frames_reply r = talk_reply(fd);

		tap_need_eq(r.status, AZATTEST_STATUS_OK);
		tap_need(r.id >= 20 && r.id < 24);
	}
	need_unbound_then_enodev(fd, 1);
	tap_need_eq(talk_put(fd, talk_buf, 16), -ENODEV);
}

static void the_end_wakes_blocked_readers_and_writers(void)
{
	int owner = rig_owner(620), fd = rig_attached(620, AZATTEST_TRANSPORT_REST);
	int full = rig_attached(620, AZATTEST_TRANSPORT_REST);
	pid_t reader, writer;

	tap_need_eq(talk_fill_up(full, 100), AZATTEST_FILE_INFLIGHT);
	reader = tap_spawn(blocked_read, &fd, fd);
	writer = tap_spawn(blocked_write, &full, full);
	tap_need_wait(talk_asleep(reader) && talk_asleep(writer));
	close(owner);
	tap_need_eq(tap_join(reader), ENODEV);
	tap_need_eq(tap_join(writer), ENODEV);
}

static void a_request_of_an_ended_binding_is_taken_from_the_signer(void)
{
	int owner = rig_owner(621), fd = rig_attached(621, AZATTEST_TRANSPORT_REST);
	int signer = talk_signer();
	struct azattest_signer_request q;

	talk_ask(fd, 1);
	q = talk_take(signer);
	talk_ask(fd, 2);
	close(owner);
	tap_need_wait(rig_ended(fd));
	tap_need_eq(fakesigner_answer(signer, q.cookie, 0, "d", 1), -ENOENT);
	tap_need_eq(rig_poll(signer, POLLIN, 0), 0);
	need_unbound_then_enodev(fd, 2);
}

/* Reads without pause; tells the first result that is not "nothing yet". */
static void *spin_reading(void *arg)
{
	int fd = *(int *)arg, n;

	do {
		n = talk_get(fd, talk_buf, sizeof(talk_buf));
	} while (n == -EAGAIN);
	*(int *)arg = n;
	return NULL;
}

static void enodev_never_comes_before_the_last_reply(void)
{
	for (unsigned int i = 0; i < tap_loops(150, 1500); i++) {
		int owner = rig_owner(622), fd = rig_attached(622, AZATTEST_TRANSPORT_REST);
		int result = fd;
		pthread_t t;

		talk_nonblock(fd, true);
		talk_ask(fd, 1);
		tap_need(!pthread_create(&t, NULL, spin_reading, &result));
		for (volatile unsigned int k = 0; k < (i * 7919u) % 30011u; k++)
			;
		close(owner);
		pthread_join(t, NULL);
		tap_need_msg(result == 16, "round %u: read says %d", i, result);
		close(fd);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(a_signal_ends_a_blocked_read),
	TAP_TEST(a_signal_ends_a_blocked_write),
	TAP_TEST(a_blocked_write_goes_on_when_one_ends),
	TAP_TEST(replies_are_still_readable_after_the_end),
	TAP_TEST(the_end_wakes_blocked_readers_and_writers),
	TAP_TEST(a_request_of_an_ended_binding_is_taken_from_the_signer),
	TAP_TEST(enodev_never_comes_before_the_last_reply),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
