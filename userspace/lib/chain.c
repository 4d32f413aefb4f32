// SPDX-License-Identifier: GPL-2.0
// Owns the way from the signer's certificate up to one of the given anchors.
#include <stdlib.h>
#include <string.h>

#include "lib.h"

/* OpenSSL's level for 112 bits: RSA from 2048 on, no SHA-1. */
#define AUTH_LEVEL	2
#define DEPTH_MAX	8

static int error_code(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return AZATTEST_E_ISSUER;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_UNTRUSTED:
		return AZATTEST_E_UNTRUSTED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return AZATTEST_E_CERT_TIME;
	case X509_V_ERR_OUT_OF_MEM:
		return AZATTEST_E_MEMORY;
	default:
		return AZATTEST_E_CHAIN;
	}
}

/* RFC 2253 text in printable ASCII; free() it. */
char *chain_subject(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *data;
	long len;

	if (!bio)
		return NULL;
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	len = BIO_get_mem_data(bio, &data);
	text = malloc((size_t)len + 1);
	if (text)
		fault_quote(text, (size_t)len + 1, data, (size_t)len);
	BIO_free(bio);
	return text;
}

static int chain_fault(struct azattest_fault *fault, int code,
		       const X509 *cert, const char *why)
{
	char *subject = cert ? chain_subject(X509_get_subject_name(cert)) : NULL;
	char *issuer = cert ? chain_subject(X509_get_issuer_name(cert)) : NULL;

	if (code == AZATTEST_E_ISSUER)
		fault_set(fault, code, "no certificate of issuer \"%.120s\", "
			  "which certificate \"%.120s\" names, was given",
			  issuer ?: "?", subject ?: "?");
	else
		fault_set(fault, code, "certificate \"%.160s\": %s",
			  subject ?: "?", why);
	free(subject);
	free(issuer);
	return code;
}

static int prepare(X509_STORE_CTX *ctx, const struct azattest_trust *trust,
		   X509 *leaf, STACK_OF(X509) *untrusted, int64_t at)
{
	X509_VERIFY_PARAM *param;

	if (!X509_STORE_CTX_init(ctx, trust->store, leaf, untrusted))
		return AZATTEST_E_MEMORY;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, at);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	return 0;
}

/* Purposes that let a CA issue such leaves; none named means all. */
static bool purpose_allows(X509 *ca)
{
	if (!(X509_get_extension_flags(ca) & EXFLAG_XKUSAGE))
		return true;
	return X509_get_extended_key_usage(ca) &
	       (XKU_SMIME | XKU_SSL_SERVER | XKU_ANYEKU);
}

/*
 * OpenSSL's idea of a CA has old exceptions (a Netscape certificate type, a key
 * usage alone) that differ between its versions, and it looks at purposes only
 * when asked for one of its own. The anchor itself is trusted as it is.
 */
static int check_issuers(STACK_OF(X509) *chain, struct azattest_fault *fault)
{
	int i;

	for (i = 1; i < sk_X509_num(chain) - 1; i++) {
		X509 *ca = sk_X509_value(chain, i);

		if (X509_check_ca(ca) != 1)
			return chain_fault(fault, AZATTEST_E_CHAIN, ca,
					   "not marked as a CA");
		if (!purpose_allows(ca))
			return chain_fault(fault, AZATTEST_E_CHAIN, ca,
					   "may not issue for this purpose");
	}
	return 0;
}

static int verify(X509_STORE_CTX *ctx, const struct azattest_trust *trust,
		  X509 *leaf, STACK_OF(X509) *untrusted, int64_t at,
		  STACK_OF(X509) **chain, struct azattest_fault *fault)
{
	int error, rc = prepare(ctx, trust, leaf, untrusted, at);

	if (rc)
		return fault_set(fault, rc, "no memory");
	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		return chain_fault(fault, error_code(error),
				   X509_STORE_CTX_get_current_cert(ctx),
				   X509_verify_cert_error_string(error));
	}
	rc = check_issuers(X509_STORE_CTX_get0_chain(ctx), fault);
	if (rc)
		return rc;
	*chain = X509_STORE_CTX_get1_chain(ctx);
	if (!*chain)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	return 0;
}

/* A list of its own; the certificates stay with their owners. */
static STACK_OF(X509) *join(const struct azattest_trust *trust,
			    STACK_OF(X509) *bag)
{
	STACK_OF(X509) *all = sk_X509_dup(trust->issuers);
	int i;

	for (i = 0; all && i < sk_X509_num(bag); i++) {
		if (sk_X509_push(all, sk_X509_value(bag, i)))
			continue;
		sk_X509_free(all);
		return NULL;
	}
	return all;
}

int chain_build(const struct azattest_trust *trust, X509 *leaf,
		STACK_OF(X509) *bag, int64_t at, STACK_OF(X509) **chain,
		struct azattest_fault *fault)
{
	STACK_OF(X509) *untrusted = join(trust, bag);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(trust->lib, NULL);
	int rc;

	if (ctx && untrusted)
		rc = verify(ctx, trust, leaf, untrusted, at, chain, fault);
	else
		rc = fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	X509_STORE_CTX_free(ctx);
	sk_X509_free(untrusted);
	return rc;
}

static bool organization_is(const X509_NAME *name, const char *want)
{
	const ASN1_STRING *value;
	int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);

	if (at < 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	return (size_t)ASN1_STRING_length(value) == strlen(want) &&
	       !memcmp(ASN1_STRING_get0_data(value), want, strlen(want));
}

/* Any such CA in the chain is enough: the cautious answer. */
bool chain_self_issued(STACK_OF(X509) *chain)
{
	int i;

	for (i = 1; i < sk_X509_num(chain); i++)
		if (organization_is(X509_get_subject_name(sk_X509_value(chain, i)),
				    SELF_ISSUED_ORGANIZATION))
			return true;
	return false;
}
