/* SPDX-License-Identifier: GPL-2.0 */
/* Allocations that fail on demand: the n-th one of a task, n = 1, 2, ... */
#ifndef SELFTESTS_FAULTS_FAULT_H
#define SELFTESTS_FAULTS_FAULT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A promise about a call repeats it with its first allocation failing, then
 * with its second, and so on until none is left to fail:
 *
 *	struct fault f;
 *
 *	for (fault_begin(&f, "OPEN"); fault_next(&f);) {
 *		fault_arm(&f);
 *		fd = azbind_open();
 *		fault_disarm(&f);
 *		...		all or nothing?
 *	}
 *
 * The loop's last turn is one in which nothing failed. Only what the task does
 * in the kernel between arm and disarm counts, be it the module's allocation
 * or one that the kernel makes for it.
 */
#define FAULT_TASKS	64
#define FAULT_MISSES	4	/* turns without a fault that end a loop where several tasks do the work */

struct fault {
	const char *what;
	unsigned int nth;		/* of this turn; 0 before the first */
	unsigned int fired;		/* turns in which an allocation failed */
	unsigned int misses;		/* turns in a row in which none did */
	unsigned int misses_max;
	unsigned int tasks;
	int fd[FAULT_TASKS];		/* fail-nth of each task */
};

/* For main(): skips the program where no allocation can be made to fail. */
void fault_need(void);

/* The task that calls this. */
void fault_begin(struct fault *f, const char *what);

/*
 * The kernel threads whose name begins so; any of them may do the work, and
 * new ones may come.
 */
void fault_begin_threads(struct fault *f, const char *what, const char *name);

/* False after enough turns without a fault; breaks the promise if none ever fired. */
bool fault_next(struct fault *f);

void fault_arm(struct fault *f);
bool fault_fired(struct fault *f);	/* while armed: has it failed yet? */
bool fault_disarm(struct fault *f);	/* true: an allocation has failed in this turn */

#endif /* SELFTESTS_FAULTS_FAULT_H */
