// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail on demand, by /proc/PID/fail-nth. */
#include <selftests/faults/fault.h>

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

#define DEBUGFS "/sys/kernel/debug/"

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return ok;
}

/*
 * Allocations that may wait fail too, silently; these settings alone make
 * nothing fail. Pages come beside objects, where the kernel has that.
 */
void fault_need(void)
{
	static const char *const settings[][2] = {
		{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
		{ DEBUGFS "failslab/verbose", "0" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUGFS "fail_page_alloc/min-order", "0" },
		{ DEBUGFS "fail_page_alloc/verbose", "0" },
	};

	if (geteuid())
		tap_skip_all("needs root");
	if (access("/proc/self/fail-nth", F_OK))
		tap_skip_all("this kernel injects no faults (selftests/vm/debug.config)");
	for (size_t i = 0; i < TAP_COUNT(settings); i++)
		if (!set(settings[i][0], settings[i][1]) && errno != ENOENT)
			tap_skip_all("%s: %s", settings[i][0], strerror(errno));
}

static void add_task(struct fault *f, const char *pid)
{
	char path[300];
	int fd;

	tap_need(f->tasks < FAULT_TASKS);
	snprintf(path, sizeof(path), "/proc/%s/fail-nth", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		f->fd[f->tasks++] = fd;
}

/* All memory of ours is there beforehand: a page fault may not fail. */
void fault_begin(struct fault *f, const char *what)
{
	tap_need_eq(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	*f = (struct fault){ .what = what, .misses_max = 1 };
	add_task(f, "thread-self");
	tap_need_eq(f->tasks, 1);
}

static bool is_named(const char *pid, const char *name)
{
	char path[300], comm[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(comm, sizeof(comm), file))
		comm[0] = 0;
	fclose(file);
	return !strncmp(comm, name, strlen(name));
}

void fault_begin_threads(struct fault *f, const char *what, const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	*f = (struct fault){ .what = what, .misses_max = FAULT_MISSES };
	tap_need(proc);
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]) && is_named(entry->d_name, name))
			add_task(f, entry->d_name);
	closedir(proc);
	tap_need_msg(f->tasks, "no kernel thread %s*", name);
}

static void end(struct fault *f)
{
	for (unsigned int i = 0; i < f->tasks; i++)
		close(f->fd[i]);
	f->tasks = 0;
	tap_diag("%s: an allocation failed in %u of %u turns", f->what, f->fired, f->nth);
	tap_need_msg(f->fired, "%s: no allocation failed: nothing was tried", f->what);
}

bool fault_next(struct fault *f)
{
	if (f->misses < f->misses_max) {
		f->nth++;
		return true;
	}
	end(f);
	return false;
}

/* Of a task that has ended meanwhile nothing is asked any more. */
static void arm_all(struct fault *f, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	for (unsigned int i = 0; i < f->tasks; i++)
		if (pwrite(f->fd[i], text, len, 0) != len)
			tap_need_eq(errno, ESRCH);
}

void fault_arm(struct fault *f)
{
	arm_all(f, f->nth);
}

bool fault_fired(struct fault *f)
{
	char text[16];
	ssize_t n;

	for (unsigned int i = 0; i < f->tasks; i++) {
		n = pread(f->fd[i], text, sizeof(text) - 1, 0);
		if (n <= 0)
			continue;
		text[n] = 0;
		if (!strtoul(text, NULL, 10))
			return true;
	}
	return false;
}

bool fault_disarm(struct fault *f)
{
	bool fired = fault_fired(f);

	arm_all(f, 0);
	f->misses = fired ? 0 : f->misses + 1;
	f->fired += fired;
	return fired;
}
