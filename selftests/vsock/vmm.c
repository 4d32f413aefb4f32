// SPDX-License-Identifier: GPL-2.0
/* A VMM in a process of its own, so that it can be killed. */
#include <selftests/vsock/vmm.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <selftests/vsock/door.h>

static void say_ready(int sock)
{
	tap_need_eq(write(sock, "r", 1), 1);
}

static void wait_ready(int sock)
{
	char byte;

	tap_need_msg(read(sock, &byte, 1) == 1, "the VMM is dead");
}

/* The request waits in the listener's queue when we are gone. */
static void leave(struct fakeguest *g, uint32_t src_port)
{
	struct fakeguest_conn *c = fakeguest_connect_begin(g, src_port, testvm_port());
	struct virtio_vsock_hdr hdr;
	uint8_t frame[AZATTEST_REQUEST_MAX];
	size_t len = frames_attest(frame, 1, VMM_NONCE, sizeof(VMM_NONCE) - 1);

	fakeguest_header(g, &hdr, c->src_port, c->dst_port, VIRTIO_VSOCK_OP_RW);
	hdr.len = len;
	fakeguest_inject(g, &hdr, frame, len);
	/* Taken by the host, so that it is the host's queue it waits in. */
	while (!fakeguest_sent_all(g))
		;
	kill(getpid(), SIGKILL);
}

static int run(void *arg)
{
	struct vmm *v = arg;
	struct fakeguest *g = fakeguest_start(v->order.cid);
	struct fakeguest_conn *c;
	struct ask_reply r;
	int fd;

	if (v->order.binds) {
		fd = azbind_new(v->order.number, v->order.cid, fakeguest_vhost_fd(g), -1, NULL);
		tap_need_msg(fd >= 0, "VMM: BIND: errno %d", -fd);
		say_ready(v->sock);
	} else {
		tap_need_eq(tap_send_fd(v->sock, fakeguest_vhost_fd(g)), 0);
	}
	wait_ready(v->sock);
	if (v->order.end == VMM_LEAVES)
		leave(g, v->order.src_port);
	c = fakeguest_connect(g, v->order.src_port, testvm_port());
	tap_need_msg(c, "VMM: connect: errno %d", errno);
	do {
		tap_need_eq(ask_attest(c, 1, VMM_NONCE, sizeof(VMM_NONCE) - 1, &r), 0);
		tap_need_eq(r.status, AZATTEST_STATUS_OK);
		if (!(*v->asked)++)
			say_ready(v->sock);
	} while (v->order.end == VMM_CHATTY);
	pause();
	return 0;
}

struct vmm *vmm_start(const struct vmm_order *order)
{
	struct vmm *v = calloc(1, sizeof(*v));
	int pair[2];

	tap_need(v);
	v->order = *order;
	v->asked = tap_shared(sizeof(*v->asked));
	v->vhost_fd = -1;
	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	v->sock = pair[1];
	v->pid = tap_spawn(run, v, pair[1]);
	close(pair[1]);
	v->sock = pair[0];
	v->pidfd = syscall(SYS_pidfd_open, v->pid, 0);
	tap_need(v->pidfd >= 0);
	if (order->binds) {
		wait_ready(v->sock);
	} else {
		v->vhost_fd = tap_recv_fd(v->sock);
		tap_need_msg(v->vhost_fd >= 0, "VMM: no descriptor: errno %d", -v->vhost_fd);
	}
	return v;
}

void vmm_go(struct vmm *v)
{
	say_ready(v->sock);
	if (v->order.end != VMM_LEAVES)
		wait_ready(v->sock);
}

void vmm_kill(struct vmm *v)
{
	kill(v->pid, SIGKILL);
}

void vmm_reap(struct vmm *v)
{
	tap_join(v->pid);
	close(v->sock);
	close(v->pidfd);
	if (v->vhost_fd >= 0)
		close(v->vhost_fd);
	free(v);
}
