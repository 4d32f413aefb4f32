// SPDX-License-Identifier: GPL-2.0
// Owns the X.509 profiles of what this host issues to itself.

#include "azattestd.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define CA_DAYS		3653
/* Clocks of guests and verifiers may be a little behind ours. */
#define BACKDATE_S	3600

struct extension {
	int nid;
	const char *value;
};

static bool set_serial(X509 *cert)
{
	unsigned char bytes[16];
	BIGNUM *number;
	bool ok;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] = (bytes[0] & 0x7f) | 0x40;	/* positive, always of 16 bytes */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

static bool add_name(X509_NAME *name, const char *type, const char *value)
{
	return X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8, (const unsigned char *)value,
					  -1, -1, 0) == 1;
}

/* Each root has a name of its own: consumers put many hosts' into one store. */
static bool set_ca_subject(X509 *cert, const char *what)
{
	unsigned char tag[4];
	char name[64];

	if (RAND_bytes(tag, sizeof(tag)) != 1)
		return false;
	snprintf(name, sizeof(name), "azattest self-issued %s %02x%02x%02x%02x", what,
		 tag[0], tag[1], tag[2], tag[3]);
	return add_name(X509_get_subject_name(cert), "O", CERTIFICATE_SELF_ISSUED) &&
	       add_name(X509_get_subject_name(cert), "CN", name);
}

/* Never past the issuer's own end. */
static bool set_times(X509 *cert, unsigned int days, X509 *issuer)
{
	int64_t begin, end, last = time(NULL) + (int64_t)days * 86400;

	if (issuer && certificate_times(issuer, &begin, &end))
		return false;
	if (issuer && end < last)
		last = end;
	return ASN1_TIME_set(X509_getm_notBefore(cert), time(NULL) - BACKDATE_S) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), last);
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct extension *list)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	for (; list->nid; list++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, list->nid, list->value);
		bool ok = extension && X509_add_ext(cert, extension, -1) == 1;

		X509_EXTENSION_free(extension);
		if (!ok)
			return false;
	}
	return true;
}

static X509 *make_ca(EVP_PKEY *key, const char *what, X509 *issuer, EVP_PKEY *issuer_key,
		     const char *constraints)
{
	const struct extension list[] = {
		{ NID_basic_constraints, constraints },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ 0, NULL }
	};
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    set_ca_subject(cert, what) && set_times(cert, CA_DAYS, issuer) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 && add_extensions(cert, issuer ? issuer : cert, list) &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *certificate_root(EVP_PKEY *key)
{
	return make_ca(key, "root", NULL, key, "critical,CA:TRUE");
}

X509 *certificate_issuing(EVP_PKEY *key, X509 *root, EVP_PKEY *root_key)
{
	return make_ca(key, "issuing CA", root, root_key, "critical,CA:TRUE,pathlen:0");
}

/*
 * EKU: a plain chain check of one wide-spread library wants serverAuth, plain
 * "openssl smime -verify" wants emailProtection. One CA Issuers URL: a known
 * verification script takes what follows "URI:" to the end of the text.
 */
static bool add_leaf_extensions(X509 *cert, const struct config *config, X509 *issuer)
{
	char san[80], aia[256];
	const struct extension list[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, config->key_type == KEYTYPE_P_256 ? "critical,digitalSignature" :
			"critical,digitalSignature,keyEncipherment" },
		{ NID_ext_key_usage, "serverAuth,clientAuth,emailProtection" },
		{ NID_subject_alt_name, san },
		{ NID_info_access, aia },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ 0, NULL }
	};

	snprintf(san, sizeof(san), "DNS:%s", config->name);
	/* Commas would begin another entry: config.c allows none in either. */
	snprintf(aia, sizeof(aia), "caIssuers;URI:%s", config->ca_issuers_url);
	return add_extensions(cert, issuer, list);
}

X509 *certificate_leaf(X509_REQ *request, const struct config *config, X509 *issuer,
		       EVP_PKEY *issuer_key)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	X509 *cert;

	if (!key || X509_REQ_verify(request, key) != 1 ||
	    keytype_of(key) != (int)config->key_type)
		return NULL;
	cert = X509_new();
	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    add_name(X509_get_subject_name(cert), "CN", config->name) &&
	    set_times(cert, config->lifetime_days, issuer) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 && add_leaf_extensions(cert, config, issuer) &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static int read_time(const ASN1_TIME *text, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(text, &tm) != 1)
		return -1;
	*out = timegm(&tm);
	return 0;
}

int certificate_times(const X509 *cert, int64_t *not_before, int64_t *not_after)
{
	if (read_time(X509_get0_notBefore(cert), not_before) ||
	    read_time(X509_get0_notAfter(cert), not_after))
		return -1;
	return 0;
}

static bool url_fits(X509 *leaf, const char *url)
{
	AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(leaf, NID_info_access, NULL, NULL);
	bool fits = false;

	if (info && sk_ACCESS_DESCRIPTION_num(info) == 1) {
		const GENERAL_NAME *name = sk_ACCESS_DESCRIPTION_value(info, 0)->location;

		fits = name->type == GEN_URI &&
		       (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier) == strlen(url) &&
		       !memcmp(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), url,
			       strlen(url));
	}
	AUTHORITY_INFO_ACCESS_free(info);
	return fits;
}

bool certificate_fits(X509 *leaf, const struct config *config)
{
	char name[80] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName, name, sizeof(name));
	return !strcmp(name, config->name) && url_fits(leaf, config->ca_issuers_url) &&
	       keytype_of(X509_get0_pubkey(leaf)) == (int)config->key_type;
}
