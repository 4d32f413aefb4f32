// SPDX-License-Identifier: GPL-2.0
/*
 * What happens on a vsock connection: receives a frame, asks, sends the reply,
 * again; one thing after the other, each without waiting. The connection's
 * lock is held throughout.
 */
#include <linux/net.h>
#include <linux/slab.h>
#include <net/af_vsock.h>

#include "azattest.h"
#include "conn.h"

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
	int n;

	/* Before the try: credit that comes after it must find the bit set. */
	set_bit(CONN_FULL, &c->flags);
	n = kernel_sendmsg(c->sock, &msg, &vec, 1, vec.iov_len);
	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		azattest_conn_close_because(c, closed_by_peer);
		return false;
	}
	c->tx_off += n;
	if (c->tx_off < c->tx_len)
		return true;
	clear_bit(CONN_FULL, &c->flags);
	kfree(c->tx);
	c->tx = NULL;
	timer_off(c);
	if (c->close_after)
		azattest_conn_close_because(c, closed_bad_frame);
	else if (c->busy >= AZATTEST_BUSY_MAX)
		azattest_conn_close_because(c, closed_busy);
	else if (++c->replies >= azattest_limit(replies))
		azattest_conn_close_because(c, closed_replies);
	return c->sock;
}

/* The request is answered: its frame becomes our reply. */
static bool reply_take(struct azattest_conn *c)
{
	struct azattest_request *req = c->req;
	/* Pairs with azattest_queue_end_locked. */
	bool done = smp_load_acquire(&req->state) == AZATTEST_REQUEST_DONE;

	if (!done)
		return false;
	c->req = NULL;
	if (azattest_door_reply(req)) {
		azattest_conn_close_because(c, refused_memory);
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
		set_bit(CONN_NO_MEMORY, &c->flags);
		return true;
	}
	c->close_after = true;
	reply_start(c, frame, len, status);
	return true;
}

/*
 * The request has its reply. Any task, no locks. If nobody is at work on the
 * connection the reply is sent here and now, which saves waking a worker; what
 * the guest asks next is a worker's to do. The reference that ask() took for
 * this call is ours to drop.
 */
static void conn_done(struct azattest_request *req)
{
	struct azattest_conn *c = req->origin;

	bool more = true;

	if (mutex_trylock(&c->lock)) {
		if (c->sock && c->req && reply_take(c))
			reply_send(c);
		more = c->sock && (c->tx ? c->tx_off : c->rx_len || c->flags);
		timer_on(c);
		mutex_unlock(&c->lock);
	}
	if (more)
		azattest_conn_kick(c);
	azattest_conn_put(c);
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
	azattest_conn_put(c);
	if (ret) {
		set_bit(CONN_NO_MEMORY, &c->flags);
		return true;
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

/* There may be more than there was room for, and nobody will tell us again. */
static void received(struct azattest_conn *c, size_t n, size_t room)
{
	c->rx_len += n;
	if (n == room)
		set_bit(CONN_READABLE, &c->flags);
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
		azattest_conn_close_because(c, closed_by_peer);
		return false;
	}
	received(c, n, room);
	return true;
}

/* The same when the caller holds the socket's lock: what recvmsg does behind it. */
static bool receive_locked(struct azattest_conn *c)
{
	struct vsock_sock *vsk = vsock_sk(c->sock->sk);
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	size_t room = sizeof(c->rx);
	struct kvec vec = { c->rx, room };
	ssize_t n;

	iov_iter_kvec(&msg.msg_iter, READ, &vec, 1, room);
	n = vsk->transport ? vsk->transport->stream_dequeue(vsk, &msg, room, 0) : 0;
	if (n <= 0)
		return false;
	clear_bit(CONN_READABLE, &c->flags);
	received(c, n, room);
	return true;
}

/*
 * The common case, a request on a connection where nothing else is going on, is
 * asked here and now, which saves waking a worker; the guest's own vhost worker
 * pays for it. Nothing in here takes the socket's lock or closes the
 * connection: what needs that, and all else, is left to the work.
 */
void azattest_exchange_data(struct azattest_conn *c)
{
	bool more = true;

	if (mutex_trylock(&c->lock)) {
		if (c->sock && !c->tx && !c->req && !c->rx_len &&
		    c->flags == BIT(CONN_READABLE) && receive_locked(c)) {
			frame_look(c);
			timer_on(c);
			more = c->tx || c->flags;
		}
		mutex_unlock(&c->lock);
	}
	if (more)
		azattest_conn_kick(c);
}

/* One thing after the other, as long as something can be done. */
static bool step(struct azattest_conn *c)
{
	if (!c->sock)
		return false;
	/* A timer that fired while the peer was just in time is of the past. */
	if (test_and_clear_bit(CONN_TIMEOUT, &c->flags) && c->timed &&
	    time_after_eq(jiffies, c->timer.expires)) {
		azattest_conn_close_because(c, closed_timeout);
		return false;
	}
	if (test_bit(CONN_NO_MEMORY, &c->flags)) {
		azattest_conn_close_because(c, refused_memory);
		return false;
	}
	if (test_bit(CONN_BROKEN, &c->flags)) {
		azattest_conn_close_because(c, closed_by_peer);
		return false;
	}
	if (c->tx)
		return reply_send(c);
	if (c->req)
		return reply_take(c);
	return frame_look(c) || (c->sock && !c->tx && !c->req && receive(c));
}

void azattest_exchange_run(struct azattest_conn *c)
{
	lockdep_assert_held(&c->lock);
	while (step(c))
		;
	timer_on(c);
}
