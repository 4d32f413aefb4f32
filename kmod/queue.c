// SPDX-License-Identifier: GPL-2.0
/*
 * The queue of requests: bounded, fair over bindings, one winner.
 *
 *   NEW --submit--> QUEUED --take--> INFLIGHT --answer--> DONE
 *                     |  ^              |
 *                     |  +---requeue----+  signer left, or over attempt_ms
 *                     |                 |
 *                     +--deadline-------+---------------> DONE
 *                     +--cancel---------+---------------> CANCELLED
 *
 * One spinlock guards all of it; no interrupt takes it. Whoever makes the last
 * transition, under the lock, is the one that calls the origin, outside it.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "azattest.h"
#include "queue.h"

struct azattest_queue azattest_queue;

void azattest_queue_put(struct azattest_request *req)
{
	if (!refcount_dec_and_test(&req->ref))
		return;
	azattest_registry_put(req->binding);
	kfree(req->frame);
	kfree(req);
}

/* --- the deadline structure ------------------------------------------- */

static void timer_arm_locked(void)
{
	struct timerqueue_node *first = timerqueue_getnext(&azattest_queue.timers);

	lockdep_assert_held(&azattest_queue.lock);
	if (!first || !ktime_before(first->expires, azattest_queue.armed))
		return;
	azattest_queue.armed = first->expires;
	mod_delayed_work(azattest_queue.wq, &azattest_queue.timer_work,
			 usecs_to_jiffies(max_t(s64, 0, ktime_us_delta(first->expires,
								       ktime_get()))) + 1);
}

void azattest_queue_timer_locked(struct azattest_request *req, ktime_t expires)
{
	lockdep_assert_held(&azattest_queue.lock);
	if (!RB_EMPTY_NODE(&req->timer.node))
		timerqueue_del(&azattest_queue.timers, &req->timer);
	req->timer.expires = expires;
	if (timerqueue_add(&azattest_queue.timers, &req->timer))
		timer_arm_locked();
}

static void timer_clear_locked(struct azattest_request *req)
{
	lockdep_assert_held(&azattest_queue.lock);
	if (RB_EMPTY_NODE(&req->timer.node))
		return;
	timerqueue_del(&azattest_queue.timers, &req->timer);
}

/* --- transitions ------------------------------------------------------- */

/* Into its binding's line, and the binding into the round. */
void azattest_queue_enqueue_locked(struct azattest_request *req, bool front)
{
	struct azattest_binding *b = req->binding;

	lockdep_assert_held(&azattest_queue.lock);
	req->state = AZATTEST_REQUEST_QUEUED;
	azattest_queue.queued++;
	if (front) {
		list_add(&req->node, &b->queued);
		list_move(&b->turn, &azattest_queue.round);
		return;
	}
	list_add_tail(&req->node, &b->queued);
	if (list_empty(&b->turn))
		list_add_tail(&b->turn, &azattest_queue.round);
}

/* Out of wherever it waits or is held. */
void azattest_queue_detach_locked(struct azattest_request *req)
{
	struct azattest_binding *b = req->binding;

	lockdep_assert_held(&azattest_queue.lock);
	list_del_init(&req->node);
	if (req->state == AZATTEST_REQUEST_QUEUED) {
		azattest_queue.queued--;
		if (list_empty(&b->queued))
			list_del_init(&b->turn);
	} else if (req->state == AZATTEST_REQUEST_INFLIGHT) {
		azattest_queue.inflight--;
		hash_del(&req->by_cookie);
		req->signer->held_count--;
		req->signer = NULL;
	}
}

static void count_status(u16 status)
{
	static const enum azattest_counter counters[AZATTEST_STATUS_MAX + 1] = {
		[AZATTEST_STATUS_OK] = AZATTEST_COUNT_status_ok,
		[AZATTEST_STATUS_RETRY] = AZATTEST_COUNT_status_retry,
		[AZATTEST_STATUS_EXPIRED] = AZATTEST_COUNT_status_expired,
		[AZATTEST_STATUS_BUSY] = AZATTEST_COUNT_busy_queue,
		[AZATTEST_STATUS_UNBOUND] = AZATTEST_COUNT_ended,
		[AZATTEST_STATUS_DENIED] = AZATTEST_COUNT_status_denied,
		[AZATTEST_STATUS_BAD_REQUEST] = AZATTEST_COUNT_status_bad_request,
		[AZATTEST_STATUS_UNSUPPORTED] = AZATTEST_COUNT_status_unsupported,
		[AZATTEST_STATUS_FAULT] = AZATTEST_COUNT_status_fault,
	};

	atomic64_inc(&azattest_counters[counters[status]]);
}

/* The last transition. The caller calls azattest_queue_finish() after it has let go of the lock. */
void azattest_queue_end_locked(struct azattest_request *req, enum azattest_request_state state,
			       u16 status)
{
	lockdep_assert_held(&azattest_queue.lock);
	azattest_queue_detach_locked(req);
	timer_clear_locked(req);
	list_del_init(&req->sibling);
	req->binding->request_count--;
	if (status == AZATTEST_STATUS_OK)
		req->binding->answered++;
	else
		req->binding->refused++;
	req->status = status;
	/* An origin that sees the state, without the lock, sees the answer too. */
	smp_store_release(&req->state, state);
}

/* Tells the origin, if it still wants to know, and drops the queue's reference. */
void azattest_queue_finish(struct azattest_request *req)
{
	if (req->state == AZATTEST_REQUEST_DONE) {
		count_status(req->status);
		trace_azattest_request(AZATTEST_STEP_FINISH, req->cookie,
				       req->binding->generation, req->attempts, req->status);
		req->done(req);
	} else {
		azattest_count(cancelled);
		trace_azattest_request(AZATTEST_STEP_CANCEL, req->cookie,
				       req->binding->generation, req->attempts, req->status);
	}
	azattest_queue_put(req);
	/* A slot has become free, and what waits may go into it. */
	if (READ_ONCE(azattest_queue.queued))
		wake_up(&azattest_queue.wait);
}

void azattest_queue_finish_list(struct list_head *ended)
{
	struct azattest_request *req, *next;

	list_for_each_entry_safe(req, next, ended, node) {
		list_del_init(&req->node);
		azattest_queue_finish(req);
	}
}

static bool poisoned(const struct azattest_request *req)
{
	return req->attempts >= AZATTEST_SIGNER_ATTEMPTS;
}

/* Back to the queue's front, from the signer that holds it. */
void azattest_queue_put_back_locked(struct azattest_request *req)
{
	lockdep_assert_held(&azattest_queue.lock);
	azattest_count(requeued);
	trace_azattest_request(AZATTEST_STEP_REQUEUE, req->cookie, req->binding->generation,
			       req->attempts, 0);
	azattest_queue_detach_locked(req);
	azattest_queue_timer_locked(req, req->deadline);
	azattest_queue_enqueue_locked(req, true);
}

/*
 * A signer failed this request: to the front of the queue; or, after too many
 * tries, onto @ended, for azattest_queue_finish_list().
 */
void azattest_queue_requeue_locked(struct azattest_request *req, struct list_head *ended)
{
	lockdep_assert_held(&azattest_queue.lock);
	if (poisoned(req)) {
		azattest_count(poisoned);
		azattest_queue_end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_FAULT);
		list_add_tail(&req->node, ended);
		return;
	}
	azattest_queue_put_back_locked(req);
}

/* One request whose time has come: the deadline's, or its signer's. */
static void expire_locked(struct azattest_request *req, ktime_t now, struct list_head *ended)
{
	lockdep_assert_held(&azattest_queue.lock);
	if (!ktime_before(now, req->deadline)) {
		azattest_count(deadline);
		azattest_queue_end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_RETRY);
		list_add_tail(&req->node, ended);
	} else {
		azattest_count(attempt_timeout);
		azattest_queue_requeue_locked(req, ended);
	}
}

/* The first timer, if its time has come. */
static struct timerqueue_node *due_locked(ktime_t now)
{
	struct timerqueue_node *first = timerqueue_getnext(&azattest_queue.timers);

	return first && !ktime_before(now, first->expires) ? first : NULL;
}

static void timer_run(struct work_struct *work)
{
	struct timerqueue_node *first;
	ktime_t now = ktime_get();
	LIST_HEAD(ended);

	spin_lock(&azattest_queue.lock);
	azattest_queue.armed = KTIME_MAX;
	while ((first = due_locked(now)))
		expire_locked(container_of(first, struct azattest_request, timer), now, &ended);
	timer_arm_locked();
	spin_unlock(&azattest_queue.lock);
	wake_up(&azattest_queue.wait);
	azattest_queue_finish_list(&ended);
}

/* --- the origins' side ------------------------------------------------- */

/* Takes a token of the binding's; false: BUSY. */
bool azattest_queue_charge(struct azattest_binding *b)
{
	bool ok;

	spin_lock(&azattest_queue.lock);
	ok = azattest_limits_take(&b->rate, azattest_limit(request_rate),
				  azattest_limit(request_burst));
	spin_unlock(&azattest_queue.lock);
	if (!ok)
		azattest_refuse(busy_rate, b->id.cid);
	return ok;
}

static int admit_locked(struct azattest_binding *b)
{
	lockdep_assert_held(&azattest_queue.lock);
	if (READ_ONCE(b->state) == AZATTEST_BINDING_DEAD)
		return AZATTEST_STATUS_UNBOUND;
	if (b->request_count >= azattest_limit(queue_per_binding) ||
	    azattest_queue.queued + azattest_queue.inflight >= azattest_limit(queue))
		return AZATTEST_STATUS_BUSY;
	return 0;
}

/*
 * Queues a NEW request: 0, or the status to refuse with. On 0 the queue keeps
 * the caller's reference.
 *
 * A binding is DEAD before the queue is asked to cancel what it has: a request
 * that was admitted before is on its list by then, one that comes after sees
 * the state, since both happen under the lock.
 */
int azattest_queue_submit(struct azattest_request *req)
{
	struct azattest_binding *b = req->binding;
	int status;

	spin_lock(&azattest_queue.lock);
	status = admit_locked(b);
	if (!status) {
		req->cookie = ++azattest_queue.cookie;
		b->asked++;
		b->last_transport = req->transport;
		b->last_asked = ktime_get_real_seconds();
		b->request_count++;
		list_add_tail(&req->sibling, &b->requests);
		azattest_queue_timer_locked(req, req->deadline);
		azattest_queue_enqueue_locked(req, false);
	}
	spin_unlock(&azattest_queue.lock);
	if (status == AZATTEST_STATUS_BUSY)
		azattest_refuse(busy_queue, b->id.cid);
	else if (status)
		azattest_refuse(ended, b->id.cid);
	if (status)
		return status;
	azattest_count(requests);
	trace_azattest_request(AZATTEST_STEP_QUEUE, req->cookie, b->generation, 0, 0);
	wake_up(&azattest_queue.wait);
	return 0;
}

static bool open_locked(const struct azattest_request *req)
{
	return req->state == AZATTEST_REQUEST_QUEUED || req->state == AZATTEST_REQUEST_INFLIGHT;
}

/* The origin gives up. True: done was not and will not be called. */
bool azattest_queue_cancel(struct azattest_request *req)
{
	bool mine;

	spin_lock(&azattest_queue.lock);
	mine = open_locked(req);
	if (mine)
		azattest_queue_end_locked(req, AZATTEST_REQUEST_CANCELLED, AZATTEST_STATUS_UNBOUND);
	spin_unlock(&azattest_queue.lock);
	if (mine)
		azattest_queue_finish(req);
	return mine;
}

/* The binding is DEAD: all its requests end now, and their origins are told UNBOUND. */
void azattest_queue_cancel_all(struct azattest_binding *b)
{
	struct azattest_request *req, *next;
	LIST_HEAD(ended);

	spin_lock(&azattest_queue.lock);
	list_for_each_entry_safe(req, next, &b->requests, sibling) {
		azattest_queue_end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_UNBOUND);
		list_add_tail(&req->node, &ended);
	}
	spin_unlock(&azattest_queue.lock);
	azattest_queue_finish_list(&ended);
}

void azattest_queue_counts(unsigned int *queued, unsigned int *inflight)
{
	*queued = READ_ONCE(azattest_queue.queued);
	*inflight = READ_ONCE(azattest_queue.inflight);
}

/* The door that the binding's last request came through; 0: it has asked for nothing yet. */
u8 azattest_queue_last(struct azattest_binding *b, time64_t *when)
{
	u8 transport;

	spin_lock(&azattest_queue.lock);
	transport = b->last_transport;
	*when = b->last_asked;
	spin_unlock(&azattest_queue.lock);
	return transport;
}

int azattest_queue_init(void)
{
	spin_lock_init(&azattest_queue.lock);
	INIT_LIST_HEAD(&azattest_queue.round);
	INIT_LIST_HEAD(&azattest_queue.signers);
	timerqueue_init_head(&azattest_queue.timers);
	hash_init(azattest_queue.cookies);
	init_waitqueue_head(&azattest_queue.wait);
	INIT_DELAYED_WORK(&azattest_queue.timer_work, timer_run);
	azattest_queue.armed = KTIME_MAX;
	/* Not the same after a reload, and 2^63 of them before the counter wraps. */
	azattest_queue.cookie = (u64)get_random_u32() << 31;
	azattest_queue.wq = alloc_workqueue("azattest-queue", WQ_UNBOUND | WQ_HIGHPRI, 1);
	return azattest_queue.wq ? 0 : -ENOMEM;
}

/* No origin and no signer is left: nothing can be queued. */
void azattest_queue_exit(void)
{
	cancel_delayed_work_sync(&azattest_queue.timer_work);
	destroy_workqueue(azattest_queue.wq);
}
