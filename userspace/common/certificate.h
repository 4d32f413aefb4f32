/* SPDX-License-Identifier: GPL-2.0 */
/*
 * certificate.c: how root, issuing CA and leaf look, whoever issues them: this
 * host to itself (azattestd), or a fleet's CA (azattest-ca).
 */
#ifndef AZATTEST_CERTIFICATE_H
#define AZATTEST_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

/* O of the CAs that a host made for itself; verifiers look for it. */
#define CERTIFICATE_SELF_ISSUED		"azattest self-issued"
/* Clocks of guests and verifiers may be a little behind ours. */
#define CERTIFICATE_BACKDATE_S		3600

/* What a leaf says; neither text has a comma. */
struct certificate_profile {
	const char *name;		/* DNS name: CN and subject alternative name */
	const char *ca_issuers_url;	/* NULL: none */
	unsigned int days;
};

/* NULL on failure, with libcrypto's reason in its queue. */
X509 *certificate_root(EVP_PKEY *key, const char *organization);
X509 *certificate_issuing(EVP_PKEY *key, const char *organization, X509 *root,
			  EVP_PKEY *root_key);
X509 *certificate_leaf(EVP_PKEY *key, const struct certificate_profile *profile, X509 *issuer,
		       EVP_PKEY *issuer_key);
/* Seconds since 1970; -1 if one does not parse. */
int certificate_times(const X509 *cert, int64_t *not_before, int64_t *not_after);

#endif
