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

/*
 * Questions to azattest-take at once: a process each, of which a few may hang
 * with what they look at. Who finds no place in this time is told.
 */
#define ASKING_MAX	4
#define PLACE_MS	10000

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

static void forget(struct bound *b, int error, const char *why)
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
		forget(b, 0, process_gone(b->request.pid, b->pid_start) ? "it has ended" :
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
static void is_not_bound(struct bound *b, int error, const struct failure *failure)
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
		is_not_bound(b, ret, &failure);
	else
		is_bound(b);
}

static unsigned int count_asking(const struct hostd *hostd)
{
	unsigned int count = 0;

	for (const struct bound *b = hostd->bound; b; b = b->next)
		count += taker_busy(&b->taker);
	return count;
}

/* 0: it is asked, or waits for a place. */
static int ask(struct bound *b, struct failure *failure)
{
	struct take_question question = {
		.magic = TAKE_MAGIC, .flags = b->request.named ? TAKE_NAMED : 0,
		.cid = b->request.cid,
	};
	int pidfd, ret;

	if (taker_busy(&b->taker) || count_asking(b->hostd) >= ASKING_MAX)
		return 0;
	pidfd = process_open(b->request.pid, b->pid_start);
	if (pidfd < 0)
		return failure_set(failure, EXIT_FAILURE, pidfd, "process %d: %s", b->request.pid,
				   pidfd == -ESRCH ? "has ended" : strerror(-pidfd));
	memcpy(question.uuid, b->request.uuid, sizeof(question.uuid));
	ret = taker_ask(&b->taker, b->hostd->take_socket, &question, pidfd, failure);
	if (ret)
		close(pidfd);
	else
		hostd_wake_at(b->hostd, b->taker.until_ms);
	return ret;
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

/* Answers that do not come first: others get their places. */
static void end_questions(struct hostd *hostd)
{
	struct bound *next;

	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (taker_busy(&b->taker))
			hostd_wake_at(hostd, b->taker.until_ms);
		taker_tick(&b->taker);
	}
}

static bool wants_asking(const struct bound *b)
{
	return b->owner.fd < 0 && !taker_busy(&b->taker) && (b->waits || backoff_ready(&b->backoff));
}

/* Calls first; then who has waited for longest, so that none is kept from its first time by those that fail. */
static bool comes_before(const struct bound *a, const struct bound *b)
{
	if (!a->waits != !b->waits)
		return a->waits;
	return a->waits ? a->wait_ms < b->wait_ms : a->backoff.next_ms < b->backoff.next_ms;
}

static struct bound *next_to_ask(struct hostd *hostd)
{
	struct bound *next = NULL;

	for (struct bound *b = hostd->bound; b; b = b->next)
		if (wants_asking(b) && (!next || comes_before(b, next)))
			next = b;
	return next;
}

static void ask_the_next(struct hostd *hostd)
{
	struct failure failure;
	struct bound *b;
	int ret;

	while (count_asking(hostd) < ASKING_MAX && (b = next_to_ask(hostd))) {
		ret = ask(b, &failure);
		if (ret)
			is_not_bound(b, ret, &failure);
	}
}

/* One that is not asked about: a call has its end even then. */
static void wait_on(struct bound *b)
{
	struct failure failure;

	if (!b->waits && !backoff_ready(&b->backoff)) {
		hostd_wake_at(b->hostd, b->backoff.next_ms);
	} else if (b->waits && watch_now_ms() < b->wait_ms) {
		hostd_wake_at(b->hostd, b->wait_ms);
	} else if (b->waits) {
		failure_set(&failure, EXIT_FAILURE, 0, "azattest-take: has %d others to look at: try again",
			    ASKING_MAX);
		is_not_bound(b, -ECONNREFUSED, &failure);
	}
}

void bind_settle(struct hostd *hostd)
{
	struct bound *next;

	end_questions(hostd);
	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (b->owner.fd < 0 && process_gone(b->request.pid, b->pid_start))
			forget(b, -ESRCH, "it has ended");
	}
	ask_the_next(hostd);
	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (b->owner.fd < 0 && !taker_busy(&b->taker))
			wait_on(b);
	}
}

/* ---- what is asked for ---- */

static bool same(const struct bound *b, const struct bind_request *request)
{
	return b->request.pid == request->pid && !strcmp(b->request.name, request->name) &&
	       !strcmp(b->request.profile, request->profile) &&
	       (!request->cid || request->cid == b->request.cid);
}

/* What waits is not bound, and may be wanted otherwise: by whom it is kept, and by all if it never was. */
static bool gives_way(const struct bound *b, const struct bind_request *request)
{
	bool idle = b->owner.fd < 0 && !b->waits && !taker_busy(&b->taker);

	return idle && !same(b, request) && (b->fresh || !strcmp(b->request.manager, request->manager));
}

/* -EINPROGRESS: @wait hears the end. */
static int ask_for(struct bound *b, struct bind_wait *wait, struct failure *failure)
{
	int ret = ask(b, failure);

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

/* Somebody runs a VM twice, or a copy that has kept its UUID: told once of each process. */
static void tell_second(struct bound *b, pid_t second)
{
	char name[BIND_NAME_SIZE];

	if (second == b->request.pid || second == b->second)
		return;
	b->second = second;
	bind_name(b, name);
	log_line(LOG_WARNING, "%s: process %d has this UUID and is bound: process %d, which has it too, is "
		 "refused", name + strlen(BIND_PREFIX), b->request.pid, second);
}

/* Records of earlier releases have no manager: whoever keeps it from now on says so. */
static int take_over(struct bound *b, const struct bind_request *request, struct failure *failure)
{
	if (!*request->manager || *b->request.manager)
		return 0;
	strcpy(b->request.manager, request->manager);
	return b->fresh ? 0 : bind_write_record(b, failure);
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
		is_not_bound(b, ret, failure);
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
		forget(b, -ESRCH, "it has ended");
		b = NULL;
	} else if (b && gives_way(b, request)) {
		forget(b, -EBUSY, "it is wanted otherwise");
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
	forget(b, -EBUSY, "unbound meanwhile, as asked");
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
