// SPDX-License-Identifier: GPL-2.0
// Owns what failed: which domains are tried again, each at growing distances.

#include <userspace/libvirt/libvirt.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_MAX_MS	30000

struct again {
	struct again *next;
	virDomainPtr domain;	/* NULL: all of them */
	char *why;
	int pause_ms;		/* before the next time but one */
	int64_t due_ms;
};

static struct again *first;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static bool same(virDomainPtr a, virDomainPtr b)
{
	unsigned char one[VIR_UUID_BUFLEN], other[VIR_UUID_BUFLEN];

	if (!a || !b)
		return a == b;
	return !virDomainGetUUID(a, one) && !virDomainGetUUID(b, other) && !memcmp(one, other, sizeof(one));
}

/* Where the one of this domain is linked, or the list's end. */
static struct again **find(virDomainPtr domain)
{
	struct again **place = &first;

	while (*place && !same((*place)->domain, domain))
		place = &(*place)->next;
	return place;
}

int again_longer(int pause_ms)
{
	return pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
}

static void *need(void *memory)
{
	if (memory)
		return memory;
	log_line(LOG_CRIT, "no memory");
	exit(EXIT_FAILURE);
}

bool again_later(virDomainPtr domain, const char *why)
{
	struct again **place = find(domain), *again = *place;
	bool news = why && !(again && again->why && !strcmp(again->why, why));

	if (!again) {
		again = need(calloc(1, sizeof(*again)));
		again->pause_ms = AGAIN_MIN_MS;
		again->domain = domain;
		if (domain)
			virDomainRef(domain);
		*place = again;
	}
	if (news) {
		free(again->why);
		again->why = need(strdup(why));
	}
	again->due_ms = now_ms() + again->pause_ms;
	again->pause_ms = again_longer(again->pause_ms);
	return news;
}

static void drop(struct again **place)
{
	struct again *again = *place;

	*place = again->next;
	if (again->domain)
		virDomainFree(again->domain);
	free(again->why);
	free(again);
}

void again_done(virDomainPtr domain)
{
	struct again **place = find(domain);

	if (*place)
		drop(place);
}

void again_forget(void)
{
	while (first)
		drop(&first);
}

bool again_due(virDomainPtr *domain)
{
	int64_t now = now_ms();

	for (struct again *again = first; again; again = again->next) {
		if (again->due_ms > now)
			continue;
		*domain = again->domain;
		return true;
	}
	return false;
}

int again_wait_ms(void)
{
	int64_t wait = INT_MAX, now = now_ms();

	for (struct again *again = first; again; again = again->next)
		if (again->due_ms - now < wait)
			wait = again->due_ms - now;
	return !first ? -1 : wait > 0 ? (int)wait : 0;
}
