// SPDX-License-Identifier: GPL-2.0
/*
 * What a bound or attached file of /dev/azattest may say: frames by write and
 * read, or ATTEST. A request that was asked is in the file's `asked` until it
 * has a reply, then in `replies` until that is read.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "azattest.h"

/* The binding of a file that may speak; -ENOTCONN, -ENODEV. */
static struct azattest_binding *speaker(struct azattest_file *f)
{
	struct azattest_binding *b = azattest_device_binding(f);

	if (!b)
		return ERR_PTR(-ENOTCONN);
	if (READ_ONCE(b->state) == AZATTEST_BINDING_DEAD)
		return ERR_PTR(-ENODEV);
	return b;
}

/* --- write: ask -------------------------------------------------------- */

/*
 * The reply has come, perhaps before ask() has put the request into `asked`.
 * The request's reference to the file is ours to drop.
 */
static void speak_done(struct azattest_request *req)
{
	struct azattest_file *f = req->origin;
	bool closed;

	spin_lock(&f->lock);
	closed = f->closed;
	if (!closed) {
		req->replied = true;
		if (list_empty(&req->origin_node))
			refcount_inc(&req->ref);	/* the list's */
		list_move_tail(&req->origin_node, &f->replies);
	}
	spin_unlock(&f->lock);
	if (!closed)
		wake_up(&f->wait);
	azattest_device_put(f);
}

static bool slot_free(const struct azattest_file *f)
{
	return READ_ONCE(f->open) < AZATTEST_FILE_INFLIGHT;
}

static bool slot_take(struct azattest_file *f)
{
	bool ok;

	spin_lock(&f->lock);
	ok = slot_free(f);
	if (ok)
		f->open++;
	spin_unlock(&f->lock);
	return ok;
}

static void slot_give(struct azattest_file *f)
{
	spin_lock(&f->lock);
	f->open--;
	spin_unlock(&f->lock);
	wake_up(&f->wait);
}

static bool ended(struct azattest_file *f)
{
	return READ_ONCE(f->binding->state) == AZATTEST_BINDING_DEAD;
}

/* A slot for one more request: 0, -EAGAIN, -EINTR, -ENODEV. */
static int slot_wait(struct azattest_file *f, bool wait)
{
	while (!slot_take(f)) {
		if (ended(f))
			return -ENODEV;
		if (!wait)
			return -EAGAIN;
		if (wait_event_interruptible(f->wait, slot_free(f) || ended(f)))
			return -EINTR;
	}
	return 0;
}

/*
 * A reply without a signer (HELLO, BUSY, a refusal) takes the same way as
 * others: a request that was never queued carries it.
 */
static int reply_now(struct azattest_file *f, struct azattest_door *door)
{
	struct azattest_request *req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);

	if (!req) {
		kfree(door->frame);
		return -ENOMEM;
	}
	refcount_set(&req->ref, 1);
	req->binding = azattest_registry_get(f->binding);
	req->frame = door->frame;
	req->frame_len = door->len;
	req->ready = true;
	spin_lock(&f->lock);
	list_add_tail(&req->origin_node, &f->replies);
	spin_unlock(&f->lock);
	wake_up(&f->wait);
	return 0;
}

/* A frame that is whole. The slot is the reply's from here on, if this returns 0. */
static int ask(struct azattest_file *f, const void *frame, size_t len)
{
	struct azattest_door door;
	bool replied;
	int ret;

	refcount_inc(&f->ref);		/* speak_done's */
	ret = azattest_door_frame(f->binding, frame, len, f->transport, speak_done, f, &door);
	if (ret || !door.req)
		azattest_device_put(f);
	if (ret)
		return ret;
	if (!door.req)
		return reply_now(f, &door);
	spin_lock(&f->lock);
	replied = door.req->replied;
	if (!replied)
		list_add_tail(&door.req->origin_node, &f->asked);	/* keeps our reference */
	spin_unlock(&f->lock);
	if (replied)
		azattest_queue_put(door.req);
	return 0;
}

static int frame_copy(u8 *frame, const char __user *buf, size_t len)
{
	u32 total;

	if (len < sizeof(struct azattest_frame) || len > AZATTEST_REQUEST_MAX)
		return -EBADMSG;
	if (copy_from_user(frame, buf, len))
		return -EFAULT;
	if (azattest_frame_header(frame, len, &total) <= 0 || total != len)
		return -EBADMSG;
	return 0;
}

ssize_t azattest_speak_write(struct file *file, const char __user *buf, size_t len, loff_t *off)
{
	struct azattest_file *f = file->private_data;
	struct azattest_binding *b = speaker(f);
	u8 frame[AZATTEST_REQUEST_MAX];
	int ret;

	if (IS_ERR(b))
		return PTR_ERR(b);
	ret = frame_copy(frame, buf, len);
	if (ret) {
		azattest_refuse(frame_bad, b->id.cid);
		return ret;
	}
	ret = slot_wait(f, !(file->f_flags & O_NONBLOCK));
	if (ret)
		return ret;
	ret = ask(f, frame, len);
	if (ret) {
		slot_give(f);
		return ret;
	}
	return len;
}

/* --- read: the reply --------------------------------------------------- */

static u32 reply_size(const struct azattest_request *req)
{
	return max_t(u32, req->frame_len, sizeof(struct azattest_frame));
}

/*
 * Takes the first reply; or -EMSGSIZE, -EAGAIN if one may still come, -ENODEV
 * if none will: the binding has ended, nothing is asked and nothing unread.
 */
static struct azattest_request *reply_first(struct azattest_file *f, size_t room)
{
	struct azattest_request *req;

	spin_lock(&f->lock);
	req = list_first_entry_or_null(&f->replies, struct azattest_request, origin_node);
	if (!req)
		req = ERR_PTR(ended(f) && list_empty(&f->asked) ? -ENODEV : -EAGAIN);
	else if (reply_size(req) > room)
		req = ERR_PTR(-EMSGSIZE);
	else
		list_del_init(&req->origin_node);
	spin_unlock(&f->lock);
	return req;
}

static ssize_t reply_copy(struct azattest_request *req, char __user *buf)
{
	ssize_t ret = 0;

	if (!req->ready)
		ret = azattest_door_reply(req);
	if (!ret && copy_to_user(buf, req->frame, req->frame_len)) {
		azattest_refuse(frame_bad, req->binding->id.cid);
		ret = -EFAULT;
	}
	if (!ret)
		ret = req->frame_len;
	azattest_queue_put(req);
	return ret;
}

static bool readable(struct azattest_file *f)
{
	return !list_empty_careful(&f->replies) || (ended(f) && list_empty_careful(&f->asked));
}

ssize_t azattest_speak_read(struct file *file, char __user *buf, size_t len, loff_t *off)
{
	struct azattest_file *f = file->private_data;
	struct azattest_request *req;
	ssize_t ret;

	if (!azattest_device_binding(f))
		return -ENOTCONN;
	while (IS_ERR(req = reply_first(f, len))) {
		if (PTR_ERR(req) != -EAGAIN || file->f_flags & O_NONBLOCK)
			return PTR_ERR(req);
		if (wait_event_interruptible(f->wait, readable(f)))
			return -EINTR;
	}
	ret = reply_copy(req, buf);
	slot_give(f);
	return ret;
}

__poll_t azattest_speak_poll(struct file *file, poll_table *pt)
{
	struct azattest_file *f = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &f->wait, pt);
	if (!azattest_device_binding(f))
		return EPOLLERR;
	spin_lock(&f->lock);
	if (!list_empty(&f->replies))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (slot_free(f))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&f->lock);
	if (ended(f))
		mask |= EPOLLHUP;
	return mask;
}

/* The file is being closed: gives up what was asked, throws away what was not read. */
void azattest_speak_close(struct azattest_file *f)
{
	struct azattest_request *req, *next;
	LIST_HEAD(all);

	spin_lock(&f->lock);
	f->closed = true;
	list_splice_init(&f->asked, &all);
	list_splice_init(&f->replies, &all);
	spin_unlock(&f->lock);
	list_for_each_entry_safe(req, next, &all, origin_node) {
		list_del_init(&req->origin_node);
		/* One that was asked and is not done yet will not be: drop its reference. */
		if (azattest_queue_cancel(req))
			azattest_device_put(f);
		azattest_queue_put(req);
	}
}

/* --- ATTEST: ask and wait ---------------------------------------------- */

static void attest_done(struct azattest_request *req)
{
	complete(req->origin);
}

static int attest_check(const struct azattest_attest *arg, struct azattest_ask *ask)
{
	if (arg->reserved[0] || arg->reserved[1] || arg->reserved[2] || arg->reserved2)
		return -EINVAL;
	if (!azattest_frame_check(arg->flags, arg->nonce, arg->nonce_len))
		return -EINVAL;
	if (memchr_inv(arg->nonce + arg->nonce_len, 0, sizeof(arg->nonce) - arg->nonce_len))
		return -EINVAL;
	memset(ask, 0, sizeof(*ask));
	ask->type = AZATTEST_FRAME_ATTEST;
	ask->api_version = arg->api_version;
	ask->timeout_ms = arg->timeout_ms;
	ask->nonce_len = arg->nonce_len;
	memcpy(ask->nonce, arg->nonce, sizeof(ask->nonce));
	return 0;
}

/* The document, without a frame's header, into the caller's buffer. */
static int attest_copy(struct azattest_request *req, struct azattest_attest *arg)
{
	const size_t head = sizeof(struct azattest_frame);
	u32 room = arg->reply_size;

	arg->status = req->status;
	arg->reply_size = 0;
	if (req->status != AZATTEST_STATUS_OK)
		return 0;
	arg->reply_size = req->frame_len - head;
	if (arg->reply_size > room)
		return -EMSGSIZE;
	if (copy_to_user(u64_to_user_ptr(arg->reply), req->frame + head, arg->reply_size)) {
		azattest_refuse(frame_bad, req->binding->id.cid);
		return -EFAULT;
	}
	return 0;
}

/* Waits for the answer; a signal cancels, unless the answer has won. */
static int attest_wait(struct azattest_request *req, struct completion *done)
{
	if (!wait_for_completion_interruptible(done))
		return 0;
	if (azattest_queue_cancel(req))
		return -EINTR;
	wait_for_completion(done);
	return 0;
}

int azattest_speak_attest(struct azattest_file *f, struct azattest_attest *arg)
{
	DECLARE_COMPLETION_ONSTACK(done);
	struct azattest_binding *b = speaker(f);
	struct azattest_request *req;
	struct azattest_ask ask;
	int ret;

	if (IS_ERR(b))
		return PTR_ERR(b);
	ret = attest_check(arg, &ask);
	if (ret) {
		azattest_refuse(frame_bad, b->id.cid);
		return ret;
	}
	ret = azattest_door_ask(b, &ask, f->transport, attest_done, &done, &req);
	if (ret) {
		arg->status = ret;
		arg->reply_size = 0;
		return ret == AZATTEST_STATUS_UNBOUND ? -ENODEV : 0;
	}
	ret = attest_wait(req, &done);
	if (!ret)
		ret = req->status == AZATTEST_STATUS_UNBOUND ? -ENODEV : attest_copy(req, arg);
	azattest_queue_put(req);
	return ret;
}
