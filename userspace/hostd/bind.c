// SPDX-License-Identifier: GPL-2.0
// Owns the VMs that hostd binds itself: records, the binding's file, and binding again.

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

#define PREFIX		"bind-"		/* of records, and of names in the descriptor store */
#define NAME_SIZE	(sizeof(PREFIX) - 1 + UUID_TEXT)

static struct bound *find(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	for (struct bound *b = hostd->bound; b; b = b->next)
		if (!memcmp(b->request.uuid, uuid, AZATTEST_UUID_LEN))
			return b;
	return NULL;
}

static struct bound *add(struct hostd *hostd, const struct bind_request *request)
{
	struct bound *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->request = *request;
	b->hostd = hostd;
	b->owner.fd = -1;
	b->next = hostd->bound;
	hostd->bound = b;
	return b;
}

static void detach(struct bound *b)
{
	if (b->owner.fd >= 0)
		watch_close(&b->owner);
}

static void drop(struct bound *b)
{
	struct bound **place = &b->hostd->bound;

	while (*place != b)
		place = &(*place)->next;
	*place = b->next;
	detach(b);
	free(b);
}

void bind_close_all(struct hostd *hostd)
{
	while (hostd->bound)
		drop(hostd->bound);
}

static void name_of(const struct bound *b, char name[NAME_SIZE])
{
	strcpy(name, PREFIX);
	vm_uuid_text(b->request.uuid, name + strlen(PREFIX));
}

/* NULL, or which field breaks which rule. */
static const char *wrong_request(const struct bind_request *request)
{
	static const uint8_t none[AZATTEST_UUID_LEN];
	const char *wrong;

	if (!memcmp(request->uuid, none, sizeof(none)))
		return "uuid: all zero";
	if (request->pid <= 1)
		return "pid: not a VMM's process";
	if (request->cid && (request->cid < AZATTEST_CID_MIN || request->cid > AZATTEST_CID_MAX))
		return "cid: not one that a guest can have: 3 to 4294967294";
	wrong = vm_wrong_name(request->name);
	return wrong ? wrong : vm_wrong_profile(request->profile);
}

/* ---- records ---- */

static int write_record(const struct bound *b, struct failure *failure)
{
	const struct bind_request *r = &b->request;
	char name[NAME_SIZE];
	json_t *record;
	int ret;

	name_of(b, name);
	record = json_pack("{s:s, s:I, s:I, s:I, s:b, s:s, s:s, s:I}",
			   "uuid", name + strlen(PREFIX), "pid", (json_int_t)r->pid,
			   "pidStart", (json_int_t)b->pid_start, "cid", (json_int_t)r->cid,
			   "named", r->named, "name", r->name, "profile", r->profile,
			   "added", (json_int_t)b->added);
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

/* A record's text is trusted no more than an administrator's words. */
static bool parse_record(struct hostd *hostd, json_t *record)
{
	struct bind_request request = { .pid = 0 };
	const char *uuid, *name, *profile;
	json_int_t pid, start, cid, added;
	struct bound *b;
	int named;

	if (json_unpack(record, "{s:s, s:I, s:I, s:I, s:b, s:s, s:s, s:I !}", "uuid", &uuid,
			"pid", &pid, "pidStart", &start, "cid", &cid, "named", &named,
			"name", &name, "profile", &profile, "added", &added) ||
	    uuid_parse(uuid, request.uuid) || pid < 0 || pid > INT32_MAX ||
	    cid < 0 || cid > UINT32_MAX ||
	    !copy_text(request.name, sizeof(request.name), name) ||
	    !copy_text(request.profile, sizeof(request.profile), profile))
		return false;
	request.pid = (pid_t)pid;
	request.cid = (uint32_t)cid;
	request.named = named;
	if (wrong_request(&request) || find(hostd, request.uuid))
		return false;
	b = add(hostd, &request);
	if (!b)
		return false;
	b->pid_start = (uint64_t)start;
	b->added = added;
	return true;
}

bool bind_load_record(struct hostd *hostd, const char *name, struct failure *failure)
{
	json_t *record;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return false;
	failure->text[0] = 0;
	record = store_get(&hostd->store, name, failure);
	if (record && !parse_record(hostd, record))
		failure_set(failure, EXIT_STATE, -EINVAL, "%s/%s.json: no binding's record: remove it "
			    "and bind the VM again", hostd->store.path, name);
	json_decref(record);
	return true;
}

static void forget(struct bound *b, const char *why)
{
	struct failure failure;
	char name[NAME_SIZE];

	name_of(b, name);
	if (store_remove(&b->hostd->store, name, &failure))
		log_line(LOG_ERR, "%s", failure.text);
	fdstore_remove(name);
	log_line(LOG_INFO, "%s: unbound from process %d: %s", name + strlen(PREFIX), b->request.pid, why);
	drop(b);
}

/* ---- the binding ---- */

static void on_end(struct watch *watch, uint32_t events)
{
	struct bound *b = watch->owner;

	if (events & (EPOLLHUP | EPOLLERR))
		forget(b, process_gone(b->request.pid, b->pid_start) ? "it has ended" :
		       "its device is gone, or somebody ended the binding");
}

/* The file @fd owns the binding; it is closed on failure. */
static int hold(struct bound *b, int fd, struct failure *failure)
{
	int ret = module_info(fd, &b->binding);

	b->owner = (struct watch) { .fd = fd, .ready = on_end, .owner = b };
	if (!ret)
		ret = watch_add(&b->owner, 0);
	if (!ret) {
		b->failure.text[0] = 0;
		return 0;
	}
	close(fd);
	b->owner.fd = -1;
	return failure_set(failure, EXIT_FAILURE, ret, "%s: INFO: %s", b->hostd->module.device,
			   strerror(-ret));
}

/* Whoever keeps the VMM's device open keeps its memory: the duplicate goes at once. */
static int bind_device(struct bound *b, int pidfd, struct failure *failure)
{
	struct hostd *hostd = b->hostd;
	uint32_t cid = b->request.cid;
	int vhost = taker_take(hostd->take_socket, pidfd, b->request.uuid, b->request.named, &cid,
			       failure), fd;

	if (vhost < 0)
		return vhost;
	fd = module_bind(&hostd->module, &(struct module_bind) {
		.uuid = b->request.uuid, .name = b->request.name, .profile = b->request.profile,
		.pid = b->request.pid, .life_fd = pidfd, .cid = cid, .vhost_fd = vhost,
	}, failure);
	close(vhost);
	if (fd < 0)
		return fd;
	b->request.cid = cid;
	return hold(b, fd, failure);
}

static int bind_now(struct bound *b, struct failure *failure)
{
	int pidfd = process_open(b->request.pid, b->pid_start), ret;
	char name[NAME_SIZE];

	if (pidfd < 0)
		return failure_set(failure, EXIT_FAILURE, pidfd, "process %d: %s", b->request.pid,
				   pidfd == -ESRCH ? "has ended" : strerror(-pidfd));
	ret = bind_device(b, pidfd, failure);
	close(pidfd);
	if (ret)
		return ret;
	name_of(b, name);
	fdstore_put(name, b->owner.fd);
	log_line(LOG_INFO, "%s: bound to process %d, CID %u", name + strlen(PREFIX), b->request.pid,
		 b->request.cid);
	return 0;
}

bool bind_adopt(struct hostd *hostd, const char *name, int fd)
{
	struct module_binding binding;
	struct bound *b = NULL;
	struct failure failure;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return false;
	if (!module_info(fd, &binding) && binding.owner && !binding.ended)
		b = find(hostd, binding.uuid);
	if (b && b->owner.fd < 0 && !hold(b, fd, &failure))
		return true;
	if (!b || b->owner.fd >= 0)
		close(fd);
	fdstore_remove(name);
	return true;
}

/* False: azattest-take does not answer, so that others need not be tried. */
static bool settle(struct bound *b)
{
	struct failure failure;
	int ret;

	if (!backoff_ready(&b->backoff)) {
		hostd_wake_at(b->hostd, b->backoff.next_ms);
		return true;
	}
	ret = bind_now(b, &failure);
	if (!ret) {
		backoff_clear(&b->backoff);
		return true;
	}
	if (strcmp(b->failure.text, failure.text))
		log_line(LOG_ERR, "%s", failure.text);
	b->failure = failure;
	backoff_failed(&b->backoff);
	hostd_wake_at(b->hostd, b->backoff.next_ms);
	return ret != -ECONNREFUSED;
}

void bind_settle(struct hostd *hostd)
{
	struct bound *next;
	bool answers = true;

	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (b->owner.fd >= 0)
			continue;
		if (process_gone(b->request.pid, b->pid_start))
			forget(b, "it has ended");
		else if (answers)
			answers = settle(b);
	}
}

/* ---- what is asked for ---- */

static bool same(const struct bound *b, const struct bind_request *request)
{
	return b->request.pid == request->pid && !strcmp(b->request.name, request->name) &&
	       !strcmp(b->request.profile, request->profile) &&
	       (!request->cid || request->cid == b->request.cid);
}

static int add_again(struct bound *b, const struct bind_request *request, struct failure *failure)
{
	if (!same(b, request))
		return failure_set(failure, EXIT_FAILURE, -EBUSY, "the VM was bound to process %d with "
				   "another CID, name or profile, or to another process: azattestctl "
				   "unbind it first", b->request.pid);
	return b->owner.fd >= 0 ? 0 : bind_now(b, failure);
}

static int begin(struct bound *b, struct failure *failure)
{
	int ret = process_start(b->request.pid, &b->pid_start);

	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "process %d: %s", b->request.pid,
				   ret == -ESRCH ? "there is no such process" : strerror(-ret));
	b->added = time(NULL);
	ret = bind_now(b, failure);
	return ret ? ret : write_record(b, failure);
}

int bind_add(struct hostd *hostd, const struct bind_request *request, struct failure *failure)
{
	const char *wrong = wrong_request(request);
	struct bound *b;
	char name[NAME_SIZE];
	int ret;

	if (wrong)
		return failure_set(failure, EXIT_FAILURE, -EINVAL, "%s", wrong);
	b = find(hostd, request->uuid);
	if (b && process_gone(b->request.pid, b->pid_start)) {
		forget(b, "it has ended");
		b = NULL;
	}
	if (b)
		return add_again(b, request, failure);
	b = add(hostd, request);
	if (!b)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	ret = begin(b, failure);
	if (!ret)
		return 0;
	name_of(b, name);
	fdstore_remove(name);
	drop(b);
	return ret;
}

int bind_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN], struct failure *failure)
{
	struct bound *b = find(hostd, uuid);

	if (!b)
		return failure_set(failure, EXIT_FAILURE, -ENOENT, "not bound by azattest-hostd");
	if (b->owner.fd >= 0)
		module_end(&hostd->module, uuid);
	forget(b, "as asked");
	return 0;
}

/* ---- what is shown ---- */

static json_t *to_json(const struct bound *b)
{
	const struct bind_request *r = &b->request;
	bool bound = b->owner.fd >= 0;
	char uuid[UUID_TEXT];

	vm_uuid_text(r->uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}",
			 "uuid", uuid, "name", r->name, "profile", r->profile,
			 "state", bound ? "bound" : "waiting", "reason", b->failure.text,
			 "pid", (json_int_t)r->pid, "cid", (json_int_t)r->cid,
			 "generation", (json_int_t)(bound ? b->binding.generation : 0),
			 "added", (json_int_t)b->added);
}

json_t *bind_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	struct bound *b = find(hostd, uuid);

	return b ? to_json(b) : NULL;
}

json_t *bind_list_json(struct hostd *hostd)
{
	json_t *list = json_array();

	for (struct bound *b = hostd->bound; b; b = b->next)
		json_array_append_new(list, to_json(b));
	return list;
}
