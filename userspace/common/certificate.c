// SPDX-License-Identifier: GPL-2.0
// Owns the X.509 profiles of root, issuing CA and leaf, whoever issues them.

#include "certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define CA_DAYS		3653

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
static bool set_ca_subject(X509 *cert, const char *organization, const char *what)
{
	unsigned char tag[4];
	char name[65];	/* a CN has 64 characters at most */

	if (RAND_bytes(tag, sizeof(tag)) != 1)
		return false;
	snprintf(name, sizeof(name), "%.40s %s %02x%02x%02x%02x", organization, what,
		 tag[0], tag[1], tag[2], tag[3]);
	return add_name(X509_get_subject_name(cert), "O", organization) &&
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
	return ASN1_TIME_set(X509_getm_notBefore(cert), time(NULL) - CERTIFICATE_BACKDATE_S) &&
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

static X509 *make_ca(EVP_PKEY *key, const char *organization, X509 *issuer,
		     EVP_PKEY *issuer_key)
{
	const struct extension list[] = {
		{ NID_basic_constraints, issuer ? "critical,CA:TRUE,pathlen:0" : "critical,CA:TRUE" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ 0, NULL }
	};
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    set_ca_subject(cert, organization, issuer ? "issuing CA" : "root") &&
	    set_times(cert, CA_DAYS, issuer) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer ? issuer : cert)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 && add_extensions(cert, issuer ? issuer : cert, list) &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *certificate_root(EVP_PKEY *key, const char *organization)
{
	return make_ca(key, organization, NULL, key);
}

X509 *certificate_issuing(EVP_PKEY *key, const char *organization, X509 *root, EVP_PKEY *root_key)
{
	return make_ca(key, organization, root, root_key);
}

/*
 * EKU: a plain chain check of one wide-spread library wants serverAuth, plain
 * "openssl smime -verify" wants emailProtection. One CA Issuers URL: a known
 * verification script takes what follows "URI:" to the end of the text.
 */
static bool add_leaf_extensions(X509 *cert, const struct certificate_profile *profile,
				X509 *issuer)
{
	char san[80], aia[256];
	const struct extension list[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA") ?
			"critical,digitalSignature,keyEncipherment" : "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth,clientAuth,emailProtection" },
		{ NID_subject_alt_name, san },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ profile->ca_issuers_url ? NID_info_access : 0, aia },
		{ 0, NULL }
	};

	snprintf(san, sizeof(san), "DNS:%s", profile->name);
	/* Commas would begin another entry: no caller allows one in either. */
	snprintf(aia, sizeof(aia), "caIssuers;URI:%s", profile->ca_issuers_url ?: "");
	return add_extensions(cert, issuer, list);
}

X509 *certificate_leaf(EVP_PKEY *key, const struct certificate_profile *profile, X509 *issuer,
		       EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    add_name(X509_get_subject_name(cert), "CN", profile->name) &&
	    set_times(cert, profile->days, issuer) &&
	    X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
	    X509_set_pubkey(cert, key) == 1 && add_leaf_extensions(cert, profile, issuer) &&
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
