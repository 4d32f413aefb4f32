// SPDX-License-Identifier: GPL-2.0
// What bind.c of azattest-hostd has around it, as a test of it wants that: clock, module, descriptor store.

#include <fcntl.h>
#include <sys/socket.h>

#include <uuid/uuid.h>

#include <selftests/hostd/around.h>
#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

struct around around;

int64_t __real_watch_now_ms(void);
int64_t __wrap_watch_now_ms(void);
int64_t __wrap_watch_now_ms(void)
{
	return __real_watch_now_ms() + around.later_ms;
}

void hostd_changed(struct hostd *h)
{
	h->changed = true;
}

void hostd_wake_at(struct hostd *h, int64_t ms)
{
	if (!h->wake_ms || ms < h->wake_ms)
		h->wake_ms = ms;
}

void vm_uuid_text(const uint8_t uuid[AZATTEST_UUID_LEN], char text[UUID_TEXT])
{
	uuid_unparse_lower(uuid, text);
}

/* The tests' VMMs have devices that have no CID. */
int vhost_check_cid(pid_t pid, uint32_t cid, struct failure *why)
{
	(void)pid;
	(void)cid;
	(void)why;
	return 0;
}

/* A binding's file: its reading end is never ready, until somebody ends it. */
int module_bind(const struct module *module, const struct module_bind *request, struct failure *why)
{
	int pair[2];

	(void)module;
	tap_need(request->life_fd >= 0 && request->vhost_fd >= 0);
	tap_need(fcntl(request->vhost_fd, F_GETFD) >= 0 && fcntl(request->life_fd, F_GETFD) >= 0);
	if (around.bind_fails)
		return failure_set(why, 1, around.bind_fails, "the module refuses");
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	around.bound_devices++;
	return pair[0];	/* the other end stays open */
}

int module_info(int fd, struct module_binding *binding)
{
	(void)fd;
	*binding = (struct module_binding) { .generation = 7, .cid = AROUND_CID, .owner = true };
	return 0;
}

void module_end(struct module *module, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	(void)module;
	(void)uuid;
}

void fdstore_put(const char *name, int fd)
{
	(void)name;
	(void)fd;
}

void fdstore_remove(const char *name)
{
	(void)name;
}

void store_step(void)
{
}
