// SPDX-License-Identifier: GPL-2.0
// Owns the birth of a key: it leaves this process only for its file.

#include "signer.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static int write_sealed(const struct seal_grant *grant, const char *pem, size_t length)
{
	uint8_t *blob = OPENSSL_malloc(length + SEAL_EXTRA);
	int made = blob ? seal_wrap(grant, pem, length, blob) : -ENOMEM;
	int ret = made < 0 ? made : setup_write_bytes(SIGNER_FD_KEY_FILE, blob, (size_t)made);

	OPENSSL_free(blob);
	return ret;
}

static int write_key(EVP_PKEY *key, const struct seal_grant *grant)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long length;
	int ret = -ENOMEM;

	if (!bio)
		return ret;
	if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		length = BIO_get_mem_data(bio, &pem);
		ret = grant ? write_sealed(grant, pem, (size_t)length) :
			setup_write_bytes(SIGNER_FD_KEY_FILE, pem, (size_t)length);
		OPENSSL_cleanse(pem, (size_t)length);
		if (!ret && fsync(SIGNER_FD_KEY_FILE))
			ret = -errno;
	}
	BIO_free(bio);
	return ret;
}

/* Some CAs take names from here only. */
static bool add_alternative_name(X509_REQ *request, const char *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	X509_EXTENSIONS *extensions = NULL;
	bool ok = false;

	if (names && entry && text && ASN1_STRING_set(text, name, -1) == 1 &&
	    sk_GENERAL_NAME_push(names, entry) > 0) {
		GENERAL_NAME_set0_value(entry, GEN_DNS, text);
		text = NULL;
		entry = NULL;
		ok = X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, 0) == 1 &&
		     X509_REQ_add_extensions(request, extensions) == 1;
	}
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	ASN1_IA5STRING_free(text);
	GENERAL_NAME_free(entry);
	GENERAL_NAMES_free(names);
	return ok;
}

static X509_REQ *make_request(EVP_PKEY *key, const char *name)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();

	if (request && subject &&
	    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name,
				       -1, -1, 0) == 1 &&
	    X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_subject_name(request, subject) == 1 &&
	    X509_REQ_set_pubkey(request, key) == 1 && add_alternative_name(request, name) &&
	    X509_REQ_sign(request, key, EVP_sha256()) > 0) {
		X509_NAME_free(subject);
		return request;
	}
	X509_NAME_free(subject);
	X509_REQ_free(request);
	return NULL;
}

static int write_request(EVP_PKEY *key, const char *name)
{
	X509_REQ *request = make_request(key, name);
	unsigned char *der = NULL;
	int length, ret = -ENOMEM;

	if (!request)
		return ret;
	length = i2d_X509_REQ(request, &der);
	if (length > 0)
		ret = setup_write_bytes(SIGNER_FD_REQUEST, (const char *)der, (size_t)length);
	OPENSSL_free(der);
	X509_REQ_free(request);
	return ret;
}

int makekey_run(enum keytype type, const char *name, const struct seal_grant *grant)
{
	EVP_PKEY *key = keytype_generate(type);
	int ret;

	if (!key)
		return -ENOMEM;
	ret = write_key(key, grant);
	if (!ret)
		ret = write_request(key, name);
	EVP_PKEY_free(key);
	return ret;
}
