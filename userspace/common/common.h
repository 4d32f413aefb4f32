/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What azattestd and azattest-signer both have to know: they are one product
 * in two address spaces, always of the same build.
 *
 *   keytype.c  names of key types, and making a key of one
 *   setup.c    what the control process tells a signer, once, over a pipe
 *   report     what a signer tells the control process, over another pipe
 *
 * Descriptors of a signer, from its first instruction on:
 *
 *   3  read end: struct setup          (--make-key: the file for the key)
 *   4  /dev/azattest-signer, O_RDWR    (--make-key: write end for the request)
 *   5  write end, O_NONBLOCK: struct report (--make-key: read end: the grant)
 *   6  read end: struct seal_grant, if the key is sealed
 */
#ifndef AZATTEST_COMMON_H
#define AZATTEST_COMMON_H

#include <stdint.h>
#include <sys/types.h>

#include <openssl/evp.h>

#include <linux/azattest_signer.h>
#include <userspace/document/document.h>

#define AZATTEST_PRODUCT_VERSION	"0.1.0"

#define SIGNER_FD_SETUP		3
#define SIGNER_FD_DEVICE	4
#define SIGNER_FD_REPORT	5
#define SIGNER_FD_GRANT		6
#define SIGNER_FD_KEY_FILE	3
#define SIGNER_FD_REQUEST	4
#define SIGNER_FD_KEY_GRANT	5

/* keytype.c */

enum keytype {
	KEYTYPE_RSA_2048,
	KEYTYPE_RSA_3072,
	KEYTYPE_P_256,
	KEYTYPE_COUNT
};

/* 0 and *@type, or -EINVAL. */
int keytype_parse(const char *name, enum keytype *type);
const char *keytype_name(enum keytype type);
/* Type of a key, or -EINVAL if it is none of ours. */
int keytype_of(const EVP_PKEY *key);
/* A new key, NULL on failure. */
EVP_PKEY *keytype_generate(enum keytype type);

/* setup.c */

#define SETUP_MAGIC		0x617a7331u
#define SETUP_PROFILES_MAX	32
#define SETUP_KEY_MAX		4096
#define SETUP_CERT_MAX		4096

/* The profile of VMs that were bound without one. */
#define SETUP_DEFAULT_PROFILE	"default"

/* Document fields of VMs of one profile; UTF-8, NUL-terminated. */
struct setup_profile {
	char name[AZATTEST_PROFILE_LEN];
	char license_type[CONTENT_FIELD_MAX + 1];
	char plan_name[CONTENT_FIELD_MAX + 1];
	char plan_product[CONTENT_FIELD_MAX + 1];
	char plan_publisher[CONTENT_FIELD_MAX + 1];
	char sku[CONTENT_FIELD_MAX + 1];
};

/**
 * struct setup - all that a signer is told; it asks for nothing later
 * @magic:       SETUP_MAGIC
 * @size:        sizeof(struct setup): both sides are of one build
 * @generation:  of key and certificate, for JOIN
 * @parent:      pid of the control process: without it a signer ends
 * @uid, @gid:   what to become; (uid_t)-1: stay
 * @flags:       CMS_*
 * @slots:       requests to hold at once
 * @profiles:    entries of @profile; [0] is the default profile
 * @sealed:      @key is a blob (userspace/seal/seal.h) that a grant opens
 * @must_report: 1: a request that cannot be reported is answered RETRY
 * @key:         private key, PEM, PKCS#8
 * @leaf:        its certificate, DER
 * @issuer:      the issuing certificate, DER
 */
struct setup {
	uint32_t magic;
	uint32_t size;
	uint64_t generation;
	int32_t parent;
	uint32_t uid;
	uint32_t gid;
	uint32_t flags;
	uint32_t slots;
	uint32_t profiles;
	uint32_t sealed;
	uint32_t must_report;
	uint32_t key_len;
	uint32_t leaf_len;
	uint32_t issuer_len;
	char subscription_id[CONTENT_FIELD_MAX + 1];
	struct setup_profile profile[1 + SETUP_PROFILES_MAX];
	uint8_t key[SETUP_KEY_MAX];
	uint8_t leaf[SETUP_CERT_MAX];
	uint8_t issuer[SETUP_CERT_MAX];
};

/* All of the bytes, or a negative errno. */
int setup_write_bytes(int fd, const void *bytes, size_t left);
int setup_read_bytes(int fd, void *bytes, size_t left);

/* Both move the whole of it or fail: -EIO, -errno; read: -EPROTO if it is no
 * setup of this build.
 */
int setup_write(int fd, const struct setup *setup);
int setup_read(int fd, struct setup *setup);

/* report */

enum report_kind {
	REPORT_READY = 1,	/* .ready: self-tested, joined, fenced */
	REPORT_FAILED,		/* .failure; the signer exits */
	REPORT_REQUEST,		/* .request was answered */
};

/* Failures that the control process tells apart. */
enum report_failure {
	REPORT_FAILURE_OTHER = 1,
	REPORT_FAILURE_VERSION,	/* of the module; .detail is its protocol */
	REPORT_FAILURE_LEAF,	/* key or certificate cannot be used */
};

/* What a key lies in: memory that even root cannot read, or that is not swapped. */
enum arena_memory { ARENA_LOCKED, ARENA_SECRET };

/* An answer, as it goes to the module next. */
struct report {
	uint32_t kind;
	uint32_t lost;		/* reports that did not fit before this one */
	union {
		struct {
			uint64_t cid;
			uint64_t generation;
			int64_t time;
			int64_t expires;
			uint8_t uuid[AZATTEST_UUID_LEN];
			uint32_t status;
			uint32_t api_version;
			uint8_t type;
			uint8_t transport;
			uint8_t attempt;
			uint8_t nonce_len;
			uint32_t reserved;
			uint8_t nonce[AZATTEST_NONCE_MAX];
			char name[AZATTEST_NAME_LEN - 8];
		} request;
		struct {
			uint32_t memory;	/* enum arena_memory */
		} ready;
		struct {
			uint32_t code;
			uint32_t detail;
			char text[112];
		} failure;
	};
};

_Static_assert(sizeof(struct report) == 160, "many reports are whole in one write to a pipe");

#endif
