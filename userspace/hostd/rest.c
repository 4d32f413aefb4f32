// SPDX-License-Identifier: GPL-2.0
// Owns azattest-restd's session: who it may be, what it is told, and when.

#include "core.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HELLO_MS	5000

bool rest_connected(const struct rest *rest)
{
	return rest->phase != REST_NONE;
}

bool rest_forgot(const struct rest *rest)
{
	struct pollfd end = { .fd = rest->pidfd, .events = POLLIN };

	if (rest_connected(rest) || rest->stale)
		return false;
	return rest->pidfd >= 0 && poll(&end, 1, 0) == 1;
}

/* the session's end */

static void end_session(struct rest *rest)
{
	struct hostd *hostd = rest->hostd;

	watch_close(&rest->session);
	if (rest->listening >= 0)
		close(rest->listening);
	rest->listening = -1;
	rest->phase = REST_NONE;
	rest->in_fence = false;
	if (hostd->fence)
		fence_clear_socket(hostd->fence);
	rest->stale = false;
	for (struct vm *vm = hostd->vms; vm; vm = vm->next) {
		vm->granted = false;
		backoff_clear(&vm->grants);
	}
	drain_session_ended(hostd);
	hostd_changed(hostd);
}

void rest_drop(struct rest *rest, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(rest->refused, sizeof(rest->refused), format, args);
	va_end(args);
	log_line(LOG_WARNING, "azattest-restd (process %d): refused: %s", rest->pid, rest->refused);
	end_session(rest);
}

/* what it is told */

static void fill_vm(struct restlink *message, unsigned int slot, uint64_t generation,
		    const uint8_t uuid[AZATTEST_UUID_LEN])
{
	message->vm.slot = slot;
	message->vm.generation = generation;
	memcpy(message->vm.uuid, uuid, AZATTEST_UUID_LEN);
}

static int send_config(struct rest *rest)
{
	const struct config *config = &rest->hostd->config;
	struct restlink message = {
		.kind = RESTLINK_CONFIG,
		.config = {
			.address = { config->net.address[0].s_addr, config->net.address[1].s_addr },
			.base = config->net.base,
			.slots = rest->hostd->slots.count,
			.port = config->port,
			.hop_limit = config->hop_limit,
			.connections_per_vm = config->connections_per_vm,
			.idle_ms = config->idle_ms,
			.request_ms = config->request_ms,
			.answer_ms = config->answer_ms,
			.request_rate = config->request_rate,
			.request_burst = config->request_burst,
		},
	};

	return restlink_send(rest->session.fd, &message, NULL, -1);
}

static int send_revokes(struct rest *rest)
{
	struct slots *slots = &rest->hostd->slots;

	for (unsigned int i = 1; slots->draining && i < slots->count; i++) {
		struct slot *slot = &slots->slot[i];
		struct restlink message = { .kind = RESTLINK_REVOKE };
		int ret;

		if (slot->state != SLOT_DRAINING || slot->confirm != SLOT_BY_REVOKED ||
		    slot->revoke_sent)
			continue;
		fill_vm(&message, i, slot->generation, slot->uuid);
		ret = restlink_send(rest->session.fd, &message, NULL, -1);
		if (ret)
			return ret;
		slot->revoke_sent = true;
	}
	return 0;
}

/* A file for restd alone: no reply to an earlier one is in it. */
static int attach_again(struct rest *rest, struct vm *vm)
{
	struct module_binding binding;
	struct failure failure;
	int fd = module_attach(&rest->hostd->module, vm->request.uuid, &failure);

	if (fd < 0)
		return fd;
	if (!module_info(fd, &binding) && binding.generation == vm->binding.generation)
		return fd;
	close(fd);
	return -ESTALE;
}

static int send_grant(struct rest *rest, struct vm *vm, const char *facts)
{
	struct restlink message = { .kind = RESTLINK_GRANT };
	int fd = attach_again(rest, vm), ret;

	/* Its binding is ending: the file that we watch says so next. */
	if (fd < 0)
		return 0;
	fill_vm(&message, vm->slot, vm->binding.generation, vm->request.uuid);
	ret = restlink_send(rest->session.fd, &message, facts, fd);
	close(fd);
	vm->granted = !ret;
	return ret;
}

/* Its facts were good when it got its slot; if they are not now, it alone loses that. */
static int tell_of(struct rest *rest, struct vm *vm)
{
	struct failure failure;
	char *facts = facts_text(rest->hostd, vm, &failure);
	int ret;

	if (!facts) {
		vm_withdraw(rest->hostd, vm, &failure);
		return 0;
	}
	ret = send_grant(rest, vm, facts);
	free(facts);
	return ret;
}

static int send_grants(struct rest *rest)
{
	for (struct vm *vm = rest->hostd->vms; vm; vm = vm->next) {
		int ret;

		if (!vm->slot || vm->granted || vm->watch.fd < 0)
			continue;
		if (!backoff_ready(&vm->grants)) {
			hostd_wake_at(rest->hostd, vm->grants.next_ms);
			continue;
		}
		ret = tell_of(rest, vm);
		if (ret)
			return ret;
	}
	return 0;
}

static int send_sync(struct rest *rest)
{
	struct restlink message = { .kind = RESTLINK_SYNC };
	int ret = restlink_send(rest->session.fd, &message, NULL, -1);

	if (!ret)
		rest->phase = REST_SYNCING;
	return ret;
}

void rest_pump(struct rest *rest)
{
	int ret;

	if (rest->phase < REST_GRANTING)
		return;
	ret = send_revokes(rest);
	if (!ret)
		ret = send_grants(rest);
	if (!ret && rest->phase == REST_GRANTING)
		ret = send_sync(rest);
	if (ret && ret != -EAGAIN)
		rest_drop(rest, "cannot be told: %s", strerror(-ret));
	else
		watch_change(&rest->session, EPOLLIN | (ret ? (uint32_t)EPOLLOUT : 0));
}

int rest_into_fence(struct rest *rest, struct failure *failure)
{
	struct fence *fence = rest->hostd->fence;
	int ret = 0;

	if (!fence || rest->phase != REST_SYNCED)
		return 0;
	if (!rest->in_fence)
		ret = fence_set_cgroup(fence, rest->cgroup, failure);
	if (!ret)
		ret = fence_set_socket(fence, rest->listening, failure);
	rest->in_fence = !ret;
	if (!rest->stale || ret)
		return ret;
	/* The pass that we are in has seen VMs wait for this. */
	rest->stale = false;
	hostd_changed(rest->hostd);
	return 0;
}

static void on_hello(struct rest *rest, int sock)
{
	struct failure failure;
	int ret;

	rest->listening = sock;
	if (rest_check_socket(rest, sock, &failure)) {
		rest_drop(rest, "%s", failure.text);
		return;
	}
	ret = send_config(rest);
	if (ret) {
		rest_drop(rest, "cannot be told: %s", strerror(-ret));
		return;
	}
	rest->phase = REST_GRANTING;
	rest_pump(rest);
}

static void on_synced(struct rest *rest)
{
	rest->phase = REST_SYNCED;
	rest->refused[0] = 0;
	log_line(LOG_INFO, "azattest-restd (process %d): serves", rest->pid);
	drain_session_synced(rest->hostd);
	hostd_pass(rest->hostd);
}

/* Of one that has left its slot meanwhile nothing is to be granted. */
static void on_refused(struct rest *rest, const struct restlink_vm *refused)
{
	for (struct vm *vm = rest->hostd->vms; vm; vm = vm->next) {
		if (!vm->granted || vm->slot != refused->slot ||
		    vm->binding.generation != refused->generation)
			continue;
		vm->granted = false;
		backoff_failed(&vm->grants);
		hostd_wake_at(rest->hostd, vm->grants.next_ms);
	}
}

static void on_message(struct rest *rest, const struct restlink *message, int fd)
{
	if (message->kind == RESTLINK_HELLO && rest->phase == REST_HELLO && !message->text_len) {
		on_hello(rest, fd);
		return;
	}
	if (fd >= 0)
		close(fd);
	if (message->kind == RESTLINK_SYNCED && rest->phase == REST_SYNCING && fd < 0)
		on_synced(rest);
	else if (message->kind == RESTLINK_REVOKED && rest->phase > REST_HELLO && fd < 0)
		drain_revoked(rest->hostd, message->vm.slot, message->vm.generation);
	else if (message->kind == RESTLINK_REFUSED && rest->phase > REST_HELLO && fd < 0)
		on_refused(rest, &message->vm);
	else
		rest_drop(rest, "message %u comes at the wrong time: are both of one build?",
			  message->kind);
}

static void on_session(struct watch *watch, uint32_t events)
{
	struct rest *rest = watch->owner;
	char text[RESTLINK_TEXT_MAX + 1];
	struct restlink message;
	int fd, ret;

	if (events & EPOLLOUT)
		rest_pump(rest);
	if (!(events & ~(uint32_t)EPOLLOUT) || rest->session.fd < 0)
		return;
	ret = restlink_receive(rest->session.fd, &message, text, &fd);
	if (ret == 1) {
		on_message(rest, &message, fd);
	} else if (!ret) {
		log_line(LOG_NOTICE, "azattest-restd (process %d): gone", rest->pid);
		end_session(rest);
	} else if (ret != -EAGAIN) {
		rest_drop(rest, "%s", ret == -EPROTO ? "no message of this build: install both of one"
						     : strerror(-ret));
	}
}

/* A new one may come before we have seen the end of the old one. */
static bool session_over(struct rest *rest)
{
	struct pollfd end = { .fd = rest->session.fd };

	return rest->session.fd < 0 || (poll(&end, 1, 0) == 1 && (end.revents & POLLHUP));
}

static void begin_session(struct rest *rest, int fd, const struct ucred *peer)
{
	if (rest->pidfd >= 0)
		close(rest->pidfd);
	rest->pidfd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	rest->pid = peer->pid;
	rest->since = time(NULL);
	rest->until_ms = watch_now_ms() + HELLO_MS;
	rest->phase = REST_HELLO;
	rest->session = (struct watch) { .fd = fd, .ready = on_session, .owner = rest };
	watch_add(&rest->session, EPOLLIN);
	hostd_wake_at(rest->hostd, rest->until_ms);
	drain_session_began(rest->hostd);
}

static void on_connect(struct watch *watch, uint32_t events)
{
	struct rest *rest = watch->owner;
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	int fd = watch_accept(watch, NULL, NULL);

	(void)events;
	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	if (peer.uid && peer.uid != rest->hostd->config.rest_uid) {
		log_line(LOG_WARNING, "%s: user %u (process %d) is not %s: refused", rest->path,
			 peer.uid, peer.pid, rest->hostd->config.rest_user);
		close(fd);
		return;
	}
	if (!session_over(rest)) {
		log_line(LOG_WARNING, "%s: process %d is refused: process %d has the session: one "
			 "azattest-restd is enough", rest->path, peer.pid, rest->pid);
		close(fd);
		return;
	}
	if (rest->session.fd >= 0)
		end_session(rest);
	begin_session(rest, fd, &peer);
}

/* It may have spoken while we were busy. */
static bool silent(struct rest *rest)
{
	struct pollfd said = { .fd = rest->session.fd, .events = POLLIN };

	return poll(&said, 1, 0) == 0;
}

void rest_tick(struct rest *rest)
{
	if (rest->phase != REST_HELLO)
		return;
	if (watch_now_ms() >= rest->until_ms && silent(rest))
		rest_drop(rest, "said nothing for %d s", HELLO_MS / 1000);
	else
		hostd_wake_at(rest->hostd, rest->until_ms);
}

/* its socket */

int rest_open(struct rest *rest, struct hostd *hostd, const char *run, struct failure *failure)
{
	struct local local = { SOCK_SEQPACKET, 0600, hostd->config.rest_uid, 8, rest->path };
	int fd, ret;

	rest->hostd = hostd;
	rest->pidfd = -1;
	rest->listening = -1;
	rest->session.fd = -1;
	rest->listener.fd = -1;
	fd = local_listen(&local, run, RESTLINK_SOCKET, failure);
	if (fd < 0)
		return fd;
	rest->listener = (struct watch) { .fd = fd, .ready = on_connect, .owner = rest };
	ret = watch_add(&rest->listener, EPOLLIN);
	return ret ? failure_set(failure, EXIT_FAILURE, ret, "%s: %s", rest->path, strerror(-ret)) : 0;
}

void rest_close(struct rest *rest)
{
	watch_close(&rest->session);
	watch_close(&rest->listener);
	if (rest->listening >= 0)
		close(rest->listening);
	if (rest->pidfd >= 0)
		close(rest->pidfd);
	unlink(rest->path);
}
