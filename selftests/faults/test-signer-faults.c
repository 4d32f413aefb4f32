// SPDX-License-Identifier: GPL-2.0
/* /dev/azattest-signer without memory: no request is lost, no answer is taken twice. */
#include <selftests/faults/fault.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <selftests/device/talk.h>
#include <selftests/netlink/client.h>

#define DOCUMENT "of a signer without memory"

static void open_is_enomem_or_works(void)
{
	struct fault f;
	int fd;

	for (fault_begin(&f, "open"); fault_next(&f);) {
		fault_arm(&f);
		fd = fakesigner_open();
		fault_disarm(&f);
		if (fd < 0)
			tap_need_eq(fd, -ENOMEM);
		else
			close(fd);
	}
}

/* The event may be lost; whoever listens is told so. */
static void join_and_leave_need_no_memory(void)
{
	static struct client_status s;
	struct client c, ear;
	struct fault f;
	int fd;

	client_need(&c);
	client_need(&ear);
	tap_need_eq(client_listen(&ear), 0);
	for (fault_begin(&f, "JOIN and close"); fault_next(&f);) {
		fd = fakesigner_open();
		fault_arm(&f);
		tap_need_eq(fakesigner_join(fd, 1, AZATTEST_HOST_READY, 1), 0);
		close(fd);
		fault_disarm(&f);
		tap_need_wait(!client_status(&c, &s) && !s.signers);
	}
}

/* Another signer, with memory, gets what this one could not take. */
static void take_is_enomem_and_leaves_the_request(void)
{
	int owner = rig_owner(1), signer = talk_signer(), n;
	struct azattest_signer_request r = { 0 };
	struct frames_reply reply;
	struct fault f;

	for (fault_begin(&f, "read"); fault_next(&f);) {
		talk_ask(owner, f.nth);
		fault_arm(&f);
		n = talk_get(signer, &r, sizeof(r));
		fault_disarm(&f);
		if (n < 0) {
			tap_need_eq(n, -ENOMEM);
			r = talk_take(signer);
		}
		tap_need_eq(r.attempt, 1);
		talk_answer(signer, r.cookie, DOCUMENT);
		reply = talk_reply(owner);
		tap_need_eq(reply.id, f.nth);
		tap_need_eq(reply.status, AZATTEST_STATUS_OK);
	}
}

static void answer_is_enomem_and_can_be_repeated(void)
{
	int owner = rig_owner(1), signer = talk_signer(), err;
	struct azattest_signer_request r;
	struct frames_reply reply;
	struct fault f;

	for (fault_begin(&f, "write"); fault_next(&f);) {
		talk_ask(owner, f.nth);
		r = talk_take(signer);
		fault_arm(&f);
		err = fakesigner_answer(signer, r.cookie, AZATTEST_STATUS_OK, DOCUMENT,
					sizeof(DOCUMENT));
		fault_disarm(&f);
		if (err) {
			tap_need_eq(err, -ENOMEM);
			talk_answer(signer, r.cookie, DOCUMENT);
		}
		tap_need_eq(fakesigner_answer(signer, r.cookie, AZATTEST_STATUS_OK, "again", 5),
			    -ENOENT);
		reply = talk_reply(owner);
		tap_need_eq(reply.id, f.nth);
		tap_need_eq(reply.status, AZATTEST_STATUS_OK);
	}
}

struct exchange {
	struct azattest_signer_answer answer;
	char document[sizeof(DOCUMENT) + 7];
	struct azattest_signer_request request;
	struct azattest_signer_exchange io;
};

static int exchange(int signer, struct exchange *e, uint64_t cookie)
{
	e->answer = (struct azattest_signer_answer){
		.cookie = cookie, .status = AZATTEST_STATUS_OK, .length = sizeof(DOCUMENT),
	};
	memcpy(e->document, DOCUMENT, sizeof(DOCUMENT));
	e->io = (struct azattest_signer_exchange){
		.size = sizeof(e->io),
		.flags = AZATTEST_EXCHANGE_NOWAIT,
		.answers = (uintptr_t)&e->answer,
		.answers_len = AZATTEST_SIGNER_ANSWER_SPACE(sizeof(DOCUMENT)),
		.requests = (uintptr_t)&e->request,
		.requests_len = sizeof(e->request),
	};
	return ioctl(signer, AZATTEST_SIGNER_IOC_EXCHANGE, &e->io) < 0 ? -errno : 0;
}

/* How often it failed with the answer untaken, and with the answer taken. */
struct failed {
	unsigned int neither, answered;
};

/* Two requests: one is answered and the other taken in one call, or as far as it says. */
static void exchange_once(int owner, int signer, struct fault *f, struct failed *failed)
{
	struct azattest_signer_request first;
	struct exchange e = { 0 };
	int err;

	talk_ask(owner, 1);
	first = talk_take(signer);
	talk_ask(owner, 2);
	fault_arm(f);
	err = exchange(signer, &e, first.cookie);
	fault_disarm(f);
	if (err)
		tap_need_eq(err, -ENOMEM);
	else
		tap_need_eq(e.io.requests_len, sizeof(e.request));
	failed->neither += err && !e.io.answers_len;
	failed->answered += err && e.io.answers_len;
	if (!e.io.answers_len)
		talk_answer(signer, first.cookie, DOCUMENT);
	if (!e.io.requests_len)
		e.request = talk_take(signer);
	talk_answer(signer, e.request.cookie, DOCUMENT);
	tap_need_eq(talk_reply(owner).id, 1);
	tap_need_eq(talk_reply(owner).id, 2);
}

/*
 * What watches the kernel's memory allocates in between, not in each turn the
 * same, and goes on without: a turn may miss the one that was meant.
 */
static void exchange_says_how_far_it_came(void)
{
	int owner = rig_owner(1), signer = talk_signer(), rounds = 0;
	struct failed failed = { 0 };
	struct fault f;

	while (!failed.neither || !failed.answered) {
		tap_need(rounds++ < 50);
		for (fault_begin(&f, "EXCHANGE"); fault_next(&f);)
			exchange_once(owner, signer, &f, &failed);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(open_is_enomem_or_works),
	TAP_TEST_SLOW(join_and_leave_need_no_memory, 300),
	TAP_TEST(take_is_enomem_and_leaves_the_request),
	TAP_TEST(answer_is_enomem_and_can_be_repeated),
	TAP_TEST(exchange_says_how_far_it_came),
};

int main(int argc, char **argv)
{
	fault_need();
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
