// SPDX-License-Identifier: GPL-2.0
// Owns what the caller trusts: anchors, and issuers that only help to reach
// them, in an OpenSSL context of their own without any look-up.
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "lib.h"

struct azattest_trust *azattest_trust_new(void)
{
	struct azattest_trust *trust = calloc(1, sizeof(*trust));

	if (!trust)
		return NULL;
	trust->lib = OSSL_LIB_CTX_new();
	trust->store = X509_STORE_new();
	trust->issuers = sk_X509_new_null();
	if (trust->lib && trust->store && trust->issuers)
		return trust;
	azattest_trust_free(trust);
	return NULL;
}

void azattest_trust_free(struct azattest_trust *trust)
{
	if (!trust)
		return;
	sk_X509_pop_free(trust->issuers, X509_free);
	X509_STORE_free(trust->store);
	OSSL_LIB_CTX_free(trust->lib);
	free(trust);
}

/* Never ask a terminal for the password of an encrypted PEM block. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static bool at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	       ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

/* Next certificate of @bio, or NULL with @bad telling an error from the end. */
static X509 *next_pem(struct azattest_trust *trust, BIO *bio, bool *bad)
{
	X509 *cert = X509_new_ex(trust->lib, NULL);

	if (cert && PEM_read_bio_X509(bio, &cert, no_password, NULL))
		return cert;
	*bad = !cert || !at_end();
	X509_free(cert);
	return NULL;
}

static X509 *read_der(struct azattest_trust *trust, const unsigned char *data,
		      size_t size)
{
	const unsigned char *p = data;
	X509 *cert = X509_new_ex(trust->lib, NULL);

	if (!cert || !d2i_X509(&cert, &p, (long)size))
		return NULL;
	if (p == data + size)
		return cert;
	X509_free(cert);
	return NULL;
}

static bool read_pem(struct azattest_trust *trust, const void *data,
		     size_t size, STACK_OF(X509) *out)
{
	BIO *bio = BIO_new_mem_buf(data, (int)size);
	bool bad = !bio;
	X509 *cert;

	while (!bad && sk_X509_num(out) <= TRUST_MAX) {
		cert = next_pem(trust, bio, &bad);
		if (!cert)
			break;
		if (!sk_X509_push(out, cert)) {
			X509_free(cert);
			bad = true;
		}
	}
	BIO_free(bio);
	ERR_clear_error();
	return !bad;
}

/* Takes its own reference to @cert. */
static int add(struct azattest_trust *trust, int role, X509 *cert)
{
	if (role == AZATTEST_TRUST_ANCHORS && X509_self_signed(cert, 1) == 1) {
		if (!X509_STORE_add_cert(trust->store, cert))
			return AZATTEST_E_MEMORY;
		trust->anchors++;
		return 0;
	}
	if (!X509_up_ref(cert))
		return AZATTEST_E_MEMORY;
	if (sk_X509_push(trust->issuers, cert))
		return 0;
	X509_free(cert);
	return AZATTEST_E_MEMORY;
}

static bool read_all(struct azattest_trust *trust, const void *data,
		     size_t size, STACK_OF(X509) *out)
{
	X509 *cert;

	if (size == 0 || size > (1 << 24))
		return false;
	if (*(const unsigned char *)data != 0x30)
		return read_pem(trust, data, size, out);
	cert = read_der(trust, data, size);
	if (cert && sk_X509_push(out, cert))
		return true;
	X509_free(cert);
	return false;
}

int azattest_trust_add(struct azattest_trust *trust, int role,
		       const void *data, size_t size,
		       struct azattest_fault *fault)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	int i, rc = 0;

	if (!certs)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	if (!read_all(trust, data, size, certs) || sk_X509_num(certs) < 1)
		rc = fault_set(fault, AZATTEST_E_TRUST,
			       "neither PEM certificates nor one in DER");
	else if (sk_X509_num(certs) + sk_X509_num(trust->issuers) +
		 (int)trust->anchors > TRUST_MAX)
		rc = fault_set(fault, AZATTEST_E_TRUST,
			       "more than %d certificates", TRUST_MAX);
	for (i = 0; !rc && i < sk_X509_num(certs); i++)
		rc = add(trust, role, sk_X509_value(certs, i));
	if (rc == AZATTEST_E_MEMORY)
		fault_set(fault, rc, "no memory");
	sk_X509_pop_free(certs, X509_free);
	return rc;
}
