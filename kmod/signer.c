// SPDX-License-Identifier: GPL-2.0
/* /dev/azattest-signer: batches of requests out, batches of answers in. */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "azattest.h"

static int signer_open(struct inode *inode, struct file *file)
{
	struct azattest_signer *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return -ENOMEM;
	INIT_LIST_HEAD(&s->node);
	INIT_LIST_HEAD(&s->held);
	file->private_data = s;
	return stream_open(inode, file);
}

static int signer_release(struct inode *inode, struct file *file)
{
	struct azattest_signer *s = file->private_data;

	if (azattest_serve_leave(s)) {
		azattest_count(signers_left);
		azattest_event_signer(AZATTEST_EVENT_SIGNER_DOWN, s->generation);
	}
	kfree(s);
	return 0;
}

static bool joined(const struct azattest_signer *s)
{
	return READ_ONCE(s->slots);
}

/* --- requests out ------------------------------------------------------ */

/* Copies what was taken; what could not be copied goes back to the queue. */
static ssize_t hand_out(struct azattest_signer *s, struct azattest_signer_request *batch,
			unsigned int n, char __user *buf)
{
	unsigned int i;

	if (!copy_to_user(buf, batch, n * sizeof(*batch)))
		return n * sizeof(*batch);
	for (i = n; i--;)
		azattest_serve_return(s, batch[i].cookie);
	azattest_refuse(answers_bad, 0);
	return -EFAULT;
}

static ssize_t take(struct azattest_signer *s, char __user *buf, size_t len, bool wait)
{
	struct azattest_signer_request *batch;
	unsigned int max, n;
	ssize_t ret = 0;

	max = min_t(size_t, len / sizeof(*batch), READ_ONCE(s->slots));
	if (!max)
		return -EINVAL;
	batch = kmalloc_array(max, sizeof(*batch), GFP_KERNEL_ACCOUNT);
	if (!batch)
		return -ENOMEM;
	while (!(n = azattest_serve_take(s, batch, max)) && wait && !ret)
		ret = azattest_serve_wait(s);
	if (n)
		ret = hand_out(s, batch, n, buf);
	kfree(batch);
	return ret;
}

static ssize_t signer_read(struct file *file, char __user *buf, size_t len, loff_t *off)
{
	struct azattest_signer *s = file->private_data;
	bool wait = !(file->f_flags & O_NONBLOCK);
	ssize_t ret;

	if (!joined(s))
		return -ENOTCONN;
	ret = take(s, buf, len, wait);
	return ret ?: -EAGAIN;
}

/* --- answers in -------------------------------------------------------- */

static int check_answer(const struct azattest_signer_answer *a, size_t room)
{
	switch (a->status) {
	case AZATTEST_STATUS_OK:
	case AZATTEST_STATUS_RETRY:
	case AZATTEST_STATUS_EXPIRED:
	case AZATTEST_STATUS_DENIED:
	case AZATTEST_STATUS_BAD_REQUEST:
	case AZATTEST_STATUS_UNSUPPORTED:
	case AZATTEST_STATUS_FAULT:
		break;
	default:
		return -EINVAL;
	}
	if (a->length > AZATTEST_DOCUMENT_MAX || a->length > room)
		return -EBADMSG;
	if ((a->status == AZATTEST_STATUS_OK) != !!a->length)
		return -EBADMSG;
	return 0;
}

/* A document becomes a reply frame here, once, with room for the header. */
static int copy_document(const struct azattest_signer_answer *a, const char __user *der, u8 **frame)
{
	size_t head = sizeof(struct azattest_frame);

	*frame = NULL;
	if (!a->length)
		return 0;
	*frame = kmalloc(head + a->length, GFP_KERNEL_ACCOUNT);
	if (!*frame)
		return -ENOMEM;
	if (!copy_from_user(*frame + head, der, a->length))
		return 0;
	kfree(*frame);
	return -EFAULT;
}

/* One answer of at most @len bytes: bytes it took, or an error. */
static ssize_t take_answer(struct azattest_signer *s, const char __user *buf, size_t len)
{
	struct azattest_signer_answer a;
	u8 *frame;
	int ret;

	if (len < sizeof(a))
		return -EBADMSG;
	if (copy_from_user(&a, buf, sizeof(a)))
		return -EFAULT;
	ret = check_answer(&a, len - sizeof(a));
	if (!ret)
		ret = copy_document(&a, buf + sizeof(a), &frame);
	if (ret)
		return ret;
	ret = azattest_serve_answer(s, a.cookie, a.status, frame,
				    frame ? sizeof(struct azattest_frame) + a.length : 0);
	if (ret) {
		kfree(frame);
		return ret;
	}
	return min_t(size_t, len, AZATTEST_SIGNER_ANSWER_SPACE(a.length));
}

/* How far to go on after an answer that was not wanted any more. */
static ssize_t skip_answer(const char __user *buf, size_t len)
{
	struct azattest_signer_answer a;

	if (copy_from_user(&a, buf, sizeof(a)))
		return -EFAULT;
	return min_t(size_t, len, AZATTEST_SIGNER_ANSWER_SPACE(a.length));
}

/*
 * Takes answers until one is refused: bytes taken, with the refusal in *err.
 * With @late, unwanted ones are counted there and passed over.
 */
static size_t take_answers(struct azattest_signer *s, const char __user *buf, size_t len,
			   u32 *late, int *err)
{
	size_t done = 0;
	ssize_t n;

	*err = 0;
	while (done < len) {
		n = take_answer(s, buf + done, len - done);
		if (n == -ENOENT && late) {
			(*late)++;
			n = skip_answer(buf + done, len - done);
		}
		if (n < 0) {
			if (n == -EBADMSG || n == -EINVAL || n == -EFAULT)
				azattest_refuse(answers_bad, 0);
			*err = n;
			break;
		}
		done += n;
		cond_resched();
	}
	return done;
}

static ssize_t signer_write(struct file *file, const char __user *buf, size_t len, loff_t *off)
{
	struct azattest_signer *s = file->private_data;
	size_t done;
	int err;

	if (!joined(s))
		return -ENOTCONN;
	done = take_answers(s, buf, min_t(size_t, len, AZATTEST_SIGNER_BATCH_MAX), NULL, &err);
	return done ?: err;
}

static __poll_t signer_poll(struct file *file, poll_table *pt)
{
	struct azattest_signer *s = file->private_data;
	__poll_t mask = azattest_serve_poll(s, file, pt);

	return joined(s) ? mask : EPOLLERR;
}

/* --- ioctls ------------------------------------------------------------ */

static bool join_sound(const struct azattest_signer_join *arg)
{
	return arg->slots && arg->slots <= AZATTEST_SIGNER_SLOTS_MAX &&
	       (arg->host_state == AZATTEST_HOST_READY ||
		arg->host_state == AZATTEST_HOST_EXPIRED);
}

static int join(struct azattest_signer *s, struct azattest_signer_join *arg)
{
	u32 version = arg->version;

	arg->version = AZATTEST_SIGNER_VERSION;
	if (version != AZATTEST_SIGNER_VERSION) {
		azattest_refuse(signer_version, 0);
		return -EPROTO;
	}
	if (!join_sound(arg)) {
		azattest_refuse(answers_bad, 0);
		return -EINVAL;
	}
	if (azattest_serve_join(s, arg->slots, arg->host_state, arg->generation)) {
		azattest_count(signers_joined);
		azattest_event_signer(AZATTEST_EVENT_SIGNER_UP, arg->generation);
	}
	return 0;
}

static int exchange(struct azattest_signer *s, struct azattest_signer_exchange *arg)
{
	u32 want = arg->requests_len, given = arg->answers_len;
	ssize_t n;
	int err;

	arg->late = 0;
	arg->requests_len = 0;
	arg->answers_len = 0;
	if (arg->flags & ~AZATTEST_EXCHANGE_NOWAIT || arg->reserved) {
		azattest_refuse(answers_bad, 0);
		return -EINVAL;
	}
	if (!joined(s))
		return -ENOTCONN;
	arg->answers_len = take_answers(s, u64_to_user_ptr(arg->answers),
					min_t(u32, given, AZATTEST_SIGNER_BATCH_MAX),
					&arg->late, &err);
	if (err)
		return err;
	n = take(s, u64_to_user_ptr(arg->requests), want,
		 !(arg->flags & AZATTEST_EXCHANGE_NOWAIT));
	if (n < 0)
		return n;
	arg->requests_len = n;
	return 0;
}

/* Both structs go in and out as a whole, also beside an error that has something to say. */
union signer_arg {
	u32 size;
	struct azattest_signer_join join;
	struct azattest_signer_exchange exchange;
};

static long signer_ioctl(struct file *file, unsigned int cmd, unsigned long ptr)
{
	struct azattest_signer *s = file->private_data;
	union signer_arg arg = {};
	size_t size;
	long ret;

	switch (cmd) {
	case AZATTEST_SIGNER_IOC_JOIN:
		size = sizeof(arg.join);
		break;
	case AZATTEST_SIGNER_IOC_EXCHANGE:
		size = sizeof(arg.exchange);
		break;
	default:
		return -ENOTTY;
	}
	ret = azattest_device_copy_in(&arg, size, (void __user *)ptr);
	if (ret) {
		azattest_refuse(answers_bad, 0);
		return ret;
	}
	ret = cmd == AZATTEST_SIGNER_IOC_JOIN ? join(s, &arg.join) : exchange(s, &arg.exchange);
	if (azattest_device_copy_out((void __user *)ptr, &arg, size)) {
		azattest_refuse(answers_bad, 0);
		return -EFAULT;
	}
	return ret;
}

static const struct file_operations signer_fops = {
	.owner = THIS_MODULE,
	.open = signer_open,
	.release = signer_release,
	.read = signer_read,
	.write = signer_write,
	.poll = signer_poll,
	.unlocked_ioctl = signer_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice signer_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "azattest-signer",
	.fops = &signer_fops,
	.mode = 0600,
};

int azattest_signer_init(void)
{
	return misc_register(&signer_device);
}

void azattest_signer_exit(void)
{
	misc_deregister(&signer_device);
}
