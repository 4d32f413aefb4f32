// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of EXCHANGE: answers in and requests out by one call. */
#include <selftests/device/talk.h>

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static struct azattest_signer_request requests[8];
static char answers[4096];

static struct azattest_signer_exchange prepare(size_t answers_len, uint32_t flags)
{
	return (struct azattest_signer_exchange) {
		.size = sizeof(struct azattest_signer_exchange),
		.flags = flags,
		.answers = (uintptr_t)answers,
		.requests = (uintptr_t)requests,
		.answers_len = answers_len,
		.requests_len = sizeof(requests),
	};
}

static int exchange(int fd, struct azattest_signer_exchange *x)
{
	return ioctl(fd, AZATTEST_SIGNER_IOC_EXCHANGE, x) < 0 ? -errno : 0;
}

/* Puts a document of one byte behind what is there; the new length. */
static size_t add(size_t at, uint64_t cookie, uint32_t status, uint32_t claimed)
{
	struct azattest_signer_answer a = { cookie, status, claimed };

	memset(answers + at, 0, 24);
	memcpy(answers + at, &a, sizeof(a));
	answers[at + 16] = 'd';
	return at + (claimed ? 24 : 16);
}

static void nowait_with_nothing_waiting_is_zero(void)
{
	struct azattest_signer_exchange x = prepare(0, AZATTEST_EXCHANGE_NOWAIT);
	int fd = talk_signer();

	tap_need_eq(exchange(fd, &x), 0);
	tap_need_eq(x.requests_len, 0);
	tap_need_eq(x.answers_len, 0);
	tap_need_eq(x.late, 0);
}

static void answers_go_in_and_requests_come_out(void)
{
	struct azattest_signer_exchange x;
	int owner = rig_owner(1100), fd = talk_signer();
	size_t n = 0;

	for (int i = 0; i < 4; i++)
		talk_ask(owner, i);
	x = prepare(0, 0);
	x.requests_len = 2 * sizeof(requests[0]) + 50;
	tap_need_eq(exchange(fd, &x), 0);
	tap_need_eq(x.requests_len, 2 * sizeof(requests[0]));
	for (int i = 0; i < 2; i++)
		n = add(n, requests[i].cookie, 0, 1);
	x = prepare(n, 0);
	tap_need_eq(exchange(fd, &x), 0);
	tap_need_eq(x.answers_len, n);
	tap_need_eq(x.requests_len, 2 * sizeof(requests[0]));
	tap_need_eq(talk_reply(owner).id, 0);
	tap_need_eq(talk_reply(owner).id, 1);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

static void late_answers_are_counted_and_passed_over(void)
{
	struct azattest_signer_exchange x;
	int owner = rig_owner(1101), fd = talk_signer();
	struct azattest_signer_request r;
	size_t n;

	talk_ask(owner, 7);
	r = talk_take(fd);
	n = add(0, r.cookie ^ 1ULL << 50, 0, 1);
	n = add(n, r.cookie, 0, 1);
	n = add(n, r.cookie, AZATTEST_STATUS_RETRY, 0);
	x = prepare(n, AZATTEST_EXCHANGE_NOWAIT);
	tap_need_eq(exchange(fd, &x), 0);
	tap_need_eq(x.late, 2);
	tap_need_eq(x.answers_len, n);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_OK);
}

static void a_bad_answer_stops_it_and_says_what_was_taken(void)
{
	struct azattest_signer_exchange x;
	int owner = rig_owner(1102), fd = talk_signer();
	struct azattest_signer_request a, b;
	size_t first, n;

	talk_ask(owner, 1);
	talk_ask(owner, 2);
	talk_ask(owner, 3);
	a = talk_take(fd);
	b = talk_take(fd);
	first = add(0, a.cookie, 0, 1);
	n = add(first, b.cookie, 99, 0);
	x = prepare(n, 0);
	tap_need_eq(exchange(fd, &x), -EINVAL);
	tap_need_eq(x.answers_len, first);
	tap_need_eq(x.requests_len, 0);
	n = add(0, b.cookie, AZATTEST_STATUS_RETRY, 1);
	x = prepare(n, 0);
	tap_need_eq(exchange(fd, &x), -EBADMSG);
	tap_need_eq(x.answers_len, 0);
	n = add(0, b.cookie, 0, 1);
	x = prepare(n, 0);
	tap_need_eq(exchange(fd, &x), 0);
	tap_need_eq(x.requests_len, sizeof(requests[0]));
}

static void a_field_that_breaks_a_rule_is_refused(void)
{
	struct azattest_signer_exchange x;
	int fd = talk_signer();

	x = prepare(0, 2);
	tap_need_eq(exchange(fd, &x), -EINVAL);
	x = prepare(0, 1u << 31 | AZATTEST_EXCHANGE_NOWAIT);
	tap_need_eq(exchange(fd, &x), -EINVAL);
	x = prepare(0, AZATTEST_EXCHANGE_NOWAIT);
	x.reserved = 1;
	tap_need_eq(exchange(fd, &x), -EINVAL);
	x = prepare(0, AZATTEST_EXCHANGE_NOWAIT);
	x.size--;
	tap_need_eq(exchange(fd, &x), -EINVAL);
	x = prepare(0, AZATTEST_EXCHANGE_NOWAIT);
	x.requests_len = sizeof(requests[0]) - 1;
	tap_need_eq(exchange(fd, &x), -EINVAL);
	x = prepare(0, AZATTEST_EXCHANGE_NOWAIT);
	tap_need_eq(exchange(fd, &x), 0);
}

static void faulty_buffers_are_efault_and_lose_nothing(void)
{
	struct azattest_signer_exchange x;
	int owner = rig_owner(1103), fd = talk_signer();
	struct azattest_signer_request r;

	talk_ask(owner, 1);
	talk_ask(owner, 2);
	r = talk_take(fd);
	x = prepare(24, 0);
	x.answers = 8;
	tap_need_eq(exchange(fd, &x), -EFAULT);
	tap_need_eq(x.answers_len, 0);
	for (int i = 0; i < 5; i++) {
		x = prepare(0, 0);
		x.requests = 8;
		tap_need_eq(exchange(fd, &x), -EFAULT);
	}
	/* The answer before the faulty buffer counts. */
	x = prepare(add(0, r.cookie, 0, 1), 0);
	x.requests = 0xffff888000000000ULL;
	tap_need_eq(exchange(fd, &x), -EFAULT);
	tap_need_eq(x.answers_len, 24);
	tap_need_eq(talk_reply(owner).id, 1);
	talk_answer(fd, talk_take(fd).cookie, "d");
	tap_need_eq(talk_reply(owner).id, 2);
	tap_need_eq(exchange(fd, NULL), -EFAULT);
}

struct waiter {
	int fd;
	size_t answers_len;
};

static int wait_in_exchange(void *arg)
{
	struct waiter *w = arg;
	struct azattest_signer_exchange x = prepare(w->answers_len, 0);
	int err = exchange(w->fd, &x);

	if (err)
		return x.answers_len == w->answers_len ? -err : 99;
	return x.requests_len == sizeof(requests[0]) ? 0 : 98;
}

static void a_signal_ends_the_wait_and_the_answers_count(void)
{
	int owner = rig_owner(1104), fd = talk_signer();
	struct waiter w;
	pid_t pid;

	talk_ask(owner, 1);
	w = (struct waiter) { fd, add(0, talk_take(fd).cookie, 0, 1) };
	talk_hear_signals();
	pid = tap_spawn(wait_in_exchange, &w, fd);
	tap_need_eq(talk_reply(owner).id, 1);
	tap_need_wait(talk_asleep(pid));
	kill(pid, SIGUSR1);
	tap_need_eq(tap_join(pid), EINTR);
}

static void a_request_ends_the_wait(void)
{
	int owner = rig_owner(1105), fd = talk_signer();
	struct waiter w = { fd, 0 };
	pid_t pid = tap_spawn(wait_in_exchange, &w, fd);

	tap_need_wait(talk_asleep(pid));
	talk_ask(owner, 1);
	tap_need_eq(tap_join(pid), 0);
}

static void a_signer_by_exchange_serves_like_one_by_read(void)
{
	struct fakesigner_options o = { .exchange = true };
	char doc[AZATTEST_FRAME_MAX];
	int owner = rig_owner(1106);

	fakesigner_start(&o);
	for (int i = 0; i < 30; i++) {
		char nonce[2] = { 'a' + i % 26, '0' + i / 26 };
		uint32_t len = sizeof(doc);

		tap_need_eq(azbind_attest(owner, nonce, 2, doc, &len), 0);
		tap_need(fakesigner_is_for(doc, len, 1106, nonce, 2));
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(nowait_with_nothing_waiting_is_zero),
	TAP_TEST(answers_go_in_and_requests_come_out),
	TAP_TEST(late_answers_are_counted_and_passed_over),
	TAP_TEST(a_bad_answer_stops_it_and_says_what_was_taken),
	TAP_TEST(a_field_that_breaks_a_rule_is_refused),
	TAP_TEST(faulty_buffers_are_efault_and_lose_nothing),
	TAP_TEST(a_signal_ends_the_wait_and_the_answers_count),
	TAP_TEST(a_request_ends_the_wait),
	TAP_TEST(a_signer_by_exchange_serves_like_one_by_read),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
