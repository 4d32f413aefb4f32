/* SPDX-License-Identifier: GPL-2.0 */
/* Map of libazattest: what its files hand each other. */
#ifndef _AZ_LIB_H
#define _AZ_LIB_H

#include <jansson.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "azattest.h"

/* The organizationName of CAs that a host makes for itself. */
#define SELF_ISSUED_ORGANIZATION	"azattest self-issued"

/* The first version whose documents have every member. */
#define API_VERSION_DEFAULT	20200901

/* Bounds on what a stranger may make us look at. */
#define BAG_MAX		8	/* certificates inside a document */
#define TRUST_MAX	512	/* certificates in a trust set */
#define CONTENT_MAX	4096	/* bytes of signed JSON */
#define RSA_BITS_MIN	2048
#define RSA_BITS_MAX	4096

/* The signed envelope, taken apart. */
struct envelope {
	PKCS7 *p7;
	const PKCS7_SIGNER_INFO *signer;	/* in p7 */
	const ASN1_OCTET_STRING *content;	/* in p7 */
	STACK_OF(X509) *bag;			/* in p7 */
	X509 *leaf;				/* in bag */
};

/* trust.c */
struct azattest_trust {
	OSSL_LIB_CTX *lib;
	X509_STORE *store;
	STACK_OF(X509) *issuers;
	unsigned int anchors;
};

/* A document being verified; the public part is handed out. */
struct document {
	struct azattest_document pub;
	char *content;
	json_t *root;
	char *signer_name;
	char *signer_subject;
	char *issuer_subject;
	char *anchor_subject;
	char signer_sha256[65];
};

/* errors.c */
int fault_set(struct azattest_fault *fault, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void fault_quote(char *to, size_t size, const char *from, size_t len);

/* connect.c: waits for a connect that is under way; 0 or an errno */
int connect_finish(int fd, int timeout_ms);

/* der.c */
int der_check(const unsigned char *der, size_t len, const char **why);

/* envelope.c */
int envelope_open(struct envelope *e, OSSL_LIB_CTX *lib,
		  const unsigned char *der, size_t len, unsigned int flags,
		  struct azattest_fault *fault);
int envelope_check_signature(const struct envelope *e, OSSL_LIB_CTX *lib,
			     struct azattest_fault *fault);
void envelope_close(struct envelope *e);

/* chain.c */
int chain_build(const struct azattest_trust *trust, X509 *leaf,
		STACK_OF(X509) *bag, int64_t at, STACK_OF(X509) **chain,
		struct azattest_fault *fault);
bool chain_self_issued(STACK_OF(X509) *chain);
char *chain_subject(const X509_NAME *name);

/* leaf.c */
int leaf_check_key(X509 *leaf, struct azattest_fault *fault);
int leaf_check_profile(X509 *leaf, struct azattest_fault *fault);
int leaf_check_name(X509 *leaf, const char *rule, char **name,
		    struct azattest_fault *fault);
int64_t leaf_not_after(const X509 *leaf);

/* name.c */
bool name_valid(const char *name, size_t len);
bool name_match(const char *rule, const char *name, size_t len);

/* content.c */
int content_parse(struct document *d, const unsigned char *data, size_t len,
		  struct azattest_fault *fault);

/* expect.c */
int expect_check(const struct azattest_document *d,
		 const struct azattest_verify_options *options, int64_t now,
		 struct azattest_fault *fault);

#endif /* _AZ_LIB_H */
