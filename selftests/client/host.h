/* SPDX-License-Identifier: GPL-2.0 */
/* A host that answers frames as it is told, in a child behind a socket, and a fetch from it. */
#ifndef SELFTESTS_CLIENT_HOST_H
#define SELFTESTS_CLIENT_HOST_H

#include <linux/azattest_frame.h>

#include <selftests/lib/tap.h>
#include <userspace/lib/azattest.h>

#define HOST_TIMEOUT_MS	20000
#define HOST_HEADER	sizeof(struct azattest_frame)

/* What the fake host does with a request. */
struct host {
	struct azattest_frame reply;	/* id and magic are filled in, then ... */
	uint32_t xor_magic, xor_id;	/* ... altered */
	size_t payload;			/* bytes sent after the header */
	size_t cut;			/* bytes left out at the end */
	size_t extra;			/* bytes sent after all */
	size_t step;			/* bytes a time; 0: all at once */
	bool silent;			/* reads, never answers */
	bool deaf;			/* answers and hangs up unasked */
};

/* A right reply of that type and length. */
struct host host_good(uint8_t type, uint32_t payload);

struct host_stage {
	int fd;
	const struct host *host;
};

/* In a child: takes one request and answers it; @arg is its struct host_stage. */
int host_play(void *arg);

struct host_outcome {
	struct azattest_fault fault;
	unsigned char *der;
	size_t len;
};

/* One fetch of that type on @fd; a document's nonce is "abc". */
int host_fetch(int fd, uint8_t type, int timeout_ms, struct host_outcome *o);
/* The same, with @h in a child at the other end. */
int host_fetch_from(const struct host *h, uint8_t type, int timeout_ms, struct host_outcome *o);
/* Its code must be that one. */
void host_need(const struct host *h, uint8_t type, int code);

#endif
