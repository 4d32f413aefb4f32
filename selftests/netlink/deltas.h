/* SPDX-License-Identifier: GPL-2.0 */
/* What a test says of the module's counters: these have moved, and no others. */
#ifndef SELFTESTS_NETLINK_DELTAS_H
#define SELFTESTS_NETLINK_DELTAS_H

#include "client.h"

struct delta {
	const char *name;
	uint64_t by;
};

/*
 * Runs what happens; then exactly these counters have moved, by that much, or
 * the promise is broken. The last of @deltas has no name.
 */
void deltas_expect(void (*happens)(void), const struct delta *deltas);

#define EXPECT(happens, ...) \
	deltas_expect(happens, (const struct delta[]) { __VA_ARGS__, { NULL, 0 } })

#endif /* SELFTESTS_NETLINK_DELTAS_H */
