// SPDX-License-Identifier: GPL-2.0
// Owns which VMs azattest-take is asked about, and in which order: a process each, few at once, as some may hang.

#include "core.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <userspace/take/take.h>

static unsigned int count_asking(const struct hostd *hostd)
{
	unsigned int count = 0;

	for (const struct bound *b = hostd->bound; b; b = b->next)
		count += taker_busy(&b->taker);
	return count;
}

int bind_ask(struct bound *b, struct failure *failure)
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
		ret = bind_ask(b, &failure);
		if (ret)
			bind_failed(b, ret, &failure);
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
		bind_failed(b, -ECONNREFUSED, &failure);
	}
}

void bind_settle(struct hostd *hostd)
{
	struct bound *next;

	end_questions(hostd);
	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (b->owner.fd < 0 && process_gone(b->request.pid, b->pid_start))
			bind_forget(b, -ESRCH, "it has ended");
	}
	ask_the_next(hostd);
	for (struct bound *b = hostd->bound; b; b = next) {
		next = b->next;
		if (b->owner.fd < 0 && !taker_busy(&b->taker))
			wait_on(b);
	}
}
