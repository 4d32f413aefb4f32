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
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "azattest.h"

#define COOKIE_BITS 9

static struct {
	spinlock_t lock;
	struct list_head round;		/* bindings whose turn comes, by `turn` */
	struct list_head signers;	/* joined, newest last */
	unsigned int signer_count;
	unsigned int queued;
	unsigned int inflight;
	u64 cookie;			/* the last one given */
	struct timerqueue_head timers;	/* deadlines of all open requests, attempts of INFLIGHT */
	ktime_t armed;			/* when timer_work is due; KTIME_MAX if not armed */
	DECLARE_HASHTABLE(cookies, COOKIE_BITS);
	wait_queue_head_t wait;		/* signers that want requests */
	struct delayed_work timer_work;
	struct workqueue_struct *wq;
} queue;

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
	struct timerqueue_node *first = timerqueue_getnext(&queue.timers);

	lockdep_assert_held(&queue.lock);
	if (!first || !ktime_before(first->expires, queue.armed))
		return;
	queue.armed = first->expires;
	mod_delayed_work(queue.wq, &queue.timer_work,
			 usecs_to_jiffies(max_t(s64, 0, ktime_us_delta(first->expires,
								       ktime_get()))) + 1);
}

static void timer_set_locked(struct azattest_request *req, ktime_t expires)
{
	lockdep_assert_held(&queue.lock);
	if (!RB_EMPTY_NODE(&req->timer.node))
		timerqueue_del(&queue.timers, &req->timer);
	req->timer.expires = expires;
	if (timerqueue_add(&queue.timers, &req->timer))
		timer_arm_locked();
}

static void timer_clear_locked(struct azattest_request *req)
{
	lockdep_assert_held(&queue.lock);
	if (RB_EMPTY_NODE(&req->timer.node))
		return;
	timerqueue_del(&queue.timers, &req->timer);
	RB_CLEAR_NODE(&req->timer.node);
}

/* --- transitions ------------------------------------------------------- */

/* Into its binding's line, and the binding into the round. */
static void enqueue_locked(struct azattest_request *req, bool front)
{
	struct azattest_binding *b = req->binding;

	lockdep_assert_held(&queue.lock);
	req->state = AZATTEST_REQUEST_QUEUED;
	queue.queued++;
	if (front) {
		list_add(&req->node, &b->queued);
		list_move(&b->turn, &queue.round);
		return;
	}
	list_add_tail(&req->node, &b->queued);
	if (list_empty(&b->turn))
		list_add_tail(&b->turn, &queue.round);
}

/* Out of wherever it waits or is held. */
static void detach_locked(struct azattest_request *req)
{
	struct azattest_binding *b = req->binding;

	lockdep_assert_held(&queue.lock);
	list_del_init(&req->node);
	if (req->state == AZATTEST_REQUEST_QUEUED) {
		queue.queued--;
		if (list_empty(&b->queued))
			list_del_init(&b->turn);
	} else if (req->state == AZATTEST_REQUEST_INFLIGHT) {
		queue.inflight--;
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

/* The last transition. The caller calls finish() after it has let go of the lock. */
static void end_locked(struct azattest_request *req, enum azattest_request_state state, u16 status)
{
	lockdep_assert_held(&queue.lock);
	detach_locked(req);
	timer_clear_locked(req);
	list_del_init(&req->sibling);
	req->binding->request_count--;
	if (status == AZATTEST_STATUS_OK)
		req->binding->answered++;
	else
		req->binding->refused++;
	req->status = status;
	req->state = state;
}

/* Tells the origin, if it still wants to know, and drops the queue's reference. */
static void finish(struct azattest_request *req)
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
}

static void finish_list(struct list_head *ended)
{
	struct azattest_request *req, *next;

	list_for_each_entry_safe(req, next, ended, node) {
		list_del_init(&req->node);
		finish(req);
	}
}

static bool poisoned(const struct azattest_request *req)
{
	return req->attempts >= AZATTEST_SIGNER_ATTEMPTS;
}

/*
 * A signer failed this request: to the front of the queue; or, after too many
 * tries, onto @ended, for finish_list().
 */
static void requeue_locked(struct azattest_request *req, struct list_head *ended)
{
	lockdep_assert_held(&queue.lock);
	if (poisoned(req)) {
		azattest_count(poisoned);
		end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_FAULT);
		list_add_tail(&req->node, ended);
		return;
	}
	azattest_count(requeued);
	trace_azattest_request(AZATTEST_STEP_REQUEUE, req->cookie, req->binding->generation,
			       req->attempts, 0);
	detach_locked(req);
	timer_set_locked(req, req->deadline);
	enqueue_locked(req, true);
}

/* One request whose time has come: the deadline's, or its signer's. */
static void expire_locked(struct azattest_request *req, ktime_t now, struct list_head *ended)
{
	lockdep_assert_held(&queue.lock);
	if (!ktime_before(now, req->deadline)) {
		azattest_count(deadline);
		end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_RETRY);
		list_add_tail(&req->node, ended);
	} else {
		azattest_count(attempt_timeout);
		requeue_locked(req, ended);
	}
}

static void timer_run(struct work_struct *work)
{
	struct timerqueue_node *first;
	ktime_t now = ktime_get();
	LIST_HEAD(ended);

	spin_lock(&queue.lock);
	queue.armed = KTIME_MAX;
	while ((first = timerqueue_getnext(&queue.timers)) && !ktime_before(now, first->expires))
		expire_locked(container_of(first, struct azattest_request, timer), now, &ended);
	timer_arm_locked();
	spin_unlock(&queue.lock);
	wake_up(&queue.wait);
	finish_list(&ended);
}

/* --- the origins' side ------------------------------------------------- */

/* Takes a token of the binding's; false: BUSY. */
bool azattest_queue_charge(struct azattest_binding *b)
{
	bool ok;

	spin_lock(&queue.lock);
	ok = azattest_limits_take(&b->rate, azattest_limit(request_rate),
				  azattest_limit(request_burst));
	spin_unlock(&queue.lock);
	if (!ok)
		azattest_refuse(busy_rate, b->id.cid);
	return ok;
}

static int admit_locked(struct azattest_binding *b)
{
	lockdep_assert_held(&queue.lock);
	if (b->state == AZATTEST_BINDING_DEAD)
		return AZATTEST_STATUS_UNBOUND;
	if (b->request_count >= azattest_limit(queue_per_binding) ||
	    queue.queued + queue.inflight >= azattest_limit(queue))
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

	spin_lock(&queue.lock);
	status = admit_locked(b);
	if (!status) {
		req->cookie = ++queue.cookie;
		b->asked++;
		b->request_count++;
		list_add_tail(&req->sibling, &b->requests);
		timer_set_locked(req, req->deadline);
		enqueue_locked(req, false);
	}
	spin_unlock(&queue.lock);
	if (status) {
		count_status(status);
		return status;
	}
	azattest_count(requests);
	trace_azattest_request(AZATTEST_STEP_QUEUE, req->cookie, b->generation, 0, 0);
	wake_up(&queue.wait);
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

	spin_lock(&queue.lock);
	mine = open_locked(req);
	if (mine)
		end_locked(req, AZATTEST_REQUEST_CANCELLED, AZATTEST_STATUS_UNBOUND);
	spin_unlock(&queue.lock);
	if (mine)
		finish(req);
	return mine;
}

/* The binding is DEAD: all its requests end now, and their origins are told UNBOUND. */
void azattest_queue_cancel_all(struct azattest_binding *b)
{
	struct azattest_request *req, *next;
	LIST_HEAD(ended);

	spin_lock(&queue.lock);
	list_for_each_entry_safe(req, next, &b->requests, sibling) {
		end_locked(req, AZATTEST_REQUEST_DONE, AZATTEST_STATUS_UNBOUND);
		list_add_tail(&req->node, &ended);
	}
	spin_unlock(&queue.lock);
	finish_list(&ended);
}

void azattest_queue_counts(unsigned int *queued, unsigned int *inflight)
{
	*queued = READ_ONCE(queue.queued);
	*inflight = READ_ONCE(queue.inflight);
}

/* --- the signers' side ------------------------------------------------- */

/* The signer takes part from now on, or changes what it said. True if it is new. */
bool azattest_queue_join(struct azattest_signer *s, u32 slots, u32 host_state, u64 generation)
{
	bool first;

	spin_lock(&queue.lock);
	first = !s->slots;
	s->slots = slots;
	s->host_state = host_state;
	s->generation = generation;
	if (first) {
		list_add_tail(&s->node, &queue.signers);
		queue.signer_count++;
	}
	spin_unlock(&queue.lock);
	wake_up(&queue.wait);
	return first;
}

/* The signer's file is closed: what it held goes back. True if it had joined. */
bool azattest_queue_leave(struct azattest_signer *s)
{
	struct azattest_request *req, *next;
	LIST_HEAD(ended);
	bool joined;

	spin_lock(&queue.lock);
	joined = s->slots;
	if (joined) {
		list_del(&s->node);
		queue.signer_count--;
	}
	/* Backwards, so that the oldest comes to stand in front. */
	list_for_each_entry_safe_reverse(req, next, &s->held, node)
		requeue_locked(req, &ended);
	spin_unlock(&queue.lock);
	wake_up_all(&queue.wait);
	finish_list(&ended);
	return joined;
}

static bool can_take(const struct azattest_signer *s)
{
	return READ_ONCE(queue.queued) && READ_ONCE(s->held_count) < READ_ONCE(s->slots);
}

/*
 * Waits until there is something to take: 0 or -EINTR. One request wakes one
 * signer; a signer whose slots are full must not swallow that wake-up.
 */
int azattest_queue_wait(struct azattest_signer *s)
{
	int ret;

	if (READ_ONCE(s->held_count) < READ_ONCE(s->slots))
		ret = wait_event_interruptible_exclusive(queue.wait, can_take(s));
	else
		ret = wait_event_interruptible(queue.wait, can_take(s));
	return ret ? -EINTR : 0;
}

__poll_t azattest_queue_poll(struct azattest_signer *s, struct file *file, poll_table *pt)
{
	poll_wait(file, &queue.wait, pt);
	return EPOLLOUT | EPOLLWRNORM | (can_take(s) ? EPOLLIN | EPOLLRDNORM : 0);
}

static void describe(const struct azattest_request *req, struct azattest_signer_request *out)
{
	const struct azattest_binding *b = req->binding;

	memset(out, 0, sizeof(*out));
	out->cookie = req->cookie;
	out->generation = b->generation;
	out->cid = b->id.cid;
	memcpy(out->uuid, b->id.uuid, sizeof(out->uuid));
	out->type = req->ask.type;
	out->transport = req->transport;
	out->attempt = req->attempts;
	out->nonce_len = req->ask.nonce_len;
	out->api_version = req->ask.api_version;
	memcpy(out->nonce, req->ask.nonce, sizeof(out->nonce));
	memcpy(out->profile, b->id.profile, sizeof(out->profile));
	memcpy(out->name, b->id.name, sizeof(out->name));
}

/* The next request in turn; its binding goes to the end of the round. */
static struct azattest_request *next_locked(void)
{
	struct azattest_binding *b;
	struct azattest_request *req;

	lockdep_assert_held(&queue.lock);
	b = list_first_entry_or_null(&queue.round, struct azattest_binding, turn);
	if (!b)
		return NULL;
	req = list_first_entry(&b->queued, struct azattest_request, node);
	list_move_tail(&b->turn, &queue.round);
	return req;
}

static void hand_over_locked(struct azattest_signer *s, struct azattest_request *req, ktime_t now)
{
	ktime_t attempt = ktime_add_ms(now, azattest_limit(attempt_ms));

	lockdep_assert_held(&queue.lock);
	detach_locked(req);
	req->state = AZATTEST_REQUEST_INFLIGHT;
	req->attempts++;
	req->signer = s;
	s->held_count++;
	queue.inflight++;
	list_add_tail(&req->node, &s->held);
	hash_add(queue.cookies, &req->by_cookie, req->cookie);
	if (ktime_before(attempt, req->deadline))
		timer_set_locked(req, attempt);
	trace_azattest_request(AZATTEST_STEP_TAKE, req->cookie, req->binding->generation,
			       req->attempts, 0);
}

/*
 * Gives the signer up to @max requests, within its slots: their number. What
 * waits is shared among the signers, so that one does not work off in a row
 * what several could at once.
 */
unsigned int azattest_queue_take(struct azattest_signer *s, struct azattest_signer_request *out,
				 unsigned int max)
{
	struct azattest_request *req;
	ktime_t now = ktime_get();
	unsigned int n = 0;
	bool more;

	spin_lock(&queue.lock);
	max = min(max, s->slots - min(s->held_count, s->slots));
	max = min(max, DIV_ROUND_UP(queue.queued, max(queue.signer_count, 1U)));
	while (n < max && (req = next_locked())) {
		hand_over_locked(s, req, now);
		describe(req, out);
		out->deadline_ms = max_t(s64, 0, ktime_ms_delta(req->deadline, now));
		out++;
		n++;
	}
	more = queue.queued;
	spin_unlock(&queue.lock);
	if (more)
		wake_up(&queue.wait);
	return n;
}

static struct azattest_request *held_by(struct azattest_signer *s, u64 cookie)
{
	struct azattest_request *req;

	lockdep_assert_held(&queue.lock);
	hash_for_each_possible(queue.cookies, req, by_cookie, cookie)
		if (req->cookie == cookie)
			return req->signer == s ? req : NULL;
	return NULL;
}

/*
 * A signer's answer. 0: it won, and the request has the frame; -ENOENT: this
 * signer does not hold that cookie, and the caller keeps the frame.
 */
int azattest_queue_answer(struct azattest_signer *s, u64 cookie, u16 status, u8 *frame, u32 len)
{
	struct azattest_request *req;

	spin_lock(&queue.lock);
	req = held_by(s, cookie);
	if (req) {
		req->frame = frame;
		req->frame_len = len;
		end_locked(req, AZATTEST_REQUEST_DONE, status);
	}
	spin_unlock(&queue.lock);
	if (!req) {
		azattest_count(answers_late);
		return -ENOENT;
	}
	finish(req);
	return 0;
}

/* A request could not be handed to the signer after all: it was no attempt. */
void azattest_queue_return(struct azattest_signer *s, u64 cookie)
{
	struct azattest_request *req;

	spin_lock(&queue.lock);
	req = held_by(s, cookie);
	if (req) {
		detach_locked(req);
		req->attempts--;
		timer_set_locked(req, req->deadline);
		enqueue_locked(req, true);
	}
	spin_unlock(&queue.lock);
	wake_up(&queue.wait);
}

/* What HELLO says: the newest signer's word. */
u32 azattest_queue_host_state(unsigned int *signers, u64 *generation)
{
	u32 state = AZATTEST_HOST_NO_SIGNER;
	struct azattest_signer *s;
	u64 gen = 0;

	spin_lock(&queue.lock);
	if (!list_empty(&queue.signers)) {
		s = list_last_entry(&queue.signers, struct azattest_signer, node);
		state = s->host_state;
		gen = s->generation;
	}
	if (signers)
		*signers = queue.signer_count;
	spin_unlock(&queue.lock);
	if (generation)
		*generation = gen;
	return state;
}

int azattest_queue_init(void)
{
	spin_lock_init(&queue.lock);
	INIT_LIST_HEAD(&queue.round);
	INIT_LIST_HEAD(&queue.signers);
	timerqueue_init_head(&queue.timers);
	hash_init(queue.cookies);
	init_waitqueue_head(&queue.wait);
	INIT_DELAYED_WORK(&queue.timer_work, timer_run);
	queue.armed = KTIME_MAX;
	/* Unguessable in its high half, and 2^63 of them before the counter wraps. */
	queue.cookie = (u64)get_random_u32() << 31;
	queue.wq = alloc_workqueue("azattest-queue", WQ_UNBOUND | WQ_HIGHPRI, 1);
	return queue.wq ? 0 : -ENOMEM;
}

/* No origin and no signer is left: nothing can be queued. */
void azattest_queue_exit(void)
{
	cancel_delayed_work_sync(&queue.timer_work);
	destroy_workqueue(queue.wq);
}
