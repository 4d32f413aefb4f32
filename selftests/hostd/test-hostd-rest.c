// SPDX-License-Identifier: GPL-2.0
// Promises of restd's session and of slots: who is refused, and when a slot is free again.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

#define COUNT	8u

static struct hostd hostd;
static struct rest *rest = &hostd.rest;
static char run[] = "/tmp/azattest-rest-XXXXXX";
static struct failure failure;

/* ---- what rest.c and drain.c call, as tests want it ---- */

static struct {
	int destroy;		/* what net_destroy_sockets() says */
	int withdraw;		/* what fence_withdraw() says */
	unsigned int destroyed, withdrawn, cleared, sockets;
	unsigned int peers;	/* of the last net_destroy_sockets(): a bit for each slot */
	int own_cgroup;
	uint64_t socket_cgroup;	/* 0: cannot be told; its process's is 5 */
	unsigned int factless;	/* slot of a VM without facts; 0: none */
} fake;

int net_destroy_sockets(struct net *net, const struct net_peers *peers, struct failure *f)
{
	(void)net;
	fake.destroyed++;
	fake.peers = 0;
	for (unsigned int i = 0; i < peers->count; i++)
		fake.peers |= (unsigned int)peers->over(i, peers->arg) << i;
	return fake.destroy ? failure_set(f, 1, fake.destroy, "fake") : 0;
}

int fence_withdraw(struct fence *fence, unsigned int slot, struct failure *f)
{
	(void)fence;
	(void)slot;
	fake.withdrawn++;
	return fake.withdraw ? failure_set(f, 1, fake.withdraw, "fake") : 0;
}

int fence_set_cgroup(struct fence *fence, const char *cgroup, struct failure *f)
{
	(void)fence;
	(void)cgroup;
	(void)f;
	return 0;
}

int fence_set_socket(struct fence *fence, int listening, struct failure *f)
{
	(void)fence;
	(void)listening;
	(void)f;
	fake.sockets++;
	return 0;
}

void fence_clear_socket(struct fence *fence)
{
	(void)fence;
	fake.cleared++;
}

int net_socket_cgroup(struct net *net, int listening, uint64_t *cgroup)
{
	(void)net;
	(void)listening;
	*cgroup = fake.socket_cgroup;
	return fake.socket_cgroup ? 0 : -ENOENT;
}

int process_own_cgroup(pid_t pid, char *path, size_t size, uint64_t *id, struct failure *f)
{
	(void)pid;
	*id = 5;
	snprintf(path, size, "/x");
	return fake.own_cgroup ? failure_set(f, 1, fake.own_cgroup, "shares its cgroup") : 0;
}

int module_attach(const struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN],
		  struct failure *f)
{
	(void)module;
	(void)uuid;
	(void)f;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int module_info(int fd, struct module_binding *binding)
{
	(void)fd;
	memset(binding, 0, sizeof(*binding));
	binding->generation = 77;
	return 0;
}

int vm_withdraw(struct hostd *h, struct vm *vm, struct failure *f)
{
	(void)f;
	drain_begin(h, vm->slot, vm->request.uuid, vm->binding.generation, vm->granted, true);
	vm->slot = 0;
	return 0;
}

char *facts_text(const struct hostd *h, const struct vm *vm, struct failure *f)
{
	(void)h;
	if (vm->slot && vm->slot == fake.factless) {
		failure_set(f, 1, -EMSGSIZE, "too long");
		return NULL;
	}
	return strdup("{\"name\":\"a\"}");
}

void hostd_changed(struct hostd *h)
{
	h->changed = true;
}

void hostd_wake_at(struct hostd *h, int64_t ms)
{
	h->wake_ms = ms;
}

void hostd_pass(struct hostd *h)
{
	tap_need_eq(rest_into_fence(&h->rest, &failure), 0);
	drain_settle(h);
}

/* ---- the other side ---- */

static void open_rest(void)
{
	char fence;

	memset(&fake, 0, sizeof(fake));
	hostd.fence = (struct fence *)&fence;	/* never looked into */
	hostd.config.rest_uid = 65534;
	tap_need_eq(watch_open(), 0);
	tap_need_eq(slots_open(&hostd.slots, COUNT), 0);
	tap_need_eq(rest_open(rest, &hostd, run, &failure), 0);
}

static int dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/restd.sock", run);
	tap_need(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		watch_wait(2);
}

static int tcp(int type, bool listens)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0 && (!listens || !listen(fd, 1)));
	return fd;
}

static void hello(int fd, int sock)
{
	struct restlink message = { .kind = RESTLINK_HELLO };

	tap_need_eq(restlink_send(fd, &message, NULL, sock), 0);
	turn();
}

static void say(int fd, uint32_t kind, unsigned int slot, uint64_t generation)
{
	struct restlink message = { .kind = kind, .vm = { slot, 0, generation, { 0 } } };

	tap_need_eq(restlink_send(fd, &message, NULL, -1), 0);
	turn();
}

/* The next message's kind; 0: end of file; negative: none. */
static int hear(int fd, struct restlink *message)
{
	char text[RESTLINK_TEXT_MAX + 1];
	int file, ret = restlink_receive(fd, message, text, &file);

	if (ret == 1 && message->kind == RESTLINK_GRANT) {
		tap_need(file >= 0);
		tap_need(!strcmp(text, "{\"name\":\"a\"}"));
	}
	if (file >= 0)
		close(file);
	return ret == 1 ? (int)message->kind : ret;
}

static void need_heard(int fd, int kind)
{
	struct restlink message;

	tap_need_eq(hear(fd, &message), kind);
}

static void need_refused(int fd, const char *why)
{
	struct restlink message;

	turn();
	tap_need_eq(hear(fd, &message), 0);
	tap_need_eq(rest->phase, REST_NONE);
	tap_need_msg(strstr(rest->refused, why), "\"%s\"", rest->refused);
}

static struct vm a_vm(unsigned int slot)
{
	struct vm vm = { .slot = slot, .binding = { .generation = 77 } };

	vm.watch.fd = 1000;	/* bound; not watched here */
	tap_need_eq(slot_take_this(&hostd.slots, slot), 0);
	return vm;
}

static int in_session(void)
{
	int fd = dial();

	turn();
	hello(fd, tcp(SOCK_STREAM, true));
	need_heard(fd, RESTLINK_CONFIG);
	for (struct vm *vm = hostd.vms; vm; vm = vm->next)
		need_heard(fd, RESTLINK_GRANT);
	need_heard(fd, RESTLINK_SYNC);
	say(fd, RESTLINK_SYNCED, 0, 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	return fd;
}

/* ---- who it may be ---- */

static void a_session_is_told_all_and_then_gets_the_fence(void)
{
	struct vm vm;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	in_session();
	tap_need(vm.granted && rest->in_fence);
	tap_need(fake.sockets);
}

/* It costs that VM its slot, and nobody else anything. */
static void a_vm_whose_facts_cannot_be_told_is_left_out(void)
{
	struct vm vms[3];
	struct restlink message;
	int fd;

	open_rest();
	for (unsigned int i = 0; i < 3; i++) {
		vms[i] = a_vm(i + 1);
		vms[i].next = i ? &vms[i - 1] : NULL;
	}
	hostd.vms = &vms[2];
	fake.factless = 2;
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_STREAM, true));
	need_heard(fd, RESTLINK_CONFIG);
	tap_need_eq(hear(fd, &message), RESTLINK_GRANT);
	tap_need_eq(message.vm.slot, 3);
	tap_need_eq(hear(fd, &message), RESTLINK_GRANT);
	tap_need_eq(message.vm.slot, 1);
	need_heard(fd, RESTLINK_SYNC);
	say(fd, RESTLINK_SYNCED, 0, 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	tap_need(vms[0].granted && !vms[1].slot && !vms[1].granted && vms[2].granted);
	drain_settle(&hostd);
	tap_need_eq(hostd.slots.slot[2].state, SLOT_FREE);
}

static void the_socket_is_the_users_alone(void)
{
	struct stat st;

	open_rest();
	tap_need(!stat(rest->path, &st));
	tap_need_eq(st.st_mode & 07777, 0600);
	tap_need_eq(st.st_uid, 65534);
}

static int dial_as(void *arg)
{
	char byte;
	int fd;

	tap_need(!chmod(rest->path, 0666) && !setuid(*(uid_t *)arg));
	fd = dial();
	return read(fd, &byte, 1) == 0 ? 7 : 1;
}

static void another_user_is_refused(void)
{
	uid_t uid = 1;
	pid_t pid;

	open_rest();
	tap_need(!chmod(run, 0755));
	pid = tap_spawn(dial_as, &uid, TAP_KEEP_ALL);
	turn();
	tap_need_eq(rest->phase, REST_NONE);
	watch_wait(5000);
	tap_need_eq(tap_join(pid), 7);
	tap_need_eq(rest->phase, REST_NONE);
}

static void a_socket_that_is_not_a_listening_tcp_one_is_refused(void)
{
	int fd;

	open_rest();
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_STREAM, false));
	need_refused(fd, "does not listen");
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_DGRAM, false));
	need_refused(fd, "not TCP");
	fd = dial();
	turn();
	hello(fd, open("/dev/null", O_RDONLY | O_CLOEXEC));
	need_refused(fd, "not TCP");
	fd = dial();
	turn();
	hello(fd, -1);
	need_refused(fd, "without a socket");
	tap_need_eq(fake.sockets, 0);
}

static void a_shared_cgroup_is_refused(void)
{
	int fd;

	open_rest();
	fake.own_cgroup = -EPERM;
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_STREAM, true));
	need_refused(fd, "shares its cgroup");
}

/* cg_in would not guard it. */
static void a_socket_of_another_cgroup_is_refused(void)
{
	int fd;

	open_rest();
	fake.socket_cgroup = 6;
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_STREAM, true));
	need_refused(fd, "another cgroup than /x");
	fake.socket_cgroup = 5;
	in_session();
}

static void a_second_session_is_refused_and_the_first_goes_on(void)
{
	struct restlink message;
	int first, second;

	open_rest();
	first = in_session();
	second = dial();
	turn();
	tap_need_eq(hear(second, &message), 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	tap_need_eq(hear(first, &message), -EAGAIN);
}

static void a_new_session_takes_the_place_of_one_that_ended(void)
{
	int first;

	open_rest();
	first = in_session();
	close(first);
	dial();
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

	open_rest();
	heard.ready = rest->listener.ready;
	rest->listener.ready = count_call;
	dial();
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

	open_rest();
	memset(bytes, 0xa5, sizeof(bytes));
	for (size_t i = 0; i < TAP_COUNT(sizes); i++) {
		fd = in_session();
		tap_need_eq(send(fd, bytes, sizes[i], 0), (ssize_t)sizes[i]);
		need_refused(fd, "no message of this build");
	}
}

static void a_message_at_the_wrong_time_ends_the_session(void)
{
	static const uint32_t kinds[] = {
		RESTLINK_HELLO, RESTLINK_CONFIG, RESTLINK_GRANT, RESTLINK_SYNC, RESTLINK_SYNCED,
		RESTLINK_REVOKE, 0, 99,
	};
	int fd;

	open_rest();
	for (size_t i = 0; i < TAP_COUNT(kinds); i++) {
		fd = in_session();
		say(fd, kinds[i], 1, 1);
		need_refused(fd, "wrong time");
	}
	fd = dial();
	turn();
	say(fd, RESTLINK_REVOKED, 1, 1);
	need_refused(fd, "wrong time");
}

static void who_says_nothing_is_dropped(void)
{
	int fd;

	open_rest();
	fd = dial();
	turn();
	tap_need_eq(rest->phase, REST_HELLO);
	rest_tick(rest);
	tap_need_eq(rest->phase, REST_HELLO);
	rest->until_ms = watch_now_ms();
	rest_tick(rest);
	need_refused(fd, "said nothing");
}

/* Busy with a pass for so long that the time is over before HELLO is read. */
static void who_has_spoken_is_not_dropped(void)
{
	struct restlink message = { .kind = RESTLINK_HELLO };
	int fd;

	open_rest();
	fd = dial();
	watch_wait(5000);
	tap_need_eq(rest->phase, REST_HELLO);
	tap_need_eq(restlink_send(fd, &message, NULL, tcp(SOCK_STREAM, true)), 0);
	rest->until_ms = watch_now_ms();
	rest_tick(rest);
	turn();
	tap_need_eq(rest->phase, REST_SYNCING);
}

static void a_peer_that_does_not_read_is_told_later(void)
{
	static struct vm vms[COUNT];
	struct restlink message;
	unsigned int grants = 0;
	int fd, small = 1, kind;

	open_rest();
	for (unsigned int i = 1; i < COUNT; i++) {
		vms[i] = a_vm(i);
		vms[i].next = hostd.vms;
		hostd.vms = &vms[i];
	}
	fd = dial();
	turn();
	setsockopt(rest->session.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	hello(fd, tcp(SOCK_STREAM, true));
	tap_need_eq(rest->phase, REST_GRANTING);
	do {
		kind = hear(fd, &message);
		grants += kind == RESTLINK_GRANT;
		turn();
	} while (kind != RESTLINK_SYNC);
	tap_need_eq(grants, COUNT - 1);
	tap_need_eq(rest->phase, REST_SYNCING);
}

/* ---- slots ---- */

static void withdraw(struct vm *vm)
{
	unsigned int slot = vm->slot;

	vm->slot = 0;
	drain_begin(&hostd, slot, vm->request.uuid, vm->binding.generation, vm->granted, true);
	rest_pump(rest);
	drain_settle(&hostd);
}

static enum slot_state state_of(unsigned int slot)
{
	return hostd.slots.slot[slot].state;
}

static void a_slot_is_free_after_revoked_of_its_generation(void)
{
	struct vm vm;
	int fd;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	fd = in_session();
	say(fd, RESTLINK_REVOKED, 3, 77);	/* nobody asked for it yet */
	withdraw(&vm);
	need_heard(fd, RESTLINK_REVOKE);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	say(fd, RESTLINK_REVOKED, 3, 76);
	say(fd, RESTLINK_REVOKED, 4, 77);
	say(fd, RESTLINK_REVOKED, COUNT, 77);
	say(fd, RESTLINK_REVOKED, UINT32_MAX, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
	tap_need_eq(fake.destroyed, 1);
}

/* What was not asked for yet is no answer to it. */
static void revoked_before_revoke_frees_nothing(void)
{
	struct vm vm;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	in_session();
	drain_begin(&hostd, 3, vm.request.uuid, 77, true, true);
	drain_revoked(&hostd, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
}

static void a_slot_is_free_when_restd_has_ended(void)
{
	struct vm vm;
	int fd;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	fd = in_session();
	withdraw(&vm);
	close(fd);
	turn();
	tap_need(fake.cleared);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

/* Connections of an earlier hostd's grants may come: the sockmap is not ours yet. */
static void a_slot_of_an_earlier_time_is_free_after_synced_only(void)
{
	struct vm vm;
	int fd;

	open_rest();
	vm = a_vm(3);
	rest->stale = true;
	withdraw(&vm);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	fd = dial();
	turn();
	hello(fd, tcp(SOCK_STREAM, true));
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	need_heard(fd, RESTLINK_CONFIG);
	need_heard(fd, RESTLINK_SYNC);
	say(fd, RESTLINK_SYNCED, 0, 0);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
	tap_need(!rest->stale);
}

/* hostd looks at VMs before it looks at restd: who waited for restd is looked at again. */
static void vms_that_waited_for_an_earlier_restd_wait_no_longer(void)
{
	int fd;

	open_rest();
	fd = in_session();
	rest->stale = true;
	rest->in_fence = false;
	hostd.changed = false;
	hostd_pass(&hostd);
	tap_need(hostd.changed);
	hostd.changed = false;
	hostd_pass(&hostd);
	tap_need(!hostd.changed);
	close(fd);
}

static void without_sock_destroy_a_slot_rests(void)
{
	struct vm vm;
	int fd;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	fake.destroy = -EOPNOTSUPP;
	fd = in_session();
	withdraw(&vm);
	say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_RESTING);
	tap_need(hostd.slots.slot[3].until_ms > watch_now_ms() + 50000);
	hostd.slots.slot[3].until_ms = watch_now_ms();
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

static void a_failing_destroy_is_tried_again_later(void)
{
	struct vm vm;
	int fd;

	open_rest();
	vm = a_vm(3);
	hostd.vms = &vm;
	fake.destroy = -ENOBUFS;
	fd = in_session();
	withdraw(&vm);
	say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	drain_settle(&hostd);
	tap_need_eq(fake.destroyed, 1);
	tap_need(hostd.wake_ms > watch_now_ms());
	fake.destroy = 0;
	hostd.slots.slot[3].backoff.next_ms = 0;
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

/* Each look costs what the host has of sockets, and nobody is served meanwhile. */
static void many_slots_are_freed_by_one_look_at_sockets(void)
{
	struct vm vms[3];
	int fd;

	open_rest();
	for (unsigned int i = 0; i < 3; i++) {
		vms[i] = a_vm(i + 2);
		vms[i].next = hostd.vms;
		hostd.vms = &vms[i];
	}
	fd = in_session();
	for (unsigned int i = 0; i < 3; i++)
		drain_begin(&hostd, i + 2, vms[i].request.uuid, 77, true, true);
	rest_pump(rest);
	hostd.vms = NULL;
	say(fd, RESTLINK_REVOKED, 2, 77);
	say(fd, RESTLINK_REVOKED, 4, 77);
	drain_settle(&hostd);
	tap_need_eq(fake.destroyed, 1);
	tap_need_eq(fake.peers, 1 << 2 | 1 << 4);
	tap_need_eq(state_of(2), SLOT_FREE);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	tap_need_eq(state_of(4), SLOT_FREE);
}

static void slots_of_an_earlier_time_are_cleaned_by_one_look_at_sockets(void)
{
	open_rest();
	a_vm(2);
	hostd.slots.slot[2].unclean = false;	/* adopted: its connections go on */
	a_vm(5);
	drain_begin(&hostd, 5, (uint8_t[AZATTEST_UUID_LEN]){ 0 }, 77, false, true);
	fake.destroy = -EOPNOTSUPP;
	hostd.opened_ms = watch_now_ms();
	tap_need_eq(slot_take(&hostd.slots), 1);
	tap_need_eq(drain_clean(&hostd, 1, &failure), -EOPNOTSUPP);
	tap_need_eq(fake.peers, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7);
	hostd.opened_ms = watch_now_ms() - 60000;
	tap_need_eq(drain_clean(&hostd, 1, &failure), 0);
	fake.destroyed = 0;
	for (unsigned int i = 1; i < COUNT; i++)
		tap_need_eq(i == 5 || !drain_clean(&hostd, i, &failure), true);
	tap_need_eq(fake.destroyed, 0);
	tap_need(hostd.slots.slot[5].unclean);
}

/* Only restd's word is missing: no time that has come may ask for passes without end. */
static void a_slot_that_waits_for_restd_wakes_nobody(void)
{
	struct vm vm;

	open_rest();
	vm = a_vm(3);
	rest->stale = true;
	fake.withdraw = -EIO;
	drain_begin(&hostd, 3, vm.request.uuid, vm.binding.generation, false, false);
	drain_settle(&hostd);
	tap_need(hostd.wake_ms > watch_now_ms());
	fake.withdraw = 0;
	hostd.slots.slot[3].backoff.next_ms = 1;	/* long ago */
	hostd.wake_ms = 0;
	drain_settle(&hostd);
	tap_need_eq(fake.withdrawn, 2);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	tap_need_eq(hostd.wake_ms, 0);
}

static void the_slot_free_for_longest_is_given_first(void)
{
	open_rest();
	for (unsigned int i = 1; i < COUNT; i++)
		tap_need_eq(slot_take(&hostd.slots), i);
	tap_need_eq(slot_take(&hostd.slots), -ENOSPC);
	slot_free(&hostd.slots, 5);
	slot_free(&hostd.slots, 2);
	tap_need_eq(slot_take_this(&hostd.slots, 3), -EBUSY);
	slot_free(&hostd.slots, 7);
	tap_need_eq(slot_take_this(&hostd.slots, 2), 0);
	tap_need_eq(slot_take(&hostd.slots), 5);
	slot_free(&hostd.slots, 2);
	tap_need_eq(slot_take(&hostd.slots), 7);
	tap_need_eq(slot_take(&hostd.slots), 2);
	tap_need_eq(slot_take(&hostd.slots), -ENOSPC);
	tap_need_eq(hostd.slots.used, COUNT - 1);
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
	TAP_TEST(a_slot_is_free_after_revoked_of_its_generation),
	TAP_TEST(revoked_before_revoke_frees_nothing),
	TAP_TEST(a_slot_is_free_when_restd_has_ended),
	TAP_TEST(a_slot_of_an_earlier_time_is_free_after_synced_only),
	TAP_TEST(vms_that_waited_for_an_earlier_restd_wait_no_longer),
	TAP_TEST(without_sock_destroy_a_slot_rests),
	TAP_TEST(a_failing_destroy_is_tried_again_later),
	TAP_TEST(many_slots_are_freed_by_one_look_at_sockets),
	TAP_TEST(slots_of_an_earlier_time_are_cleaned_by_one_look_at_sockets),
	TAP_TEST(a_slot_that_waits_for_restd_wakes_nobody),
	TAP_TEST(the_slot_free_for_longest_is_given_first),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	if (geteuid())
		tap_skip_all("needs root to give a socket to another user");
	log_name = "test-hostd-rest";
	if (!mkdtemp(run))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", run);
	return system(command) ? 1 : status;
}
