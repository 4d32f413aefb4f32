// SPDX-License-Identifier: GPL-2.0
// Owns the signed envelope: its one permitted shape, whose certificate signed
// it, and whether the signature over the content holds.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

/* What OpenSSL writes again must be what came. */
static bool same_again(const PKCS7 *p7, const unsigned char *der, size_t len)
{
	unsigned char *again = NULL;
	int n = i2d_PKCS7(p7, &again);
	bool same = n > 0 && (size_t)n == len && !memcmp(again, der, len);

	OPENSSL_free(again);
	return same;
}

static int parse(struct envelope *e, OSSL_LIB_CTX *lib,
		 const unsigned char *der, size_t len,
		 struct azattest_fault *fault)
{
	const unsigned char *p = der;
	const char *why;

	if (der_check(der, len, &why))
		return fault_set(fault, AZATTEST_E_DER,
				 "the document is not strict DER: %s", why);
	e->p7 = PKCS7_new_ex(lib, NULL);
	if (!e->p7)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	if (!d2i_PKCS7(&e->p7, &p, (long)len) || p != der + len ||
	    OBJ_obj2nid(e->p7->type) != NID_pkcs7_signed || !e->p7->d.sign)
		return fault_set(fault, AZATTEST_E_SIGNED_DATA,
				 "the document is not a PKCS#7 SignedData");
	if (!same_again(e->p7, der, len))
		return fault_set(fault, AZATTEST_E_DER,
				 "the document is not strict DER: written "
				 "again it differs");
	if (ASN1_INTEGER_get(e->p7->d.sign->version) != 1)
		return fault_set(fault, AZATTEST_E_SIGNED_DATA,
				 "the SignedData is of another version than 1");
	return 0;
}

static int check_signer(struct envelope *e, struct azattest_fault *fault)
{
	STACK_OF(PKCS7_SIGNER_INFO) *signers = e->p7->d.sign->signer_info;
	int n = sk_PKCS7_SIGNER_INFO_num(signers);

	if (n != 1)
		return fault_set(fault, AZATTEST_E_SIGNERS,
				 "the document has %d signers, not one",
				 n < 0 ? 0 : n);
	e->signer = sk_PKCS7_SIGNER_INFO_value(signers, 0);
	if (ASN1_INTEGER_get(e->signer->version) != 1)
		return fault_set(fault, AZATTEST_E_SIGNERS,
				 "the signer info is of another version than 1");
	if (e->signer->auth_attr || e->signer->unauth_attr)
		return fault_set(fault, AZATTEST_E_ATTRIBUTES,
				 "the signer info has attributes");
	return 0;
}

static bool parameters_plain(const X509_ALGOR *algorithm)
{
	int type;

	X509_ALGOR_get0(NULL, &type, NULL, algorithm);
	return type == V_ASN1_NULL || type == V_ASN1_UNDEF;
}

static int check_digest(const struct envelope *e, unsigned int flags,
			struct azattest_fault *fault)
{
	STACK_OF(X509_ALGOR) *all = e->p7->d.sign->md_algs;
	const X509_ALGOR *mine = e->signer->digest_alg;
	int nid = OBJ_obj2nid(mine->algorithm);

	if (nid != NID_sha256 && !(nid == NID_sha256WithRSAEncryption &&
				   (flags & AZATTEST_VERIFY_AZURE_DIGEST)))
		return fault_set(fault, AZATTEST_E_DIGEST,
				 "the digest algorithm is %s, not SHA-256",
				 nid ? OBJ_nid2sn(nid) : "unknown");
	if (sk_X509_ALGOR_num(all) != 1 ||
	    X509_ALGOR_cmp(sk_X509_ALGOR_value(all, 0), mine) ||
	    !parameters_plain(mine))
		return fault_set(fault, AZATTEST_E_DIGEST,
				 "the digest algorithm is not named alike in "
				 "both places");
	return 0;
}

static int check_content(struct envelope *e, struct azattest_fault *fault)
{
	const PKCS7_SIGNED *sign = e->p7->d.sign;

	if (!sign->contents ||
	    OBJ_obj2nid(sign->contents->type) != NID_pkcs7_data)
		return fault_set(fault, AZATTEST_E_CONTENT_TYPE,
				 "the content is not of type id-data");
	e->content = sign->contents->d.data;
	if (!e->content)
		return fault_set(fault, AZATTEST_E_DETACHED,
				 "the signature is detached: there is no "
				 "content inside");
	if (sign->crl)
		return fault_set(fault, AZATTEST_E_REVOCATIONS,
				 "the document carries revocation lists");
	return 0;
}

/*
 * Byte by byte: X509_NAME_cmp() does not mind case and blanks, and would leave
 * bytes in the document that anyone may change.
 */
static bool same_name(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *a_der, *b_der;
	size_t a_len, b_len;

	return X509_NAME_get0_der(a, &a_der, &a_len) &&
	       X509_NAME_get0_der(b, &b_der, &b_len) &&
	       a_len == b_len && !memcmp(a_der, b_der, a_len);
}

static bool is_signers(const struct envelope *e, X509 *cert)
{
	const PKCS7_ISSUER_AND_SERIAL *id = e->signer->issuer_and_serial;

	return same_name(X509_get_issuer_name(cert), id->issuer) &&
	       !ASN1_INTEGER_cmp(X509_get0_serialNumber(cert), id->serial);
}

/* The place in the bag says nothing; issuer and serial number say all. */
static int find_leaf(struct envelope *e, struct azattest_fault *fault)
{
	int i, found = 0;

	e->bag = e->p7->d.sign->cert;
	if (sk_X509_num(e->bag) > BAG_MAX)
		return fault_set(fault, AZATTEST_E_SIGNER_CERT,
				 "the document carries more than %d "
				 "certificates", BAG_MAX);
	for (i = 0; i < sk_X509_num(e->bag); i++) {
		if (!is_signers(e, sk_X509_value(e->bag, i)))
			continue;
		e->leaf = sk_X509_value(e->bag, i);
		found++;
	}
	if (found != 1)
		return fault_set(fault, AZATTEST_E_SIGNER_CERT,
				 "%d of the certificates inside have the "
				 "signer's issuer and serial number, not one",
				 found);
	return 0;
}

static int check_algorithm(const struct envelope *e,
			   struct azattest_fault *fault)
{
	const X509_ALGOR *algorithm = e->signer->digest_enc_alg;
	int nid = OBJ_obj2nid(algorithm->algorithm);
	bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(e->leaf), "RSA");

	if (nid != (rsa ? NID_rsaEncryption : NID_ecdsa_with_SHA256) ||
	    !parameters_plain(algorithm))
		return fault_set(fault, AZATTEST_E_ALGORITHM,
				 "the signature algorithm is %s with %s key",
				 nid ? OBJ_nid2sn(nid) : "unknown",
				 rsa ? "an RSA" : "an EC");
	return 0;
}

int envelope_open(struct envelope *e, OSSL_LIB_CTX *lib,
		  const unsigned char *der, size_t len, unsigned int flags,
		  struct azattest_fault *fault)
{
	int rc;

	memset(e, 0, sizeof(*e));
	rc = parse(e, lib, der, len, fault);
	if (!rc)
		rc = check_signer(e, fault);
	if (!rc)
		rc = check_digest(e, flags, fault);
	if (!rc)
		rc = check_content(e, fault);
	if (!rc)
		rc = find_leaf(e, fault);
	if (!rc)
		rc = leaf_check_key(e->leaf, fault);
	if (!rc)
		rc = check_algorithm(e, fault);
	if (rc)
		envelope_close(e);
	return rc;
}

/* Without attributes the signature is over the content's own bytes. */
int envelope_check_signature(const struct envelope *e, OSSL_LIB_CTX *lib,
			     struct azattest_fault *fault)
{
	const ASN1_OCTET_STRING *signature = e->signer->enc_digest;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = 0;

	if (!ctx)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	if (EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", lib, NULL,
				    X509_get0_pubkey(e->leaf), NULL) == 1)
		ok = EVP_DigestVerify(ctx, ASN1_STRING_get0_data(signature),
				      (size_t)ASN1_STRING_length(signature),
				      ASN1_STRING_get0_data(e->content),
				      (size_t)ASN1_STRING_length(e->content));
	EVP_MD_CTX_free(ctx);
	if (ok == 1)
		return 0;
	return fault_set(fault, AZATTEST_E_SIGNATURE,
			 "the signature does not fit content and certificate");
}

void envelope_close(struct envelope *e)
{
	PKCS7_free(e->p7);
	memset(e, 0, sizeof(*e));
}
