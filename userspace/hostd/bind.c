// SPDX-License-Identifier: GPL-2.0
// Owns the VMs that hostd binds itself: who asks for it, the binding's file, and binding again.

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <userspace/common/mismatch.h>
#include <userspace/take/take.h>

#define PLACE_MS	10000	/* who finds no place to be asked about in this time is told */

static void on_taken(struct taker *taker, const struct taken *taken, const struct failure *failure);

struct bound *bind_find(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	for (struct bound *b = hostd->bound; b; b = b->next)
		if (!memcmp(b->request.uuid, uuid, AZATTEST_UUID_LEN))
			return b;
	return NULL;
}

struct bound *bind_new(struct hostd *hostd, const struct bind_request *request)
{
	struct bound *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->request = *request;
	b->hostd = hostd;
	b->owner.fd = -1;
	taker_init(&b->taker, on_taken, b);
	b->next = hostd->bound;
	hostd->bound = b;
	return b;
}

static void detach(struct bound *b)
{
	if (b->owner.fd >= 0)
		watch_close(&b->owner);
}

static void tell(struct bound *b, int error, const struct failure *failure)
{
	while (b->waits) {
		struct bind_wait *wait = b->waits;

		b->waits = wait->next;
		wait->ended(wait, error, failure);
	}
}

static void drop(struct bound *b)
{
	struct bound **place = &b->hostd->bound;

	while (*place != b)
		place = &(*place)->next;
	*place = b->next;
	taker_close(&b->taker);
	detach(b);
	free(b);
}

void bind_close_all(struct hostd *hostd)
{
	struct failure failure;

	failure_set(&failure, EXIT_FAILURE, 0, "azattest-hostd stops: try again when it runs");
	while (hostd->bound) {
		tell(hostd->bound, -ECANCELED, &failure);
		drop(hostd->bound);
	}
}

void bind_forget(struct bound *b, int error, const char *why)
{
	struct failure failure;
	char name[BIND_NAME_SIZE];

	bind_name(b, name);
	if (store_remove(&b->hostd->store, name, &failure))
		log_line(LOG_ERR, "%s", failure.text);
	fdstore_remove(name);
	log_line(LOG_INFO, "%s: %s process %d: %s", name + strlen(BIND_PREFIX),
		 b->fresh ? "waits no longer for" : "unbound from", b->request.pid, why);
	failure_set(&failure, EXIT_FAILURE, 0, "process %d: %s", b->request.pid, why);
	tell(b, error, &failure);
	drop(b);
}

/* ---- the binding ---- */

static void on_end(struct watch *watch, uint32_t events)
{
	struct bound *b = watch->owner;

	if (events & (EPOLLHUP | EPOLLERR))
		bind_forget(b, 0, process_gone(b->request.pid, b->pid_start) ? "it has ended" :
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
			   mismatch_strerror(-ret));
}

static int bind_device(struct bound *b, const struct taken *taken, struct failure *failure)
{
	struct hostd *hostd = b->hostd;
	int fd, ret = vhost_check_cid(b->request.pid, taken->cid, failure);

	if (ret)
		return ret;
	fd = module_bind(&hostd->module, &(struct module_bind) {
		.uuid = b->request.uuid, .name = b->request.name, .profile = b->request.profile,
		.pid = b->request.pid, .life_fd = taken->pidfd, .cid = taken->cid,
		.vhost_fd = taken->vhost,
	}, failure);
	if (fd < 0)
		return fd;
	b->request.cid = taken->cid;
	ret = hold(b, fd, failure);
	if (!ret && b->fresh)
		ret = bind_write_record(b, failure);
	if (ret)
		detach(b);
	return ret;
}

static void is_bound(struct bound *b)
{
	char name[BIND_NAME_SIZE];

	bind_name(b, name);
	fdstore_put(name, b->owner.fd);
	log_line(LOG_INFO, "%s: bound to process %d, CID %u", name + strlen(BIND_PREFIX), b->request.pid,
		 b->request.cid);
	backoff_clear(&b->backoff);
	b->fresh = false;
	tell(b, 0, NULL);
}

static void try_later(struct bound *b, const struct failure *failure)
{
	if (strcmp(b->failure.text, failure->text))
		log_line(LOG_ERR, "%s", failure->text);
	b->failure = *failure;
	backoff_failed(&b->backoff);
	hostd_wake_at(b->hostd, b->backoff.next_ms);
}

/* What was asked for just now is gone with that, unless it is to be kept. */
void bind_failed(struct bound *b, int error, const struct failure *failure)
{
	tell(b, error, failure);
	if (b->fresh && !b->request.keep)
		drop(b);
	else
		try_later(b, failure);
}

/* Its descriptors are closed after this: who keeps the VMM's device open keeps its memory. */
static void on_taken(struct taker *taker, const struct taken *taken, const struct failure *why)
{
	struct bound *b = taker->owner;
	struct failure failure = *why;
	int ret = taken->error;

	hostd_changed(b->hostd);	/* another one has the place */
	if (!ret)
		ret = bind_device(b, taken, &failure);
	if (ret)
		bind_failed(b, ret, &failure);
	else
		is_bound(b);
}

bool bind_adopt(struct hostd *hostd, const char *name, int fd)
{
	struct module_binding binding;
	struct bound *b = NULL;
	struct failure failure;

	if (strncmp(name, BIND_PREFIX, strlen(BIND_PREFIX)))
		return false;
	if (!module_info(fd, &binding) && binding.owner && !binding.ended)
		b = bind_find(hostd, binding.uuid);
	if (b && b->owner.fd < 0 && !hold(b, fd, &failure))
		return true;
	if (!b || b->owner.fd >= 0)
		close(fd);
	fdstore_remove(name);
	return true;
}

/* ---- what is asked for ---- */

static bool same(const struct bound *b, const struct bind_request *request)
{
	return b->request.pid == request->pid && !strcmp(b->request.name, request->name) &&
	       !strcmp(b->request.profile, request->profile) &&
	       (!request->cid || request->cid == b->request.cid);
}

/*
 * What waits is not bound, and may be wanted otherwise: if it has been bound, by who keeps it, or
 * will; a wish that is not kept itself would lose it.
 */
static bool gives_way(const struct bound *b, const struct bind_request *request)
{
	bool idle = b->owner.fd < 0 && !b->waits && !taker_busy(&b->taker);
	bool heir = request->keep && (!*b->request.manager || !strcmp(b->request.manager, request->manager));

	return idle && !same(b, request) && (b->fresh || heir);
}

/* -EINPROGRESS: @wait hears the end. */
static int ask_for(struct bound *b, struct bind_wait *wait, struct failure *failure)
{
	int ret = bind_ask(b, failure);

	if (ret)
		return ret;
	if (!b->waits) {
		b->wait_ms = watch_now_ms() + PLACE_MS;
		hostd_wake_at(b->hostd, b->wait_ms);
	}
	wait->fresh = b->fresh;
	wait->next = b->waits;
	b->waits = wait;
	return -EINPROGRESS;
}

/* Somebody runs a VM twice, or a copy that has kept its UUID. The same one is not told of again and again. */
static void tell_second(struct bound *b, pid_t second)
{
	char name[BIND_NAME_SIZE];
	uint64_t start;

	if (second == b->request.pid || second == b->second || process_start(second, &start))
		return;
	b->second = second;
	bind_name(b, name);
	log_line(LOG_WARNING, "%s: is process %d's: process %d is refused: do two VMs have this UUID?",
		 name + strlen(BIND_PREFIX), b->request.pid, second);
}

/* What an administrator has bound, or an earlier release, is kept by who wants the same. */
static int take_over(struct bound *b, const struct bind_request *request, struct failure *failure)
{
	int ret;

	if (!*request->manager || *b->request.manager)
		return 0;
	strcpy(b->request.manager, request->manager);
	ret = b->fresh ? 0 : bind_write_record(b, failure);
	if (ret)
		b->request.manager[0] = 0;
	return ret;
}

static int add_again(struct bound *b, const struct bind_request *request, struct bind_wait *wait,
		     struct failure *failure)
{
	int ret;

	if (!same(b, request)) {
		tell_second(b, request->pid);
		return failure_set(failure, EXIT_FAILURE, -EBUSY, "the VM was bound to process %d with "
				   "another CID, name or profile, or to another process: azattestctl "
				   "unbind it first", b->request.pid);
	}
	ret = take_over(b, request, failure);
	if (ret)
		return ret;
	return b->owner.fd >= 0 ? 0 : ask_for(b, wait, failure);
}

static int begin(struct hostd *hostd, const struct bind_request *request, struct bind_wait *wait,
		 struct failure *failure)
{
	uint64_t start;
	int ret = process_start(request->pid, &start);
	struct bound *b;

	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "process %d: %s", request->pid,
				   ret == -ESRCH ? "there is no such process" : strerror(-ret));
	b = bind_new(hostd, request);
	if (!b)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	b->pid_start = start;
	b->fresh = true;
	b->added = time(NULL);
	ret = ask_for(b, wait, failure);
	if (ret != -EINPROGRESS)
		bind_failed(b, ret, failure);
	return ret;
}

int bind_add(struct hostd *hostd, const struct bind_request *request, struct bind_wait *wait,
	     struct failure *failure)
{
	const char *wrong = bind_wrong_request(request);
	struct bound *b;

	if (wrong)
		return failure_set(failure, EXIT_FAILURE, -EINVAL, "%s", wrong);
	b = bind_find(hostd, request->uuid);
	if (b && process_gone(b->request.pid, b->pid_start)) {
		bind_forget(b, -ESRCH, "it has ended");
		b = NULL;
	} else if (b && gives_way(b, request)) {
		bind_forget(b, -EBUSY, "it is wanted otherwise");
		b = NULL;
	}
	return b ? add_again(b, request, wait, failure) : begin(hostd, request, wait, failure);
}

int bind_remove(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN], struct failure *failure)
{
	struct bound *b = bind_find(hostd, uuid);

	if (!b)
		return failure_set(failure, EXIT_FAILURE, -ENOENT, "not bound by azattest-hostd");
	if (b->owner.fd >= 0)
		module_end(&hostd->module, uuid);
	bind_forget(b, -EBUSY, "unbound meanwhile, as asked");
	return 0;
}

/* ---- what is shown ---- */

static json_t *to_json(const struct bound *b)
{
	const struct bind_request *r = &b->request;
	bool bound = b->owner.fd >= 0;
	const char *reason = b->failure.text;
	char uuid[UUID_TEXT];

	if (!bound && !*reason)
		reason = "azattest-take has not answered yet";
	vm_uuid_text(r->uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}",
			 "uuid", uuid, "name", r->name, "profile", r->profile,
			 "state", bound ? "bound" : "waiting", "reason", reason,
			 "pid", (json_int_t)r->pid, "cid", (json_int_t)r->cid,
			 "generation", (json_int_t)(bound ? b->binding.generation : 0),
			 "added", (json_int_t)b->added, "manager", r->manager);
}

json_t *bind_json(struct hostd *hostd, const uint8_t uuid[AZATTEST_UUID_LEN])
{
	struct bound *b = bind_find(hostd, uuid);

	return b ? to_json(b) : NULL;
}

json_t *bind_list_json(struct hostd *hostd)
{
	json_t *list = json_array();

	for (struct bound *b = hostd->bound; b; b = b->next)
		json_array_append_new(list, to_json(b));
	return list;
}
