/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A module for signers to talk to where none can be loaded: a file that the
 * test and the signers map. The signer program is the real one, linked with an
 * ioctl() of ours (--wrap): its filter, its loop and its documents are what is
 * tested; the kernel's half is a table of requests.
 */
#ifndef SELFTESTS_AZATTESTD_FAKEMODULE_H
#define SELFTESTS_AZATTESTD_FAKEMODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/azattest_signer.h>

#define FAKEMODULE_REQUESTS	128

enum fakemodule_state { FAKE_FREE, FAKE_QUEUED, FAKE_TAKEN, FAKE_ANSWERED };

struct fakemodule_request {
	uint32_t state;
	int32_t holder;			/* pid of the signer */
	uint64_t generation;		/* it joined with */
	struct azattest_signer_request request;
	struct azattest_signer_answer answer;
	uint8_t document[AZATTEST_DOCUMENT_MAX];
};

/**
 * struct fakemodule
 * @version:    it claims to speak; set by the test
 * @defect:     FAKEMODULE_DEFECT_*: what the signer does instead of its work
 * @early:      answers that came before the signer had reported them
 * @wake:       futex: counts what signers should look at
 */
struct fakemodule {
	uint32_t version;
	uint32_t defect;
	uint32_t wake;
	uint32_t joins;
	uint32_t host_state;
	uint32_t slots;
	uint32_t early;
	uint64_t generation;
	uint64_t next_round;	/* a cookie is this and its request's place */
	struct fakemodule_request request[FAKEMODULE_REQUESTS];
};

#define FAKEMODULE_DEFECT_NONE		0
#define FAKEMODULE_DEFECT_DIE_IN_JOIN	1
#define FAKEMODULE_DEFECT_OPEN		2	/* forbidden calls, in EXCHANGE */
#define FAKEMODULE_DEFECT_SOCKET	3
#define FAKEMODULE_DEFECT_OTHER_IOCTL	4
#define FAKEMODULE_DEFECT_WRITE_STDERR	5
#define FAKEMODULE_DEFECT_MMAP		6
#define FAKEMODULE_DEFECT_HANG_IN_JOIN	7	/* for as long as it is there */

/* For tests. The file is made anew. */
struct fakemodule *fakemodule_make(const char *path);
/* Queues an ATTEST; its place in the table, or -1. */
int fakemodule_ask(struct fakemodule *module, uint32_t api_version, const char *nonce,
		   const char *profile);
int fakemodule_queue(struct fakemodule *module, const struct azattest_signer_request *request);
bool fakemodule_answered(const struct fakemodule *module, int place);
/* What the real one does when a signer's file is closed. */
void fakemodule_requeue(struct fakemodule *module, pid_t holder);
void fakemodule_free(struct fakemodule *module, int place);
void fakemodule_wake(struct fakemodule *module);

#endif
