/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: each step of a binding's, a connection's and a request's life, each refusal. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM azattest

#if !defined(AZATTEST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define AZATTEST_TRACE_H

#include <linux/tracepoint.h>

#ifndef AZATTEST_TRACE_STEPS
#define AZATTEST_TRACE_STEPS
/* Steps of a request; the numbers are local to a trace. */
enum azattest_step {
	AZATTEST_STEP_QUEUE,
	AZATTEST_STEP_TAKE,
	AZATTEST_STEP_REQUEUE,
	AZATTEST_STEP_FINISH,
	AZATTEST_STEP_CANCEL,
};
#endif

TRACE_EVENT(azattest_refuse,
	TP_PROTO(const char *reason, u32 cid),
	TP_ARGS(reason, cid),
	TP_STRUCT__entry(
		__array(char, reason, 32)
		__field(u32, cid)
	),
	TP_fast_assign(
		strscpy(__entry->reason, reason, 32);
		__entry->cid = cid;
	),
	TP_printk("reason=%s cid=%u", __entry->reason, __entry->cid)
);

TRACE_EVENT(azattest_binding,
	TP_PROTO(u32 kind, u64 generation, u32 cid),
	TP_ARGS(kind, generation, cid),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u32, kind)
		__field(u32, cid)
	),
	TP_fast_assign(
		__entry->generation = generation;
		__entry->kind = kind;
		__entry->cid = cid;
	),
	TP_printk("kind=%s generation=%llu cid=%u",
		  __print_symbolic(__entry->kind, { 1, "bound" }, { 2, "unbound" },
				   { 3, "cid-lost" }),
		  __entry->generation, __entry->cid)
);

TRACE_EVENT(azattest_conn,
	TP_PROTO(bool open, u64 generation, u32 cid),
	TP_ARGS(open, generation, cid),
	TP_STRUCT__entry(
		__field(u64, generation)
		__field(u32, cid)
		__field(bool, open)
	),
	TP_fast_assign(
		__entry->generation = generation;
		__entry->cid = cid;
		__entry->open = open;
	),
	TP_printk("%s generation=%llu cid=%u", __entry->open ? "open" : "close",
		  __entry->generation, __entry->cid)
);

TRACE_EVENT(azattest_request,
	TP_PROTO(u32 step, u64 cookie, u64 generation, u32 attempt, u32 status),
	TP_ARGS(step, cookie, generation, attempt, status),
	TP_STRUCT__entry(
		__field(u64, cookie)
		__field(u64, generation)
		__field(u32, step)
		__field(u32, attempt)
		__field(u32, status)
	),
	TP_fast_assign(
		__entry->cookie = cookie;
		__entry->generation = generation;
		__entry->step = step;
		__entry->attempt = attempt;
		__entry->status = status;
	),
	TP_printk("step=%s cookie=%016llx generation=%llu attempt=%u status=%u",
		  __print_symbolic(__entry->step, { AZATTEST_STEP_QUEUE, "queue" },
				   { AZATTEST_STEP_TAKE, "take" },
				   { AZATTEST_STEP_REQUEUE, "requeue" },
				   { AZATTEST_STEP_FINISH, "finish" },
				   { AZATTEST_STEP_CANCEL, "cancel" }),
		  __entry->cookie, __entry->generation, __entry->attempt, __entry->status)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
