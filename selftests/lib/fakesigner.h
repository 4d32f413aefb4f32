/* SPDX-License-Identifier: GPL-2.0 */
/* A user of /dev/azattest-signer that has no key: honest, late, wrong, dead. */
#ifndef SELFTESTS_LIB_FAKESIGNER_H
#define SELFTESTS_LIB_FAKESIGNER_H

#include <linux/azattest_signer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What it "signs": the request as the module told it, so that a test can prove
 * whose document it holds.
 */
#define FAKESIGNER_MAGIC	"azattest null document\n"

struct fakesigner_document {
	char magic[sizeof(FAKESIGNER_MAGIC)];	/* 24 bytes */
	struct azattest_signer_request request;
	uint64_t serial;	/* counts this signer's documents, from 1 */
	uint64_t signer;	/* generation it joined with */
};

/* Copies it out; false: not one whole document of a fake signer. */
bool fakesigner_parse(const void *der, size_t len, struct fakesigner_document *doc);

/* Is it for VM `number` (see azbind_uuid) and this nonce? */
bool fakesigner_is_for(const void *der, size_t len, uint32_t number,
		       const void *nonce, size_t nonce_len);

/* ---- Bare calls, for tests of the device itself; -errno on failure ---- */

int fakesigner_open(void);	/* O_RDWR | O_CLOEXEC, not joined */
int fakesigner_join(int fd, uint32_t slots, uint32_t host_state, uint64_t generation);

/* Waits up to timeout_ms for one request: 1, 0 or -errno. */
int fakesigner_take(int fd, struct azattest_signer_request *req, int timeout_ms);

/* Writes one answer: 0 or -errno. */
int fakesigner_answer(int fd, uint64_t cookie, uint32_t status, const void *der, uint32_t len);

/* The document for req, as the running signer makes it; its length. */
size_t fakesigner_document(void *der, const struct azattest_signer_request *req,
			   uint64_t serial, uint64_t signer);

/* ---- A signer that runs beside the test, in a process of its own ---- */

enum fakesigner_mode {
	FAKESIGNER_ANSWER,	/* at once, with `status` */
	FAKESIGNER_LATE,	/* after `delay_ms`, with `status` */
	FAKESIGNER_TWICE,	/* the same answer twice */
	FAKESIGNER_NEVER,	/* takes requests and keeps them */
	FAKESIGNER_TRUNCATED,	/* answer shorter than it claims; then honest */
	FAKESIGNER_FOREIGN,	/* a cookie it was never given; then honest */
	FAKESIGNER_WRONG,	/* unknown status; then honest */
	FAKESIGNER_DIE,		/* exits with the request in hand */
};

struct fakesigner_options {
	enum fakesigner_mode mode;
	uint32_t slots;		/* 0: AZATTEST_SIGNER_SLOTS_MAX */
	uint32_t host_state;	/* 0: AZATTEST_HOST_READY */
	uint64_t generation;	/* 0: 1 */
	uint32_t status;	/* of answers; 0: OK with a document */
	uint32_t delay_ms;	/* for LATE */
	uint32_t length;	/* pad documents to this; 0: no padding */
	bool exchange;		/* by EXCHANGE instead of read and write */
};

/* In memory shared with the signer's process. */
struct fakesigner {
	pid_t pid;
	volatile struct fakesigner_options options;	/* may be changed live */
	volatile uint64_t taken;	/* requests */
	volatile uint64_t answered;	/* answers that the module took */
	volatile uint64_t refused;	/* answers that it did not */
	volatile int last_refusal;	/* errno of the last of those */
	volatile int ready;		/* joined: 1; could not: -errno */
	volatile struct azattest_signer_request last;	/* newest taken */
	/* Counts requests that must not be: this VM with this nonce (a string). */
	volatile uint8_t trap_uuid[AZATTEST_UUID_LEN];
	volatile char trap_nonce[AZATTEST_NONCE_MAX + 1];
	volatile uint64_t trapped;
};

/* Returns when it has joined; breaks the promise if it cannot. */
struct fakesigner *fakesigner_start(const struct fakesigner_options *options);

/* SIGKILL and wait: what it held goes back to the queue. */
void fakesigner_kill(struct fakesigner *s);

#endif /* SELFTESTS_LIB_FAKESIGNER_H */
