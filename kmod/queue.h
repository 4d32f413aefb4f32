/* SPDX-License-Identifier: GPL-2.0 */
/* The inside of the queue, for queue.c (requests and their transitions) and serve.c (signers). */
#ifndef AZATTEST_QUEUE_H
#define AZATTEST_QUEUE_H

#include <linux/hashtable.h>

#include "azattest.h"

#define COOKIE_BITS 9

struct azattest_queue {
	spinlock_t lock;		/* guards all below, but @wait and the work */
	struct list_head round;		/* bindings whose turn comes, by `turn` */
	struct list_head signers;	/* joined, newest last */
	unsigned int signer_count;
	unsigned int queued;
	unsigned int inflight;
	u64 cookie;			/* the last one given */
	struct timerqueue_head timers;	/* deadlines of all open requests, attempts of INFLIGHT */
	ktime_t armed;			/* when timer_work is due; KTIME_MAX if not armed */
	DECLARE_HASHTABLE(cookies, COOKIE_BITS);	/* INFLIGHT requests */
	wait_queue_head_t wait;		/* signers that want requests */
	struct delayed_work timer_work;
	struct workqueue_struct *wq;
};

extern struct azattest_queue azattest_queue;

/* Transitions, with the lock held. What has ended is finished outside the lock. */
void azattest_queue_timer_locked(struct azattest_request *req, ktime_t expires);
void azattest_queue_enqueue_locked(struct azattest_request *req, bool front);
void azattest_queue_detach_locked(struct azattest_request *req);
void azattest_queue_end_locked(struct azattest_request *req, enum azattest_request_state state,
			       u16 status);
void azattest_queue_put_back_locked(struct azattest_request *req);
void azattest_queue_requeue_locked(struct azattest_request *req, struct list_head *ended);
void azattest_queue_finish(struct azattest_request *req);
void azattest_queue_finish_list(struct list_head *ended);

#endif
