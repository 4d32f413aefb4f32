// SPDX-License-Identifier: GPL-2.0
// Owns the session with azattest-hostd: it says who may ask, and is answered when nobody else can.

#include "restd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#define WAIT_FIRST_MS	100
#define WAIT_MOST_MS	2000
#define AT_ONCE		64	/* messages, then others get their turn */

static struct {
	struct sockaddr_un address;
	int listener;
	struct watch session;
	int64_t next_try;
	int wait_ms;
	bool said_lost;
	bool configured;
} link_to = { .session = { .fd = -1 } };

/* What restd knows it keeps: it serves on, and tries again. */
static void lose(const char *why)
{
	watch_close(&link_to.session);
	link_to.next_try = watch_now_ms() + link_to.wait_ms;
	link_to.wait_ms = link_to.wait_ms * 2 < WAIT_MOST_MS ? link_to.wait_ms * 2 : WAIT_MOST_MS;
	if (link_to.said_lost)
		return;
	link_to.said_lost = true;
	log_line(LOG_WARNING, "azattest-hostd: %s: %s; VMs that are known are served, trying again",
		 link_to.address.sun_path, why);
	sd_notify(0, "STATUS=Waiting for azattest-hostd");
}

static int say(enum restlink_kind kind, const struct restlink_vm *vm, int fd)
{
	struct restlink message = { .kind = kind };

	if (vm)
		message.vm = *vm;
	return restlink_send(link_to.session.fd, &message, NULL, fd);
}

static int configure(const struct restlink_config *config)
{
	int ret = vm_set_slots(config->base, config->slots);

	if (ret || !config->connections_per_vm || !config->idle_ms || !config->request_ms ||
	    !config->answer_ms)
		return ret ? ret : -EINVAL;
	vm_begin_session();
	conn_configure(config);
	link_to.configured = true;
	return 0;
}

static int synced(void)
{
	vm_end_unnamed();
	link_to.wait_ms = WAIT_FIRST_MS;
	link_to.said_lost = false;
	log_line(LOG_INFO, "azattest-hostd: %s: in session", link_to.address.sun_path);
	sd_notify(0, "STATUS=Serving");
	return say(RESTLINK_SYNCED, NULL, -1);
}

/* Without room for one VM's file the others are served on, and it is granted again. */
static int granted(const struct restlink *message, const char *text, int fd)
{
	int ret = vm_grant(&message->vm, text, fd);

	if (ret != -EMFILE)
		return ret;
	log_line(LOG_WARNING, "slot %u: not served: no descriptor is free for its VM: raise "
		 "LimitNOFILE= of azattest-restd.service", message->vm.slot);
	return say(RESTLINK_REFUSED, &message->vm, -1);
}

/* Takes @fd. */
static int take(const struct restlink *message, const char *text, int fd)
{
	int ret;

	if (message->kind == RESTLINK_GRANT && link_to.configured)
		return granted(message, text, fd);
	if (fd >= 0)
		close(fd);
	if (message->kind == RESTLINK_CONFIG)
		return configure(&message->config);
	if (!link_to.configured)
		return -EPROTO;
	switch (message->kind) {
	case RESTLINK_SYNC:
		return synced();
	case RESTLINK_REVOKE:
		vm_revoke(&message->vm);
		ret = say(RESTLINK_REVOKED, &message->vm, -1);
		return ret;
	default:
		return -EPROTO;
	}
}

static void ready(struct watch *watch, uint32_t events)
{
	static char text[RESTLINK_TEXT_MAX + 1];
	struct restlink message;
	int fd, ret;

	(void)events;
	for (int i = 0; i < AT_ONCE; i++) {
		ret = restlink_receive(watch->fd, &message, text, &fd);
		if (ret == -EAGAIN)
			return;
		if (ret == 0) {
			lose("the session has ended");
			return;
		}
		if (ret > 0)
			ret = take(&message, text, fd);
		if (ret < 0) {
			lose(strerror(-ret));
			return;
		}
	}
}

static void try_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	link_to.configured = false;
	link_to.session = (struct watch){ .fd = fd, .ready = ready };
	if (fd < 0 || connect(fd, (const struct sockaddr *)&link_to.address,
			      sizeof(link_to.address))) {
		lose(strerror(errno));
		return;
	}
	ret = say(RESTLINK_HELLO, NULL, link_to.listener);
	if (!ret)
		ret = watch_add(&link_to.session, EPOLLIN);
	if (ret)
		lose(strerror(-ret));
}

int link_open(const char *run, int listener)
{
	int length;

	link_to.listener = listener;
	link_to.wait_ms = WAIT_FIRST_MS;
	link_to.address.sun_family = AF_UNIX;
	length = snprintf(link_to.address.sun_path, sizeof(link_to.address.sun_path), "%s/%s", run,
			  RESTLINK_SOCKET);
	return length < (int)sizeof(link_to.address.sun_path) ? 0 : -ENAMETOOLONG;
}

int link_tick(int64_t now)
{
	if (link_to.session.fd >= 0)
		return -1;
	if (now >= link_to.next_try)
		try_connect();
	if (link_to.session.fd >= 0)
		return -1;
	return now >= link_to.next_try ? 0 : (int)(link_to.next_try - now);
}
