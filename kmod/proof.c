// SPDX-License-Identifier: GPL-2.0
/*
 * Whose CID is it? The VMM's vhost-vsock file is told to take the CID: that
 * succeeds only if the CID is free or this file's already.
 *
 * SET_GUEST_CID reads the CID from the caller's memory. The caller may be
 * hostile and change it between our look and that read, and own another CID
 * than it is then bound to. So the CID is put into a page of ours, mapped into
 * the caller for the moment of the call, which it can neither write (no
 * VM_MAYWRITE, no page of its own behind it), nor replace (we hold mmap_lock),
 * nor have faulted in anew (page faults are off: the call fails instead).
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/vhost.h>

#include "azattest.h"

/* The number is the driver's own; a driver that is built in has no owner. */
static bool is_vhost_vsock(struct file *file)
{
	struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) && imajor(inode) == MISC_MAJOR &&
	       iminor(inode) == VHOST_VSOCK_MINOR && file->f_op->unlocked_ioctl &&
	       (!file->f_op->owner || !strcmp(file->f_op->owner->name, "vhost_vsock"));
}

/* The vhost-vsock file behind a descriptor of the caller: -EBADF, -EINVAL. */
struct file *azattest_proof_file(int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (!is_vhost_vsock(file)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	return file;
}

static int page_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct page *page = file->private_data;

	if (vma->vm_flags & VM_WRITE || vma_pages(vma) != 1)
		return -EINVAL;
	azattest_compat_vm_flags(vma, VM_DONTCOPY | VM_DONTEXPAND | VM_DONTDUMP,
				 VM_MAYWRITE | VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, page);
}

static int page_release(struct inode *inode, struct file *file)
{
	put_page(file->private_data);
	return 0;
}

static const struct file_operations page_fops = {
	.owner = THIS_MODULE,
	.mmap = page_mmap,
	.release = page_release,
};

/* A file of one page that holds the CID. */
static struct file *page_open(u32 cid)
{
	struct file *file;
	struct page *page;

	page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!page)
		return ERR_PTR(-ENOMEM);
	*(u64 *)page_address(page) = cid;
	file = anon_inode_getfile("[azattest-cid]", &page_fops, page, O_RDONLY);
	if (IS_ERR(file))
		put_page(page);
	return file;
}

/* Is what the caller sees at @addr this very file's page? */
static bool page_is_at(struct file *file, unsigned long addr)
{
	struct vm_area_struct *vma;

	mmap_assert_locked(current->mm);
	vma = find_vma(current->mm, addr);
	return vma && vma->vm_start == addr && vma->vm_file == file;
}

static long call_set_cid(struct file *vhost, struct file *page, unsigned long addr)
{
	long ret = -EFAULT;

	mmap_read_lock(current->mm);
	if (page_is_at(page, addr)) {
		pagefault_disable();
		ret = vhost->f_op->unlocked_ioctl(vhost, VHOST_VSOCK_SET_GUEST_CID, addr);
		pagefault_enable();
	}
	mmap_read_unlock(current->mm);
	return ret;
}

/*
 * Makes @vhost take @cid, exactly once: repeating it on a running device loses
 * packets. 0: it is this file's. -EADDRINUSE: another's. Runs in the caller's
 * context.
 */
int azattest_proof_set_cid(struct file *vhost, u32 cid)
{
	struct file *page = page_open(cid);
	unsigned long addr;
	long ret;

	/* Whatever it was that left no room for a file or a page. */
	if (IS_ERR(page))
		return -ENOMEM;
	addr = vm_mmap(page, 0, PAGE_SIZE, PROT_READ, MAP_SHARED, 0);
	if (IS_ERR_VALUE(addr)) {
		ret = -ENOMEM;
	} else {
		ret = call_set_cid(vhost, page, addr);
		vm_munmap(addr, PAGE_SIZE);
	}
	fput(page);
	return ret;
}

/* Drops the vhost file and, if it was the last, waits until the CID is free. In a worker. */
void azattest_proof_drop(struct file *vhost)
{
	if (vhost)
		__fput_sync(vhost);
}
