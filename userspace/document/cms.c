// SPDX-License-Identifier: GPL-2.0
// Owns the signed envelope: SignedData v1 around a content, made from parts prepared once.

#include "document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

/*
 * What is the same in every document is kept encoded, so that a document costs
 * one digest, one signature and a few copies:
 *
 *   ContentInfo SEQUENCE
 *     OID signedData
 *     [0] SignedData SEQUENCE
 *       version 1                      |
 *       digestAlgorithms SET           | digests
 *       encapContentInfo SEQUENCE
 *         OID data                     | data_oid
 *         [0] OCTET STRING             <- content
 *       certificates [0]               | certificates
 *       signerInfos SET
 *         SignerInfo SEQUENCE
 *           version 1                  |
 *           issuerAndSerialNumber      | signer
 *           digestAlgorithm            |
 *           signatureAlgorithm         |
 *           OCTET STRING               <- signature
 */
struct cms {
	EVP_PKEY_CTX *sign;		/* initialised once, used for each */
	EVP_MD *sha256;			/* fetched once */
	EVP_MD_CTX *digest;
	size_t signature_max;
	uint8_t *signature;
	uint8_t *certificates;
	size_t certificates_len;
	uint8_t *signer;
	size_t signer_len;
	const uint8_t *digests;
	size_t digests_len;
};

#define TAG_OCTETS	0x04
#define TAG_SEQUENCE	0x30
#define TAG_SET		0x31
#define TAG_CONTEXT0	0xa0

/* Headers around the content, all together, are shorter than this. */
#define HEADERS_MAX	160

static const uint8_t signed_data_oid[] = {
	0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };
static const uint8_t data_oid[] = {
	0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01 };
static const uint8_t version_1[] = { 0x02, 0x01, 0x01 };

/* AlgorithmIdentifiers, whole. */
static const uint8_t alg_sha256[] = {
	0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00 };
static const uint8_t alg_rsa[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };
static const uint8_t alg_rsa_sha256[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00 };
static const uint8_t alg_ecdsa_sha256[] = {
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };

/* version 1 and SET { digest algorithm } */
static const uint8_t digests_sha256[] = {
	0x02, 0x01, 0x01, 0x31, 0x0f,
	0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00 };
static const uint8_t digests_azure[] = {
	0x02, 0x01, 0x01, 0x31, 0x0f,
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00 };

/* An encoded thing that OPENSSL_free() gives back. */
struct blob {
	uint8_t *bytes;
	int length;
};

static bool is_rsa(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA");
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32];

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       (!strcmp(group, "prime256v1") || !strcmp(group, "P-256"));
}

static int check_arguments(EVP_PKEY *key, X509 *leaf, X509 *issuer, unsigned int flags)
{
	if ((flags & ~CMS_FLAGS) || ((flags & CMS_EMBED_CHAIN) && !issuer))
		return -EINVAL;
	if (!is_rsa(key) && ((flags & CMS_AZURE_EXACT) || !is_p256(key)))
		return -EOPNOTSUPP;
	if (X509_check_private_key(leaf, key) != 1)
		return -EKEYREJECTED;
	return 0;
}

static int keep(struct der *der, uint8_t **bytes, size_t *length)
{
	uint8_t *first;
	int ret = der_end(der, &first);

	if (ret < 0)
		return ret;
	*bytes = malloc((size_t)ret);
	if (!*bytes)
		return -ENOMEM;
	memcpy(*bytes, first, (size_t)ret);
	*length = (size_t)ret;
	return 0;
}

/* The leaf first: naive readers take the first certificate for the signer. */
static int keep_certificates(struct cms *cms, X509 *leaf, X509 *issuer)
{
	struct blob l = { 0 }, i = { 0 };
	uint8_t *buf = NULL;
	struct der der;
	int ret = -ENOMEM;

	l.length = i2d_X509(leaf, &l.bytes);
	if (issuer)
		i.length = i2d_X509(issuer, &i.bytes);
	if (l.length <= 0 || i.length < 0)
		goto out;
	buf = malloc((size_t)l.length + (size_t)i.length + 16);
	if (!buf)
		goto out;
	der_begin(&der, buf, (size_t)l.length + (size_t)i.length + 16);
	if (issuer)
		der_bytes(&der, i.bytes, (size_t)i.length);
	der_bytes(&der, l.bytes, (size_t)l.length);
	der_wrap(&der, TAG_CONTEXT0, 0);
	ret = keep(&der, &cms->certificates, &cms->certificates_len);
out:
	free(buf);
	OPENSSL_free(l.bytes);
	OPENSSL_free(i.bytes);
	return ret;
}

/* Everything of SignerInfo before the signature. */
static int keep_signer(struct cms *cms, X509 *leaf, const uint8_t *digest_alg, bool rsa)
{
	struct blob name = { 0 }, serial = { 0 };
	uint8_t *buf = NULL;
	size_t size;
	struct der der;
	size_t mark;
	int ret = -ENOMEM;

	name.length = i2d_X509_NAME(X509_get_issuer_name(leaf), &name.bytes);
	serial.length = i2d_ASN1_INTEGER(X509_get_serialNumber(leaf), &serial.bytes);
	if (name.length <= 0 || serial.length <= 0)
		goto out;
	size = (size_t)name.length + (size_t)serial.length + HEADERS_MAX;
	buf = malloc(size);
	if (!buf)
		goto out;
	der_begin(&der, buf, size);
	if (rsa)
		der_bytes(&der, alg_rsa, sizeof(alg_rsa));
	else
		der_bytes(&der, alg_ecdsa_sha256, sizeof(alg_ecdsa_sha256));
	der_bytes(&der, digest_alg, sizeof(alg_sha256));
	mark = der_written(&der);
	der_bytes(&der, serial.bytes, (size_t)serial.length);
	der_bytes(&der, name.bytes, (size_t)name.length);
	der_wrap(&der, TAG_SEQUENCE, mark);
	der_bytes(&der, version_1, sizeof(version_1));
	ret = keep(&der, &cms->signer, &cms->signer_len);
out:
	free(buf);
	OPENSSL_free(name.bytes);
	OPENSSL_free(serial.bytes);
	return ret;
}

static int prepare_signing(struct cms *cms, EVP_PKEY *key)
{
	cms->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	cms->digest = EVP_MD_CTX_new();
	cms->sign = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	cms->signature_max = (size_t)EVP_PKEY_get_size(key);
	cms->signature = malloc(cms->signature_max);
	if (!cms->sha256 || !cms->digest || !cms->sign || !cms->signature ||
	    EVP_PKEY_sign_init(cms->sign) != 1)
		return -ENOMEM;
	if (is_rsa(key) && EVP_PKEY_CTX_set_rsa_padding(cms->sign, RSA_PKCS1_PADDING) != 1)
		return -ENOMEM;
	return EVP_PKEY_CTX_set_signature_md(cms->sign, cms->sha256) == 1 ? 0 : -ENOMEM;
}

int cms_open(struct cms **out, EVP_PKEY *key, X509 *leaf, X509 *issuer, unsigned int flags)
{
	bool azure = flags & CMS_AZURE_EXACT;
	struct cms *cms;
	int ret;

	ret = check_arguments(key, leaf, issuer, flags);
	if (ret)
		return ret;
	cms = calloc(1, sizeof(*cms));
	if (!cms)
		return -ENOMEM;
	cms->digests = azure ? digests_azure : digests_sha256;
	cms->digests_len = azure ? sizeof(digests_azure) : sizeof(digests_sha256);
	ret = keep_certificates(cms, leaf, flags & CMS_EMBED_CHAIN ? issuer : NULL);
	if (!ret)
		ret = keep_signer(cms, leaf, azure ? alg_rsa_sha256 : alg_sha256, is_rsa(key));
	if (!ret)
		ret = prepare_signing(cms, key);
	if (ret) {
		cms_close(cms);
		return ret;
	}
	*out = cms;
	return 0;
}

void cms_close(struct cms *cms)
{
	if (!cms)
		return;
	EVP_PKEY_CTX_free(cms->sign);
	EVP_MD_CTX_free(cms->digest);
	EVP_MD_free(cms->sha256);
	free(cms->signature);
	free(cms->certificates);
	free(cms->signer);
	free(cms);
}

size_t cms_space(const struct cms *cms, size_t length)
{
	return length + cms->certificates_len + cms->signer_len + cms->signature_max + HEADERS_MAX;
}

static int sign_content(struct cms *cms, const void *content, size_t length, size_t *signature_len)
{
	uint8_t hash[32];

	*signature_len = cms->signature_max;
	if (EVP_DigestInit_ex2(cms->digest, cms->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(cms->digest, content, length) != 1 ||
	    EVP_DigestFinal_ex(cms->digest, hash, NULL) != 1 ||
	    EVP_PKEY_sign(cms->sign, cms->signature, signature_len, hash, sizeof(hash)) != 1) {
		ERR_clear_error();
		return -EIO;
	}
	return 0;
}

static void put_signers(struct cms *cms, struct der *der, size_t signature_len)
{
	der_bytes(der, cms->signature, signature_len);
	der_wrap(der, TAG_OCTETS, 0);
	der_bytes(der, cms->signer, cms->signer_len);
	der_wrap(der, TAG_SEQUENCE, 0);
	der_wrap(der, TAG_SET, 0);
}

static void put_content(struct der *der, const void *content, size_t length)
{
	size_t mark = der_written(der);

	der_bytes(der, content, length);
	der_wrap(der, TAG_OCTETS, mark);
	der_wrap(der, TAG_CONTEXT0, mark);
	der_bytes(der, data_oid, sizeof(data_oid));
	der_wrap(der, TAG_SEQUENCE, mark);
}

int cms_sign(struct cms *cms, const void *content, size_t length,
	     void *buf, size_t size, uint8_t **first)
{
	size_t signature_len;
	struct der der;
	int ret;

	/*
	 * Without signed attributes the digest is over the bare content, and a
	 * content that is itself an encoded SET of attributes (0x31) could be
	 * shown to a verifier as the attributes of another document.
	 */
	if (!length || *(const char *)content != '{')
		return -EINVAL;
	if (size < cms_space(cms, length))
		return -ENOSPC;
	ret = sign_content(cms, content, length, &signature_len);
	if (ret)
		return ret;
	der_begin(&der, buf, size);
	put_signers(cms, &der, signature_len);
	der_bytes(&der, cms->certificates, cms->certificates_len);
	put_content(&der, content, length);
	der_bytes(&der, cms->digests, cms->digests_len);
	der_wrap(&der, TAG_SEQUENCE, 0);
	der_wrap(&der, TAG_CONTEXT0, 0);
	der_bytes(&der, signed_data_oid, sizeof(signed_data_oid));
	der_wrap(&der, TAG_SEQUENCE, 0);
	return der_end(&der, first);
}
