// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of how a binding ends: with its file, or with its VMM. */
#include "rig.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CID	33000u

static int owner_with_life(uint32_t number, pid_t pid)
{
	int life = rig_pidfd(pid);
	int fd = azbind_new(number, 0, -1, life, NULL);

	tap_need_msg(fd >= 0, "BIND with life_fd: %d", fd);
	close(life);
	return fd;
}

/* All ways to hear of the end, on one file. */
static void need_ended(int fd)
{
	char frame[AZATTEST_REQUEST_MAX];
	struct azattest_info info;
	uint32_t len = 0;
	size_t n = frames_attest(frame, 1, "x", 1);

	tap_need(rig_poll(fd, POLLIN | POLLOUT, 0) & POLLHUP);
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need(info.flags & AZATTEST_INFO_ENDED);
	tap_need_eq(azbind_attest(fd, "x", 1, NULL, &len), -ENODEV);
	tap_need_eq(write(fd, frame, n), -1);
	tap_need_eq(errno, ENODEV);
	tap_need_eq(read(fd, frame, sizeof(frame)), -1);
	tap_need_eq(errno, ENODEV);
}

static void an_attached_file_hears_that_its_owner_closed(void)
{
	int owner = rig_owner(400), fd = rig_attached(400, AZATTEST_TRANSPORT_REST);

	tap_need(!rig_ended(fd));
	close(owner);
	tap_need_wait(rig_ended(fd));
	need_ended(fd);
	tap_need(rig_uuid_free(400));
}

static void closing_an_attached_file_ends_nothing(void)
{
	int owner = rig_owner(401), fd = rig_attached(401, AZATTEST_TRANSPORT_REST);
	struct azattest_info info;

	close(fd);
	tap_need(!rig_ended(owner));
	tap_need_eq(azbind_info(owner, &info), 0);
	tap_need(!(info.flags & AZATTEST_INFO_ENDED));
}

static int wait_for_end(void *arg)
{
	return rig_poll(*(int *)arg, POLLIN, tap_patience_ms()) & POLLHUP ? 0 : 1;
}

static void a_poll_that_waits_hears_the_end(void)
{
	int owner = rig_owner(402), fd = rig_attached(402, AZATTEST_TRANSPORT_REST);
	pid_t pid;

	pid = tap_spawn(wait_for_end, &fd, fd);
	for (int i = 0; i < 20; i++)
		tap_pause();
	tap_need_eq(waitpid(pid, NULL, WNOHANG), 0);
	close(owner);
	tap_need_eq(tap_join(pid), 0);
}

static void a_dup_keeps_the_binding(void)
{
	int fd = rig_owner(403), copy = dup(fd);

	close(fd);
	tap_need(!rig_ended(copy));
	tap_need(!rig_uuid_free(403));
	close(copy);
	tap_need(rig_uuid_free(403));
}

static int sleep_holding(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static void a_childs_copy_keeps_the_binding(void)
{
	int fd = rig_owner(404);
	pid_t pid = tap_spawn(sleep_holding, NULL, fd);

	close(fd);
	tap_need(!rig_uuid_free(404));
	tap_kill(pid);
	tap_need(rig_uuid_free(404));
}

static void a_copy_under_way_in_a_socket_keeps_the_binding(void)
{
	int fd = rig_owner(405), socks[2], got;

	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	tap_need_eq(tap_send_fd(socks[0], fd), 0);
	close(fd);
	tap_need(!rig_uuid_free(405));
	got = tap_recv_fd(socks[1]);
	tap_need(got >= 0);
	tap_need(!rig_ended(got));
	close(got);
	tap_need(rig_uuid_free(405));
	/* Never received: dropped with the socket. */
	fd = rig_owner(405);
	tap_need_eq(tap_send_fd(socks[0], fd), 0);
	close(fd);
	close(socks[0]);
	close(socks[1]);
	tap_need_wait(rig_uuid_free(405));
}

static void the_death_of_the_process_ends_the_binding(void)
{
	pid_t pid = rig_sleeper();
	int fd = owner_with_life(406, pid), other = rig_attached(406, AZATTEST_TRANSPORT_REST);
	struct azattest_info info;

	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.flags, AZATTEST_INFO_OWNER | AZATTEST_INFO_LIFE);
	tap_need(!rig_ended(fd));
	kill(pid, SIGKILL);
	/* Not reaped: a zombie is dead enough. */
	tap_need_wait(rig_ended(fd));
	tap_need_wait(rig_ended(other));
	need_ended(fd);
	need_ended(other);
	tap_need_wait(rig_uuid_free(406));
	tap_join(pid);
}

static int exit_at_once(void *arg)
{
	char byte;

	if (read(*(int *)arg, &byte, 1))
		return 1;
	return 0;
}

static void a_process_that_exits_by_itself_ends_it_too(void)
{
	int pipes[2], fd;
	pid_t pid;

	tap_need(!pipe(pipes));
	pid = tap_spawn(exit_at_once, &pipes[0], pipes[0]);
	fd = owner_with_life(407, pid);
	tap_need(!rig_ended(fd));
	close(pipes[1]);
	tap_need_wait(rig_ended(fd));
	tap_need_eq(tap_join(pid), 0);
}

static int exec_cat(void *arg)
{
	dup2(*(int *)arg, 0);
	execl("/bin/cat", "cat", NULL);
	return 1;
}

static void exec_in_the_process_ends_nothing(void)
{
	int pipes[2], fd;
	char path[64], exe[64];
	pid_t pid;

	tap_need(!pipe(pipes));
	pid = tap_spawn(exec_cat, &pipes[0], pipes[0]);
	fd = owner_with_life(408, pid);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	tap_need_wait(readlink(path, exe, sizeof(exe)) > 4 && strstr(exe, "cat"));
	tap_need(!rig_ended(fd));
	close(pipes[1]);
	tap_need_wait(rig_ended(fd));
	tap_join(pid);
}

static void the_death_of_another_process_ends_nothing(void)
{
	pid_t mine = rig_sleeper(), other = rig_sleeper();
	int fd = owner_with_life(409, mine), second = owner_with_life(410, other);

	tap_kill(other);
	tap_need_wait(rig_ended(second));
	tap_need(!rig_ended(fd));
	tap_kill(mine);
	tap_need_wait(rig_ended(fd));
}

static void closing_the_file_before_the_death_is_clean(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = rig_sleeper();
		int fd = owner_with_life(411, pid);

		close(fd);
		tap_need(rig_uuid_free(411));
		tap_kill(pid);
	}
}

static void the_death_under_bind_is_seen_or_refused(void)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = rig_sleeper();
		int life = rig_pidfd(pid), fd;

		kill(pid, SIGKILL);
		fd = azbind_new(412, 0, -1, life, NULL);
		tap_need_msg(fd >= 0 || fd == -ESRCH, "%d", fd);
		if (fd >= 0)
			tap_need_wait(rig_ended(fd));
		close(fd);
		close(life);
		tap_join(pid);
		tap_need_wait(rig_uuid_free(412));
	}
}

static void a_new_binding_of_the_uuid_does_not_wake_the_dead(void)
{
	pid_t pid = rig_sleeper();
	int fd = owner_with_life(413, pid), young;

	tap_kill(pid);
	tap_need_wait(rig_ended(fd));
	tap_need_wait(rig_uuid_free(413));
	young = rig_owner(413);
	need_ended(fd);
	close(fd);
	tap_need(!rig_ended(young));
}

/* ---- T34: the process that holds the binding does not move ---- */

struct vmm {
	int sock;
	volatile int *state;
};

#define MEMORY	(64 << 20)

/* Owns a vhost device and memory; sends the device over; waits to be killed. */
static int vmm(void *arg)
{
	struct vmm *v = arg;
	char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int vhost = rig_vhost();

	if (memory == MAP_FAILED || tap_send_fd(v->sock, vhost))
		return 1;
	*v->state = 1;
	for (;;)
		pause();
	return 0;
}

struct holder {
	int sock;
	uint32_t number;
	uint32_t cid;
	pid_t vmm;
	volatile int *state;
};

/* Receives the device, binds it with the VMM's pidfd, drops the duplicate. */
static int holder(void *arg)
{
	struct holder *h = arg;
	int vhost = tap_recv_fd(h->sock);
	int life = rig_pidfd(h->vmm);
	int fd = azbind_new(h->number, h->cid, vhost, life, NULL);

	close(vhost);
	*h->state = fd < 0 ? fd : 1;
	for (;;)
		pause();
	return 0;
}

static void a_wedged_holder_keeps_nothing_of_a_dead_vmm(void)
{
	int socks[2];
	struct vmm v;
	struct holder h;
	pid_t holding;

	close(rig_vhost());
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	v = (struct vmm) { socks[0], tap_shared(sizeof(int)) };
	h = (struct holder) { socks[1], 414, CID, 0, tap_shared(sizeof(int)) };
	h.vmm = tap_spawn(vmm, &v, socks[0]);
	holding = tap_spawn(holder, &h, socks[1]);
	tap_need_wait(*h.state);
	tap_need_eq(*h.state, 1);
	tap_need(rig_cid_owned(CID));
	tap_need(!rig_uuid_free(414));
	kill(holding, SIGSTOP);
	tap_need(waitpid(holding, NULL, WUNTRACED) == holding);
	tap_kill(h.vmm);
	tap_need_wait(!rig_cid_owned(CID));
	tap_need_wait(rig_uuid_free(414));
	tap_kill(holding);
}

static const struct tap_test tests[] = {
	TAP_TEST(an_attached_file_hears_that_its_owner_closed),
	TAP_TEST(closing_an_attached_file_ends_nothing),
	TAP_TEST(a_poll_that_waits_hears_the_end),
	TAP_TEST(a_dup_keeps_the_binding),
	TAP_TEST(a_childs_copy_keeps_the_binding),
	TAP_TEST(a_copy_under_way_in_a_socket_keeps_the_binding),
	TAP_TEST(the_death_of_the_process_ends_the_binding),
	TAP_TEST(a_process_that_exits_by_itself_ends_it_too),
	TAP_TEST(exec_in_the_process_ends_nothing),
	TAP_TEST(the_death_of_another_process_ends_nothing),
	TAP_TEST(closing_the_file_before_the_death_is_clean),
	TAP_TEST(the_death_under_bind_is_seen_or_refused),
	TAP_TEST(a_new_binding_of_the_uuid_does_not_wake_the_dead),
	TAP_TEST(a_wedged_holder_keeps_nothing_of_a_dead_vmm),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
