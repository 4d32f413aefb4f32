// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the promise that nobody holds up others by stopping in mid-copy: each
 * call is frozen where it reads or writes the caller's memory, and the rest of
 * the world goes on.
 */
#include "freeze.h"
#include "talk.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct freeze frozen;

/* A call in a thread of its own, and what it returned. */
struct call {
	pthread_t thread;
	int (*fn)(struct call *c);
	int fd;
	size_t len;
	volatile int result;
};

static void *run(void *arg)
{
	struct call *c = arg;

	c->result = c->fn(c);
	return NULL;
}

static void start(struct call *c, int (*fn)(struct call *c), int fd, size_t len)
{
	*c = (struct call) { .fn = fn, .fd = fd, .len = len };
	tap_need(!pthread_create(&c->thread, NULL, run, c));
	freeze_wait(&frozen);
}

static int finish(struct call *c)
{
	freeze_thaw(&frozen);
	pthread_join(c->thread, NULL);
	return c->result;
}

static int do_read(struct call *c)
{
	return talk_get(c->fd, frozen.page, c->len);
}

static int do_write(struct call *c)
{
	return talk_put(c->fd, frozen.page, c->len);
}

static int do_bind(struct call *c)
{
	return azbind_bind(c->fd, (struct azattest_bind *)frozen.page);
}

static int do_attest(struct call *c)
{
	uint32_t len = FREEZE_PAGE;

	return azbind_attest(c->fd, "n", 1, frozen.page, &len);
}

/* ---- signers ---- */

static void a_signer_frozen_in_read_holds_up_nobody(void)
{
	int owner = rig_owner(1800), other = rig_owner(1801), one = talk_signer(), two;
	struct azattest_signer_request r, *lost;
	struct call c;

	freeze_open(&frozen);
	lost = (void *)frozen.page;
	azbind_limit("attempt_ms", 150);
	talk_ask(owner, 1);
	start(&c, do_read, one, sizeof(r));
	two = talk_signer();
	tap_need_eq(azbind_limit_set("attempt_ms", 60000), 0);
	talk_ask(other, 2);
	/* Both come to the second signer: the other VM's, and the frozen one. */
	for (int i = 0; i < 2; i++) {
		r = talk_take(two);
		tap_need_eq(r.attempt, r.uuid[15] == (1800 & 0xff) ? 2 : 1);
		talk_answer(two, r.cookie, "d");
	}
	tap_need_eq(talk_reply(owner).id, 1);
	tap_need_eq(talk_reply(other).id, 2);
	tap_need_eq(finish(&c), sizeof(r));
	tap_need_eq(fakesigner_answer(one, lost->cookie, 0, "late", 4), -ENOENT);
}

static void a_signer_frozen_in_write_holds_up_nobody(void)
{
	int owner = rig_owner(1802), other = rig_owner(1803), one = talk_signer(), two;
	char frame[AZATTEST_REQUEST_MAX];
	struct azattest_signer_answer *a = (void *)frozen.content;
	struct call c;

	freeze_open(&frozen);
	talk_put(owner, frame, frames_attest_timeout(frame, 1, "n", 1, 300));
	*a = (struct azattest_signer_answer) { talk_take(one).cookie, 0, 8 };
	start(&c, do_write, one, 24);
	two = talk_signer();
	talk_ask(other, 2);
	talk_answer(two, talk_take(two).cookie, "d");
	tap_need_eq(talk_reply(other).status, AZATTEST_STATUS_OK);
	tap_need_eq(talk_reply(owner).status, AZATTEST_STATUS_RETRY);
	tap_need_eq(finish(&c), -ENOENT);
	tap_need_eq(rig_poll(owner, POLLIN, 0), 0);
}

/* ---- files that speak ---- */

static void a_reader_frozen_in_mid_reply_holds_up_nobody(void)
{
	int owner = rig_owner(1804), fd = rig_attached(1804, AZATTEST_TRANSPORT_REST);
	int signer = talk_signer();
	struct call c;

	freeze_open(&frozen);
	for (int i = 1; i <= 2; i++) {
		talk_ask(fd, i);
		talk_answer(signer, talk_take(signer).cookie, "d");
	}
	start(&c, do_read, fd, FREEZE_PAGE);
	/* The same file, the same binding, and the binding's end. */
	tap_need_eq(talk_reply(fd).id, 2);
	talk_ask(fd, 3);
	close(owner);
	tap_need_wait(rig_ended(fd));
	tap_need(rig_uuid_free(1804));
	tap_need_eq(finish(&c), 17);
}

static void a_writer_frozen_in_mid_frame_holds_up_nobody(void)
{
	int owner = rig_owner(1805), fd = rig_attached(1805, AZATTEST_TRANSPORT_REST);
	struct call c;
	size_t n;
	int ret;

	freeze_open(&frozen);
	n = frames_attest(frozen.content, 1, "n", 1);
	start(&c, do_write, fd, n);
	fakesigner_start(NULL);
	talk_ask(fd, 7);
	tap_need_eq(talk_reply(fd).id, 7);
	close(owner);
	tap_need_wait(rig_ended(fd));
	tap_need(rig_uuid_free(1805));
	ret = finish(&c);
	tap_need_msg(ret == -ENODEV || ret == (int)n, "write: %d", ret);
}

static void an_asker_frozen_in_its_document_holds_up_nobody(void)
{
	int owner = rig_owner(1806), fd = rig_attached(1806, AZATTEST_TRANSPORT_REST);
	struct call c;

	freeze_open(&frozen);
	fakesigner_start(NULL);
	start(&c, do_attest, fd, 0);
	talk_ask(fd, 1);
	tap_need_eq(talk_reply(fd).id, 1);
	close(owner);
	tap_need_wait(rig_ended(fd));
	tap_need(rig_uuid_free(1806));
	tap_need_eq(finish(&c), AZATTEST_STATUS_OK);
}

/* ---- BIND ---- */

static void a_frozen_bind_reserves_nothing(void)
{
	int fd = azbind_open();
	struct azattest_info info;
	struct call c;

	freeze_open(&frozen);
	azbind_fill((struct azattest_bind *)frozen.content, 1807);
	start(&c, do_bind, fd, 0);
	tap_need_eq(azbind_info(fd, &info), -ENOTCONN);
	rig_owner(1807);
	tap_need_eq(finish(&c), -EBUSY);
}

static void a_file_bound_beside_a_frozen_bind_is_ealready(void)
{
	int fd = azbind_open();
	struct azattest_bind b;
	struct call c;

	freeze_open(&frozen);
	azbind_fill((struct azattest_bind *)frozen.content, 1808);
	start(&c, do_bind, fd, 0);
	azbind_fill(&b, 1809);
	tap_need_eq(azbind_bind(fd, &b), 0);
	tap_need_eq(finish(&c), -EALREADY);
	tap_need(rig_uuid_free(1808));
	tap_need(!rig_ended(fd));
}

/* ---- killed while frozen ---- */

struct victim {
	int (*fn)(struct call *c);
	int fd;
	size_t len;
	volatile int *frozen;
};

static void *tell_frozen(void *arg)
{
	freeze_wait(&frozen);
	*((struct victim *)arg)->frozen = 1;
	return NULL;
}

static int freeze_for_ever(void *arg)
{
	struct victim *v = arg;
	struct call c = { .fd = v->fd, .len = v->len };
	pthread_t t;

	freeze_open(&frozen);
	tap_need(!pthread_create(&t, NULL, tell_frozen, v));
	v->fn(&c);
	return 1;
}

static void kill_frozen(int (*fn)(struct call *c), int fd, size_t len)
{
	struct victim v = { fn, fd, len, tap_shared(sizeof(int)) };
	pid_t pid = tap_spawn(freeze_for_ever, &v, fd);

	tap_need_wait(*v.frozen);
	tap_kill(pid);
}

static void killed_while_frozen_it_leaves_nothing(void)
{
	int owner = rig_owner(1810), fd = azbind_open(), signer = talk_signer();
	struct azattest_bind b;

	kill_frozen(do_bind, fd, 0);
	azbind_fill(&b, 1811);
	tap_need_eq(azbind_bind(fd, &b), 0);
	kill_frozen(do_write, owner, 33);
	talk_ask(owner, 1);
	/* What the killed signer had taken comes again. */
	kill_frozen(do_read, signer, sizeof(struct azattest_signer_request));
	talk_answer(signer, talk_take(signer).cookie, "d");
	tap_need(rig_poll(owner, POLLIN, tap_patience_ms()) & POLLIN);
	kill_frozen(do_read, owner, FREEZE_PAGE);
	talk_ask(owner, 2);
	talk_answer(signer, talk_take(signer).cookie, "d");
	tap_need_eq(talk_reply(owner).id, 2);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_signer_frozen_in_read_holds_up_nobody),
	TAP_TEST(a_signer_frozen_in_write_holds_up_nobody),
	TAP_TEST(a_reader_frozen_in_mid_reply_holds_up_nobody),
	TAP_TEST(a_writer_frozen_in_mid_frame_holds_up_nobody),
	TAP_TEST(an_asker_frozen_in_its_document_holds_up_nobody),
	TAP_TEST(a_frozen_bind_reserves_nothing),
	TAP_TEST(a_file_bound_beside_a_frozen_bind_is_ealready),
	TAP_TEST(killed_while_frozen_it_leaves_nothing),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
