// SPDX-License-Identifier: GPL-2.0
/* Guests that lie, stall, storm and steal: others never notice. */
#include <selftests/vsock/door.h>

#include <endian.h>
#include <stdlib.h>
#include <unistd.h>

static void barrier(struct fakeguest *g)
{
	tap_need_wait((fakeguest_pump(g, 0), fakeguest_sent_all(g)));
}

static size_t attest_frame(uint8_t *frame, const char *nonce)
{
	return frames_attest(frame, 1, nonce, strlen(nonce));
}

/* ---- Slow and deaf ---- */

static void half_a_frame_is_closed_while_others_work(void)
{
	struct testvm *slow, *other;
	struct fakeguest_conn *c, *idle;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = attest_frame(frame, "never-comes");

	door_signer();
	azbind_limit("frame_ms", 500);
	slow = testvm_start(1);
	other = testvm_start(2);
	idle = testvm_connect(slow);
	testvm_attest_on(slow, idle, "n");
	for (size_t cut = 1; cut < len; cut += 21) {
		c = testvm_connect(slow);
		tap_need_eq(fakeguest_send(c, frame, cut), 0);
		testvm_attest(other, "meanwhile");
		tap_need_eq(fakeguest_wait_end(c), 0);
		fakeguest_forget(c);
	}
	/* Nothing was begun on this one: it may idle as long as it likes. */
	tap_need_eq(idle->state, FAKEGUEST_OPEN);
	testvm_attest_on(slow, idle, "still-there");
}

/* Each byte comes in time, the frame does not. */
static void dripping_frame_is_closed(void)
{
	struct testvm *slow;
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = attest_frame(frame, "0123456789012345678901234567890");
	int64_t begin;

	door_signer();
	azbind_limit("frame_ms", 300);
	slow = testvm_start(1);
	c = testvm_connect(slow);
	begin = tap_now_ms();
	for (size_t i = 0; i + 1 < len && c->state == FAKEGUEST_OPEN; i++) {
		if (fakeguest_send(c, frame + i, 1))
			break;
		for (int64_t next = tap_now_ms() + 50; tap_now_ms() < next;)
			fakeguest_pump(slow->guest, 10);
	}
	tap_need_eq(fakeguest_wait_end(c), 0);
	tap_need(tap_now_ms() - begin >= 290);
	testvm_attest(slow, "again");
}

/* No room for a reply, or not for a whole one, and there never will be. */
static void guest_without_credit_is_closed(void)
{
	struct testvm *deaf, *other;
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = attest_frame(frame, "n");

	door_signer();
	azbind_limit("frame_ms", 500);
	deaf = testvm_start(1);
	other = testvm_start(2);
	deaf->guest->mute_credit = true;
	for (uint32_t credit = 0; credit < 40; credit += 13) {
		c = testvm_connect(deaf);
		c->buf_alloc = credit;
		tap_need_eq(fakeguest_send(c, frame, len), 0);
		testvm_attest(other, "meanwhile");
		tap_need_eq(fakeguest_wait_end(c), 0);
		tap_need(c->rx_cnt <= credit);
		fakeguest_forget(c);
	}
	testvm_attest(deaf, "again");
}

/*
 * Takes nothing off its ring, though it says it has room for 4 GiB: asks until
 * its own ring is stuck. What it costs the host is bounded by its credit here.
 */
static void deaf_guest_with_endless_credit_harms_itself_alone(void)
{
	struct testvm *deaf, *other;
	struct fakeguest_conn *c[8];
	struct virtio_vsock_hdr hdr;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = attest_frame(frame, "n");
	struct fakesigner *s = door_signer();
	unsigned int sent = 0;

	azbind_limit("frame_ms", 1000);
	s->options.length = AZATTEST_DOCUMENT_MAX;
	deaf = testvm_start(1);
	other = testvm_start(2);
	for (size_t i = 0; i < TAP_COUNT(c); i++) {
		c[i] = testvm_connect(deaf);
		c[i]->buf_alloc = ~0U;
	}
	for (; sent < 3000; sent++) {
		struct fakeguest_conn *to = c[sent % TAP_COUNT(c)];
		int64_t end = tap_now_ms() + 500;

		fakeguest_header(deaf->guest, &hdr, to->src_port, to->dst_port,
				 VIRTIO_VSOCK_OP_RW);
		hdr.len = htole32(len);
		hdr.buf_alloc = ~0U;
		/* Stuck for half a second is stuck: its rings wait for itself. */
		while (!fakeguest_sent_all(deaf->guest) && tap_now_ms() < end)
			tap_pause();
		if (!fakeguest_sent_all(deaf->guest))
			break;
		tap_need_eq(fakeguest_inject(deaf->guest, &hdr, frame, len), 0);
	}
	tap_diag("stuck after %u requests, %llu signed", sent, (unsigned long long)s->taken);
	for (int i = 0; i < 20; i++)
		testvm_attest(other, "meanwhile");
	/* It listens again, and is a guest like any other. */
	tap_need_wait((fakeguest_pump(deaf->guest, 0), fakeguest_sent_all(deaf->guest)));
	for (size_t i = 0; i < TAP_COUNT(c); i++)
		fakeguest_reset(c[i]);
	testvm_attest(deaf, "again");
}

/* Sends without minding what the host can hold. */
static void guest_that_ignores_our_credit_harms_itself_alone(void)
{
	struct fakesigner_options never = { .mode = FAKESIGNER_NEVER };
	static uint8_t junk[FAKEGUEST_PAYLOAD];
	struct testvm *rude, *other;
	struct fakeguest_conn *c;
	struct virtio_vsock_hdr hdr;
	struct fakesigner *s;
	uint8_t frame[AZATTEST_REQUEST_MAX];

	door_open_wide();
	s = fakesigner_start(&never);
	rude = testvm_start(1);
	other = testvm_start(2);
	c = testvm_connect(rude);
	tap_need_eq(fakeguest_send(c, frame, attest_frame(frame, "n")), 0);
	tap_need_wait(s->taken == 1);
	fakeguest_header(rude->guest, &hdr, c->src_port, c->dst_port, VIRTIO_VSOCK_OP_RW);
	hdr.len = htole32(sizeof(junk));
	for (int i = 0; i < 1000; i++) {
		tap_need_eq(fakeguest_inject(rude->guest, &hdr, junk, sizeof(junk)), 0);
		fakeguest_pump(rude->guest, 0);
	}
	barrier(rude->guest);
	s->options.mode = FAKESIGNER_ANSWER;
	testvm_attest(other, "meanwhile");
	fakeguest_reset(c);
	testvm_attest(rude, "again");
}

/* ---- Forgery ---- */

/* `forger` says it is `victim`: nobody hears of it. */
static void forge(struct testvm *forger, struct testvm *victim, struct fakeguest_conn *c,
		  uint16_t op, const void *data, size_t len)
{
	struct virtio_vsock_hdr hdr;

	fakeguest_header(victim->guest, &hdr, c->src_port, c->dst_port, op);
	hdr.len = htole32(len);
	if (op == VIRTIO_VSOCK_OP_SHUTDOWN)
		hdr.flags = htole32(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND);
	tap_need_eq(fakeguest_inject(forger->guest, &hdr, data, len), 0);
	barrier(forger->guest);
}

static void forged_source_cid_changes_nothing(void)
{
	static const uint16_t ops[] = {
		VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RESPONSE, VIRTIO_VSOCK_OP_RST,
		VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_CREDIT_UPDATE,
		VIRTIO_VSOCK_OP_CREDIT_REQUEST,
	};
	struct fakesigner *s = door_signer();
	struct testvm *victim = testvm_start(1), *forger = testvm_start(2);
	struct fakeguest_conn *c = testvm_connect(victim), ghost = { .src_port = 60001 };
	uint8_t mine[AZATTEST_REQUEST_MAX], theirs[AZATTEST_REQUEST_MAX];
	size_t len = attest_frame(mine, "of-the-victim");
	struct ask_reply r;

	tap_need_eq(attest_frame(theirs, "of-the-forger"), len);
	ghost.dst_port = c->dst_port;
	tap_need_eq(fakeguest_send(c, mine, len / 2), 0);
	barrier(victim->guest);
	/* The rest of the victim's frame, by another hand. */
	forge(forger, victim, c, VIRTIO_VSOCK_OP_RW, theirs + len / 2, len - len / 2);
	for (size_t i = 0; i < TAP_COUNT(ops); i++)
		forge(forger, victim, c, ops[i], NULL, 0);
	forge(forger, victim, &ghost, VIRTIO_VSOCK_OP_REQUEST, NULL, 0);
	forge(forger, victim, &ghost, VIRTIO_VSOCK_OP_RW, theirs, len);
	testvm_attest(forger, "own");
	tap_need_eq(ask(c, mine + len / 2, len - len / 2, &r), 0);
	tap_need(fakesigner_is_for(r.payload, r.length, 1, "of-the-victim", 13));
	tap_need_eq(s->taken, 2);
	/* Neither heard of the ghost connection. */
	tap_need_eq(victim->guest->strays, 0);
	tap_need_eq(forger->guest->strays, 0);
}

/* T16: the high half counts, and only the host's CID is the host. */
static void overlong_and_foreign_cids_in_packets_are_dropped(void)
{
	static const uint64_t high = 1ULL << 32;
	struct fakesigner *s = door_signer();
	struct testvm *vm = testvm_start(1);
	const uint64_t src[] = { vm->cid + high, vm->cid | 1ULL << 63, 0, 1, 2, ~0ULL, 0xffffffff };
	static const uint64_t dst[] = { 0, 1, 3, 2 + high, ~0ULL, 0xffffffff };
	struct virtio_vsock_hdr hdr;

	fakeguest_header(vm->guest, &hdr, 4711, testvm_port(), VIRTIO_VSOCK_OP_REQUEST);
	for (size_t i = 0; i < TAP_COUNT(src); i++) {
		hdr.src_cid = htole64(src[i]);
		tap_need_eq(fakeguest_inject(vm->guest, &hdr, NULL, 0), 0);
	}
	hdr.src_cid = htole64(vm->cid);
	for (size_t i = 0; i < TAP_COUNT(dst); i++) {
		hdr.dst_cid = htole64(dst[i]);
		tap_need_eq(fakeguest_inject(vm->guest, &hdr, NULL, 0), 0);
	}
	barrier(vm->guest);
	testvm_attest(vm, "n");
	tap_need_eq(vm->guest->strays, 0);
	tap_need_eq(s->taken, 1);
}

/* Packets that lie about themselves, on a living connection and beside it. */
static void malformed_packets_harm_the_sender_alone(void)
{
	struct testvm *rude, *other;
	struct fakeguest_conn *c;
	struct virtio_vsock_hdr hdr;
	uint8_t junk[64] = "";

	door_signer();
	rude = testvm_start(1);
	other = testvm_start(2);
	c = testvm_connect(rude);
	for (unsigned int i = 0; i < 300; i++) {
		fakeguest_header(rude->guest, &hdr, i % 2 ? c->src_port : 999, testvm_port(),
				 i % 11);
		/* 6.1 reads the length of STREAM and SEQPACKET only. */
		hdr.type = htole16(i % 7 ? i % 5 : VIRTIO_VSOCK_TYPE_STREAM);
		hdr.flags = htole32(i * 0x01010101);
		hdr.buf_alloc = htole32(i * 0x10000001);
		hdr.fwd_cnt = htole32(i * 0x20000003);
		hdr.len = htole32(i % 7 ? i % 64 : 0xff000000 + i);
		tap_need_eq(fakeguest_inject(rude->guest, &hdr, junk, i % 64), 0);
		rude->guest->lost += i % 7 == 0;
		/* The host stops when its replies are not taken: none is to be behind. */
		tap_need_wait(fakeguest_sent_all(rude->guest));
		fakeguest_pump(rude->guest, 0);
	}
	barrier(rude->guest);
	testvm_attest(other, "unharmed");
	fakeguest_forget(c);
	tap_need_wait((c = fakeguest_connect(rude->guest, 0, testvm_port())));
	testvm_attest_on(rude, c, "again");
}

/* ---- Storms ---- */

/* The guest can have a document again, sooner or later. */
static bool recovers(struct testvm *vm)
{
	struct fakeguest_conn *c = fakeguest_connect(vm->guest, 0, testvm_port());
	struct ask_reply r;
	bool ok = c && !ask_attest(c, 1, "back", 4, &r) && r.status == AZATTEST_STATUS_OK;

	if (c)
		fakeguest_reset(c);
	return ok;
}

/* A host with many answers for us takes nothing more until we have taken them. */
static void storm_op(struct fakeguest *g, uint32_t port, uint16_t op)
{
	tap_need_wait((fakeguest_pump(g, 0), fakeguest_has_room(g)));
	tap_need_eq(fakeguest_inject_op(g, port, testvm_port(), op), 0);
}

/*
 * `count` REQUESTs, each with what `then` says; `other` is served all along.
 * Rates are the shipped ones: they are what stands between storm and listener.
 */
static void storm(unsigned int count, uint16_t then)
{
	const uint32_t first = 100000;
	struct testvm *rude, *other;

	azbind_limit("request_rate", 0);
	fakesigner_start(NULL);
	rude = testvm_start(1);
	other = testvm_start(2);
	rude->guest->mute_strays = true;
	for (unsigned int i = 0; i < count; i++) {
		storm_op(rude->guest, first + i, VIRTIO_VSOCK_OP_REQUEST);
		if (then)
			storm_op(rude->guest, first + i, then);
		if (i % (count / 10) == 0)
			testvm_attest(other, "in-the-storm");
	}
	barrier(rude->guest);
	testvm_attest(other, "after-the-storm");
	/* Those that were let in hold their places until their guest drops them. */
	for (unsigned int i = 0; !then && i < count; i += i < 500 ? 1 : 97)
		storm_op(rude->guest, first + i, VIRTIO_VSOCK_OP_RST);
	barrier(rude->guest);
	tap_need_wait(recovers(rude));
	tap_diag("%u requests: %llu accepted, %llu refused", count,
		 (unsigned long long)rude->guest->packets[VIRTIO_VSOCK_OP_RESPONSE],
		 (unsigned long long)rude->guest->packets[VIRTIO_VSOCK_OP_RST]);
}

static void listener_survives_a_storm_of_resets(void)
{
	storm(tap_loops(1000, 10000), VIRTIO_VSOCK_OP_RST);
}

static void listener_survives_half_open_connections(void)
{
	storm(tap_loops(10000, 30000), 0);
}

/* ---- Neighbours ---- */

static int flood(void *arg)
{
	volatile uint64_t *asked = arg;
	struct testvm *vm = testvm_start(1);
	struct fakeguest_conn *c;
	struct ask_reply r;

	for (;;) {
		c = fakeguest_connect(vm->guest, 0, testvm_port());
		while (c && !ask_attest(c, 1, "flood", 5, &r))
			(*asked)++;
		if (c)
			fakeguest_reset(c);
	}
	return 0;
}

static void fifty_quiet_vms_are_served_beside_a_flood(void)
{
	enum { COUNT = 50, ROUNDS = 3 };
	struct testvm *vm[COUNT];
	struct fakeguest_conn *c[COUNT];
	uint64_t *asked = tap_shared(sizeof(*asked));
	int64_t begin;
	pid_t pid;

	/* All limits as shipped. */
	fakesigner_start(NULL);
	pid = tap_spawn(flood, asked, -1);
	for (unsigned int i = 0; i < COUNT; i++) {
		vm[i] = testvm_start(100 + i);
		c[i] = testvm_connect(vm[i]);
	}
	tap_need_wait(*(volatile uint64_t *)asked > 30);
	begin = tap_now_ms();
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < COUNT; i++)
			testvm_attest_on(vm[i], c[i], "quiet");
	tap_diag("%u documents in %lld ms beside %llu requests of one", ROUNDS * COUNT,
		 (long long)(tap_now_ms() - begin), (unsigned long long)*asked);
	tap_kill(pid);
}

static const struct tap_test tests[] = {
	TAP_TEST(half_a_frame_is_closed_while_others_work),
	TAP_TEST(dripping_frame_is_closed),
	TAP_TEST(guest_without_credit_is_closed),
	TAP_TEST(deaf_guest_with_endless_credit_harms_itself_alone),
	TAP_TEST(guest_that_ignores_our_credit_harms_itself_alone),
	TAP_TEST(forged_source_cid_changes_nothing),
	TAP_TEST(overlong_and_foreign_cids_in_packets_are_dropped),
	TAP_TEST(malformed_packets_harm_the_sender_alone),
	TAP_TEST(listener_survives_a_storm_of_resets),
	TAP_TEST(listener_survives_half_open_connections),
	TAP_TEST(fifty_quiet_vms_are_served_beside_a_flood),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
