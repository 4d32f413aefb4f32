/* SPDX-License-Identifier: GPL-2.0 */
/* All that differs between the kernels we build for. Included before every file (Kbuild). */
#ifndef AZATTEST_COMPAT_H
#define AZATTEST_COMPAT_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/version.h>

/*
 * Kernels with network namespaces for vsock need a rule at accept that compares
 * them. Until that rule is written, do not build where it would be missing.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
#error "azattest: vsock has network namespaces here; this version knows no rule for them"
#endif

#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/string.h>

/*
 * Is this file a pidfd? The kernel exports no such question. Until 6.8 a pidfd
 * is an anonymous inode, told by a name that only the kernel can give; later
 * it has a file system of its own.
 */
static inline bool azattest_compat_is_pidfd(const struct file *file)
{
	unsigned long magic = file_inode(file)->i_sb->s_magic;

#ifdef PID_FS_MAGIC
	if (magic == PID_FS_MAGIC)
		return true;
#endif
	return magic == ANON_INODE_FS_MAGIC &&
	       !strcmp(file->f_path.dentry->d_name.name, "[pidfd]");
}

/* Changes the flags of a mapping that is being made: 6.3 took the member away. */
static inline void azattest_compat_vm_flags(struct vm_area_struct *vma, unsigned long set,
					    unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

#endif
