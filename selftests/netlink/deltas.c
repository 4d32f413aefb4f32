// SPDX-License-Identifier: GPL-2.0
/* Owns what a test says of the module's counters: these have moved, and no others. */
#include "deltas.h"

#include <selftests/lib/tap.h>

static struct client netlink;
static struct client_status before, after;

static uint64_t moved(unsigned int i)
{
	tap_need(!strcmp(before.counter[i].name, after.counter[i].name));
	return after.counter[i].value - before.counter[i].value;
}

static const struct delta *wanted(const struct delta *deltas, const char *name)
{
	for (; deltas->name; deltas++)
		if (!strcmp(deltas->name, name))
			return deltas;
	return NULL;
}

static bool counters_moved(const struct delta *deltas)
{
	tap_need_eq(client_status(&netlink, &after), 0);
	for (unsigned int i = 0; i < after.counters; i++) {
		const struct delta *d = wanted(deltas, after.counter[i].name);

		if (moved(i) != (d ? d->by : 0))
			return false;
	}
	return true;
}

void deltas_expect(void (*happens)(void), const struct delta *deltas)
{
	if (!netlink.sock)
		client_need(&netlink);
	tap_need_eq(client_status(&netlink, &before), 0);
	for (const struct delta *d = deltas; d->name; d++) {
		unsigned int i = 0;

		while (i < before.counters && strcmp(before.counter[i].name, d->name))
			i++;
		tap_need_msg(i < before.counters, "no counter \"%s\"", d->name);
	}
	happens();
	if (tap_wait(counters_moved(deltas)))
		return;
	for (unsigned int i = 0; i < after.counters; i++) {
		const struct delta *d = wanted(deltas, after.counter[i].name);

		if (moved(i) != (d ? d->by : 0))
			tap_diag("%s moved by %llu, not %llu", after.counter[i].name,
				 (unsigned long long)moved(i),
				 (unsigned long long)(d ? d->by : 0));
	}
	tap_fail(__FILE__, __LINE__, "counters did not move as they should");
}
