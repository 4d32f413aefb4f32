// SPDX-License-Identifier: GPL-2.0
// Promises of hostd about its questions to azattest-take: none is waited for, and each has an end.

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/hostd/asking.h>

#define AT_ONCE	4

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void the_call_ends_when_the_answer_comes(void)
{
	struct asking_call call;
	int sock, before;

	asking_begin();
	before = open_count();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	asking_turn();
	tap_need_eq(call.ends, 0);
	tap_need(!strcmp(asking_state(1), "waiting"));
	sock = asking_hear();
	asking_reply(sock, 0, "");
	asking_need(call.ends);
	tap_need_eq(call.error, 0);
	tap_need(!strcmp(asking_state(1), "bound"));
	tap_need_eq(open_count(), before + 2);	/* both ends of the binding's file */
	tap_need_eq(asking_add(1, &call), 0);
	bind_close_all(&asking.hostd);
}

static void a_refusal_leaves_nothing(void)
{
	struct asking_call call;
	int before;

	asking_begin();
	before = open_count();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	asking_reply(asking_hear(), -EINVAL, "is the VMM of another VM");
	asking_need(call.ends);
	tap_need_eq(call.error, -EINVAL);
	tap_need(strstr(call.text, "another VM"));
	around.bind_fails = -EADDRINUSE;
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	tap_need_eq(call.error, -EADDRINUSE);
	tap_need(!strcmp(asking_state(1), "none"));
	tap_need_eq(open_count(), before);
	tap_need_eq(around.bound_devices, 0);
}

/* As one of another release may send it. */
static void an_answer_that_cannot_be_read_binds_nothing(void)
{
	struct take_answer rows[] = {
		{ .magic = TAKE_MAGIC, .cid = AROUND_CID },		/* and no device */
		{ .magic = TAKE_MAGIC, .cid = AZATTEST_CID_MIN - 1 },
		{ .magic = TAKE_MAGIC, .error = -EINVAL },	/* and a text without an end */
	};
	struct asking_call call;
	int before;

	memset(rows[2].text, 'x', sizeof(rows[2].text));
	asking_begin();
	before = open_count();
	for (unsigned int i = 0; i < TAP_COUNT(rows); i++) {
		tap_need_eq(asking_add(1, &call), -EINPROGRESS);
		asking_answer(asking_hear(), &rows[i], i == 1);
		asking_need(call.ends);
		tap_need_eq(call.error, -EPROTO);
		tap_need(strstr(call.text, "are both of one release?"));
		tap_need(!strcmp(asking_state(1), "none"));
		tap_need_eq(open_count(), before);
	}
	tap_need_eq(around.bound_devices, 0);
}

static void an_end_meanwhile_leaves_nothing(void)
{
	struct asking_call call;
	int before, sock;

	asking_begin();
	before = open_count();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	sock = asking_hear();
	bind_close_all(&asking.hostd);
	close(sock);
	tap_need_eq(open_count(), before);
}

static void silence_ends_and_says_so(void)
{
	struct asking_call call;
	int sock, before;

	asking_begin();
	before = open_count();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	sock = asking_hear();
	around.later_ms = 9000;
	asking_turn();
	tap_need_eq(call.ends, 0);
	tap_need(asking.hostd.wake_ms && asking.hostd.wake_ms <= watch_now_ms() + 1000);
	around.later_ms = 10001;
	asking_turn();
	tap_need_eq(call.ends, 1);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need(strstr(call.text, "azattest-take: no answer"));
	tap_need(!strcmp(asking_state(1), "none"));
	close(sock);
	tap_need_eq(open_count(), before);
}

static void a_hang_up_or_nonsense_is_an_end_too(void)
{
	struct asking_call call;
	int sock;

	asking_begin();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	close(asking_hear());
	asking_need(call.ends);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	sock = asking_hear();
	tap_need_eq(send(sock, "nonsense", 8, 0), 8);
	asking_need(call.ends);
	tap_need_eq(call.error, -ECONNREFUSED);
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 1, "a positive error is none");
	asking_need(call.ends);
	tap_need_eq(call.error, -EPROTO);
	shutdown(asking.listener, SHUT_RDWR);	/* the VMM was forked with a copy */
	tap_need_eq(asking_add(1, &call), -ECONNREFUSED);
	tap_need(strstr(asking.failure.text, "systemctl start azattest-take.socket"));
}

static unsigned int asked(int *socks)
{
	unsigned int count = 0;

	while (count < ASKING_MANY && (socks[count] = asking_hear()) >= 0)
		count++;
	return count;
}

static void few_are_asked_at_once_and_all_in_the_end(void)
{
	struct asking_call calls[ASKING_MANY];
	int socks[ASKING_MANY];
	unsigned int ends = 0;

	asking_begin();
	for (unsigned int i = 0; i < ASKING_MANY; i++)
		tap_need_eq(asking_add(i, &calls[i]), -EINPROGRESS);
	asking_turn();
	tap_need_eq(asked(socks), AT_ONCE);
	for (unsigned int left = ASKING_MANY; left; left--) {
		int sock = left > ASKING_MANY - AT_ONCE ? socks[ASKING_MANY - left] : asking_hear();

		asking_reply(sock, 0, "");
		ends++;
		asking_need(({
			unsigned int told = 0;

			for (unsigned int i = 0; i < ASKING_MANY; i++)
				told += (unsigned int)calls[i].ends;
			told == ends;
		}));
	}
	tap_need_eq(around.bound_devices, ASKING_MANY);
	bind_close_all(&asking.hostd);
}

static void who_finds_no_place_is_told(void)
{
	struct asking_call calls[AT_ONCE + 1];
	int socks[ASKING_MANY];

	asking_begin();
	for (unsigned int i = 0; i <= AT_ONCE; i++)
		tap_need_eq(asking_add(i, &calls[i]), -EINPROGRESS);
	tap_need_eq(asked(socks), AT_ONCE);
	around.later_ms = 5000;
	asking_reply(socks[0], -EINVAL, "not this one");
	asking_need(calls[0].ends);
	socks[0] = asking_hear();	/* the fifth, who has as long as the others */
	around.later_ms = 10001;
	asking_turn();
	for (unsigned int i = 1; i < AT_ONCE; i++)
		tap_need_eq(calls[i].ends, 1);
	tap_need_eq(calls[AT_ONCE].ends, 0);
	for (unsigned int i = 0; i < AT_ONCE - 1; i++)
		tap_need_eq(asking_add(i, &calls[i]), -EINPROGRESS);
	tap_need_eq(asking_add(20, &calls[AT_ONCE - 1]), -EINPROGRESS);
	around.later_ms += 9990;
	for (struct bound *b = asking.hostd.bound; b; b = b->next)
		b->taker.until_ms += 10000;	/* they hang still */
	asking_turn();
	around.later_ms += 20;
	asking_turn();
	tap_need_eq(calls[AT_ONCE - 1].ends, 1);
	tap_need_eq(calls[AT_ONCE - 1].error, -ECONNREFUSED);
	tap_need(strstr(calls[AT_ONCE - 1].text, "others to look at"));
	bind_close_all(&asking.hostd);
}

static void two_calls_for_one_vm_ask_once(void)
{
	struct asking_call first, second;
	int sock;

	asking_begin();
	tap_need_eq(asking_add(1, &first), -EINPROGRESS);
	tap_need_eq(asking_add(1, &second), -EINPROGRESS);
	sock = asking_hear();
	tap_need_eq(asking_hear(), -1);
	asking_reply(sock, 0, "");
	asking_need(first.ends && second.ends);
	tap_need_eq(around.bound_devices, 1);
	tap_need_eq(first.error, 0);
	tap_need_eq(second.error, 0);
	bind_close_all(&asking.hostd);
}

static void whatever_ends_it_tells_the_call(void)
{
	struct bind_request request;
	struct asking_call call;

	asking_begin();
	request = asking_request(1);
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	tap_need_eq(bind_remove(&asking.hostd, request.uuid, &asking.failure), 0);
	tap_need_eq(call.error, -EBUSY);
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	bind_close_all(&asking.hostd);
	tap_need_eq(call.error, -ECANCELED);
	tap_need(strstr(call.text, "stops"));
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	tap_kill(asking.vmm);
	asking_turn();
	tap_need_eq(call.error, -ESRCH);
	tap_need(!asking.hostd.bound);
}

/* After a restart: what a record asks for goes on being asked for. */
static void a_record_is_asked_for_again_and_again(void)
{
	struct asking_call call;

	asking_begin();
	tap_need_eq(asking_add(1, &call), -EINPROGRESS);
	asking_reply(asking_hear(), 0, "");
	asking_need(call.ends);
	bind_close_all(&asking.hostd);
	tap_need(bind_load_record(&asking.hostd, "bind-01000000-0000-0000-0000-000000000001", &asking.failure));
	for (unsigned int i = 0; i < 3; i++) {
		asking_turn();
		close(asking_hear());
		asking_need(strstr(asking.hostd.bound->failure.text, "no answer"));
		asking_turn();
		tap_need_eq(asking_hear(), -1);	/* not at once */
		around.later_ms += 30001;
	}
	asking_turn();
	asking_reply(asking_hear(), 0, "");
	asking_need(!strcmp(asking_state(1), "bound"));
	bind_close_all(&asking.hostd);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_call_ends_when_the_answer_comes),
	TAP_TEST(a_refusal_leaves_nothing),
	TAP_TEST(an_answer_that_cannot_be_read_binds_nothing),
	TAP_TEST(an_end_meanwhile_leaves_nothing),
	TAP_TEST(silence_ends_and_says_so),
	TAP_TEST(a_hang_up_or_nonsense_is_an_end_too),
	TAP_TEST(few_are_asked_at_once_and_all_in_the_end),
	TAP_TEST(who_finds_no_place_is_told),
	TAP_TEST(two_calls_for_one_vm_ask_once),
	TAP_TEST(whatever_ends_it_tells_the_call),
	TAP_TEST(a_record_is_asked_for_again_and_again),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
