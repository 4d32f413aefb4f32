// SPDX-License-Identifier: GPL-2.0
// Owns the fake behind the API: VMs and legacy support in memory, failures on demand.

#include "fakehostd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uuid/uuid.h>

static int find(const struct hostd *hostd, const uint8_t *uuid)
{
	for (int i = 0; i < FAKE_VMS; i++)
		if (hostd->used[i] && !memcmp(hostd->vm[i].uuid, uuid, AZATTEST_UUID_LEN))
			return i;
	return -1;
}

static int error_of(const char *tap)
{
	static const struct { const char *tap; int error; } table[] = {
		{ "tap-inval", -EINVAL }, { "tap-busy", -EBUSY }, { "tap-srch", -ESRCH },
		{ "tap-nospc", -ENOSPC }, { "tap-eio", -EIO }, { "tap-nodev", -ENODEV },
		{ "tap-cut", -EINVAL },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].tap, tap))
			return table[i].error;
	return 0;
}

int vm_add(struct hostd *hostd, const struct vm_request *request, struct failure *failure)
{
	int error = error_of(request->tap), i = find(hostd, request->uuid);

	hostd->changes++;
	if (!hostd->legacy)
		return failure_set(failure, 1, -EPERM, "REST access is off: azattestctl legacy on");
	if (error)
		return failure_set(failure, 1, error, "%s: refused%s", request->tap,
				   strcmp(request->tap, "tap-cut") ? "" : " \xc3");
	for (int k = 0; i < 0 && k < FAKE_VMS; k++)
		if (!hostd->used[k])
			i = k;
	if (i < 0)
		return failure_set(failure, 1, -ENOSPC, "no slot is free");
	hostd->vm[i] = *request;
	hostd->used[i] = true;
	return 0;
}

int vm_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN],
	      struct failure *failure)
{
	struct timespec pause = { hostd->pause_ms / 1000, hostd->pause_ms % 1000 * 1000000 };
	int i = find(hostd, uuid);

	hostd->changes++;
	nanosleep(&pause, NULL);
	if (i < 0)
		return failure_set(failure, 1, -ENOENT, "no such VM is enrolled");
	hostd->used[i] = false;
	return 0;
}

static json_t *one(const struct vm_request *vm)
{
	char uuid[37];

	if (!strcmp(vm->tap, "tap-null"))
		return NULL;
	uuid_unparse_lower(vm->uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:i, s:s, s:i, s:s,"
			 " s:s, s:i, s:{s:i, s:i}, s:{s:i}}",
			 "uuid", uuid, "name", vm->name, "tap", vm->tap, "state", "active",
			 "reason", "", "slot", 1, "ifindex", 7, "generation",
			 (json_int_t)1844674407370, "cid", 0, "binding",
			 vm->pid ? "hostd" : "vmm", "pid", (int)vm->pid, "manager", vm->manager,
			 "lastPath", "rest", "lastAsked", 1763769700,
			 "packets", "in", 10, "out", 9, "drops", "rate", 3);
}

/* For those who count. */
static void tell(const struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	char text[37];

	uuid_unparse_lower(uuid, text);
	if (hostd->tells)
		fprintf(stderr, "asked about %s\n", text);
}

json_t *vm_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	int i = find(hostd, uuid);

	tell(hostd, uuid);
	return i < 0 ? NULL : one(&hostd->vm[i]);
}

json_t *vm_list_json(struct hostd *hostd)
{
	json_t *list = json_array();

	for (int i = 0; i < FAKE_VMS; i++)
		if (hostd->used[i])
			json_array_append_new(list, one(&hostd->vm[i]));
	if (hostd->long_list) {
		char *text = calloc(1, (size_t)hostd->long_list + 1);

		memset(text, 'x', (size_t)hostd->long_list);
		json_array_append_new(list, json_string(text));
		free(text);
	}
	return list;
}

static int refuse(const struct hostd *hostd, pid_t pid, struct failure *failure)
{
	return failure_set(failure, 1, hostd->bind_error, "process %d: refused", pid);
}

/* The real one minds pid, name and CID, too. */
static bool bound_otherwise(const struct bind_request *bound, const struct bind_request *request)
{
	return bound->pid == request->pid && !memcmp(bound->uuid, request->uuid, AZATTEST_UUID_LEN) &&
	       strcmp(bound->profile, request->profile);
}

/* Calls that wait, in the server's own memory. */
static struct bind_wait *waits;

int bind_add(struct hostd *hostd, const struct bind_request *request, struct bind_wait *wait,
	     struct failure *failure)
{
	hostd->changes++;
	if (hostd->bind_error && !hostd->bind_hold)
		return refuse(hostd, request->pid, failure);
	if (bound_otherwise(&hostd->bound, request))
		return failure_set(failure, 1, -EBUSY, "the VM was bound with another profile");
	wait->fresh = !hostd->bound.pid;
	hostd->bound = *request;
	if (!hostd->bind_hold)
		return 0;
	wait->next = waits;
	waits = wait;
	hostd->held++;
	return -EINPROGRESS;
}

static void let_go(struct hostd *hostd)
{
	struct failure failure;

	if (hostd->bind_hold)
		return;
	for (struct bind_wait *wait; (wait = waits); hostd->held--) {
		waits = wait->next;
		if (hostd->bind_error)
			refuse(hostd, hostd->bound.pid, &failure);
		wait->ended(wait, hostd->bind_error, &failure);
	}
}

int bind_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN], struct failure *failure)
{
	hostd->changes++;
	if (!hostd->bound.pid || memcmp(hostd->bound.uuid, uuid, AZATTEST_UUID_LEN))
		return failure_set(failure, 1, -ENOENT, "none of ours");
	hostd->bound.pid = 0;
	return 0;
}

json_t *bind_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	const struct bind_request *b = &hostd->bound;
	bool waiting = !strcmp(b->name, "waits");
	char text[37];

	tell(hostd, uuid);
	if (!b->pid || memcmp(b->uuid, uuid, AZATTEST_UUID_LEN))
		return NULL;
	uuid_unparse_lower(b->uuid, text);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:i, s:s}", "uuid", text, "name", b->name,
			 "profile", b->profile, "state", waiting ? "waiting" : "bound",
			 "reason", waiting ? "azattest-take: \033does not answer" : b->named ? "named" : "",
			 "pid", (int)b->pid, "cid", (json_int_t)b->cid,
			 "generation", (json_int_t)1844674407370, "added", 1763769600,
			 "manager", b->manager);
}

json_t *bind_list_json(struct hostd *hostd)
{
	json_t *list = json_array(), *one = bind_json(hostd, hostd->bound.uuid);

	if (one)
		json_array_append_new(list, one);
	return list;
}

int legacy_set(struct hostd *hostd, bool on, struct failure *failure)
{
	hostd->changes++;
	if (hostd->legacy_error)
		return failure_set(failure, 1, hostd->legacy_error, "bridge azhost-imds: refused");
	hostd->legacy = on;
	return 0;
}

json_t *status_json(struct hostd *hostd)
{
	if (hostd->status_null)
		return NULL;
	return json_pack("{s:s, s:i, s:{s:b, s:s, s:s, s:s, s:s, s:i, s:s, s:i, s:i, s:[s], s:[s], s:i},"
			 " s:{s:b, s:i, s:i}, s:{s:b}, s:{s:i, s:i, s:i}, s:{s:i}}",
			 "version", "0.1.0", "since", 1763769600,
			 "legacy", "enabled", hostd->legacy, "state",
			 hostd->legacy ? "degraded" : "off", "bridge", "azhost-imds",
			 "address", "169.254.169.253", "secondAddress", "", "port", 80,
			 "range", "198.18.0.0/19", "slots", 8191, "used", 1,
			 "problems", "bridge azhost-imds is down: somebody set it so",
			 "problemParts", "network", "repairs", 2,
			 "restd", "connected", 1, "pid", 712, "since", 1763769601,
			 "module", "present", 1, "vms", "active", 1, "waiting", 2, "draining", 0,
			 "drops", "unmarked", 12);
}

int fakehostd_run(struct hostd *hostd, gid_t admin, const char *run)
{
	struct config config = { .admin_group = "azattest-admin", .admin_gid = admin };
	struct failure failure;
	struct api *api;

	if (watch_open() || api_open(&api, hostd, &config, run, &failure)) {
		fprintf(stderr, "%s\n", failure.text);
		return 1;
	}
	for (;;) {
		watch_wait(hostd->held ? 10 : -1);
		let_go(hostd);
	}
}
