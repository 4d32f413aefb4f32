/* SPDX-License-Identifier: GPL-2.0 */
/*
 * accept.c: which certificate of a CA is taken. azattest-sync asks before it
 * tells the CA "confirmed"; azattestd asks again, because it believes nobody.
 */
#ifndef AZATTEST_ACCEPT_H
#define AZATTEST_ACCEPT_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#define ACCEPT_CERTIFICATES_MAX	8
#define ACCEPT_TEXT_MAX		65536
/* A CA may begin a certificate earlier than now; more is another lifetime. */
#define ACCEPT_SLACK_S		86400

/**
 * struct accept_rules - what was asked for
 * @key:           of the request
 * @name:          of this host: common name and subject alternative name
 * @lifetime_days: a longer one was not asked for
 * @renew_days:    with less left it would have to be renewed at once
 * @trust:         roots
 * @now:           seconds since 1970
 */
struct accept_rules {
	EVP_PKEY *key;
	const char *name;
	unsigned int lifetime_days;
	unsigned int renew_days;
	STACK_OF(X509) *trust;
	int64_t now;
};

/*
 * 0 and, unless NULL, *@chain: leaf, issuing CA if there is one, root. Else
 * -EKEYREJECTED, and in @why one clause that goes on after "the certificate":
 * "is for another key". @others may hold anything, in any order; or be NULL.
 */
int accept_check(const struct accept_rules *rules, X509 *leaf, STACK_OF(X509) *others,
		 STACK_OF(X509) **chain, char *why, size_t size);

/* Certificates of a PEM text; NULL: none, too many, or anything that does not parse. */
STACK_OF(X509) *accept_parse(const char *text, size_t length);
/* "3 days", "2 h", "5 min", "40 s": one unit is enough to judge by. */
#define ACCEPT_SPAN	32
const char *accept_span(int64_t seconds, char text[ACCEPT_SPAN]);
/* Reads a file of roots; NULL and one line in @why. */
STACK_OF(X509) *accept_read_trust(const char *path, char *why, size_t size);

#endif
