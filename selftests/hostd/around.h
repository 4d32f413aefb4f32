/* SPDX-License-Identifier: GPL-2.0 */
/* What bind.c of azattest-hostd has around it: link with around.c and --wrap=watch_now_ms. */
#ifndef SELFTESTS_HOSTD_AROUND_H
#define SELFTESTS_HOSTD_AROUND_H

#include <stdint.h>

#define AROUND_CID	4100u	/* of each binding, as the module tells it */

extern struct around {
	int64_t later_ms;		/* the clock is that much ahead */
	unsigned int bound_devices;	/* how often module_bind() has bound one */
	int bind_fails;			/* what module_bind() returns instead; 0: it binds */
} around;

#endif
