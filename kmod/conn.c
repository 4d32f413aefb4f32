// SPDX-License-Identifier: GPL-2.0
/*
 * One vsock connection: receives a frame, asks, sends the reply, again. No
 * thread of its own: the socket's callbacks queue a work item, and a step of
 * the work goes as far as it can without waiting.
 *
 * Its binding is fixed when it is accepted. It ends with the binding, with the
 * peer, at its deadline, or after a frame that breaks the rules; always by a
 * reset, never by a graceful close: that would leave the socket in the
 * kernel's tables for 8 s, and a VM that restarts would meet it.
 */
#include <linux/module.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <net/af_vsock.h>
#include <net/sock.h>

#include "azattest.h"

/* azattest_conn.flags, atomic */
#define CONN_READABLE	0	/* data has come since the last receive */
#define CONN_TIMEOUT	1
#define CONN_BROKEN	2	/* the peer has gone: nobody will read a reply */

struct azattest_conn {
	refcount_t ref;
	unsigned long flags;
	struct azattest_binding *binding;
	struct list_head node;		/* [binding's lock] */
	struct work_struct work;
	struct timer_list timer;	/* frame_ms, while the peer keeps us waiting */
	struct mutex lock;		/* held for a whole step; guards all below */
	struct socket *sock;		/* NULL: closed */
	struct azattest_request *req;	/* that will have the reply */
	u8 *tx;				/* reply that is being sent */
	u32 tx_len;
	u32 tx_off;
	bool close_after;		/* this reply is the last word */
	bool timed;			/* the timer is set */
	u8 busy;			/* BUSY replies in a row */
	u8 rx_len;
	u8 rx[AZATTEST_REQUEST_MAX];
	void (*old_data_ready)(struct sock *sk);
	void (*old_write_space)(struct sock *sk);
	void (*old_state_change)(struct sock *sk);
	void (*old_error_report)(struct sock *sk);
};

static struct kmem_cache *conn_cache;
static struct workqueue_struct *conn_queue;
static atomic_t conn_total = ATOMIC_INIT(0);

static void conn_put(struct azattest_conn *c)
{
	if (!refcount_dec_and_test(&c->ref))
		return;
	azattest_registry_put(c->binding);
	kmem_cache_free(conn_cache, c);
	atomic_dec(&conn_total);
}

/* From any context. The work has a reference of its own. */
static void conn_kick(struct azattest_conn *c)
{
	refcount_inc(&c->ref);
	if (!queue_work(conn_queue, &c->work))
		conn_put(c);
}

/* --- socket callbacks: only queue work --------------------------------- */

/*
 * data_ready, write_space and state_change come with the socket lock held, in
 * a vhost worker; error_report comes under a spinlock, without it. So @c is
 * taken from the socket under the callback lock, which close also takes.
 */
static void conn_event(struct sock *sk, int flag)
{
	struct azattest_conn *c;

	read_lock_bh(&sk->sk_callback_lock);
	c = sk->sk_user_data;
	if (c) {
		if (flag >= 0)
			set_bit(flag, &c->flags);
		conn_kick(c);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void conn_data_ready(struct sock *sk)
{
	conn_event(sk, CONN_READABLE);
}

static void conn_write_space(struct sock *sk)
{
	conn_event(sk, -1);
}

/* The peer shut one or both directions: there may be an end to read. */
static void conn_state_change(struct sock *sk)
{
	if (vsock_sk(sk)->peer_shutdown == SHUTDOWN_MASK)
		conn_event(sk, CONN_BROKEN);
	else
		conn_event(sk, CONN_READABLE);
}

static void conn_error_report(struct sock *sk)
{
	conn_event(sk, CONN_BROKEN);
}

static void conn_timeout(struct timer_list *timer)
{
	struct azattest_conn *c = container_of(timer, struct azattest_conn, timer);

	set_bit(CONN_TIMEOUT, &c->flags);
	conn_kick(c);
}

static void callbacks_install(struct azattest_conn *c)
{
	struct sock *sk = c->sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	c->old_data_ready = sk->sk_data_ready;
	c->old_write_space = sk->sk_write_space;
	c->old_state_change = sk->sk_state_change;
	c->old_error_report = sk->sk_error_report;
	sk->sk_user_data = c;
	sk->sk_data_ready = conn_data_ready;
	sk->sk_write_space = conn_write_space;
	sk->sk_state_change = conn_state_change;
	sk->sk_error_report = conn_error_report;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

static void callbacks_restore(struct azattest_conn *c)
{
	struct sock *sk = c->sock->sk;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = NULL;
	sk->sk_data_ready = c->old_data_ready;
	sk->sk_write_space = c->old_write_space;
	sk->sk_state_change = c->old_state_change;
	sk->sk_error_report = c->old_error_report;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/* --- close ------------------------------------------------------------- */

static void leave_binding(struct azattest_conn *c)
{
	struct azattest_binding *b = c->binding;

	spin_lock(&b->lock);
	list_del_init(&c->node);
	b->conn_count--;
	spin_unlock(&b->lock);
}

/* Ends the connection, once; afterwards every step finds it closed. */
static void conn_close_locked(struct azattest_conn *c)
{
	lockdep_assert_held(&c->lock);
	if (!c->sock)
		return;
	trace_azattest_conn(false, c->binding->generation, c->binding->id.cid);
	callbacks_restore(c);
	timer_shutdown_sync(&c->timer);
	if (c->req) {
		if (azattest_queue_cancel(c->req))
			conn_put(c);	/* conn_done's, which will not come */
		azattest_queue_put(c->req);
		c->req = NULL;
	}
	azattest_listener_reset(c->sock);
	c->sock = NULL;
	kfree(c->tx);
	c->tx = NULL;
	leave_binding(c);
	conn_put(c);	/* the socket's reference */
}

#define conn_close_because(c, why) \
do { \
	azattest_refuse(why, (c)->binding->id.cid); \
	conn_close_locked(c); \
} while (0)

/* --- one exchange ------------------------------------------------------ */

/*
 * The timer runs only while the peer keeps us waiting, for the rest of a frame
 * or for credit to send a reply; most exchanges never touch it.
 */
static void timer_on(struct azattest_conn *c)
{
	bool waiting = c->sock && (c->tx || (c->rx_len && !c->req));

	if (!waiting || c->timed)
		return;
	c->timed = true;
	mod_timer(&c->timer, jiffies + msecs_to_jiffies(azattest_limit(frame_ms)));
}

static void timer_off(struct azattest_conn *c)
{
	if (!c->timed)
		return;
	c->timed = false;
	timer_delete(&c->timer);
}

static void reply_start(struct azattest_conn *c, u8 *frame, u32 len, u16 status)
{
	c->tx = frame;
	c->tx_len = len;
	c->tx_off = 0;
	c->busy = status == AZATTEST_STATUS_BUSY ? c->busy + 1 : 0;
}

/* Sends what the peer's credit allows. True: all is sent, go on. */
static bool reply_send(struct azattest_conn *c)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec = { c->tx + c->tx_off, c->tx_len - c->tx_off };
	int n = kernel_sendmsg(c->sock, &msg, &vec, 1, vec.iov_len);

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		conn_close_because(c, closed_by_peer);
		return false;
	}
	c->tx_off += n;
	if (c->tx_off < c->tx_len)
		return true;
	kfree(c->tx);
	c->tx = NULL;
	timer_off(c);
	if (c->close_after)
		conn_close_because(c, closed_bad_frame);
	else if (c->busy >= AZATTEST_BUSY_MAX)
		conn_close_because(c, closed_busy);
	return c->sock;
}

/* The request is answered: its frame becomes our reply. */
static bool reply_take(struct azattest_conn *c)
{
	struct azattest_request *req = c->req;
	bool done = smp_load_acquire(&req->state) == AZATTEST_REQUEST_DONE;

	if (!done)
		return false;
	c->req = NULL;
	if (azattest_door_reply(req)) {
		conn_close_because(c, refused_memory);
	} else {
		reply_start(c, req->frame, req->frame_len, req->status);
		req->frame = NULL;
	}
	azattest_queue_put(req);
	return c->sock;
}

/* A frame that cannot be one: the sender's framing is lost, so this is its last. */
static bool refuse_frame(struct azattest_conn *c, u16 status)
{
	u32 len;
	u8 *frame = azattest_door_refusal(AZATTEST_FRAME_REFUSED, 0, status, &len);

	if (status == AZATTEST_STATUS_UNSUPPORTED)
		azattest_refuse(frame_unsupported, c->binding->id.cid);
	else
		azattest_refuse(frame_bad, c->binding->id.cid);
	if (!frame) {
		conn_close_because(c, refused_memory);
		return false;
	}
	c->close_after = true;
	reply_start(c, frame, len, status);
	return true;
}

static void conn_run(struct azattest_conn *c);

/*
 * The request has its reply. Any task, no locks. If nobody is at work on the
 * connection the reply is sent here and now, which saves waking a worker. The
 * reference that ask() took for this call is ours to drop.
 */
static void conn_done(struct azattest_request *req)
{
	struct azattest_conn *c = req->origin;

	if (mutex_trylock(&c->lock)) {
		conn_run(c);
		mutex_unlock(&c->lock);
		conn_put(c);
	} else if (!queue_work(conn_queue, &c->work)) {
		conn_put(c);
	}
}

static bool ask(struct azattest_conn *c, u32 total)
{
	struct azattest_door door;
	int ret;

	timer_off(c);
	refcount_inc(&c->ref);	/* conn_done's */
	ret = azattest_door_frame(c->binding, c->rx, total, AZATTEST_TRANSPORT_VSOCK,
				  conn_done, c, &door);
	c->rx_len -= total;
	memmove(c->rx, c->rx + total, c->rx_len);
	if (!ret && door.req) {
		c->req = door.req;
		return false;
	}
	conn_put(c);
	if (ret) {
		conn_close_because(c, refused_memory);
		return false;
	}
	c->close_after = door.status == AZATTEST_STATUS_BAD_REQUEST ||
			 door.status == AZATTEST_STATUS_UNSUPPORTED;
	reply_start(c, door.frame, door.len, door.status);
	return true;
}

/* Is a whole frame there? True: something happened, go on. */
static bool frame_look(struct azattest_conn *c)
{
	u32 total;
	int ret;

	if (!c->rx_len)
		return false;
	ret = azattest_frame_header(c->rx, c->rx_len, &total);
	if (ret < 0)
		return refuse_frame(c, -ret);
	if (!ret || c->rx_len < total)
		return false;
	return ask(c, total);
}

static bool receive(struct azattest_conn *c)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	size_t room = sizeof(c->rx) - c->rx_len;
	struct kvec vec = { c->rx + c->rx_len, room };
	int n;

	if (!test_and_clear_bit(CONN_READABLE, &c->flags))
		return false;
	n = kernel_recvmsg(c->sock, &msg, &vec, 1, room, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		conn_close_because(c, closed_by_peer);
		return false;
	}
	/* There may be more than fitted, and nobody will tell us again. */
	if (n == room)
		set_bit(CONN_READABLE, &c->flags);
	c->rx_len += n;
	return true;
}

/* One thing after the other, as long as something can be done. */
static bool step(struct azattest_conn *c)
{
	if (!c->sock)
		return false;
	if (test_bit(CONN_TIMEOUT, &c->flags)) {
		conn_close_because(c, closed_timeout);
		return false;
	}
	if (test_bit(CONN_BROKEN, &c->flags)) {
		conn_close_because(c, closed_by_peer);
		return false;
	}
	if (c->tx)
		return reply_send(c);
	if (c->req)
		return reply_take(c);
	return frame_look(c) || (c->sock && !c->tx && !c->req && receive(c));
}

static void conn_run(struct azattest_conn *c)
{
	lockdep_assert_held(&c->lock);
	while (step(c))
		;
	timer_on(c);
}

static void conn_work(struct work_struct *work)
{
	struct azattest_conn *c = container_of(work, struct azattest_conn, work);

	mutex_lock(&c->lock);
	conn_run(c);
	mutex_unlock(&c->lock);
	conn_put(c);
}

/* --- open and the binding's end ---------------------------------------- */

static int join_binding(struct azattest_conn *c)
{
	struct azattest_binding *b = c->binding;
	int ret = 0;

	spin_lock(&b->lock);
	if (b->dead)
		ret = AZATTEST_COUNT_refused_unbound;
	else if (b->conn_count >= azattest_limit(connections_per_cid))
		ret = AZATTEST_COUNT_refused_cid_connections;
	if (!ret) {
		list_add_tail(&c->node, &b->conns);
		b->conn_count++;
	}
	spin_unlock(&b->lock);
	return ret;
}

static struct azattest_conn *conn_alloc(struct azattest_binding *b, struct socket *sock)
{
	struct azattest_conn *c = kmem_cache_zalloc(conn_cache, GFP_KERNEL);

	if (!c)
		return NULL;
	refcount_set(&c->ref, 1);
	c->flags = BIT(CONN_READABLE);	/* data may have come before us */
	c->binding = azattest_registry_get(b);
	c->sock = sock;
	mutex_init(&c->lock);
	INIT_LIST_HEAD(&c->node);
	INIT_WORK(&c->work, conn_work);
	timer_setup(&c->timer, conn_timeout, 0);
	atomic_inc(&conn_total);
	return c;
}

/*
 * Takes over an accepted socket for a binding. 0, or the counter that says why
 * not; then the socket is still the caller's.
 */
int azattest_conn_open(struct azattest_binding *b, struct socket *sock)
{
	struct azattest_conn *c;
	int why;

	if (atomic_read(&conn_total) >= azattest_limit(connections))
		return AZATTEST_COUNT_refused_connections;
	c = conn_alloc(b, sock);
	if (!c)
		return AZATTEST_COUNT_refused_memory;
	mutex_lock(&c->lock);
	why = join_binding(c);
	if (why) {
		c->sock = NULL;
	} else {
		callbacks_install(c);
		trace_azattest_conn(true, b->generation, b->id.cid);
		conn_kick(c);
	}
	mutex_unlock(&c->lock);
	if (why)
		conn_put(c);
	return why;
}

static struct azattest_conn *first_conn(struct azattest_binding *b)
{
	struct azattest_conn *c;

	spin_lock(&b->lock);
	b->dead = true;
	c = list_first_entry_or_null(&b->conns, struct azattest_conn, node);
	if (c)
		refcount_inc(&c->ref);
	spin_unlock(&b->lock);
	return c;
}

/*
 * Closes every connection of a binding that is DEAD, hard and now: when this
 * returns the kernel knows none of them any more, and none can join.
 */
void azattest_conn_close_all(struct azattest_binding *b)
{
	struct azattest_conn *c;

	while ((c = first_conn(b))) {
		mutex_lock(&c->lock);
		if (c->sock)
			conn_close_because(c, closed_unbound);
		mutex_unlock(&c->lock);
		conn_put(c);
	}
}

unsigned int azattest_conn_count(void)
{
	return atomic_read(&conn_total);
}

int azattest_conn_init(void)
{
	conn_cache = KMEM_CACHE(azattest_conn, 0);
	if (!conn_cache)
		return -ENOMEM;
	conn_queue = alloc_workqueue("azattest-conn", WQ_UNBOUND, 0);
	if (conn_queue)
		return 0;
	kmem_cache_destroy(conn_cache);
	return -ENOMEM;
}

/* All bindings have ended, so all connections are closed; work may still be running out. */
void azattest_conn_exit(void)
{
	destroy_workqueue(conn_queue);
	/* A callback that was fetched under a spinlock may still be entering. */
	synchronize_rcu();
	kmem_cache_destroy(conn_cache);
}
