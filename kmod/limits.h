/* SPDX-License-Identifier: GPL-2.0 */
/* Every number that bounds something, with its reason. Wire numbers are in the UAPI headers. */
#ifndef AZATTEST_LIMITS_H
#define AZATTEST_LIMITS_H

#include <linux/types.h>
#include <linux/uio.h>

/*
 * X(name, default, min, max, description): module parameters, changeable at
 * run time, also by AZATTEST_CMD_LIMIT_SET.
 */
#define AZATTEST_LIMITS(X) \
	X(bindings, 8192, 0, 65536, "live bindings") \
	X(grants, 1024, 0, 65536, "unused grants") \
	X(queue, 4096, 1, 65536, "open requests of all VMs") \
	X(queue_per_binding, 64, 1, 4096, "open requests of one VM") \
	X(connections, 16384, 0, 1048576, "open vsock connections of all VMs") \
	X(connections_per_cid, 16, 1, 4096, "open vsock connections of one VM") \
	X(replies, 128, 1, 1000000000, "replies on one vsock connection, then it is closed") \
	X(accept_rate, 50, 1, 1000000, "vsock connections per second of one CID") \
	X(accept_burst, 100, 1, 1000000, "vsock connections at once of one CID") \
	X(request_rate, 5, 0, 1000000, "requests per second of one VM, 0: no limit") \
	X(request_burst, 20, 1, 1000000, "requests at once of one VM") \
	X(deadline_ms, 5000, 10, 60000, "time for an answer, in ms") \
	X(attempt_ms, 1500, 10, 60000, "time for one signer to answer, in ms") \
	X(frame_ms, 5000, 10, 60000, "time to send a frame or take a reply, in ms")

/* Connections that wait for accept; the listener empties it at once. */
#define AZATTEST_BACKLOG 1024

/* Accepts in a row before others that wait for the listener have their turn. */
#define AZATTEST_ACCEPTS 64

/*
 * Receive credit of a connection: a guest may send no more than this unread. A
 * request is less than 100 bytes; the rest is for who sends several at once.
 */
#define AZATTEST_CREDIT (16 * 1024)

/* BUSY replies in a row after which a vsock connection is closed. */
#define AZATTEST_BUSY_MAX 8

/* How often bindings are checked for a VMM that went away unseen, in ms. */
#define AZATTEST_SWEEP_MS 1000

/* Refused BINDs are told to listeners at most so often: any caller can cause them. */
#define AZATTEST_REFUSED_EVENTS_PER_S 20

/* Answers that are read from one call; a longer write is taken in part. */
#define AZATTEST_SIGNER_BATCH_MAX (1024 * 1024)

struct azattest_limit {
	const char *name;
	unsigned int value;
	unsigned int min;
	unsigned int max;
};

enum azattest_limit_id {
#define X(name, def, min, max, text) AZATTEST_LIMIT_##name,
	AZATTEST_LIMITS(X)
#undef X
	AZATTEST_LIMIT_COUNT
};

extern struct azattest_limit azattest_limits[AZATTEST_LIMIT_COUNT];

/* The limit's value now. */
#define azattest_limit(name) READ_ONCE(azattest_limits[AZATTEST_LIMIT_##name].value)

/* Sets a limit by name: 0, -ENOENT, or -ERANGE. */
int azattest_limits_set(const char *name, unsigned int value);

/**
 * struct azattest_bucket - a token bucket
 * @full_at: when the bucket would be full again, in ns of ktime
 *
 * The caller serialises.
 */
struct azattest_bucket {
	u64 full_at;
};

/* Takes a token: false if there is none. @rate per second; 0 means always true. */
bool azattest_limits_take(struct azattest_bucket *bucket, unsigned int rate, unsigned int burst);

#endif
