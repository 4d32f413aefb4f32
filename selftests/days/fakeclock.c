// SPDX-License-Identifier: GPL-2.0
// Owns the time of a program under test: a page that the test writes, in place of the kernel's clocks.

#include <selftests/days/fakeclock.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED	__attribute__((visibility("default")))

static const volatile struct fakeclock *page;

/* Before main(), and so before there is a filter. */
__attribute__((constructor))
static void map_page(void)
{
	char path[512];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	void *map = MAP_FAILED;
	char *slash;
	int fd;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (!slash)
		abort();
	strcpy(slash + 1, "clock");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		map = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (map == MAP_FAILED) {
		fprintf(stderr, "%s: is not there: this program is for tests\n", path);
		abort();
	}
	page = map;
}

EXPORTED int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (page && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		*ts = (struct timespec) { .tv_sec = page->wall_s };
		return 0;
	}
	if (syscall(SYS_clock_gettime, id, ts))
		return -1;
	if (page && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE ||
		     id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME))
		ts->tv_sec += page->ahead_s;
	if (page && id == CLOCK_BOOTTIME)
		ts->tv_sec += page->slept_s;
	return 0;
}

EXPORTED time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

EXPORTED int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval) { .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000 };
	return 0;
}
