// SPDX-License-Identifier: GPL-2.0
/* Which VM a CID is, and when it stops being that one. */
#include <selftests/vsock/door.h>

#include <endian.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/vsock/vmm.h>

#define CID	32000

static bool has_ended(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

static void barrier(struct fakeguest *g)
{
	tap_need_wait((fakeguest_pump(g, 0), fakeguest_sent_all(g)));
}

/* No document comes over c, whatever else does. */
static void hears_no_document(struct fakeguest_conn *c, const char *what)
{
	struct ask_reply r;
	int err;

	while (!(err = ask_read(c, &r)))
		tap_need_msg(r.status != AZATTEST_STATUS_OK, "%s: a document", what);
	tap_need_msg(err != -ETIMEDOUT, "%s: not closed", what);
}

static void rebound_vm_reconnects_from_the_same_port_at_once(void)
{
	struct testvm *vm;
	struct fakeguest_conn *c;

	door_signer();
	vm = testvm_start(1);
	/* The worst guest: it never answers a SHUTDOWN. */
	vm->guest->mute_shutdown = true;
	for (int i = 0; i < 20; i++) {
		c = fakeguest_connect(vm->guest, 7777, testvm_port());
		tap_need_msg(c, "round %d: refused", i);
		testvm_attest_on(vm, c, "n");
		testvm_unbind(vm);
		/* Its end has been heard, so the next one is not this one's. */
		tap_need_eq(fakeguest_wait_end(c), 0);
		fakeguest_forget(c);
		testvm_bind(vm);
	}
}

static void connection_older_than_bind_never_gains_identity(void)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, "too-early", 9);
	struct fakesigner *s = door_signer();
	struct virtio_vsock_hdr hdr;
	struct testvm *vm;

	vm = testvm_start_unbound(1);
	for (unsigned int i = 0; i < tap_loops(30, 300); i++) {
		struct fakeguest_conn *c = fakeguest_connect_begin(vm->guest, 0, testvm_port());

		/* Into the accept queue with its request, then BIND at once. */
		fakeguest_header(vm->guest, &hdr, c->src_port, c->dst_port, VIRTIO_VSOCK_OP_RW);
		hdr.len = htole32(len);
		tap_need_eq(fakeguest_inject(vm->guest, &hdr, frame, len), 0);
		while (!fakeguest_sent_all(vm->guest))
			;
		testvm_bind(vm);
		hears_no_document(c, "connection older than BIND");
		testvm_attest(vm, "n");
		testvm_unbind(vm);
		fakeguest_forget(c);
	}
	tap_need(memcmp((const void *)s->last.nonce, "too-early", 9));
	tap_need_eq(s->taken, tap_loops(30, 300));
}

static void refused_connection_stays_dead_after_bind(void)
{
	struct fakesigner *s = door_signer();
	struct fakeguest_conn *c;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct virtio_vsock_hdr hdr;
	struct testvm *vm;
	struct ask_reply r;
	size_t len = frames_attest(frame, 1, "zombie", 6);

	vm = testvm_start_unbound(1);
	vm->guest->mute_shutdown = true;
	c = testvm_connect(vm);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
	testvm_bind(vm);
	fakeguest_header(vm->guest, &hdr, c->src_port, c->dst_port, VIRTIO_VSOCK_OP_RW);
	hdr.len = htole32(len);
	tap_need_eq(fakeguest_inject(vm->guest, &hdr, frame, len), 0);
	hears_no_document(c, "refused connection");
	barrier(vm->guest);
	testvm_attest(vm, "n");
	tap_need_eq(s->taken, 1);
}

/* T14: the VMM moves its CID away while bound, and another takes it. */
static void newcomer_on_a_left_cid_gets_its_own_identity(void)
{
	struct testvm *old, *new;
	struct fakeguest_conn *c, *heir;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, "whose", 5);

	door_signer();
	old = testvm_start_cid(1, CID);
	c = testvm_connect(old);
	testvm_attest_on(old, c, "n");
	tap_need_eq(fakeguest_set_cid(old->guest, CID + 1), 0);
	new = testvm_start_cid(2, CID);
	tap_need_wait(has_ended(old->fd));
	heir = fakeguest_adopt(new->guest, c->src_port, testvm_port());
	if (!fakeguest_send(heir, frame, len))
		hears_no_document(heir, "left connection");
	fakeguest_forget(heir);
	fakeguest_pump(new->guest, 0);
	testvm_attest(new, "n");
}

static void bound_vm_that_moves_is_nobody_at_its_new_cid(void)
{
	struct testvm *vm;
	struct fakeguest_conn *c;
	struct ask_reply r;

	door_signer();
	vm = testvm_start_cid(1, CID);
	tap_need_eq(fakeguest_set_cid(vm->guest, CID + 1), 0);
	c = testvm_connect(vm);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
}

/* T31: no document to who sits on the CID, and no binding beside him. */
static void squatter_of_a_cid_gets_nothing(void)
{
	struct fakesigner *s = door_signer();
	struct fakeguest *squatter = fakeguest_start(CID), *own;
	struct fakeguest_conn *c;
	struct testvm vm = { .number = 1, .cid = CID };
	struct ask_reply r;

	own = fakeguest_open();
	tap_need(own);
	tap_need_eq(azbind_new(1, CID, fakeguest_vhost_fd(own), -1, NULL), -EADDRINUSE);
	c = fakeguest_connect(squatter, 0, testvm_port());
	tap_need(c);
	tap_need_eq(ask_read(c, &r), 0);
	tap_need_eq(r.status, AZATTEST_STATUS_UNBOUND);
	tap_need_eq(s->taken, 0);
	fakeguest_close(squatter);
	vm.guest = own;
	tap_need_wait((vm.fd = azbind_new(1, CID, fakeguest_vhost_fd(own), -1,
					  &vm.generation)) != -EADDRINUSE);
	tap_need(vm.fd >= 0);
	own->cid = CID;
	tap_need_eq(fakeguest_run(own, true), 0);
	testvm_attest(&vm, "n");
}

static void bind_sets_the_cid_itself(void)
{
	struct testvm vm = { .number = 1, .cid = CID };

	door_signer();
	vm.guest = fakeguest_open();
	tap_need(vm.guest);
	testvm_bind(&vm);
	vm.guest->cid = CID;
	tap_need_eq(fakeguest_run(vm.guest, true), 0);
	testvm_attest(&vm, "n");
}

/* T15, T16 */
static void special_and_overlong_cids_are_no_vm(void)
{
	static const uint64_t cids[] = {
		0, 1, 2, 0xffffffff, 1ULL << 32, (1ULL << 32) + 5, ~0ULL,
	};
	struct fakeguest *g = fakeguest_open();
	struct azattest_bind b;
	int fd = azbind_open();

	tap_need(g && fd >= 0);
	for (size_t i = 0; i < TAP_COUNT(cids); i++) {
		azbind_fill_cid(&b, 1, cids[i], fakeguest_vhost_fd(g));
		tap_need_msg(azbind_bind(fd, &b) == -EINVAL, "CID %#llx",
			     (unsigned long long)cids[i]);
	}
}

static void any_source_port_is_served(void)
{
	static const uint32_t ports[] = { 1, 253, 0x7fffffff, 0x80000000, 0xfffffffe };
	static const uint32_t odd[] = { 0, ~0U };
	struct testvm *vm;
	struct fakeguest_conn *c;

	door_signer();
	vm = testvm_start(1);
	for (size_t i = 0; i < TAP_COUNT(ports); i++) {
		c = fakeguest_connect(vm->guest, ports[i], testvm_port());
		tap_need_msg(c, "port %u", ports[i]);
		testvm_attest_on(vm, c, "n");
		fakeguest_reset(c);
	}
	/* What 0 and VMADDR_PORT_ANY hear is the transport's affair. */
	for (size_t i = 0; i < TAP_COUNT(odd); i++) {
		fakeguest_inject_op(vm->guest, odd[i], testvm_port(), VIRTIO_VSOCK_OP_REQUEST);
		fakeguest_inject_op(vm->guest, 999, odd[i], VIRTIO_VSOCK_OP_REQUEST);
	}
	barrier(vm->guest);
	testvm_attest(vm, "n");
}

struct stopped {
	struct vmm *v;
	int sock;
};

/* Binds, says so, and is stopped by the test for ever. */
static int wedged_holder(void *arg)
{
	struct stopped *h = arg;
	int vhost = tap_recv_fd(h->sock), pidfd = tap_recv_fd(h->sock);
	int fd = azbind_new(1, CID, vhost, pidfd, NULL);

	tap_need_msg(fd >= 0, "holder: BIND: errno %d", -fd);
	close(vhost);
	tap_need_eq(write(h->sock, "b", 1), 1);
	pause();
	return 0;
}

/* T34 */
static void wedged_holder_does_not_keep_cid_or_uuid(void)
{
	struct vmm_order order = { .number = 1, .cid = CID, .src_port = 5, .end = VMM_CHATTY };
	struct testvm again = { .number = 1, .cid = CID };
	struct stopped h;
	int pair[2];
	char byte;
	pid_t pid;

	door_signer();
	h.v = vmm_start(&order);
	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	h.sock = pair[1];
	pid = tap_spawn(wedged_holder, &h, pair[1]);
	close(pair[1]);
	tap_need_eq(tap_send_fd(pair[0], h.v->vhost_fd), 0);
	tap_need_eq(tap_send_fd(pair[0], h.v->pidfd), 0);
	close(h.v->vhost_fd);
	h.v->vhost_fd = -1;
	tap_need_eq(read(pair[0], &byte, 1), 1);
	vmm_go(h.v);
	tap_need_eq(kill(pid, SIGSTOP), 0);
	vmm_kill(h.v);
	vmm_reap(h.v);
	again.guest = fakeguest_start(CID);
	tap_need_wait((again.fd = azbind_new(1, CID, fakeguest_vhost_fd(again.guest), -1,
					     &again.generation)) != -EBUSY);
	tap_need_msg(again.fd >= 0, "BIND: errno %d", -again.fd);
	testvm_attest(&again, "n");
	tap_need_eq(kill(pid, 0), 0);
}

static void held_binding_ends(bool life_fd)
{
	struct vmm_order order = { .number = 1, .cid = CID, .src_port = 5, .end = VMM_IDLE };
	struct azattest_info info;
	struct vmm *v;
	int fd;

	door_signer();
	v = vmm_start(&order);
	fd = azbind_new(1, CID, v->vhost_fd, life_fd ? v->pidfd : -1, NULL);
	tap_need_msg(fd >= 0, "BIND: errno %d", -fd);
	close(v->vhost_fd);
	v->vhost_fd = -1;
	vmm_go(v);
	tap_need(!has_ended(fd));
	vmm_kill(v);
	tap_need_wait(has_ended(fd));
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need(info.flags & AZATTEST_INFO_ENDED);
	vmm_reap(v);
	testvm_attest(testvm_start_cid(1, CID), "again");
}

static void binding_ends_with_the_process_behind_life_fd(void)
{
	held_binding_ends(true);
}

static void binding_ends_when_nobody_else_holds_the_vhost_file(void)
{
	held_binding_ends(false);
}

static const struct tap_test tests[] = {
	TAP_TEST(rebound_vm_reconnects_from_the_same_port_at_once),
	TAP_TEST(connection_older_than_bind_never_gains_identity),
	TAP_TEST(refused_connection_stays_dead_after_bind),
	TAP_TEST(newcomer_on_a_left_cid_gets_its_own_identity),
	TAP_TEST(bound_vm_that_moves_is_nobody_at_its_new_cid),
	TAP_TEST(squatter_of_a_cid_gets_nothing),
	TAP_TEST(bind_sets_the_cid_itself),
	TAP_TEST(special_and_overlong_cids_are_no_vm),
	TAP_TEST(any_source_port_is_served),
	TAP_TEST(wedged_holder_does_not_keep_cid_or_uuid),
	TAP_TEST(binding_ends_with_the_process_behind_life_fd),
	TAP_TEST(binding_ends_when_nobody_else_holds_the_vhost_file),
};

int main(int argc, char **argv)
{
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
