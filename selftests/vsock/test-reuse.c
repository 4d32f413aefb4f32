// SPDX-License-Identifier: GPL-2.0
/* A CID's second owner never speaks for its first one (threats: T13). */
#include <selftests/vsock/door.h>

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/vsock/vmm.h>

#define CID	31000
#define PORT	4242	/* source port of both guests */

enum { DEAD = 1, HEIR = 2 };	/* numbers of the VMs */

enum holder {
	HELD_BY_VMM,		/* the launcher's way: binding file in the VMM */
	HELD_WITH_LIFE_FD,	/* the host daemon's way: it lives on */
	HELD_WITHOUT,		/* only the vhost file tells of the death */
};

/* How often in one promise the heir got what it must not, and what it tried. */
struct tally {
	unsigned int loops;
	unsigned int stale_refused;
	unsigned int first_try;		/* CID was free at once */
	unsigned int strays;		/* packets to the heir before it connected */
};

/* The number of the VM that a reply speaks of; 0: it is no document. */
static uint32_t speaks_of(const struct ask_reply *r)
{
	struct fakesigner_document doc;

	if (r->status != AZATTEST_STATUS_OK || !fakesigner_parse(r->payload, r->length, &doc))
		return 0;
	return fakesigner_is_for(r->payload, r->length, DEAD, doc.request.nonce,
				 doc.request.nonce_len) ? DEAD : HEIR;
}

/*
 * The heir goes on, on the dead VM's connection, without ever connecting: it
 * must hear the end of it and no document of the dead, nor one of its own for
 * a nonce that it did not send.
 */
static void try_to_inherit(struct fakeguest *g)
{
	struct fakeguest_conn *c = fakeguest_adopt(g, PORT, testvm_port());
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 99, "heirs", 5);
	struct ask_reply r;
	int err;

	/* The end may come before the first byte is sent. */
	err = fakeguest_send(c, frame, len);
	tap_need(!err || err == -ECONNRESET);
	while (!err && !(err = ask_read(c, &r))) {
		tap_need_msg(speaks_of(&r) != DEAD, "the heir has a document of the dead");
		tap_need_msg(!speaks_of(&r), "the heir was answered on a connection it never made");
	}
	fakeguest_forget(c);
}

/* BIND as the heir and connect from the very port that the dead one used. */
static void bind_and_attest(struct fakeguest *g, struct tally *t)
{
	struct testvm vm = { .number = HEIR, .cid = CID, .guest = g };
	struct fakeguest_conn *c;

	testvm_bind(&vm);
	/*
	 * As a real guest would: answers to what it tried before are behind it.
	 * They come in order, so an answer to something new, a refusal from a
	 * port where nobody listens, is behind them all.
	 */
	tap_need(!fakeguest_connect(g, PORT + 1, testvm_port() + 1));
	t->strays += fakeguest_pump(g, 0);
	c = fakeguest_connect(g, PORT, testvm_port());
	if (!c) {
		t->stale_refused++;
	} else {
		testvm_attest_on(&vm, c, "heirs-own");
		fakeguest_hangup(c);
	}
	close(vm.fd);
}

static int hold(struct vmm *v, enum holder holder)
{
	int fd;

	if (holder == HELD_BY_VMM)
		return -1;
	fd = azbind_new(DEAD, CID, v->vhost_fd, holder == HELD_WITH_LIFE_FD ? v->pidfd : -1, NULL);
	tap_need_msg(fd >= 0, "holder: BIND: errno %d", -fd);
	close(v->vhost_fd);
	v->vhost_fd = -1;
	return fd;
}

static void loop_once(enum holder holder, enum vmm_end end, struct tally *t)
{
	struct vmm_order order = {
		.number = DEAD, .cid = CID, .src_port = PORT,
		.binds = holder == HELD_BY_VMM, .end = end,
	};
	struct fakeguest *g = fakeguest_open();
	struct vmm *v = vmm_start(&order);
	int fd = hold(v, holder);
	int64_t patience;

	tap_need(g);
	tap_need_eq(fakeguest_set_cid(g, CID), -EADDRINUSE);
	/* What the host sends to a port of the dead is no stray to reset. */
	g->mute_strays = true;
	vmm_go(v);
	if (end == VMM_CHATTY)
		tap_need_wait(*v->asked > (int)(t->loops % 5));
	if (end != VMM_LEAVES)
		vmm_kill(v);
	t->first_try += fakeguest_set_cid(g, CID) == 0;
	patience = tap_now_ms() + tap_patience_ms();
	while (!g->cid && fakeguest_set_cid(g, CID))
		tap_need_msg(tap_now_ms() < patience, "the CID of the dead never came free");
	tap_need_eq(fakeguest_run(g, true), 0);
	if (t->loops % 2)
		try_to_inherit(g);
	bind_and_attest(g, t);
	fakeguest_close(g);
	vmm_reap(v);
	if (fd >= 0)
		close(fd);
	t->loops++;
}

static void reuse(enum holder holder, enum vmm_end end, unsigned int loops)
{
	struct fakesigner *s = door_signer();
	struct tally t = { 0 };

	/* Whatever the guests hear: the signer must never be told this. */
	azbind_uuid((uint8_t *)s->trap_uuid, HEIR);
	memcpy((char *)s->trap_nonce, VMM_NONCE, sizeof(VMM_NONCE));
	while (t.loops < loops)
		loop_once(holder, end, &t);
	tap_diag("%u loops, %u with the CID free at once, %u strays", t.loops, t.first_try,
		 t.strays);
	tap_need_eq(t.stale_refused, 0);
	tap_need_eq(s->trapped, 0);
}

static void killed_vmm_that_holds_its_binding_leaves_nothing(void)
{
	reuse(HELD_BY_VMM, VMM_IDLE, tap_loops(100, 1000));
}

static void killed_vmm_in_mid_request_leaves_nothing(void)
{
	reuse(HELD_BY_VMM, VMM_CHATTY, tap_loops(140, 1000));
}

static void killed_vmm_held_by_another_leaves_nothing(void)
{
	reuse(HELD_WITH_LIFE_FD, VMM_CHATTY, tap_loops(160, 1500));
}

static void killed_vmm_without_life_fd_leaves_nothing(void)
{
	reuse(HELD_WITHOUT, VMM_CHATTY, tap_loops(3, 50));
}

static void request_left_in_the_accept_queue_is_nobodys(void)
{
	reuse(HELD_BY_VMM, VMM_LEAVES, tap_loops(60, 300));
}

static void request_left_in_the_accept_queue_of_a_held_vm_is_nobodys(void)
{
	reuse(HELD_WITH_LIFE_FD, VMM_LEAVES, tap_loops(60, 300));
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(killed_vmm_that_holds_its_binding_leaves_nothing, 900),
	TAP_TEST_SLOW(killed_vmm_in_mid_request_leaves_nothing, 900),
	TAP_TEST_SLOW(killed_vmm_held_by_another_leaves_nothing, 900),
	TAP_TEST(killed_vmm_without_life_fd_leaves_nothing),
	TAP_TEST_SLOW(request_left_in_the_accept_queue_is_nobodys, 900),
	TAP_TEST_SLOW(request_left_in_the_accept_queue_of_a_held_vm_is_nobodys, 900),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
