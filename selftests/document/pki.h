/* SPDX-License-Identifier: GPL-2.0 */
/* Keys and certificates for tests, made in memory by OpenSSL's own means. */
#ifndef SELFTESTS_DOCUMENT_PKI_H
#define SELFTESTS_DOCUMENT_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>

struct pki {
	EVP_PKEY *issuer_key;
	X509 *issuer;
	EVP_PKEY *key;
	X509 *leaf;
};

/* Type: "rsa-1024", "rsa-2048", "rsa-3072", "p-256", "p-384". Aborts on failure. */
EVP_PKEY *pki_key(const char *type);
/* A leaf of that type under an issuer (P-256 always, it is quick to make). */
void pki_make(struct pki *pki, const char *type);
void pki_free(struct pki *pki);

#endif
