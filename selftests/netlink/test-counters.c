// SPDX-License-Identifier: GPL-2.0
/* Owns the promise that each thing that happens, and each refusal, is counted. */
#include <selftests/device/talk.h>

#include "deltas.h"

#include <sys/ioctl.h>
#include <unistd.h>

static int owner, signer;

static void bind_and_close(void)
{
	close(rig_owner(1700));
}

static void bindings_are_counted(void)
{
	EXPECT(bind_and_close, { "bound", 1 }, { "unbound", 1 });
}

static int bind_nobody(void *arg)
{
	struct azattest_bind b;

	azbind_fill(&b, 1701);
	return -azbind_bind(*(int *)arg, &b);
}

static int attach_nobody(void *arg)
{
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, 1701);
	return -azbind_attach(*(int *)arg, uuid, AZATTEST_TRANSPORT_REST);
}

static void without_right(void)
{
	int fd = azbind_open();

	tap_need_eq(rig_as(RIG_NOBODY_USER, bind_nobody, &fd, fd), EPERM);
	tap_need_eq(rig_as(RIG_NOBODY_USER, attach_nobody, &fd, fd), EPERM);
	close(fd);
}

static void missing_rights_are_counted(void)
{
	EXPECT(without_right, { "bind_denied", 2 });
}

static void twin(void)
{
	tap_need_eq(azbind_new(1702, 0, -1, -1, NULL), -EBUSY);
}

static void twins_are_counted(void)
{
	rig_owner(1702);
	EXPECT(twin, { "bind_refused", 1 });
}

static void lose_cid(void)
{
	int old = rig_vhost(), young = rig_vhost(), one, two;

	one = azbind_new(1703, 45000, old, -1, NULL);
	tap_need_eq(rig_set_cid(old, 45001), 0);
	two = azbind_new(1704, 45000, young, -1, NULL);
	tap_need(one >= 0 && two >= 0);
	close(one);
	close(two);
}

static void lost_cids_are_counted(void)
{
	EXPECT(lose_cid, { "bound", 2 }, { "unbound", 2 }, { "cid_lost", 1 });
}

static void answer_with(uint32_t status)
{
	talk_ask(owner, 1);
	tap_need_eq(fakesigner_answer(signer, talk_take(signer).cookie, status, "d", !status), 0);
	tap_need_eq(talk_reply(owner).status, status);
}

static void ok(void) { answer_with(AZATTEST_STATUS_OK); }
static void retry(void) { answer_with(AZATTEST_STATUS_RETRY); }
static void expired(void) { answer_with(AZATTEST_STATUS_EXPIRED); }
static void denied(void) { answer_with(AZATTEST_STATUS_DENIED); }
static void bad(void) { answer_with(AZATTEST_STATUS_BAD_REQUEST); }
static void unsupported(void) { answer_with(AZATTEST_STATUS_UNSUPPORTED); }
static void fault(void) { answer_with(AZATTEST_STATUS_FAULT); }

static void answers_are_counted_by_status(void)
{
	owner = rig_owner(1705);
	signer = talk_signer();
	EXPECT(ok, { "requests", 1 }, { "status_ok", 1 });
	EXPECT(retry, { "requests", 1 }, { "status_retry", 1 });
	EXPECT(expired, { "requests", 1 }, { "status_expired", 1 });
	EXPECT(denied, { "requests", 1 }, { "status_denied", 1 });
	EXPECT(bad, { "requests", 1 }, { "status_bad_request", 1 });
	EXPECT(unsupported, { "requests", 1 }, { "status_unsupported", 1 });
	EXPECT(fault, { "requests", 1 }, { "status_fault", 1 });
}

static void meet_deadline(void)
{
	char frame[AZATTEST_REQUEST_MAX];

	talk_put(owner, frame, frames_attest_timeout(frame, 1, "n", 1, 50));
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_RETRY);
}

static void deadlines_are_counted(void)
{
	owner = rig_owner(1706);
	EXPECT(meet_deadline, { "requests", 1 }, { "deadline", 1 }, { "status_retry", 1 });
}

static void say_hello(void)
{
	char frame[16];

	talk_put(owner, frame, frames_hello(frame, 1));
	talk_reply(owner);
}

static void say_nonsense(void)
{
	char frame[AZATTEST_REQUEST_MAX];

	talk_put(owner, frame, frames_attest(frame, 1, "!", 1));
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_BAD_REQUEST);
}

static void frames_without_a_request_are_counted(void)
{
	owner = rig_owner(1707);
	EXPECT(say_hello, { "hello", 1 });
	EXPECT(say_nonsense, { "frame_bad", 1 });
}

static void overfill(void)
{
	for (int i = 0; i < 3; i++)
		talk_ask(owner, i);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_BUSY);
}

static void a_full_queue_is_counted(void)
{
	azbind_limit("queue_per_binding", 2);
	owner = rig_owner(1708);
	EXPECT(overfill, { "requests", 2 }, { "busy_queue", 1 });
}

static void die_three_times(void)
{
	talk_ask(owner, 1);
	for (int i = 0; i < 3; i++) {
		int fd = talk_signer();

		talk_take(fd);
		close(fd);
	}
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_FAULT);
}

static void dead_signers_are_counted(void)
{
	owner = rig_owner(1709);
	EXPECT(die_three_times, { "requests", 1 }, { "requeued", 2 }, { "poisoned", 1 },
	       { "status_fault", 1 }, { "signers_joined", 3 }, { "signers_left", 3 });
}

static void hang_once(void)
{
	uint64_t cookie;

	talk_ask(owner, 1);
	cookie = talk_take(signer).cookie;
	azbind_limit_set("attempt_ms", 60000);
	tap_need_eq(talk_take(signer).attempt, 2);
	talk_answer(signer, cookie, "d");
	talk_reply(owner);
}

static void hanging_signers_are_counted(void)
{
	azbind_limit("attempt_ms", 60);
	owner = rig_owner(1710);
	signer = talk_signer();
	EXPECT(hang_once, { "requests", 1 }, { "attempt_timeout", 1 }, { "requeued", 1 },
	       { "status_ok", 1 });
}

static void answer_wrongly(void)
{
	tap_need_eq(fakesigner_answer(signer, 12345, 0, "d", 1), -ENOENT);
	tap_need_eq(fakesigner_answer(signer, 12345, 0, "", 0), -EBADMSG);
	tap_need_eq(fakesigner_answer(signer, 12345, 77, "", 0), -EINVAL);
}

static void wrong_answers_are_counted(void)
{
	signer = talk_signer();
	EXPECT(answer_wrongly, { "answers_late", 1 }, { "answers_bad", 2 });
}

static void join_wrongly(void)
{
	struct azattest_signer_join j = { .size = sizeof(j), .version = 99, .slots = 1 };
	int fd = fakesigner_open();

	tap_need_eq(ioctl(fd, AZATTEST_SIGNER_IOC_JOIN, &j), -1);
	close(fd);
}

static void other_versions_are_counted(void)
{
	EXPECT(join_wrongly, { "signer_version", 1 });
}

static void give_up(void)
{
	talk_ask(owner, 1);
	close(owner);
}

static void requests_given_up_with_their_file_are_counted(void)
{
	rig_owner(1711);
	owner = rig_attached(1711, AZATTEST_TRANSPORT_REST);
	EXPECT(give_up, { "requests", 1 }, { "cancelled", 1 });
}

static void join_twice(void)
{
	struct azattest_bind b;
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_fill(&b, 1713);
	azbind_uuid(uuid, 1713);
	tap_need_eq(azbind_bind(owner, &b), -EALREADY);
	tap_need_eq(azbind_attach(owner, uuid, AZATTEST_TRANSPORT_REST), -EALREADY);
}

static void attach_wrongly(void)
{
	uint8_t uuid[AZATTEST_UUID_LEN];
	int fd = azbind_open();

	azbind_uuid(uuid, 1713);
	tap_need_eq(azbind_attach(fd, uuid, AZATTEST_TRANSPORT_REST), -ENOENT);
	tap_need_eq(azbind_attach(fd, uuid, AZATTEST_TRANSPORT_MAX + 1), -EINVAL);
	close(fd);
}

static void second_and_wrong_joins_are_counted(void)
{
	owner = rig_owner(1712);
	EXPECT(join_twice, { "bind_refused", 2 });
	EXPECT(attach_wrongly, { "bind_refused", 2 });
}

static int errno_of(int fd, unsigned long call, void *arg)
{
	return ioctl(fd, call, arg) ? errno : 0;
}

/* Too short, behind nothing, and with more than the module knows of. */
static void three_bad_structs(int fd, unsigned long call)
{
	uint32_t words[1024] = { 1 };

	tap_need_eq(errno_of(fd, call, words), EINVAL);
	tap_need_eq(errno_of(fd, call, NULL), EFAULT);
	words[0] = sizeof(words);
	words[1023] = 1;
	tap_need_eq(errno_of(fd, call, words), E2BIG);
}

static void bad_bind(void) { three_bad_structs(owner, AZATTEST_IOC_BIND); }
static void bad_attach(void) { three_bad_structs(owner, AZATTEST_IOC_ATTACH); }
static void bad_info(void) { three_bad_structs(owner, AZATTEST_IOC_INFO); }
static void bad_attest(void) { three_bad_structs(owner, AZATTEST_IOC_ATTEST); }
static void bad_join(void) { three_bad_structs(signer, AZATTEST_SIGNER_IOC_JOIN); }
static void bad_exchange(void) { three_bad_structs(signer, AZATTEST_SIGNER_IOC_EXCHANGE); }

static void structs_that_cannot_be_taken_are_counted(void)
{
	owner = rig_owner(1714);
	signer = talk_signer();
	EXPECT(bad_bind, { "bind_refused", 3 });
	EXPECT(bad_attach, { "bind_refused", 3 });
	EXPECT(bad_info, { "frame_bad", 3 });
	EXPECT(bad_attest, { "frame_bad", 3 });
	EXPECT(bad_join, { "answers_bad", 3 });
	EXPECT(bad_exchange, { "answers_bad", 3 });
}

static void ask_wrongly(void)
{
	uint32_t len = 0;

	tap_need_eq(azbind_attest(owner, "!", 1, NULL, &len), -EINVAL);
	tap_need_eq(talk_put(owner, "no frame", 8), -EBADMSG);
	tap_need_eq(talk_put(owner, NULL, sizeof(struct azattest_frame)), -EFAULT);
}

static void sign_on_wrongly(void)
{
	struct azattest_signer_exchange e = { .size = sizeof(e), .flags = ~0U };

	tap_need_eq(fakesigner_join(signer, 0, AZATTEST_HOST_READY, 1), -EINVAL);
	tap_need_eq(fakesigner_join(signer, 1, 77, 1), -EINVAL);
	tap_need_eq(errno_of(signer, AZATTEST_SIGNER_IOC_EXCHANGE, &e), EINVAL);
}

static void calls_that_break_a_rule_are_counted(void)
{
	owner = rig_owner(1715);
	signer = talk_signer();
	EXPECT(ask_wrongly, { "frame_bad", 3 });
	EXPECT(sign_on_wrongly, { "answers_bad", 3 });
}

static void take_into_nothing(void)
{
	struct azattest_signer_exchange e = { .size = sizeof(e), .requests_len = 4096 };

	talk_ask(owner, 1);
	tap_need_eq(talk_get(signer, NULL, 4096), -EFAULT);
	tap_need_eq(errno_of(signer, AZATTEST_SIGNER_IOC_EXCHANGE, &e), EFAULT);
}

static void read_into_nothing(void)
{
	talk_answer(signer, talk_take(signer).cookie, "document");
	tap_need_eq(talk_get(owner, NULL, 4096), -EFAULT);
}

static void answers_that_cannot_be_given_are_counted(void)
{
	owner = rig_owner(1716);
	signer = talk_signer();
	EXPECT(take_into_nothing, { "answers_bad", 2 }, { "requeued", 2 }, { "requests", 1 });
	EXPECT(read_into_nothing, { "frame_bad", 1 }, { "status_ok", 1 });
}

static const struct tap_test tests[] = {
	TAP_TEST(bindings_are_counted),
	TAP_TEST(missing_rights_are_counted),
	TAP_TEST(twins_are_counted),
	TAP_TEST(lost_cids_are_counted),
	TAP_TEST(answers_are_counted_by_status),
	TAP_TEST(deadlines_are_counted),
	TAP_TEST(frames_without_a_request_are_counted),
	TAP_TEST(a_full_queue_is_counted),
	TAP_TEST(dead_signers_are_counted),
	TAP_TEST(hanging_signers_are_counted),
	TAP_TEST(wrong_answers_are_counted),
	TAP_TEST(other_versions_are_counted),
	TAP_TEST(requests_given_up_with_their_file_are_counted),
	TAP_TEST(second_and_wrong_joins_are_counted),
	TAP_TEST(structs_that_cannot_be_taken_are_counted),
	TAP_TEST(calls_that_break_a_rule_are_counted),
	TAP_TEST(answers_that_cannot_be_given_are_counted),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
