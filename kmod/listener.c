// SPDX-License-Identifier: GPL-2.0
/*
 * AF_VSOCK connections come in: accepts them, decides at once who they are,
 * and hands them to conn.c. Later nobody looks a CID up again.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/vm_sockets.h>
#include <net/af_vsock.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "azattest.h"

#define UNBOUND_BITS 8

static unsigned int port = AZATTEST_VSOCK_PORT;
module_param(port, uint, 0444);
MODULE_PARM_DESC(port, "vsock port to listen on, 0: do not listen (default 253)");

static struct {
	struct mutex mutex;		/* accepts are one after the other */
	struct socket *sock;		/* NULL: not listening */
	struct delayed_work work;
	void (*old_data_ready)(struct sock *sk);
	/* [mutex] accepts of CIDs without binding; several CIDs may share one */
	struct azattest_bucket unbound[1 << UNBOUND_BITS];
} listener;

unsigned int azattest_listener_port(void)
{
	return listener.sock ? port : 0;
}

/*
 * Closes a socket so that nothing of it stays: a peer that is marked as shut
 * down gets a reset, and the socket leaves the kernel's tables at once.
 */
void azattest_listener_reset(struct socket *sock)
{
	lock_sock(sock->sk);
	vsock_sk(sock->sk)->peer_shutdown = SHUTDOWN_MASK;
	release_sock(sock->sk);
	sock_release(sock);
}

static void say_unbound(struct socket *sock)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct azattest_frame hdr;
	struct kvec vec = { &hdr, sizeof(hdr) };

	azattest_frame_reply(&hdr, AZATTEST_FRAME_REFUSED, 0, AZATTEST_STATUS_UNBOUND, 0);
	kernel_sendmsg(sock, &msg, &vec, 1, sizeof(hdr));
}

static bool charge(struct azattest_binding *b, u32 cid)
{
	struct azattest_bucket *bucket;

	lockdep_assert_held(&listener.mutex);
	bucket = b ? &b->accepts : &listener.unbound[hash_32(cid, UNBOUND_BITS)];
	return azattest_limits_take(bucket, azattest_limit(accept_rate),
				    azattest_limit(accept_burst));
}

/* 0: the socket is in good hands; or the counter that says why it is to be reset. */
static int admit(struct socket *sock, u32 cid)
{
	struct azattest_binding *b;
	int why;

	if (cid < AZATTEST_CID_MIN || cid > AZATTEST_CID_MAX)
		return AZATTEST_COUNT_refused_special_cid;
	b = azattest_registry_by_cid(cid);
	if (!charge(b, cid)) {
		why = AZATTEST_COUNT_refused_accept_rate;
	} else if (!b) {
		say_unbound(sock);
		why = AZATTEST_COUNT_refused_unbound;
	} else {
		why = azattest_conn_open(b, sock);
		if (!why)
			azattest_count(accepted);
	}
	if (b)
		azattest_registry_put(b);
	return why;
}

/*
 * The CID of the VM behind a connection; VMADDR_CID_ANY if it is none of ours.
 * A guest of this host reached CID 2. A host that is itself a guest also hears
 * its siblings, on its own CID: their CIDs are another hypervisor's.
 */
static u32 guest_cid(struct socket *sock)
{
	struct sockaddr_vm here = {}, there = {};

	if (kernel_getsockname(sock, (struct sockaddr *)&here) < 0 ||
	    kernel_getpeername(sock, (struct sockaddr *)&there) < 0)
		return VMADDR_CID_ANY;
	return here.svm_cid == VMADDR_CID_HOST ? there.svm_cid : VMADDR_CID_ANY;
}

/* Accepting from an empty queue would sleep for a jiffy, even when told not to block. */
static bool queue_empty(struct sock *sk)
{
	bool empty;

	lock_sock(sk);
	empty = list_empty(&vsock_sk(sk)->accept_queue);
	release_sock(sk);
	return empty;
}

/* 0, or -EAGAIN when none waits, or another error when it could not be accepted. */
static int accept_one(void)
{
	struct socket *sock;
	int ret, why;
	u32 cid;

	if (!listener.sock || queue_empty(listener.sock->sk))
		return -EAGAIN;
	ret = kernel_accept(listener.sock, &sock, O_NONBLOCK);
	if (ret)
		return ret;
	cid = guest_cid(sock);
	why = admit(sock, cid);
	if (why) {
		azattest_counters_refuse(why, cid);
		azattest_listener_reset(sock);
	}
	return 0;
}

/* Accepts what waits, up to @max: 0 if there may be more, -EAGAIN if not, or an error. */
static int accept_up_to(unsigned int max)
{
	int ret = 0;

	mutex_lock(&listener.mutex);
	while (max-- && !ret)
		ret = accept_one();
	mutex_unlock(&listener.mutex);
	return ret;
}

/*
 * In a storm the queue fills as fast as we empty it: let a BIND get its turn.
 * Without memory try again soon: nobody else would.
 */
static void accept_work(struct work_struct *work)
{
	int ret = accept_up_to(AZATTEST_ACCEPTS);

	if (ret != -EAGAIN)
		queue_delayed_work(system_unbound_wq, &listener.work, ret ? HZ / 10 : 0);
}

/*
 * For BIND: what is in the accept queue now was sent before the CID was
 * proved. Connections are queued in order and no more than the backlog wait,
 * so after so many accepts none of them is left. (The kernel lets one more than
 * the backlog in.) 0, or an error if one could not be accepted.
 */
int azattest_listener_drain(void)
{
	int ret = accept_up_to(AZATTEST_BACKLOG + 2);

	return ret == -EAGAIN ? 0 : ret;
}

/* With the socket lock held, in a vhost worker. */
static void listener_data_ready(struct sock *sk)
{
	queue_delayed_work(system_unbound_wq, &listener.work, 0);
}

static void callback_swap(struct sock *sk, void (*to)(struct sock *sk))
{
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	listener.old_data_ready = sk->sk_data_ready;
	sk->sk_data_ready = to;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/* Children inherit it. There is no exported call: the socket's own is used. */
static int set_credit(struct socket *sock)
{
	u64 credit = AZATTEST_CREDIT;

	return sock->ops->setsockopt(sock, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE,
				     KERNEL_SOCKPTR(&credit), sizeof(credit));
}

static int listen_on(struct socket *sock)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int ret;

	ret = set_credit(sock);
	if (!ret)
		ret = kernel_bind(sock, (struct sockaddr *)&addr, sizeof(addr));
	if (!ret)
		callback_swap(sock->sk, listener_data_ready);
	if (!ret)
		ret = kernel_listen(sock, AZATTEST_BACKLOG);
	return ret;
}

/* Is there a way for guests to reach us? Asked for the administrator's sake only. */
static bool vhost_is_there(void)
{
	bool (*find_cid)(unsigned int cid) = symbol_get(vsock_find_cid);
	bool there = false;

	if (find_cid) {
		there = find_cid(VMADDR_CID_HOST);
		symbol_put(vsock_find_cid);
	}
	return there;
}

static bool no_vsock(int ret)
{
	return ret == -EAFNOSUPPORT || ret == -EPROTONOSUPPORT;
}

/* The only lines that the module prints, all at load. */
static void tell(int ret)
{
	if (no_vsock(ret))
		pr_warn("no AF_VSOCK in this kernel, so no guest channel: load vsock and vhost_vsock, then load azattest again; bindings without CID work\n");
	else if (ret == -EADDRINUSE)
		pr_err("vsock port %u has another listener: see 'ss --vsock -l', or choose port=\n",
		       port);
	else if (ret)
		pr_err("cannot listen on vsock port %u (error %d)\n", port, ret);
	else if (!vhost_is_there())
		pr_warn("vhost_vsock is not loaded, so no guest can connect yet: modprobe vhost_vsock; bindings without CID work\n");
	else
		pr_info("listening on vsock port %u\n", port);
}

/* Without AF_VSOCK the module is still of use; with it, the port must be ours. */
int azattest_listener_init(void)
{
	struct socket *sock;
	int ret;

	mutex_init(&listener.mutex);
	INIT_DELAYED_WORK(&listener.work, accept_work);
	if (!port)
		return 0;
	ret = sock_create_kern(&init_net, AF_VSOCK, SOCK_STREAM, 0, &sock);
	if (ret) {
		tell(ret);
		return no_vsock(ret) ? 0 : ret;
	}
	listener.sock = sock;
	ret = listen_on(sock);
	tell(ret);
	if (!ret)
		return 0;
	listener.sock = NULL;
	sock_release(sock);
	return ret;
}

void azattest_listener_exit(void)
{
	struct socket *sock = listener.sock;

	if (!sock)
		return;
	callback_swap(sock->sk, listener.old_data_ready);
	cancel_delayed_work_sync(&listener.work);
	mutex_lock(&listener.mutex);
	listener.sock = NULL;
	mutex_unlock(&listener.mutex);
	sock_release(sock);
}
