// SPDX-License-Identifier: GPL-2.0
// Owns the records of VMs that hostd binds itself: one file each, read again after a restart.

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

void bind_name(const struct bound *b, char name[BIND_NAME_SIZE])
{
	strcpy(name, BIND_PREFIX);
	vm_uuid_text(b->request.uuid, name + strlen(BIND_PREFIX));
}

int bind_write_record(const struct bound *b, struct failure *failure)
{
	const struct bind_request *r = &b->request;
	char name[BIND_NAME_SIZE];
	json_t *record;
	int ret;

	bind_name(b, name);
	record = json_pack("{s:s, s:I, s:I, s:I, s:b, s:s, s:s, s:I, s:s}",
			   "uuid", name + strlen(BIND_PREFIX), "pid", (json_int_t)r->pid,
			   "pidStart", (json_int_t)b->pid_start, "cid", (json_int_t)r->cid,
			   "named", r->named, "name", r->name, "profile", r->profile,
			   "added", (json_int_t)b->added, "manager", r->manager);
	if (!record)
		return failure_set(failure, EXIT_STATE, -ENOMEM, "no memory");
	ret = store_put(&b->hostd->store, name, record, failure);
	json_decref(record);
	return ret ? -EIO : 0;
}

static bool copy_text(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

/* A record's text is trusted no more than an administrator's words; older ones have no manager. */
static bool parse_record(struct hostd *hostd, json_t *record)
{
	struct bind_request request = { .pid = 0 };
	const char *uuid, *name, *profile, *manager = "";
	json_int_t pid, start, cid, added;
	struct bound *b;
	int named;

	if (json_unpack(record, "{s:s, s:I, s:I, s:I, s:b, s:s, s:s, s:I, s?s !}", "uuid", &uuid,
			"pid", &pid, "pidStart", &start, "cid", &cid, "named", &named,
			"name", &name, "profile", &profile, "added", &added, "manager", &manager) ||
	    uuid_parse(uuid, request.uuid) || pid < 0 || pid > INT32_MAX ||
	    cid < 0 || cid > UINT32_MAX ||
	    !copy_text(request.name, sizeof(request.name), name) ||
	    !copy_text(request.profile, sizeof(request.profile), profile) ||
	    !copy_text(request.manager, sizeof(request.manager), manager))
		return false;
	request.pid = (pid_t)pid;
	request.cid = (uint32_t)cid;
	request.named = named;
	if (bind_wrong_request(&request) || bind_find(hostd, request.uuid))
		return false;
	b = bind_new(hostd, &request);
	if (!b)
		return false;
	b->pid_start = (uint64_t)start;
	b->added = added;
	return true;
}

bool bind_load_record(struct hostd *hostd, const char *name, struct failure *failure)
{
	json_t *record;

	if (strncmp(name, BIND_PREFIX, strlen(BIND_PREFIX)))
		return false;
	failure->text[0] = 0;
	record = store_get(&hostd->store, name, failure);
	if (record && !parse_record(hostd, record))
		failure_set(failure, EXIT_STATE, -EINVAL, "%s/%s.json: no binding's record: remove it "
			    "and bind the VM again", hostd->store.path, name);
	json_decref(record);
	return true;
}
