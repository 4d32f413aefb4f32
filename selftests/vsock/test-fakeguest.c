// SPDX-License-Identifier: GPL-2.0
/* The fake guest against a plain AF_VSOCK listener: what other tests stand on. */
#include <selftests/lib/fakeguest.h>

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

#define PORT	25300
#define CID	20000
/* Source port of a VMM that dies: not one that the host still remembers. */
#define VMM_PORT(pid)	(0x40000000 + (pid))

static int plain_listen(void)
{
	struct sockaddr_vm sa = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = PORT,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0);
	tap_need_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	tap_need_eq(listen(fd, 1024), 0);
	return fd;
}

/* The accepted socket, whose peer must be `cid`. */
static int plain_accept(int listener, uint32_t cid)
{
	struct sockaddr_vm peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = accept(listener, (struct sockaddr *)&peer, &len);

	tap_need(fd >= 0);
	tap_need_eq(peer.svm_cid, cid);
	return fd;
}

static void connect_send_receive_close(void)
{
	int l = plain_listen();
	struct fakeguest *g = fakeguest_start(CID);
	struct fakeguest_conn *c = fakeguest_connect(g, 0, PORT);
	char buf[16] = "";
	int s;

	tap_need(c);
	s = plain_accept(l, CID);
	tap_need_eq(fakeguest_send(c, "hello", 5), 0);
	tap_need_eq(recv(s, buf, 5, MSG_WAITALL), 5);
	tap_need(!memcmp(buf, "hello", 5));
	tap_need_eq(send(s, "world!", 6, 0), 6);
	tap_need_eq(fakeguest_recv(c, buf, sizeof(buf)), 6);
	tap_need(!memcmp(buf, "world!", 6));
	fakeguest_hangup(c);
	tap_need_eq(recv(s, buf, 1, 0), 0);
}

static void host_close_is_seen_as_end(void)
{
	int l = plain_listen();
	struct fakeguest *g = fakeguest_start(CID);
	struct fakeguest_conn *c = fakeguest_connect(g, 0, PORT);
	char byte;
	int s;

	tap_need(c);
	s = plain_accept(l, CID);
	tap_need_eq(send(s, "x", 1, 0), 1);
	close(s);
	tap_need_eq(fakeguest_recv(c, &byte, 1), 1);
	tap_need_eq(fakeguest_recv(c, &byte, 1), 0);
}

static void no_listener_is_a_reset(void)
{
	struct fakeguest *g = fakeguest_start(CID);

	tap_need(!fakeguest_connect(g, 0, PORT + 1));
	tap_need_eq(errno, ECONNRESET);
}

struct flow {
	int fd;
	size_t bytes;
};

static int echo(void *arg)
{
	struct flow *f = arg;
	char buf[4096];
	ssize_t n;

	while ((n = recv(f->fd, buf, sizeof(buf), 0)) > 0)
		if (send(f->fd, buf, n, 0) != n)
			return 1;
	return 0;
}

/* More than any credit, both ways: stalls for ever if credit is not kept. */
static void credit_flows_both_ways(void)
{
	enum { TOTAL = 1 << 20, STEP = 16384 };
	int l = plain_listen();
	struct fakeguest *g = fakeguest_start(CID);
	struct fakeguest_conn *c = fakeguest_connect(g, 0, PORT);
	static uint8_t out[STEP], in[STEP];
	struct flow f;
	pid_t pid;

	tap_need(c);
	f.fd = plain_accept(l, CID);
	pid = tap_spawn(echo, &f, f.fd);
	for (size_t done = 0; done < TOTAL; done += STEP) {
		for (size_t i = 0; i < STEP; i++)
			out[i] = (done >> 14) + i * 7;
		tap_need_eq(fakeguest_send(c, out, STEP), 0);
		for (size_t got = 0; got < STEP;) {
			int n = fakeguest_recv(c, in + got, STEP - got);

			tap_need_msg(n > 0, "recv: %d after %zu", n, done + got);
			got += n;
		}
		tap_need(!memcmp(in, out, STEP));
	}
	fakeguest_hangup(c);
	tap_need_eq(tap_join(pid), 0);
}

static void forged_source_is_dropped(void)
{
	int l = plain_listen();
	struct fakeguest *victim = fakeguest_start(CID), *forger = fakeguest_start(CID + 1);
	struct fakeguest_conn *c = fakeguest_connect(victim, 5000, PORT);
	struct virtio_vsock_hdr hdr;
	char buf[4];
	int s;

	tap_need(c);
	s = plain_accept(l, CID);
	forger->cid = CID;
	fakeguest_header(forger, &hdr, 5000, PORT, VIRTIO_VSOCK_OP_RST);
	tap_need_eq(fakeguest_inject(forger, &hdr, NULL, 0), 0);
	tap_need_wait(fakeguest_sent_all(forger));
	tap_need_eq(fakeguest_send(c, "live", 4), 0);
	tap_need_eq(recv(s, buf, 4, MSG_WAITALL), 4);
}

static void credit_told_is_credit_kept(void)
{
	int l = plain_listen();
	struct fakeguest *g = fakeguest_start(CID);
	struct fakeguest_conn *c = fakeguest_connect_begin(g, 0, PORT);
	char buf[64] = "";
	int s;

	c->buf_alloc = 10;
	g->mute_credit = true;
	tap_need_eq(fakeguest_connect_end(c), 0);
	s = plain_accept(l, CID);
	/* The REQUEST told full credit: take it back before the host sends. */
	tap_need_eq(fakeguest_send(c, "x", 1), 0);
	tap_need_eq(recv(s, buf, 1, 0), 1);
	fcntl(s, F_SETFL, O_NONBLOCK);
	tap_need_eq(send(s, buf, sizeof(buf), 0), 10);
	tap_need_eq(send(s, buf, sizeof(buf), 0), -1);
	tap_need_eq(errno, EAGAIN);
}

static int vmm(void *arg)
{
	int sock = *(int *)arg;
	struct fakeguest *g = fakeguest_start(CID);
	struct fakeguest_conn *c = fakeguest_connect(g, VMM_PORT(getpid()), PORT);

	if (!c || write(sock, "r", 1) != 1)
		return 1;
	pause();
	return 0;
}

static void dead_vmm_frees_its_cid(void)
{
	int l = plain_listen(), pair[2], s;
	struct fakeguest *g = fakeguest_open();
	char byte;
	pid_t pid;

	tap_need(g);
	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = tap_spawn(vmm, &pair[1], pair[1]);
	close(pair[1]);
	tap_need_eq(read(pair[0], &byte, 1), 1);
	s = plain_accept(l, CID);
	tap_need_eq(fakeguest_set_cid(g, CID), -EADDRINUSE);
	tap_kill(pid);
	/* In this order: to spin on the CID would inherit the connection. */
	tap_need_eq(recv(s, &byte, 1, 0), -1);
	tap_need_eq(errno, ECONNRESET);
	tap_need_wait(fakeguest_set_cid(g, CID) == 0);
}

/* 1 when the heir of the CID could speak on the dead one's connection. */
static int inherits_once(int l)
{
	struct fakeguest *g = fakeguest_open();
	struct fakeguest_conn *c;
	int pair[2], s, got;
	char byte;
	pid_t pid;

	tap_need(g);
	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = tap_spawn(vmm, &pair[1], pair[1]);
	close(pair[1]);
	tap_need_eq(read(pair[0], &byte, 1), 1);
	s = plain_accept(l, CID);
	kill(pid, SIGKILL);
	while (fakeguest_set_cid(g, CID))
		;
	tap_need_eq(fakeguest_run(g, true), 0);
	c = fakeguest_adopt(g, VMM_PORT(pid), PORT);
	fakeguest_send(c, "i", 1);
	got = recv(s, &byte, 1, 0);
	close(s);
	close(pair[0]);
	tap_join(pid);
	fakeguest_close(g);
	return got == 1 && byte == 'i';
}

/*
 * Why the module exists, and the control of test-reuse: on this very host a
 * daemon that trusts peer CIDs serves the heir as if it were the dead one.
 */
static void heir_of_a_cid_inherits_a_plain_daemons_connection(void)
{
	int l = plain_listen(), inherited = 0;

	for (int i = 0; i < 20; i++)
		inherited += inherits_once(l);
	tap_diag("inherited %d of 20", inherited);
	tap_need(inherited > 0);
}

static void hundreds_at_once(void)
{
	unsigned int count = tap_loops(100, 1000);
	int l = plain_listen();
	struct fakeguest **g = tap_shared(count * sizeof(*g));
	int64_t begin = tap_now_ms(), opened, connected;

	tap_raise_nofile();
	for (unsigned int i = 0; i < count; i++)
		g[i] = fakeguest_start(CID + i);
	opened = tap_now_ms();
	for (unsigned int i = 0; i < count; i++) {
		tap_need(fakeguest_connect(g[i], 0, PORT));
		plain_accept(l, CID + i);
	}
	connected = tap_now_ms();
	tap_diag("%u guests: opened in %lld ms, connected in %lld ms", count,
		 (long long)(opened - begin), (long long)(connected - opened));
}

static const struct tap_test tests[] = {
	TAP_TEST(connect_send_receive_close),
	TAP_TEST(host_close_is_seen_as_end),
	TAP_TEST(no_listener_is_a_reset),
	TAP_TEST(credit_flows_both_ways),
	TAP_TEST(forged_source_is_dropped),
	TAP_TEST(credit_told_is_credit_kept),
	TAP_TEST(dead_vmm_frees_its_cid),
	TAP_TEST(heir_of_a_cid_inherits_a_plain_daemons_connection),
	TAP_TEST(hundreds_at_once),
};

int main(int argc, char **argv)
{
	if (access("/dev/vhost-vsock", F_OK))
		tap_skip_all("no /dev/vhost-vsock: modprobe vhost_vsock");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
