/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A clock for whole programs: fakeclock.c is linked into copies of the real
 * ones, where its time(), clock_gettime() and gettimeofday() come before
 * libc's, for the program and for its libraries. All of them read one page, the
 * file "clock" beside the program. Descriptors, environments and system call
 * filters make no difference to it.
 */
#ifndef SELFTESTS_DAYS_FAKECLOCK_H
#define SELFTESTS_DAYS_FAKECLOCK_H

#include <stdint.h>

/**
 * struct fakeclock
 * @wall_s:  seconds since 1970; it stands still until the test moves it
 * @ahead_s: how far the clocks that count from the boot are ahead of the true
 *           ones, which they follow
 * @slept_s: how much of the time since the boot the host was suspended: CLOCK_MONOTONIC
 *           does not know of it
 */
struct fakeclock {
	int64_t wall_s;
	int64_t ahead_s;
	int64_t slept_s;
};

#endif
