// SPDX-License-Identifier: GPL-2.0
// Owns the way from a struct setup to a signer that has proved itself.

#include "signer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

static X509 *parse_certificate(const uint8_t *der, size_t length)
{
	const unsigned char *p = der;
	X509 *cert = d2i_X509(NULL, &p, (long)length);

	if (cert && p != der + length) {
		X509_free(cert);
		return NULL;
	}
	return cert;
}

/* In place: what was wrapped is shorter than its blob. */
static int unwrap(struct setup *setup, struct seal_grant *grant)
{
	uint8_t *plain = OPENSSL_malloc(SETUP_KEY_MAX);
	int length = -ENOMEM;

	if (plain)
		length = seal_open(grant, setup->key, setup->key_len, plain);
	if (length >= 0) {
		memcpy(setup->key, plain, (size_t)length);
		setup->key_len = (uint32_t)length;
	}
	OPENSSL_clear_free(plain, SETUP_KEY_MAX);
	OPENSSL_cleanse(grant, sizeof(*grant));
	return length < 0 ? length : 0;
}

static EVP_PKEY *parse_key(struct setup *setup)
{
	BIO *bio = BIO_new_mem_buf(setup->key, (int)setup->key_len);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	/* A pass phrase would be asked for on a terminal: there is none. */
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	OPENSSL_cleanse(setup->key, sizeof(setup->key));
	return key;
}

/* Seconds since 1970. timegm() may open the time zone file: not after the fence. */
static int read_time(const ASN1_TIME *time, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -EINVAL;
	*out = timegm(&tm);
	return 0;
}

static bool issued_by(X509 *leaf, X509 *issuer)
{
	return X509_check_issued(issuer, leaf) == X509_V_OK &&
	       X509_verify(leaf, X509_get0_pubkey(issuer)) == 1;
}

static void copy_profiles(struct signer *signer, const struct setup *setup)
{
	for (unsigned int i = 0; i < setup->profiles; i++) {
		const struct setup_profile *from = &setup->profile[i];

		signer->profile[i].name = from->name;
		signer->profile[i].fields = (struct content_fields) {
			.license_type = from->license_type,
			.plan_name = from->plan_name,
			.plan_product = from->plan_product,
			.plan_publisher = from->plan_publisher,
			.sku = from->sku,
			.subscription_id = setup->subscription_id,
		};
	}
	signer->profiles = setup->profiles;
}

static bool verifies(const uint8_t *der, size_t length, X509 *leaf)
{
	const unsigned char *p = der;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)length);
	STACK_OF(X509) *certs = sk_X509_new_null();
	bool ok;

	ok = p7 && certs && sk_X509_push(certs, leaf) > 0 &&
	     PKCS7_verify(p7, certs, NULL, NULL, NULL,
			  PKCS7_NOINTERN | PKCS7_NOVERIFY | PKCS7_BINARY) == 1;
	sk_X509_free(certs);
	PKCS7_free(p7);
	return ok;
}

static int self_test(struct signer *signer, X509 *leaf)
{
	static const char content[] = "{\"selfTest\":\"\"}";
	uint8_t buf[AZATTEST_DOCUMENT_MAX], *first;
	int length;

	length = cms_sign(signer->cms, content, sizeof(content) - 1, buf, sizeof(buf), &first);
	if (length < 0)
		return length;
	return verifies(first, (size_t)length, leaf) ? 0 : -EIO;
}

/* The parts are parsed: they must belong together. */
static int assemble(struct signer *signer, struct setup *setup, EVP_PKEY *key, X509 *leaf,
		    X509 *issuer, const char **why)
{
	int ret;

	*why = "the leaf's times do not parse";
	if (read_time(X509_get0_notBefore(leaf), &signer->not_before) ||
	    read_time(X509_get0_notAfter(leaf), &signer->not_after))
		return -EINVAL;
	*why = "the issuing certificate did not sign the leaf";
	if (!issued_by(leaf, issuer))
		return -EKEYREJECTED;
	*why = "key and leaf do not belong together";
	ret = cms_open(&signer->cms, key, leaf, issuer, setup->flags);
	if (ret)
		return ret;
	signer->issuer = setup->issuer;
	signer->issuer_len = setup->issuer_len;
	copy_profiles(signer, setup);
	*why = "self-test: a signature does not verify";
	return self_test(signer, leaf);
}

int key_open(struct signer *signer, struct setup *setup, struct seal_grant *grant,
	     const char **why)
{
	X509 *leaf = parse_certificate(setup->leaf, setup->leaf_len);
	X509 *issuer = parse_certificate(setup->issuer, setup->issuer_len);
	int sealed = grant ? unwrap(setup, grant) : 0, ret = sealed ? sealed : -EINVAL;
	EVP_PKEY *key = sealed ? NULL : parse_key(setup);

	if (sealed)
		*why = "the sealed key does not open: damaged, or another host's";
	else if (!key)
		*why = "the key does not parse";
	else if (!leaf)
		*why = "the leaf certificate does not parse";
	else if (!issuer)
		*why = "the issuing certificate does not parse";
	else
		ret = assemble(signer, setup, key, leaf, issuer, why);
	EVP_PKEY_free(key);
	X509_free(issuer);
	X509_free(leaf);
	return ret;
}
