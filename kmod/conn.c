// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a vsock connection. No thread of its own: the socket's callbacks
 * queue a work item, and exchange.c goes on as far as it can without waiting.
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
#include "conn.h"

static struct kmem_cache *conn_cache;
static struct workqueue_struct *conn_queue;
static atomic_t conn_total = ATOMIC_INIT(0);

void azattest_conn_put(struct azattest_conn *c)
{
	if (!refcount_dec_and_test(&c->ref))
		return;
	azattest_registry_put(c->binding);
	kmem_cache_free(conn_cache, c);
	atomic_dec(&conn_total);
}

/* From any context. The work has a reference of its own. */
void azattest_conn_kick(struct azattest_conn *c)
{
	refcount_inc(&c->ref);
	if (!queue_work(conn_queue, &c->work))
		azattest_conn_put(c);
}

/* --- socket callbacks: queue work, or ask at once ----------------------- */

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
		set_bit(flag, &c->flags);
		azattest_conn_kick(c);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* The socket's lock, which is held, keeps the connection from being closed. */
static void conn_data_ready(struct sock *sk)
{
	struct azattest_conn *c = sk->sk_user_data;

	if (!c)
		return;
	set_bit(CONN_READABLE, &c->flags);
	azattest_exchange_data(c);
}

/* Comes with every packet of the peer's; only who waits for credit is told. */
static void conn_write_space(struct sock *sk)
{
	struct azattest_conn *c = sk->sk_user_data;

	if (c && test_bit(CONN_FULL, &c->flags))
		azattest_conn_kick(c);
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
	azattest_conn_kick(c);
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
void azattest_conn_close_locked(struct azattest_conn *c)
{
	lockdep_assert_held(&c->lock);
	if (!c->sock)
		return;
	trace_azattest_conn(false, c->binding->generation, c->binding->id.cid);
	callbacks_restore(c);
	timer_shutdown_sync(&c->timer);
	if (c->req) {
		if (azattest_queue_cancel(c->req))
			azattest_conn_put(c);	/* conn_done's, which will not come */
		azattest_queue_put(c->req);
		c->req = NULL;
	}
	azattest_listener_reset(c->sock);
	c->sock = NULL;
	kfree(c->tx);
	c->tx = NULL;
	leave_binding(c);
	azattest_conn_put(c);	/* the socket's reference */
}

/* --- work --------------------------------------------------------------- */

static void conn_work(struct work_struct *work)
{
	struct azattest_conn *c = container_of(work, struct azattest_conn, work);

	mutex_lock(&c->lock);
	azattest_exchange_run(c);
	mutex_unlock(&c->lock);
	azattest_conn_put(c);
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
		azattest_conn_kick(c);
	}
	mutex_unlock(&c->lock);
	if (why)
		azattest_conn_put(c);
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
			azattest_conn_close_because(c, closed_unbound);
		mutex_unlock(&c->lock);
		azattest_conn_put(c);
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
