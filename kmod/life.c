// SPDX-License-Identifier: GPL-2.0
/*
 * A binding ends with its VMM: hooks the wait queue of the VMM's pidfd, as KVM
 * hooks an eventfd for irqfd, so that no process has to be awake for it.
 */
#include <linux/file.h>
#include <linux/poll.h>

#include "azattest.h"

/* Takes the pidfd: -EBADF, -EINVAL no pidfd, -ESRCH the process has ended. */
int azattest_life_open(struct azattest_life *life, int fd)
{
	struct file *file;

	if (fd == -1)
		return 0;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!azattest_compat_is_pidfd(file)) {
		fput(file);
		return -EINVAL;
	}
	if (vfs_poll(file, NULL) & EPOLLIN) {
		fput(file);
		return -ESRCH;
	}
	life->file = file;
	return 0;
}

/*
 * Something happened to the process; also its first thread's end wakes us, so
 * the pidfd itself is asked (that takes no lock). Called under the wait queue's
 * lock, with interrupts off.
 */
static int life_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct azattest_life *life = container_of(wait, struct azattest_life, wait);

	if (vfs_poll(life->file, NULL) & EPOLLIN)
		azattest_bind_end_async(container_of(life, struct azattest_binding, life),
					"process-died");
	return 0;
}

static void life_hook(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct azattest_life *life = container_of(table, struct azattest_life, table);

	life->head = head;
	add_wait_queue(head, &life->wait);
}

/*
 * From now on the process's end ends the binding, also if it was before. The
 * hook is taken out by disarm, before the binding's last reference is dropped;
 * the wait queue lives as long as the pidfd that we hold.
 */
void azattest_life_arm(struct azattest_binding *b)
{
	struct azattest_life *life = &b->life;

	if (!life->file)
		return;
	init_waitqueue_func_entry(&life->wait, life_wake);
	init_poll_funcptr(&life->table, life_hook);
	if (vfs_poll(life->file, &life->table) & EPOLLIN)
		azattest_bind_end_async(b, "process-died");
}

void azattest_life_disarm(struct azattest_life *life)
{
	if (!life->head)
		return;
	remove_wait_queue(life->head, &life->wait);
	life->head = NULL;
}

void azattest_life_close(struct azattest_life *life)
{
	if (!life->file)
		return;
	fput(life->file);
	life->file = NULL;
}
