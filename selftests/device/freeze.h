/* SPDX-License-Identifier: GPL-2.0 */
/* A page that stops whoever touches it, the kernel too, until it is let go. */
#ifndef SELFTESTS_DEVICE_FREEZE_H
#define SELFTESTS_DEVICE_FREEZE_H

#include <stddef.h>

#define FREEZE_PAGE	4096

struct freeze {
	int uffd;
	char *page;			/* where the call is to stop */
	char content[FREEZE_PAGE];	/* what the page holds once it is let go */
};

/* Skips the promise where user space may not do this. */
void freeze_open(struct freeze *f);

/* Waits until somebody has stopped; lets him go on. */
void freeze_wait(struct freeze *f);
void freeze_thaw(struct freeze *f);

#endif /* SELFTESTS_DEVICE_FREEZE_H */
