// SPDX-License-Identifier: GPL-2.0
// Promises of restd's session: who may have it, what it is told, and what ends it.

#include "session.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- who it may be ---- */

static void a_session_is_told_all_and_then_gets_the_fence(void)
{
	struct vm vm;

	session_open();
	vm = session_vm(3);
	hostd.vms = &vm;
	session_begin();
	tap_need(vm.granted && rest->in_fence);
	tap_need(fake.sockets);
}

/* It costs that VM its slot, and nobody else anything. */
static void a_vm_whose_facts_cannot_be_told_is_left_out(void)
{
	struct vm vms[3];
	struct restlink message;
	int fd;

	session_open();
	for (unsigned int i = 0; i < 3; i++) {
		vms[i] = session_vm(i + 1);
		vms[i].next = i ? &vms[i - 1] : NULL;
	}
	hostd.vms = &vms[2];
	fake.factless = 2;
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	session_need_heard(fd, RESTLINK_CONFIG);
	tap_need_eq(session_hear(fd, &message), RESTLINK_GRANT);
	tap_need_eq(message.vm.slot, 3);
	tap_need_eq(session_hear(fd, &message), RESTLINK_GRANT);
	tap_need_eq(message.vm.slot, 1);
	session_need_heard(fd, RESTLINK_SYNC);
	session_say(fd, RESTLINK_SYNCED, 0, 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	tap_need(vms[0].granted && !vms[1].slot && !vms[1].granted && vms[2].granted);
	drain_settle(&hostd);
	tap_need_eq(hostd.slots.slot[2].state, SLOT_FREE);
}

static void the_socket_is_the_users_alone(void)
{
	struct stat st;

	session_open();
	tap_need(!stat(rest->path, &st));
	tap_need_eq(st.st_mode & 07777, 0600);
	tap_need_eq(st.st_uid, 65534);
}

static int dial_as(void *arg)
{
	char byte;
	int fd;

	tap_need(!chmod(rest->path, 0666) && !setuid(*(uid_t *)arg));
	fd = session_dial();
	return read(fd, &byte, 1) == 0 ? 7 : 1;
}

static void another_user_is_refused(void)
{
	uid_t uid = 1;
	pid_t pid;

	session_open();
	tap_need(!chmod(session_run, 0755));
	pid = tap_spawn(dial_as, &uid, TAP_KEEP_ALL);
	session_turn();
	tap_need_eq(rest->phase, REST_NONE);
	watch_wait(5000);
	tap_need_eq(tap_join(pid), 7);
	tap_need_eq(rest->phase, REST_NONE);
}

static void a_socket_that_is_not_a_listening_tcp_one_is_refused(void)
{
	int fd;

	session_open();
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, false));
	session_need_refused(fd, "does not listen");
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_DGRAM, false));
	session_need_refused(fd, "not TCP");
	fd = session_dial();
	session_turn();
	session_hello(fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	session_need_refused(fd, "not TCP");
	fd = session_dial();
	session_turn();
	session_hello(fd, -1);
	session_need_refused(fd, "without a socket");
	tap_need_eq(fake.sockets, 0);
}

static void a_shared_cgroup_is_refused(void)
{
	int fd;

	session_open();
	fake.own_cgroup = -EPERM;
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	session_need_refused(fd, "shares its cgroup");
}

/* cg_in would not guard it. */
static void a_socket_of_another_cgroup_is_refused(void)
{
	int fd;

	session_open();
	fake.socket_cgroup = 6;
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	session_need_refused(fd, "another cgroup than /x");
	fake.socket_cgroup = 5;
	session_begin();
}

static void a_second_session_is_refused_and_the_first_goes_on(void)
{
	struct restlink message;
	int first, second;

	session_open();
	first = session_begin();
	second = session_dial();
	session_turn();
	tap_need_eq(session_hear(second, &message), 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	tap_need_eq(session_hear(first, &message), -EAGAIN);
}

static void a_new_session_takes_the_place_of_one_that_ended(void)
{
	int first;

	session_open();
	first = session_begin();
	close(first);
	session_dial();
	/* Seen before the end of the old one. */
	rest->listener.ready(&rest->listener, 0);
	tap_need_eq(rest->phase, REST_HELLO);
	tap_need(fake.cleared);
}

static struct {
	void (*ready)(struct watch *watch, uint32_t events);
	unsigned int called;
} heard;

static void count_call(struct watch *watch, uint32_t events)
{
	heard.called++;
	heard.ready(watch, events);
}

/* Who waits to be accepted would otherwise keep hostd from everything else. */
static void without_descriptors_the_listener_pauses_and_comes_back(void)
{
	struct rlimit limit, none;
	int64_t begin;

	session_open();
	heard.ready = rest->listener.ready;
	rest->listener.ready = count_call;
	session_dial();
	tap_need(!getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){ 0, limit.rlim_max };
	tap_need(!setrlimit(RLIMIT_NOFILE, &none));
	begin = watch_now_ms();
	while (heard.called < 3)
		watch_wait(-1);
	/* Each but the first after a pause. */
	tap_need(watch_now_ms() - begin >= 2 * 150);
	tap_need_eq(rest->phase, REST_NONE);
	tap_need(!setrlimit(RLIMIT_NOFILE, &limit));
	tap_need_wait((watch_wait(10), rest->phase == REST_HELLO));
}

/* ---- what it may say ---- */

static void garbage_ends_the_session(void)
{
	static const size_t sizes[] = { 1, 15, sizeof(struct restlink) - 1, sizeof(struct restlink) };
	char bytes[sizeof(struct restlink)];
	int fd;

	session_open();
	memset(bytes, 0xa5, sizeof(bytes));
	for (size_t i = 0; i < TAP_COUNT(sizes); i++) {
		fd = session_begin();
		tap_need_eq(send(fd, bytes, sizes[i], 0), (ssize_t)sizes[i]);
		session_need_refused(fd, "no message of this build");
	}
}

static void a_message_at_the_wrong_time_ends_the_session(void)
{
	static const uint32_t kinds[] = {
		RESTLINK_HELLO, RESTLINK_CONFIG, RESTLINK_GRANT, RESTLINK_SYNC, RESTLINK_SYNCED,
		RESTLINK_REVOKE, 0, 99,
	};
	int fd;

	session_open();
	for (size_t i = 0; i < TAP_COUNT(kinds); i++) {
		fd = session_begin();
		session_say(fd, kinds[i], 1, 1);
		session_need_refused(fd, "wrong time");
	}
	fd = session_dial();
	session_turn();
	session_say(fd, RESTLINK_REVOKED, 1, 1);
	session_need_refused(fd, "wrong time");
}

static void who_says_nothing_is_dropped(void)
{
	int fd;

	session_open();
	fd = session_dial();
	session_turn();
	tap_need_eq(rest->phase, REST_HELLO);
	rest_tick(rest);
	tap_need_eq(rest->phase, REST_HELLO);
	rest->until_ms = watch_now_ms();
	rest_tick(rest);
	session_need_refused(fd, "said nothing");
}

/* Busy with a pass for so long that the time is over before HELLO is read. */
static void who_has_spoken_is_not_dropped(void)
{
	struct restlink message = { .kind = RESTLINK_HELLO };
	int fd;

	session_open();
	fd = session_dial();
	watch_wait(5000);
	tap_need_eq(rest->phase, REST_HELLO);
	tap_need_eq(restlink_send(fd, &message, NULL, session_tcp(SOCK_STREAM, true)), 0);
	rest->until_ms = watch_now_ms();
	rest_tick(rest);
	session_turn();
	tap_need_eq(rest->phase, REST_SYNCING);
}

static void a_peer_that_does_not_read_is_told_later(void)
{
	static struct vm vms[SESSION_SLOTS];
	struct restlink message;
	unsigned int grants = 0;
	int fd, small = 1, kind;

	session_open();
	for (unsigned int i = 1; i < SESSION_SLOTS; i++) {
		vms[i] = session_vm(i);
		vms[i].next = hostd.vms;
		hostd.vms = &vms[i];
	}
	fd = session_dial();
	session_turn();
	setsockopt(rest->session.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	tap_need_eq(rest->phase, REST_GRANTING);
	do {
		kind = session_hear(fd, &message);
		grants += kind == RESTLINK_GRANT;
		session_turn();
	} while (kind != RESTLINK_SYNC);
	tap_need_eq(grants, SESSION_SLOTS - 1);
	tap_need_eq(rest->phase, REST_SYNCING);
}

/* It is granted again, later; the session and the other VM go on. */
static void a_vm_that_restd_has_no_room_for_is_granted_again_later(void)
{
	struct vm one, other;
	struct restlink message;
	int fd;

	session_open();
	one = session_vm(3);
	other = session_vm(4);
	one.next = &other;
	hostd.vms = &one;
	fd = session_begin();
	session_say(fd, RESTLINK_REFUSED, 4, 76);	/* not this one */
	session_say(fd, RESTLINK_REFUSED, 3, 77);
	tap_need_eq(rest->phase, REST_SYNCED);
	tap_need(!one.granted && other.granted);
	tap_need(hostd.wake_ms > 0);
	one.grants.next_ms = INT64_MAX;
	rest_pump(rest);
	tap_need_eq(session_hear(fd, &message), -EAGAIN);
	one.grants.next_ms = 0;
	rest_pump(rest);
	tap_need_eq(session_hear(fd, &message), RESTLINK_GRANT);
	tap_need_eq(message.vm.slot, 3);
	tap_need(one.granted);
	close(fd);
	session_turn();
	tap_need_eq(one.grants.failures, 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_session_is_told_all_and_then_gets_the_fence),
	TAP_TEST(a_vm_whose_facts_cannot_be_told_is_left_out),
	TAP_TEST(the_socket_is_the_users_alone),
	TAP_TEST(another_user_is_refused),
	TAP_TEST(a_socket_that_is_not_a_listening_tcp_one_is_refused),
	TAP_TEST(a_shared_cgroup_is_refused),
	TAP_TEST(a_socket_of_another_cgroup_is_refused),
	TAP_TEST(a_second_session_is_refused_and_the_first_goes_on),
	TAP_TEST(a_new_session_takes_the_place_of_one_that_ended),
	TAP_TEST(without_descriptors_the_listener_pauses_and_comes_back),
	TAP_TEST(garbage_ends_the_session),
	TAP_TEST(a_message_at_the_wrong_time_ends_the_session),
	TAP_TEST(who_says_nothing_is_dropped),
	TAP_TEST(who_has_spoken_is_not_dropped),
	TAP_TEST(a_peer_that_does_not_read_is_told_later),
	TAP_TEST(a_vm_that_restd_has_no_room_for_is_granted_again_later),
};

int main(int argc, char **argv)
{
	return session_main(tests, TAP_COUNT(tests), argc, argv);
}
