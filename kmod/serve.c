// SPDX-License-Identifier: GPL-2.0
/* The signers' side of the queue: join and leave, take requests in turn, answer them. */
#include <linux/hashtable.h>

#include "azattest.h"
#include "queue.h"

/* The signer takes part from now on, or changes what it said. True if it is new. */
bool azattest_serve_join(struct azattest_signer *s, u32 slots, u32 host_state, u64 generation)
{
	bool first;

	spin_lock(&azattest_queue.lock);
	first = !s->slots;
	s->slots = slots;
	s->host_state = host_state;
	s->generation = generation;
	if (first) {
		list_add_tail(&s->node, &azattest_queue.signers);
		azattest_queue.signer_count++;
	}
	spin_unlock(&azattest_queue.lock);
	wake_up(&azattest_queue.wait);
	return first;
}

/* The signer's file is closed: what it held goes back. True if it had joined. */
bool azattest_serve_leave(struct azattest_signer *s)
{
	struct azattest_request *req, *next;
	LIST_HEAD(ended);
	bool joined;

	spin_lock(&azattest_queue.lock);
	joined = s->slots;
	if (joined) {
		list_del(&s->node);
		azattest_queue.signer_count--;
	}
	/* Backwards, so that the oldest comes to stand in front. */
	list_for_each_entry_safe_reverse(req, next, &s->held, node)
		azattest_queue_requeue_locked(req, &ended);
	spin_unlock(&azattest_queue.lock);
	wake_up_all(&azattest_queue.wait);
	azattest_queue_finish_list(&ended);
	return joined;
}

static bool slot_free(const struct azattest_signer *s)
{
	return READ_ONCE(s->held_count) < READ_ONCE(s->slots);
}

static bool can_take(const struct azattest_signer *s)
{
	return READ_ONCE(azattest_queue.queued) && slot_free(s);
}

/*
 * Waits until there is something to take: 0 or -EINTR. One request wakes one
 * signer; one whose slots are full, or were filled by another thread of it
 * while it slept, must not swallow that wake-up.
 */
int azattest_serve_wait(struct azattest_signer *s)
{
	int ret;

	if (!slot_free(s))
		return wait_event_interruptible(azattest_queue.wait, can_take(s)) ? -EINTR : 0;
	ret = wait_event_interruptible_exclusive(azattest_queue.wait,
						 READ_ONCE(azattest_queue.queued) || !slot_free(s));
	if (!slot_free(s))
		wake_up(&azattest_queue.wait);
	return ret ? -EINTR : 0;
}

__poll_t azattest_serve_poll(struct azattest_signer *s, struct file *file, poll_table *pt)
{
	poll_wait(file, &azattest_queue.wait, pt);
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

	lockdep_assert_held(&azattest_queue.lock);
	b = list_first_entry_or_null(&azattest_queue.round, struct azattest_binding, turn);
	if (!b)
		return NULL;
	req = list_first_entry(&b->queued, struct azattest_request, node);
	list_move_tail(&b->turn, &azattest_queue.round);
	return req;
}

static void hand_over_locked(struct azattest_signer *s, struct azattest_request *req, ktime_t now)
{
	ktime_t attempt = ktime_add_ms(now, azattest_limit(attempt_ms));

	lockdep_assert_held(&azattest_queue.lock);
	azattest_queue_detach_locked(req);
	req->state = AZATTEST_REQUEST_INFLIGHT;
	req->attempts++;
	req->signer = s;
	s->held_count++;
	azattest_queue.inflight++;
	list_add_tail(&req->node, &s->held);
	hash_add(azattest_queue.cookies, &req->by_cookie, req->cookie);
	if (ktime_before(attempt, req->deadline))
		azattest_queue_timer_locked(req, attempt);
	trace_azattest_request(AZATTEST_STEP_TAKE, req->cookie, req->binding->generation,
			       req->attempts, 0);
}

/*
 * Gives the signer up to @max requests, within its slots: their number. What
 * waits is shared among the signers, so that one does not work off in a row
 * what several could at once.
 */
unsigned int azattest_serve_take(struct azattest_signer *s, struct azattest_signer_request *out,
				 unsigned int max)
{
	struct azattest_request *req;
	ktime_t now = ktime_get();
	unsigned int n = 0;
	bool more;

	spin_lock(&azattest_queue.lock);
	max = min(max, s->slots - min(s->held_count, s->slots));
	max = min(max, DIV_ROUND_UP(azattest_queue.queued, max(azattest_queue.signer_count, 1U)));
	while (n < max && (req = next_locked())) {
		hand_over_locked(s, req, now);
		describe(req, out);
		out->deadline_ms = max_t(s64, 0, ktime_ms_delta(req->deadline, now));
		out++;
		n++;
	}
	more = azattest_queue.queued;
	spin_unlock(&azattest_queue.lock);
	if (more)
		wake_up(&azattest_queue.wait);
	return n;
}

static struct azattest_request *held_by(struct azattest_signer *s, u64 cookie)
{
	struct azattest_request *req;

	lockdep_assert_held(&azattest_queue.lock);
	hash_for_each_possible(azattest_queue.cookies, req, by_cookie, cookie)
		if (req->cookie == cookie)
			return req->signer == s ? req : NULL;
	return NULL;
}

/*
 * A signer's answer. 0: it won, and the request has the frame; -ENOENT: this
 * signer does not hold that cookie, and the caller keeps the frame.
 */
int azattest_serve_answer(struct azattest_signer *s, u64 cookie, u16 status, u8 *frame, u32 len)
{
	struct azattest_request *req;

	spin_lock(&azattest_queue.lock);
	req = held_by(s, cookie);
	if (req) {
		req->frame = frame;
		req->frame_len = len;
		azattest_queue_end_locked(req, AZATTEST_REQUEST_DONE, status);
	}
	spin_unlock(&azattest_queue.lock);
	if (!req) {
		azattest_refuse(answers_late, 0);
		return -ENOENT;
	}
	azattest_queue_finish(req);
	return 0;
}

/* A request could not be handed to the signer after all: it was no attempt. */
void azattest_serve_return(struct azattest_signer *s, u64 cookie)
{
	struct azattest_request *req;

	spin_lock(&azattest_queue.lock);
	req = held_by(s, cookie);
	if (req) {
		azattest_queue_put_back_locked(req);
		req->attempts--;
	}
	spin_unlock(&azattest_queue.lock);
	wake_up(&azattest_queue.wait);
}

/* What HELLO says: the newest signer's word. */
u32 azattest_serve_host_state(unsigned int *signers, u64 *generation)
{
	u32 state = AZATTEST_HOST_NO_SIGNER;
	struct azattest_signer *s;
	u64 gen = 0;

	spin_lock(&azattest_queue.lock);
	if (!list_empty(&azattest_queue.signers)) {
		s = list_last_entry(&azattest_queue.signers, struct azattest_signer, node);
		state = s->host_state;
		gen = s->generation;
	}
	if (signers)
		*signers = azattest_queue.signer_count;
	spin_unlock(&azattest_queue.lock);
	if (generation)
		*generation = gen;
	return state;
}
