/* SPDX-License-Identifier: GPL-2.0 */
/* A vsock connection, for conn.c (its life) and exchange.c (what is said on it). */
#ifndef AZATTEST_CONN_H
#define AZATTEST_CONN_H

#include <linux/timer.h>
#include <net/sock.h>

#include "azattest.h"

/* azattest_conn.flags, atomic */
#define CONN_READABLE	0	/* data has come since the last receive */
#define CONN_TIMEOUT	1
#define CONN_BROKEN	2	/* the peer has gone: nobody will read a reply */
#define CONN_FULL	3	/* a reply waits for the peer's credit */
#define CONN_NO_MEMORY	4	/* a reply could not be made: to be closed */

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
	u32 replies;			/* sent so far */
	bool timed;			/* the timer is set */
	u8 busy;			/* BUSY replies in a row */
	u8 rx_len;
	u8 rx[AZATTEST_REQUEST_MAX];
	void (*old_data_ready)(struct sock *sk);
	void (*old_write_space)(struct sock *sk);
	void (*old_state_change)(struct sock *sk);
	void (*old_error_report)(struct sock *sk);
};

/* From any context. */
void azattest_conn_kick(struct azattest_conn *c);
void azattest_conn_put(struct azattest_conn *c);

/* Ends the connection, once, with its lock held; afterwards every step finds it closed. */
void azattest_conn_close_locked(struct azattest_conn *c);

#define azattest_conn_close_because(c, why) \
do { \
	azattest_refuse(why, (c)->binding->id.cid); \
	azattest_conn_close_locked(c); \
} while (0)

/* Goes on with the connection as far as possible, with its lock held. */
void azattest_exchange_run(struct azattest_conn *c);

/* Data has come, in a vhost worker that holds the socket's lock. */
void azattest_exchange_data(struct azattest_conn *c);

#endif
