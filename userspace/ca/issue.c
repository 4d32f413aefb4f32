// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-ca signs: leaves, host identities, and its own server certificate.

#include "ca.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#define IDENTITY_DAYS_MAX	3653

static X509 *not_made(X509 *cert, const char *name, struct failure *failure)
{
	ERR_clear_error();
	X509_free(cert);
	failure_set(failure, EXIT_FAILURE, -EIO, "cannot make a certificate for %s", name);
	return NULL;
}

static X509 *written(struct ca *ca, X509 *cert, struct failure *failure)
{
	if (!store_issued(ca, cert, failure))
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *issue_leaf(struct ca *ca, EVP_PKEY *key, const char *name, const char *issuers_url,
		 unsigned int days, struct failure *failure)
{
	const struct certificate_profile profile = {
		.name = name, .ca_issuers_url = issuers_url, .days = days,
	};
	X509 *cert = certificate_leaf(key, &profile, ca->issuing, ca->key);

	if (!cert)
		return not_made(cert, name, failure);
	cert = written(ca, cert, failure);
	if (!cert || !store_issued_for(ca, key, cert, failure))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool replace(X509 *cert, int nid, const char *value)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);
	X509_EXTENSION *extension;
	bool ok = true;

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(cert, at));
	if (!value)
		return true;
	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	ok = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

/* A leaf's profile with another use: it must not pass for one. */
static X509 *other_use(struct ca *ca, EVP_PKEY *key, const char *name, unsigned int days,
		       const char *usage, const char *alternative)
{
	const struct certificate_profile profile = { .name = name, .days = days };
	X509 *cert = certificate_leaf(key, &profile, ca->issuing, ca->key);

	if (cert && replace(cert, NID_ext_key_usage, usage) &&
	    replace(cert, NID_subject_alt_name, alternative) &&
	    X509_sign(cert, ca->key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

X509 *issue_identity(struct ca *ca, EVP_PKEY *key, const char *name, unsigned int days,
		     struct failure *failure)
{
	X509 *cert = other_use(ca, key, name, days, "clientAuth", NULL);

	return cert ? written(ca, cert, failure) : not_made(cert, name, failure);
}

X509 *issue_server(struct ca *ca, EVP_PKEY *key, const char *name)
{
	unsigned char address[16];
	bool is_address = inet_pton(AF_INET, name, address) == 1 ||
			  inet_pton(AF_INET6, name, address) == 1;
	char alternative[CA_NAME_MAX + 8];

	snprintf(alternative, sizeof(alternative), "%s:%.64s", is_address ? "IP" : "DNS", name);
	return other_use(ca, key, name, IDENTITY_DAYS_MAX, "serverAuth", alternative);
}
