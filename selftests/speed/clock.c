// SPDX-License-Identifier: GPL-2.0
// Owns the clock that everything is measured with.

#include <time.h>

#include <selftests/speed/bench.h>

uint64_t exchange_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
