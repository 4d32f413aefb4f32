// SPDX-License-Identifier: GPL-2.0
// Owns hostd's side of the session with restd on a host that is a fake, and plays restd.

#include "session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct hostd hostd;
struct rest *rest = &hostd.rest;
struct failure failure;
struct session_fake fake;
char session_run[] = "/tmp/azattest-rest-XXXXXX";

/* ---- what rest.c and drain.c call, as tests want it ---- */

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

void session_open(void)
{
	char fence;

	memset(&fake, 0, sizeof(fake));
	hostd.fence = (struct fence *)&fence;	/* never looked into */
	hostd.config.rest_uid = 65534;
	tap_need_eq(watch_open(), 0);
	tap_need_eq(slots_open(&hostd.slots, SESSION_SLOTS), 0);
	tap_need_eq(rest_open(rest, &hostd, session_run, &failure), 0);
}

int session_dial(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/restd.sock", session_run);
	tap_need(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	return fd;
}

void session_turn(void)
{
	for (int i = 0; i < 20; i++)
		watch_wait(2);
}

int session_tcp(int type, bool listens)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0 && (!listens || !listen(fd, 1)));
	return fd;
}

void session_hello(int fd, int sock)
{
	struct restlink message = { .kind = RESTLINK_HELLO };

	tap_need_eq(restlink_send(fd, &message, NULL, sock), 0);
	session_turn();
}

void session_say(int fd, uint32_t kind, unsigned int slot, uint64_t generation)
{
	struct restlink message = { .kind = kind, .vm = { slot, 0, generation, { 0 } } };

	tap_need_eq(restlink_send(fd, &message, NULL, -1), 0);
	session_turn();
}

int session_hear(int fd, struct restlink *message)
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

void session_need_heard(int fd, int kind)
{
	struct restlink message;

	tap_need_eq(session_hear(fd, &message), kind);
}

void session_need_refused(int fd, const char *why)
{
	struct restlink message;

	session_turn();
	tap_need_eq(session_hear(fd, &message), 0);
	tap_need_eq(rest->phase, REST_NONE);
	tap_need_msg(strstr(rest->refused, why), "\"%s\"", rest->refused);
}

struct vm session_vm(unsigned int slot)
{
	struct vm vm = { .slot = slot, .binding = { .generation = 77 } };

	vm.watch.fd = 1000;	/* bound; not watched here */
	tap_need_eq(slot_take_this(&hostd.slots, slot), 0);
	return vm;
}

int session_begin(void)
{
	int fd = session_dial();

	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	session_need_heard(fd, RESTLINK_CONFIG);
	for (struct vm *vm = hostd.vms; vm; vm = vm->next)
		session_need_heard(fd, RESTLINK_GRANT);
	session_need_heard(fd, RESTLINK_SYNC);
	session_say(fd, RESTLINK_SYNCED, 0, 0);
	tap_need_eq(rest->phase, REST_SYNCED);
	return fd;
}

int session_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[64];
	int status;

	if (geteuid())
		tap_skip_all("needs root to give a socket to another user");
	log_name = "session";
	if (!mkdtemp(session_run))
		return 1;
	status = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", session_run);
	return system(command) ? 1 : status;
}
