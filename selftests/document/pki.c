// SPDX-License-Identifier: GPL-2.0
// Owns keys and certificates that only live as long as a test.

#include <selftests/document/pki.h>

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/rand.h>

static void must(int ok)
{
	if (!ok)
		abort();
}

EVP_PKEY *pki_key(const char *type)
{
	EVP_PKEY *key;

	if (!strncmp(type, "rsa-", 4))
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(type + 4));
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", strcmp(type, "p-384") ? "P-256" : "P-384");
	must(!!key);
	return key;
}

static void set_name(X509_NAME *name, const char *common_name)
{
	must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
					(const unsigned char *)"test", -1, -1, 0));
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
					(const unsigned char *)common_name, -1, -1, 0));
}

static void set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number;

	must(RAND_bytes(bytes, sizeof(bytes)) == 1);
	bytes[0] |= 0x80;	/* so that the encoding needs a leading zero */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	must(number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)));
	BN_free(number);
}

static X509 *certify(EVP_PKEY *key, const char *name, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();

	must(cert && X509_set_version(cert, X509_VERSION_3));
	set_serial(cert);
	set_name(X509_get_subject_name(cert), name);
	must(X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)));
	must(!!X509_gmtime_adj(X509_getm_notBefore(cert), -60));
	must(!!X509_gmtime_adj(X509_getm_notAfter(cert), 30 * 86400));
	must(X509_set_pubkey(cert, key));
	must(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
	return cert;
}

void pki_make(struct pki *pki, const char *type)
{
	pki->issuer_key = pki_key("p-256");
	pki->issuer = certify(pki->issuer_key, "issuer", NULL, pki->issuer_key);
	pki->key = pki_key(type);
	pki->leaf = certify(pki->key, "leaf", pki->issuer, pki->issuer_key);
}

void pki_free(struct pki *pki)
{
	X509_free(pki->leaf);
	EVP_PKEY_free(pki->key);
	X509_free(pki->issuer);
	EVP_PKEY_free(pki->issuer_key);
}
