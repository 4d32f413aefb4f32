/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-signer, the process that holds the key and nothing else.
 *
 *   main.c     the order in which rights are given up
 *   arena.c    memory that others cannot read, or at least is not swapped: libcrypto's and the stack
 *   fence.c    user, capabilities, system calls
 *   key.c      struct setup -> struct signer, and the self-test
 *   answer.c   one request -> one answer          } library azsigner
 *   loop.c     batches from the module and back   }
 *   makekey.c  --make-key: a new key and its certificate request
 */
#ifndef AZATTEST_SIGNER_H
#define AZATTEST_SIGNER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/azattest_signer.h>
#include <userspace/common/common.h>
#include <userspace/document/document.h>
#include <userspace/seal/seal.h>

/* answer.c */

struct signer_profile {
	const char *name;
	struct content_fields fields;
};

/**
 * struct signer - what answers are made of [set before the first answer]
 * @cms:        key and leaf
 * @not_before: of the leaf, seconds since 1970
 * @not_after:  the same
 * @issuer:     the issuing certificate, DER
 * @profile:    [0] is the default profile
 */
struct signer {
	struct cms *cms;
	int64_t not_before;
	int64_t not_after;
	const uint8_t *issuer;
	size_t issuer_len;
	struct signer_profile profile[1 + SETUP_PROFILES_MAX];
	unsigned int profiles;
};

/* Room for any answer. */
#define ANSWER_MAX	AZATTEST_SIGNER_ANSWER_SPACE(AZATTEST_DOCUMENT_MAX)

/*
 * Writes struct azattest_signer_answer and the document, padded, to @out of
 * ANSWER_MAX bytes; returns the bytes used. Every request has an answer:
 *
 *   OK           a document, or for ISSUER the issuing certificate
 *   UNSUPPORTED  unknown type; an api-version without a document
 *   BAD_REQUEST  nonce out of its byte table
 *   DENIED       no such profile
 *   EXPIRED      the certificate is not valid at @now
 *   FAULT        the configured fields do not fit; libcrypto failed
 *
 * What it was goes to @report (kind REQUEST) unless it is NULL.
 */
size_t answer_make(struct signer *signer, const struct azattest_signer_request *request,
		   int64_t now, void *out, struct report *report);

/* AZATTEST_HOST_READY or _EXPIRED. */
uint32_t answer_host_state(const struct signer *signer, int64_t now);

/* loop.c */

/**
 * struct loop - a signer at work
 * @device:     open /dev/azattest-signer
 * @report:     pipe for struct report, non-blocking; -1: none
 * @must_report: an answer that cannot be reported becomes RETRY
 * @stop:       set by a signal handler: finish what is held, then return
 */
struct loop {
	struct signer *signer;
	int device;
	int report;
	bool must_report;
	uint32_t slots;
	uint64_t generation;
	const volatile sig_atomic_t *stop;

	uint32_t host_state;	/* as the module was told */
	uint32_t lost;		/* reports that found the pipe full */
	size_t answers_len;	/* of @answers, not yet taken by the module */
	struct azattest_signer_request *requests;	/* [slots] */
	struct report *reports;				/* [slots] */
	uint8_t *answers;				/* [slots * ANSWER_MAX] */
};

/* Allocates what a batch needs: 0 or -ENOMEM. */
int loop_open(struct loop *loop);
void loop_close(struct loop *loop);

/*
 * Tells the module who we are.
 *   -EPROTO  it speaks another version, which *@version gets
 *   -errno   of the ioctl
 */
int loop_join(struct loop *loop, uint32_t *version);

/*
 * Answers until @stop (0), until the control process is gone (-EPIPE) or the
 * device fails (-errno). Allocates nothing; its only system calls are ioctl
 * and write on its two descriptors.
 */
int loop_run(struct loop *loop);

/* arena.c */

/*
 * Makes libcrypto allocate from secret memory, or where the kernel has none
 * from locked memory that core dumps leave out. To be called before anything of
 * libcrypto: an enum arena_memory or -errno (RLIMIT_MEMLOCK: -ENOMEM).
 */
int arena_open(void);
/*
 * Ends the process with what @work returns, which runs on a stack in that memory:
 * libcrypto leaves an ECDSA signature's nonce on the stack, and who has one
 * has the key. Needs rt_sigprocmask(2), so before the fence is closed.
 */
void arena_run(int (*work)(void)) __attribute__((noreturn));
void *arena_alloc(size_t size);
void *arena_realloc(void *p, size_t size);
void arena_free(void *p);
/* Bytes that were ever taken, for a test and for finding leaks. */
size_t arena_used(void);

/* fence.c */

/* No core dump, no ptrace, no descriptors of others; ends with its parent. */
int fence_begin(unsigned int last_fd);
/* Becomes the user for good, without capabilities. */
int fence_drop(uid_t uid, gid_t gid, pid_t parent);

enum fence_kind { FENCE_SIGN, FENCE_MAKE_KEY, FENCE_KEEP };

/* From here on any other system call kills the process. 0 or -errno. */
int fence_close(enum fence_kind kind);

/* key.c */

/*
 * Reads key and certificates, wipes the key out of @setup, signs and verifies
 * once. @grant opens a sealed key, and is wiped; else NULL. @setup must live as
 * long as @signer. *@why says what failed.
 *   -EINVAL  something does not parse; -EKEYREJECTED do not belong together;
 *   -EBADMSG the sealed key does not open
 *   -EIO     self-test failed; -ENOMEM
 */
int key_open(struct signer *signer, struct setup *setup, struct seal_grant *grant,
	     const char **why);

/* makekey.c */

/*
 * Key to SIGNER_FD_KEY_FILE (PEM, sealed if there is a @grant), its request for
 * @name to SIGNER_FD_REQUEST (DER).
 */
int makekey_run(enum keytype type, const char *name, const struct seal_grant *grant);

#endif
