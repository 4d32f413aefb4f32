// SPDX-License-Identifier: GPL-2.0
/* Owns what tests of the devices have in common: descriptors of VMMs, and roles. */
#include "rig.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/vhost.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Requests are not rationed, and nothing ends by a clock unless the promise is
 * about clocks: the machine may be slow.
 */
static struct {
	const char *name;
	uint32_t value;
	int64_t before;
} limits[] = {
	{ "request_rate", 0, 0 },
	{ "deadline_ms", 60000, 0 },
	{ "attempt_ms", 60000, 0 },
};

static pid_t program;

static void limits_restore(void)
{
	if (getpid() != program)
		return;
	for (size_t i = 0; i < TAP_COUNT(limits); i++)
		azbind_limit_set(limits[i].name, limits[i].before);
}

void rig_begin(void)
{
	azbind_need_module();
	if (geteuid())
		tap_skip_all("needs root");
	for (size_t i = 0; i < TAP_COUNT(limits); i++) {
		limits[i].before = azbind_limit_get(limits[i].name);
		if (limits[i].before < 0 ||
		    azbind_limit_set(limits[i].name, limits[i].value))
			tap_skip_all("limit %s cannot be set", limits[i].name);
	}
	program = getpid();
	atexit(limits_restore);
}

int rig_vhost(void)
{
	int fd = open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		tap_skip("no /dev/vhost-vsock: %s", strerror(errno));
	return fd;
}

int rig_set_cid(int vhost, uint64_t cid)
{
	return ioctl(vhost, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0 ? -errno : 0;
}

bool rig_cid_owned(uint32_t cid)
{
	int fd = rig_vhost();
	int err = rig_set_cid(fd, cid);

	close(fd);
	tap_need_msg(!err || err == -EADDRINUSE, "SET_GUEST_CID %u: %d", cid, err);
	return err == -EADDRINUSE;
}

int rig_owner(uint32_t number)
{
	int fd = azbind_new(number, 0, -1, -1, NULL);

	tap_need_msg(fd >= 0, "BIND of VM %u: %d", number, fd);
	return fd;
}

int rig_attached(uint32_t number, uint32_t transport)
{
	uint8_t uuid[AZATTEST_UUID_LEN];
	int fd = azbind_open();
	int err;

	tap_need(fd >= 0);
	azbind_uuid(uuid, number);
	err = azbind_attach(fd, uuid, transport);
	tap_need_msg(!err, "ATTACH to VM %u: %d", number, err);
	return fd;
}

int rig_pidfd(pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	tap_need(fd >= 0);
	return fd;
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

pid_t rig_sleeper(void)
{
	return tap_spawn(sleep_for_ever, NULL, -1);
}

short rig_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = poll(&p, 1, timeout_ms);

	tap_need(n >= 0);
	return n ? p.revents : 0;
}

bool rig_ended(int fd)
{
	return rig_poll(fd, 0, 0) & POLLHUP;
}

bool rig_uuid_free(uint32_t number)
{
	int fd = azbind_new(number, 0, -1, -1, NULL);

	if (fd < 0) {
		tap_need_eq(fd, -EBUSY);
		return false;
	}
	close(fd);
	return true;
}

struct caps {
	struct __user_cap_header_struct header;
	struct __user_cap_data_struct data[2];
};

static void caps_get(struct caps *c)
{
	c->header = (struct __user_cap_header_struct) { _LINUX_CAPABILITY_VERSION_3, 0 };
	tap_need(!syscall(SYS_capget, &c->header, c->data));
}

static void caps_set(struct caps *c)
{
	tap_need(!syscall(SYS_capset, &c->header, c->data));
}

static void become_user(gid_t gid)
{
	tap_need(!setgroups(0, NULL));
	tap_need(!setresgid(gid, gid, gid));
	tap_need(!setresuid(RIG_NOBODY, RIG_NOBODY, RIG_NOBODY));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	tap_need_msg(fd >= 0, "%s: %s", path, strerror(errno));
	tap_need_msg(write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		     "%s: %s", path, strerror(errno));
	close(fd);
}

/* uid 0 there is uid 65534 here; capable() asks for the initial namespace. */
static void become_userns_root(int more)
{
	become_user(RIG_NOBODY);
	prctl(PR_SET_DUMPABLE, 1);	/* else /proc/self belongs to root */
	if (unshare(CLONE_NEWUSER | more))
		tap_skip("no user namespaces here: %s", strerror(errno));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 65534 1");
	write_file("/proc/self/gid_map", "0 65534 1");
	tap_need_eq(geteuid(), 0);
}

static void become_root_without(void)
{
	struct caps c;

	caps_get(&c);
	for (int i = 0; i < 2; i++)
		c.data[i].inheritable = 0;
	c.data[0].effective &= ~(1u << CAP_NET_ADMIN);
	c.data[0].permitted &= ~(1u << CAP_NET_ADMIN);
	caps_set(&c);
}

static void become_net_admin_only(void)
{
	struct caps c;

	tap_need(!prctl(PR_SET_KEEPCAPS, 1));
	become_user(RIG_NOBODY);
	caps_get(&c);
	memset(c.data, 0, sizeof(c.data));
	c.data[0].effective = c.data[0].permitted = 1u << CAP_NET_ADMIN;
	caps_set(&c);
}

void rig_become(enum rig_who who)
{
	switch (who) {
	case RIG_NOBODY_USER:
		return become_user(RIG_NOBODY);
	case RIG_GROUP_MEMBER:
		return become_user(RIG_GROUP);
	case RIG_USERNS_ROOT:
		return become_userns_root(0);
	case RIG_CONTAINER_ROOT:
		return become_userns_root(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS);
	case RIG_ROOT_WITHOUT:
		return become_root_without();
	case RIG_NET_ADMIN_ONLY:
		return become_net_admin_only();
	}
}

struct role {
	enum rig_who who;
	int (*fn)(void *arg);
	void *arg;
};

static int play(void *arg)
{
	struct role *r = arg;

	rig_become(r->who);
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* a change of uid forgets it */
	return r->fn(r->arg);
}

int rig_as(enum rig_who who, int (*fn)(void *arg), void *arg, int keep)
{
	struct role r = { who, fn, arg };

	return tap_join(tap_spawn(play, &r, keep));
}
