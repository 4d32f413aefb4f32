// SPDX-License-Identifier: GPL-2.0
// Owns the one epoll descriptor and who is called for which other.

#include <userspace/daemon/daemon.h>

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MANY		64
#define FULL_PAUSE_MS	200	/* of a listener that found no room */

static int epoll = -1;

/* What is ready and was not called yet; what is closed meanwhile is taken out. */
static struct epoll_event pending[MANY];
static int pending_next, pending_end;

/* Those that are not heard for a while. */
static struct watch *paused;

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
	watch->pause_ms = 0;
	for (struct watch **place = &paused; *place; place = &(*place)->next)
		if (*place == watch) {
			*place = watch->next;
			break;
		}
	for (int i = pending_next; i < pending_end; i++)
		if (pending[i].data.ptr == watch)
			pending[i].data.ptr = NULL;
}

void watch_pause(struct watch *watch, int ms)
{
	if (watch->pause_ms || watch_change(watch, 0))
		return;
	watch->pause_ms = watch_now_ms() + ms;
	watch->next = paused;
	paused = watch;
}

int watch_accept(struct watch *watch, struct sockaddr *peer, socklen_t *size)
{
	int fd = accept4(watch->fd, peer, size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int error = errno;

	if (fd < 0 && (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM))
		watch_pause(watch, FULL_PAUSE_MS);
	errno = error;
	return fd;
}

/* Those whose pause is over are heard again; how long to wait at most. */
static int end_pauses(int timeout_ms)
{
	struct watch **place = &paused;
	int64_t now = watch_now_ms();

	while (*place) {
		int64_t left = (*place)->pause_ms - now;

		if (left <= 0) {
			watch_change(*place, EPOLLIN);
			(*place)->pause_ms = 0;
			*place = (*place)->next;
			continue;
		}
		if (timeout_ms < 0 || left < timeout_ms)
			timeout_ms = (int)left;
		place = &(*place)->next;
	}
	return timeout_ms;
}

void watch_wait(int timeout_ms)
{
	struct epoll_event event;
	struct watch *watch;

	if (paused)
		timeout_ms = end_pauses(timeout_ms);
	if (epoll_wait(epoll, &event, 1, timeout_ms) != 1)
		return;
	watch = event.data.ptr;
	watch->ready(watch, event.events);
}

void watch_wait_many(int timeout_ms)
{
	struct epoll_event event;
	struct watch *watch;

	if (paused)
		timeout_ms = end_pauses(timeout_ms);
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
