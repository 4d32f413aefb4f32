/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes certificates and documents with OpenSSL, good ones and every kind of
 * bad one, and asks the verifier. All share one moment, MAKER_NOW.
 */
#ifndef SELFTESTS_VERIFY_MAKER_H
#define SELFTESTS_VERIFY_MAKER_H

#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include <selftests/lib/tap.h>
#include <userspace/lib/azattest.h>

#define MAKER_NOW	1772366400	/* 2026-03-01T12:00:00Z */
#define MAKER_VM	"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define MAKER_NONCE	"n0nce-of_32-characters-in-length"
#define MAKER_NAME	"node1.attest.example.net"
#define MAKER_EKU	"serverAuth,clientAuth,emailProtection"
#define HOUR		3600

/* Zero fields are what a good leaf has. */
struct maker_cert {
	const char *cn, *organization;
	X509 *issuer;		/* NULL: self-signed */
	EVP_PKEY *issuer_key, *key;
	const char *basic, *usage, *eku, *san;	/* "": no such extension */
	const char *ns_type;	/* Netscape certificate type; NULL: none */
	int64_t from, until;	/* relative to MAKER_NOW */
	const EVP_MD *md;
	long serial;		/* 0: the next one */
};

X509 *maker_cert(const struct maker_cert *spec);
X509 *maker_ca(const char *cn, const char *organization, X509 *issuer,
	       EVP_PKEY *issuer_key, EVP_PKEY *key);
EVP_PKEY *maker_ec(const char *group);
EVP_PKEY *maker_rsa(unsigned int bits);

/* Keys and certificates that most tests need; made by maker_start(). */
extern struct maker {
	EVP_PKEY *root_key, *issuer_key, *key, *ec_key, *other_key;
	X509 *root, *issuer, *leaf, *ec_leaf;
} maker;

void maker_start(void);

/* Zero fields are what a good document has. */
struct maker_doc {
	const char *content;
	size_t content_len;	/* 0: strlen */
	X509 *leaf;
	EVP_PKEY *key;
	X509 *first;		/* before the leaf in the bag */
	X509 *second;		/* after it */
	const EVP_MD *md;
	int flags;		/* PKCS7_*, besides BINARY; see attributes */
	bool attributes;	/* signed attributes, as PKCS7_sign() makes */
	bool no_leaf;		/* not in the bag */
	void (*edit)(PKCS7 *p7);	/* after signing */
};

struct bytes {
	unsigned char *data;
	size_t len;
};

PKCS7 *maker_pkcs7(const struct maker_doc *doc);
struct bytes maker_der(PKCS7 *p7);	/* frees @p7 */
struct bytes maker_doc(const struct maker_doc *doc);
struct bytes maker_good(void);

/* Replaces the first @from in the document; both are @len bytes. */
struct bytes bytes_patch(struct bytes der, const void *from, const void *to, size_t len);

/* Contract content; NULL or 0 for the good value. Freed with the process. */
const char *maker_content(const char *vm, const char *nonce, int64_t created,
			  int64_t expires);

/* A question to the verifier: zero fields trust root and issuer. */
struct ask {
	struct azattest_verify_options options;	/* size 0: good options */
	X509 *anchor, *issuer;
	bool no_issuer;
};

int ask_code(const struct ask *ask, struct bytes der,
	     struct azattest_document **document);

/* The promise is broken unless the verdict is exactly that, and has words. */
void need_code(const struct ask *ask, struct bytes der, int code);
void need_doc(const struct maker_doc *doc, int code);

/* Runs all of @tests in one process and looks for leaks. */
void need_no_leaks(const struct tap_test *tests, size_t count);

#endif /* SELFTESTS_VERIFY_MAKER_H */
