// SPDX-License-Identifier: GPL-2.0
// Owns a restd that says to each connection which slot and generation it is, and keeps it open.

#include <selftests/hostd/rig.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS	32

struct rig_restd *restd;

static pid_t restd_pid;
static int listener, session = -1;

static struct connection {
	int fd;
	unsigned int slot;
	uint64_t generation;
} connections[CONNECTIONS];

static int make_listener(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		_exit(101);
	return fd;
}

static void enter_cgroup(void)
{
	char path[128];
	FILE *procs;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/azattest-test-%d", getpid());
	if (system("grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts"))
		snprintf(path, sizeof(path), "/sys/fs/cgroup/unified/azattest-test-%d", getpid());
	if (mkdir(path, 0755))
		_exit(102);
	strcat(path, "/cgroup.procs");
	procs = fopen(path, "we");
	if (!procs || fprintf(procs, "%d\n", getpid()) < 0 || fclose(procs))
		_exit(103);
}

static int connect_hostd(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct restlink hello = { .kind = RESTLINK_HELLO };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig_path("run/restd.sock"));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    !restlink_send(fd, &hello, NULL, listener)) {
		restd->sessions++;
		return fd;
	}
	close(fd);
	return -1;
}

static void forget(unsigned int slot)
{
	struct linger reset = { .l_onoff = 1 };

	restd->slot[slot].generation = 0;
	for (struct connection *c = connections; c < connections + CONNECTIONS; c++) {
		if (c->fd < 0 || c->slot != slot)
			continue;
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(c->fd);
		c->fd = -1;
	}
}

static void say(uint32_t kind, const struct restlink_vm *vm)
{
	struct restlink message = { .kind = kind };

	if (vm)
		message.vm = *vm;
	restlink_send(session, &message, NULL, -1);
}

static bool named[RIG_SLOTS];

static void on_sync(void)
{
	for (unsigned int i = 0; i < RIG_SLOTS; i++)
		if (restd->slot[i].generation && !named[i])
			forget(i);
	restd->synced = true;
	say(RESTLINK_SYNCED, NULL);
}

static void on_grant(const struct restlink_vm *vm, const char *text)
{
	struct rig_grant *grant = &restd->slot[vm->slot % RIG_SLOTS];

	if (grant->generation && grant->generation != vm->generation)
		forget(vm->slot % RIG_SLOTS);
	grant->generation = vm->generation;
	grant->grants++;
	named[vm->slot % RIG_SLOTS] = true;
	snprintf(grant->facts, sizeof(grant->facts), "%s", text);
}

static void on_message(const struct restlink *message, const char *text, int fd)
{
	if (fd >= 0)
		close(fd);
	switch (message->kind) {
	case RESTLINK_CONFIG:
		memset(named, 0, sizeof(named));
		break;
	case RESTLINK_GRANT:
		on_grant(&message->vm, text);
		break;
	case RESTLINK_SYNC:
		on_sync();
		break;
	case RESTLINK_REVOKE:
		restd->slot[message->vm.slot % RIG_SLOTS].revokes++;
		if (restd->mute)
			break;
		forget(message->vm.slot % RIG_SLOTS);
		say(RESTLINK_REVOKED, &message->vm);
		break;
	}
}

static void on_session(void)
{
	static char text[RESTLINK_TEXT_MAX + 1];
	struct restlink message;
	int fd, ret = restlink_receive(session, &message, text, &fd);

	if (ret == 1) {
		on_message(&message, text, fd);
	} else if (ret != -EAGAIN) {
		close(session);
		session = -1;
		restd->synced = false;
	}
}

static void greet(const struct connection *c)
{
	dprintf(c->fd, "%u %llu", c->slot, (unsigned long long)c->generation);
}

static void on_connection(void)
{
	struct sockaddr_in peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned int slot = (ntohl(peer.sin_addr.s_addr) - 0xc6120000) % RIG_SLOTS;
	struct connection *c = connections;

	if (fd < 0)
		return;
	while (c < connections + CONNECTIONS && c->fd >= 0)
		c++;
	if (c == connections + CONNECTIONS || !restd->slot[slot].generation) {
		close(fd);
		return;
	}
	*c = (struct connection){ fd, slot, restd->slot[slot].generation };
	greet(c);
}

static void on_data(struct connection *c)
{
	char bytes[64];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));

	if (n > 0) {
		greet(c);
	} else if (!n || errno != EAGAIN) {
		close(c->fd);
		c->fd = -1;
	}
}

static int run(void *arg)
{
	struct pollfd set[2 + CONNECTIONS];

	(void)arg;
	enter_cgroup();
	listener = make_listener();
	for (int i = 0; i < CONNECTIONS; i++)
		connections[i].fd = -1;
	for (;;) {
		if (session < 0)
			session = connect_hostd();
		set[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
		set[1] = (struct pollfd){ .fd = session, .events = POLLIN };
		for (int i = 0; i < CONNECTIONS; i++)
			set[2 + i] = (struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
		poll(set, 2 + CONNECTIONS, session < 0 ? 50 : -1);
		if (set[1].revents)
			on_session();
		for (int i = 0; i < CONNECTIONS; i++)
			if (set[2 + i].revents && connections[i].fd == set[2 + i].fd)
				on_data(&connections[i]);
		if (set[0].revents)
			on_connection();
	}
	return 0;
}

void rig_restd_start(void)
{
	if (!restd)
		restd = tap_shared(sizeof(*restd));
	memset(restd, 0, sizeof(*restd));
	restd_pid = tap_spawn(run, NULL, -1);
	tap_need_wait(restd->synced);
}

void rig_restd_kill(void)
{
	tap_kill(restd_pid);
	restd->synced = false;
	rig_sh("find /sys/fs/cgroup -maxdepth 2 -name azattest-test-%d -exec rmdir {} +", restd_pid);
}
