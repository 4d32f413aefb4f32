// SPDX-License-Identifier: GPL-2.0
// Owns how long to wait before something that failed is tried again.

#include "core.h"

#define FIRST_MS	250
#define LAST_MS		30000

bool backoff_ready(const struct backoff *backoff)
{
	return !backoff->failures || watch_now_ms() >= backoff->next_ms;
}

void backoff_failed(struct backoff *backoff)
{
	int64_t wait = LAST_MS;

	if (backoff->failures < 7)
		wait = (int64_t)FIRST_MS << backoff->failures;
	backoff->failures++;
	backoff->next_ms = watch_now_ms() + (wait < LAST_MS ? wait : LAST_MS);
}

void backoff_clear(struct backoff *backoff)
{
	backoff->failures = 0;
}
