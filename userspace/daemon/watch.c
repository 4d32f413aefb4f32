// SPDX-License-Identifier: GPL-2.0
// Owns the one epoll descriptor and who is called for which other.

#include <userspace/daemon/daemon.h>

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MANY	64

static int epoll = -1;

/* What is ready and was not called yet; what is closed meanwhile is taken out. */
static struct epoll_event pending[MANY];
static int pending_next, pending_end;

int watch_open(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -errno : 0;
}

int watch_add(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, watch->fd, &event) ? -errno : 0;
}

int watch_change(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(epoll, EPOLL_CTL_MOD, watch->fd, &event) ? -errno : 0;
}

void watch_close(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	epoll_ctl(epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	close(watch->fd);
	watch->fd = -1;
	for (int i = pending_next; i < pending_end; i++)
		if (pending[i].data.ptr == watch)
			pending[i].data.ptr = NULL;
}

void watch_wait(int timeout_ms)
{
	struct epoll_event event;
	struct watch *watch;

	if (epoll_wait(epoll, &event, 1, timeout_ms) != 1)
		return;
	watch = event.data.ptr;
	watch->ready(watch, event.events);
}

void watch_wait_many(int timeout_ms)
{
	struct epoll_event event;
	struct watch *watch;

	pending_next = 0;
	pending_end = epoll_wait(epoll, pending, MANY, timeout_ms);
	while (pending_next < pending_end) {
		event = pending[pending_next++];
		watch = event.data.ptr;
		if (watch)
			watch->ready(watch, event.events);
	}
	pending_next = pending_end = 0;
}

int64_t watch_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
