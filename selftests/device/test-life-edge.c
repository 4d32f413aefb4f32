// SPDX-License-Identifier: GPL-2.0
/* Owns the ends of a binding that are easy to get wrong: threads, exec, cycles. */
#include "talk.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char state_of(pid_t pid)
{
	char path[64], text[512] = "", state = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strrchr(text, ')'))
		state = strrchr(text, ')')[2];
	close(fd);
	return state;
}

static int owner_with_life(uint32_t number, pid_t pid)
{
	int life = rig_pidfd(pid), fd = azbind_new(number, 0, -1, life, NULL);

	tap_need(fd >= 0);
	close(life);
	return fd;
}

/* Long enough that a wake-up in error would have done its harm. */
static void need_stays(int fd)
{
	for (int i = 0; i < 30; i++) {
		tap_need(!rig_ended(fd));
		tap_pause();
	}
}

static void *wait_for_pipe(void *arg)
{
	char byte;

	if (read(*(int *)arg, &byte, 1) < 0)
		_exit(2);
	_exit(0);
}

static void *wait_and_exec(void *arg)
{
	char byte;

	if (read(*(int *)arg, &byte, 1) != 1)
		_exit(2);
	dup2(*(int *)arg, 0);
	execl("/bin/cat", "cat", NULL);
	_exit(3);
}

static int leader_leaves(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, wait_for_pipe, arg))
		return 1;
	syscall(SYS_exit, 0);	/* this thread only */
	return 1;
}

static int thread_execs(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, wait_and_exec, arg))
		return 1;
	for (;;)
		pause();
	return 0;
}

static void a_process_lives_as_long_as_its_last_thread(void)
{
	int pipes[2], fd;
	pid_t pid;

	tap_need(!pipe(pipes));
	pid = tap_spawn(leader_leaves, &pipes[0], pipes[0]);
	fd = owner_with_life(1900, pid);
	tap_need_wait(state_of(pid) == 'Z');
	need_stays(fd);
	close(fd);
	/* The same when the leader has left before. */
	fd = owner_with_life(1900, pid);
	need_stays(fd);
	close(pipes[1]);
	tap_need_wait(rig_ended(fd));
	tap_join(pid);
}

static void exec_by_another_thread_than_the_first_ends_nothing(void)
{
	char path[64], exe[64] = "";
	int pipes[2], fd;
	pid_t pid;

	tap_need(!pipe(pipes));
	pid = tap_spawn(thread_execs, &pipes[0], pipes[0]);
	fd = owner_with_life(1901, pid);
	tap_need_eq(write(pipes[1], "x", 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	tap_need_wait(readlink(path, exe, sizeof(exe) - 1) > 4 && strstr(exe, "cat"));
	need_stays(fd);
	close(pipes[1]);
	tap_need_wait(rig_ended(fd));
	tap_join(pid);
}

static void a_process_may_be_its_own_life(void)
{
	int fd = owner_with_life(1902, getpid());

	need_stays(fd);
	close(fd);
	tap_need(rig_uuid_free(1902));
}

/* The caller dies with the file open: both ends come at once. */
static int bind_own_life(void *arg)
{
	int fd = azbind_new(1903, 0, -1, rig_pidfd(getpid()), NULL);

	*(volatile int *)arg = fd < 0 ? fd : 1;
	for (;;)
		pause();
	return 0;
}

static void life_and_last_close_at_once_are_one_end(void)
{
	volatile int *bound = tap_shared(sizeof(*bound));

	for (int i = 0; i < 20; i++) {
		pid_t pid;

		*bound = 0;
		pid = tap_spawn(bind_own_life, (void *)bound, -1);
		tap_need_wait(*bound);
		tap_need_eq(*bound, 1);
		tap_kill(pid);
		tap_need_wait(rig_uuid_free(1903));
	}
}

/* Two sockets that hold each other and the file: only the collector frees it. */
static void a_file_lost_in_a_cycle_of_sockets_ends_its_binding(void)
{
	int a[2], fd = rig_owner(1904);

	tap_need(!socketpair(AF_UNIX, SOCK_DGRAM, 0, a));
	tap_need_eq(tap_send_fd(a[0], fd), 0);
	tap_need_eq(tap_send_fd(a[0], a[0]), 0);
	tap_need_eq(tap_send_fd(a[0], a[1]), 0);
	tap_need_eq(tap_send_fd(a[1], a[0]), 0);
	tap_need_eq(tap_send_fd(a[1], a[1]), 0);
	close(fd);
	tap_need(!rig_uuid_free(1904));
	close(a[0]);
	close(a[1]);
	close(socket(AF_UNIX, SOCK_DGRAM, 0));	/* the collector runs when one is closed */
	tap_need_wait(rig_uuid_free(1904));
}

static void epoll_hears_the_end_and_keeps_nothing_alive(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int owner = rig_owner(1905), fd = rig_attached(1905, AZATTEST_TRANSPORT_REST);
	int ep = epoll_create1(EPOLL_CLOEXEC);

	tap_need(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	tap_need(!epoll_ctl(ep, EPOLL_CTL_ADD, owner, &e));
	tap_need_eq(epoll_wait(ep, &e, 1, 0), 0);
	close(owner);
	tap_need_eq(epoll_wait(ep, &e, 1, tap_patience_ms()), 1);
	tap_need(e.events & EPOLLHUP);
	tap_need(rig_uuid_free(1905));
}

static int hold(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

/* The VMM forks a helper that keeps a copy of the device by mistake. */
static void a_copy_of_the_device_anywhere_keeps_the_binding(void)
{
	int vhost = rig_vhost();
	pid_t pid = tap_spawn(hold, NULL, vhost);
	int fd = azbind_new(1906, 46000, vhost, -1, NULL);

	tap_need(fd >= 0);
	close(vhost);
	need_stays(fd);
	tap_need(rig_cid_owned(46000));
	tap_kill(pid);
	tap_need_wait(rig_ended(fd));
	tap_need_wait(!rig_cid_owned(46000));
}

static const struct tap_test tests[] = {
	TAP_TEST(a_process_lives_as_long_as_its_last_thread),
	TAP_TEST(exec_by_another_thread_than_the_first_ends_nothing),
	TAP_TEST(a_process_may_be_its_own_life),
	TAP_TEST(life_and_last_close_at_once_are_one_end),
	TAP_TEST(a_file_lost_in_a_cycle_of_sockets_ends_its_binding),
	TAP_TEST(epoll_hears_the_end_and_keeps_nothing_alive),
	TAP_TEST(a_copy_of_the_device_anywhere_keeps_the_binding),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
