/* SPDX-License-Identifier: GPL-2.0 */
/* The counters: what happened and why something was refused, since the module was loaded. */
#ifndef AZATTEST_COUNTERS_H
#define AZATTEST_COUNTERS_H

#include <linux/atomic.h>

/* X(name, meaning). The names are stable: netlink shows them, docs/counters.md lists them. */
#define AZATTEST_COUNTERS(X) \
	X(bound, "bindings made") \
	X(unbound, "bindings ended") \
	X(cid_lost, "bindings ended because their CID went to another VM") \
	X(bind_denied, "BIND or ATTACH without the right to, or a file not O_RDWR") \
	X(bind_refused, "BIND or ATTACH refused for another reason") \
	X(accepted, "vsock connections accepted from bound VMs") \
	X(refused_special_cid, "vsock connections from a CID that is never a VM") \
	X(refused_unbound, "vsock connections from a CID without binding") \
	X(refused_accept_rate, "vsock connections over accept_rate") \
	X(refused_cid_connections, "vsock connections over connections_per_cid") \
	X(refused_connections, "vsock connections over connections") \
	X(refused_memory, "connections, requests or replies dropped for want of memory") \
	X(closed_by_peer, "vsock connections closed by the guest") \
	X(closed_timeout, "vsock connections closed over frame_ms") \
	X(closed_bad_frame, "vsock connections closed after a bad frame") \
	X(closed_busy, "vsock connections closed after too many BUSY in a row") \
	X(closed_replies, "vsock connections closed after the limit of replies") \
	X(closed_unbound, "vsock connections closed because their binding ended") \
	X(frame_bad, "frames and calls refused because they break a rule") \
	X(frame_unsupported, "frames refused as UNSUPPORTED") \
	X(hello, "HELLO answered") \
	X(requests, "requests queued") \
	X(busy_rate, "requests refused over request_rate") \
	X(busy_queue, "requests refused over queue or queue_per_binding") \
	X(ended, "requests that ended with their binding, or came after it") \
	X(status_ok, "requests answered OK") \
	X(status_retry, "requests answered RETRY") \
	X(status_expired, "requests answered EXPIRED") \
	X(status_denied, "requests answered DENIED") \
	X(status_bad_request, "requests answered BAD_REQUEST by a signer") \
	X(status_unsupported, "requests answered UNSUPPORTED by a signer") \
	X(status_fault, "requests answered FAULT") \
	X(cancelled, "requests given up by who asked") \
	X(deadline, "requests that met their deadline unanswered") \
	X(attempt_timeout, "requests taken from a signer over attempt_ms") \
	X(requeued, "requests put back to the queue's front") \
	X(poisoned, "requests given up after three attempts") \
	X(answers_late, "answers for a cookie that the signer did not hold") \
	X(answers_bad, "answers and calls of signers that break a rule") \
	X(signers_joined, "signers that joined") \
	X(signers_left, "signers that left") \
	X(signer_version, "signers refused for their protocol version")

enum azattest_counter {
#define X(name, text) AZATTEST_COUNT_##name,
	AZATTEST_COUNTERS(X)
#undef X
	AZATTEST_COUNTER_COUNT
};

extern const char *const azattest_counter_names[AZATTEST_COUNTER_COUNT];
extern atomic64_t azattest_counters[AZATTEST_COUNTER_COUNT];

#define azattest_count(name) atomic64_inc(&azattest_counters[AZATTEST_COUNT_##name])

/* A guest or caller was refused: counts it and leaves a tracepoint with the reason's name. */
void azattest_counters_refuse(enum azattest_counter counter, u32 cid);

#define azattest_refuse(name, cid) azattest_counters_refuse(AZATTEST_COUNT_##name, cid)

#endif
