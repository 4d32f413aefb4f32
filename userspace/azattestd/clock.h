/* SPDX-License-Identifier: GPL-2.0 */
/* Whether this host's clock can be believed. */
#ifndef AZATTESTD_CLOCK_H
#define AZATTESTD_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct azattestd;

/* clock.c */

#define CLOCK_BOOT	40	/* boot_id of the kernel */

enum clock_doubt { CLOCK_FINE, CLOCK_NEVER_SET, CLOCK_BEHIND, CLOCK_JUMPED };

struct clock {
	int64_t seen;		/* the latest time that was believed; 0: none */
	int64_t kept_ms;	/* when that was written down; 0: not yet */
	int64_t last;		/* at the last look */
	int64_t offset;		/* of the time since boot to the clock, then */
	bool looked;		/* there is an @offset */
	int64_t jump;		/* the last time it was set, by so much; 0: never */
	int64_t jumped_at;
	char boot[CLOCK_BOOT];
};

/* Since boot. A host that was suspended does what became due meanwhile when it wakes. */
int64_t clock_boot_ms(void);
void clock_open(struct azattestd *d);
void clock_tick(struct azattestd *d);
void clock_close(struct azattestd *d);
/* There is a new certificate. */
void clock_confirm(struct azattestd *d);
/* Before this there was no azattest: such a clock begins with 1970, or with a build. */
#define CLOCK_FIRST	1704067200LL	/* 2024-01-01 */
static inline bool clock_never_set(int64_t now)
{
	return now < CLOCK_FIRST;
}

enum clock_doubt clock_doubt(const struct clock *clock, int64_t now);
/* Whether the certificate had not ended, had nobody set the clock ahead. */
bool clock_explains_end(const struct clock *clock, int64_t now, int64_t not_after);
/* What speaks against the clock, "" if nothing does. */
void clock_describe(const struct clock *clock, int64_t now, char *out, size_t size);

#endif
