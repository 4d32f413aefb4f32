// SPDX-License-Identifier: GPL-2.0
/* The counters and, beside each refusal, its tracepoint. */
#include "counters.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

const char *const azattest_counter_names[AZATTEST_COUNTER_COUNT] = {
#define X(name, text) [AZATTEST_COUNT_##name] = #name,
	AZATTEST_COUNTERS(X)
#undef X
};

atomic64_t azattest_counters[AZATTEST_COUNTER_COUNT];

void azattest_counters_refuse(enum azattest_counter counter, u32 cid)
{
	atomic64_inc(&azattest_counters[counter]);
	trace_azattest_refuse(azattest_counter_names[counter], cid);
}
