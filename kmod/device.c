// SPDX-License-Identifier: GPL-2.0
/* /dev/azattest: open files, BIND, ATTACH, INFO, and the hang-up. */
#include <linux/capability.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "azattest.h"

/**
 * azattest_device_copy_in - reads a struct that begins with its own size
 * @dst:  ours, of @size bytes
 * @size: what we know of it
 * @src:  the caller's; checked to be writable too, before anything is done
 *
 * Returns 0, -EFAULT, -EINVAL for a size that cannot be, -E2BIG for bytes
 * behind what we know that are not zero.
 */
int azattest_device_copy_in(void *dst, size_t size, void __user *src)
{
	u32 given;
	int ret;

	if (get_user(given, (const u32 __user *)src))
		return -EFAULT;
	if (given < size || given > PAGE_SIZE)
		return -EINVAL;
	ret = copy_struct_from_user(dst, size, src, given);
	if (ret)
		return ret;
	/* It may have changed between the two reads. */
	*(u32 *)dst = given;
	return azattest_device_copy_out(src, dst, size);
}

/* Writes the struct back, as far as we know it. */
int azattest_device_copy_out(void __user *dst, const void *src, size_t size)
{
	return copy_to_user(dst, src, size) ? -EFAULT : 0;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct azattest_file *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return -ENOMEM;
	refcount_set(&f->ref, 1);
	mutex_init(&f->bind_lock);
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->wait);
	INIT_LIST_HEAD(&f->node);
	INIT_LIST_HEAD(&f->asked);
	INIT_LIST_HEAD(&f->replies);
	file->private_data = f;
	return stream_open(inode, file);
}

void azattest_device_put(struct azattest_file *f)
{
	if (!refcount_dec_and_test(&f->ref))
		return;
	if (f->binding)
		azattest_registry_put(f->binding);
	kfree(f);
}

static void leave_binding(struct azattest_file *f)
{
	struct azattest_binding *b = f->binding;

	spin_lock(&b->lock);
	if (!list_empty(&f->node)) {
		list_del_init(&f->node);
		b->file_count--;
	}
	spin_unlock(&b->lock);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct azattest_file *f = file->private_data;

	azattest_speak_close(f);
	if (f->binding) {
		leave_binding(f);
		if (f->owner)
			azattest_bind_end(f->binding, "closed");
	}
	azattest_device_put(f);
	return 0;
}

/* The binding has ended: wakes all who wait on its files. */
void azattest_device_hangup(struct azattest_binding *b)
{
	struct azattest_file *f;

	spin_lock(&b->lock);
	list_for_each_entry(f, &b->files, node)
		wake_up_all(&f->wait);
	spin_unlock(&b->lock);
}

/* The file speaks for @b from now on, and keeps the caller's reference. */
static void speak_for(struct azattest_file *f, struct azattest_binding *b, bool owner,
		      u32 transport)
{
	f->owner = owner;
	f->transport = transport;
	spin_lock(&b->lock);
	list_add(&f->node, &b->files);
	if (!owner)
		b->file_count++;
	spin_unlock(&b->lock);
	/* Pairs with azattest_device_binding. */
	smp_store_release(&f->binding, b);
	wake_up_all(&f->wait);
}

static int do_bind(struct azattest_file *f, struct azattest_bind *arg)
{
	struct azattest_binding *b;
	int ret;

	ret = azattest_bind_make(arg, &b);
	if (ret)
		return ret;
	arg->generation = b->generation;
	speak_for(f, b, true, AZATTEST_TRANSPORT_VMM);
	return 0;
}

/* Refused to the caller's face, and counted. */
static int refuse_join(u32 cid, int err)
{
	azattest_refuse(bind_refused, cid);
	return err;
}

static int do_attach(struct azattest_file *f, struct azattest_attach *arg)
{
	struct azattest_binding *b;

	if (!capable(CAP_NET_ADMIN)) {
		azattest_refuse(bind_denied, 0);
		azattest_event_refused(arg->uuid, 0, "no-right");
		return -EPERM;
	}
	if (arg->flags || arg->reserved || !arg->transport ||
	    arg->transport > AZATTEST_TRANSPORT_MAX)
		return refuse_join(0, -EINVAL);
	b = azattest_registry_by_uuid(arg->uuid);
	if (!b)
		return refuse_join(0, -ENOENT);
	arg->generation = b->generation;
	speak_for(f, b, false, arg->transport);
	return 0;
}

static int do_info(struct azattest_file *f, struct azattest_info *arg)
{
	struct azattest_binding *b = azattest_device_binding(f);
	u32 size = arg->size;

	if (!b)
		return -ENOTCONN;
	memset(arg, 0, sizeof(*arg));
	arg->size = size;
	arg->flags = (f->owner ? AZATTEST_INFO_OWNER : 0) |
		     (b->id.cid ? AZATTEST_INFO_CID : 0) |
		     (b->has_life ? AZATTEST_INFO_LIFE : 0) |
		     (READ_ONCE(b->state) == AZATTEST_BINDING_DEAD ? AZATTEST_INFO_ENDED : 0);
	memcpy(arg->uuid, b->id.uuid, sizeof(arg->uuid));
	arg->cid = b->id.cid;
	arg->generation = b->generation;
	arg->netns = b->netns;
	arg->transport = f->transport;
	arg->pid = b->pid;
	memcpy(arg->name, b->id.name, sizeof(arg->name));
	memcpy(arg->profile, b->id.profile, sizeof(arg->profile));
	return 0;
}

union device_arg {
	u32 size;
	struct azattest_bind bind;
	struct azattest_attach attach;
	struct azattest_info info;
	struct azattest_attest attest;
};

static size_t arg_size(unsigned int cmd)
{
	switch (cmd) {
	case AZATTEST_IOC_BIND:
		return sizeof(struct azattest_bind);
	case AZATTEST_IOC_ATTACH:
		return sizeof(struct azattest_attach);
	case AZATTEST_IOC_INFO:
		return sizeof(struct azattest_info);
	case AZATTEST_IOC_ATTEST:
		return sizeof(struct azattest_attest);
	default:
		return 0;
	}
}

/* BIND and ATTACH: one at a time on a file, and only one ever succeeds. */
static int do_join(struct azattest_file *f, unsigned int cmd, union device_arg *arg)
{
	int ret;

	if (mutex_lock_interruptible(&f->bind_lock))
		return -EINTR;
	if (f->binding)
		ret = refuse_join(f->binding->id.cid, -EALREADY);
	else if (cmd == AZATTEST_IOC_BIND)
		ret = do_bind(f, &arg->bind);
	else
		ret = do_attach(f, &arg->attach);
	mutex_unlock(&f->bind_lock);
	return ret;
}

/* A struct that cannot be taken, or given back, is counted as the call that it was meant to be. */
static void refuse_struct(struct azattest_file *f, unsigned int cmd)
{
	struct azattest_binding *b = azattest_device_binding(f);
	u32 cid = b ? b->id.cid : 0;

	if (cmd == AZATTEST_IOC_BIND || cmd == AZATTEST_IOC_ATTACH)
		azattest_refuse(bind_refused, cid);
	else
		azattest_refuse(frame_bad, cid);
}

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long ptr)
{
	struct azattest_file *f = file->private_data;
	size_t size = arg_size(cmd);
	union device_arg arg = {};
	long ret;

	if (!size)
		return -ENOTTY;
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE)) {
		azattest_refuse(bind_denied, 0);
		return -EPERM;
	}
	ret = azattest_device_copy_in(&arg, size, (void __user *)ptr);
	if (ret) {
		refuse_struct(f, cmd);
		return ret;
	}
	if (cmd == AZATTEST_IOC_INFO)
		ret = do_info(f, &arg.info);
	else if (cmd == AZATTEST_IOC_ATTEST)
		ret = azattest_speak_attest(f, &arg.attest);
	else
		ret = do_join(f, cmd, &arg);
	if (ret && ret != -EMSGSIZE)
		return ret;
	if (azattest_device_copy_out((void __user *)ptr, &arg, size)) {
		refuse_struct(f, cmd);
		return -EFAULT;
	}
	return ret;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = azattest_speak_read,
	.write = azattest_speak_write,
	.poll = azattest_speak_poll,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "azattest",
	.fops = &device_fops,
	.mode = 0660,
};

int azattest_device_init(void)
{
	return misc_register(&device);
}

void azattest_device_exit(void)
{
	misc_deregister(&device);
}
