// SPDX-License-Identifier: GPL-2.0
// Promises of what hostd makes of /proc: a VMM is gone only if that is sure.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

static int sleep_long(void *arg)
{
	(void)arg;
	while (pause())
		;
	return 0;
}

/* No descriptor can be opened from here on, or again all. */
static void allow_descriptors(bool any)
{
	static struct rlimit old;
	struct rlimit none;

	if (!old.rlim_max)
		tap_need(!getrlimit(RLIMIT_NOFILE, &old));
	none = (struct rlimit){ 0, old.rlim_max };
	tap_need(!setrlimit(RLIMIT_NOFILE, any ? &old : &none));
}

static void a_process_is_known_by_its_start(void)
{
	pid_t pid = tap_spawn(sleep_long, NULL, -1);
	uint64_t start = 0;
	int fd;

	tap_need_eq(process_start(pid, &start), 0);
	tap_need(start);
	fd = process_open(pid, start);
	tap_need(fd >= 0);
	tap_need(!process_gone(pid, start));
	tap_need_eq(process_open(pid, start + 1), -ESRCH);
	tap_need(process_gone(pid, start + 1));
	tap_kill(pid);
	tap_need_eq(process_start(pid, &start), -ESRCH);
	tap_need_eq(process_open(pid, start), -ESRCH);
	tap_need(process_gone(pid, start));
}

static void a_zombie_is_gone(void)
{
	uint64_t start = 0;
	pid_t pid = fork();

	if (!pid)
		sleep_long(NULL);
	tap_need(pid > 0 && !process_start(pid, &start));
	kill(pid, SIGKILL);
	tap_need_wait(process_gone(pid, start));
}

/* Its record would be deleted, and its VM's access with it. */
static void without_descriptors_nobody_is_gone(void)
{
	pid_t pid = tap_spawn(sleep_long, NULL, -1);
	uint64_t start = 0, again = 0;

	tap_need_eq(process_start(pid, &start), 0);
	allow_descriptors(false);
	tap_need_eq(process_start(pid, &again), -EMFILE);
	tap_need_eq(process_open(pid, start), -EMFILE);
	tap_need(!process_gone(pid, start));
	allow_descriptors(true);
	tap_need(!process_gone(pid, start));
	tap_kill(pid);
	tap_need(process_gone(pid, start));
}

/* The pidfd is the last that there is: the start cannot be read. */
static void with_one_descriptor_nobody_is_gone(void)
{
	pid_t pid = tap_spawn(sleep_long, NULL, -1);
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit limit;
	uint64_t start = 0;

	tap_need_eq(process_start(pid, &start), 0);
	tap_need(!getrlimit(RLIMIT_NOFILE, &limit) && next >= 0);
	close(next);
	limit.rlim_cur = (rlim_t)next + 1;
	tap_need(!setrlimit(RLIMIT_NOFILE, &limit));
	tap_need_eq(process_open(pid, start), -EMFILE);
	tap_need(!process_gone(pid, start));
	tap_need_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), next);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_process_is_known_by_its_start),
	TAP_TEST(a_zombie_is_gone),
	TAP_TEST(without_descriptors_nobody_is_gone),
	TAP_TEST(with_one_descriptor_nobody_is_gone),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
