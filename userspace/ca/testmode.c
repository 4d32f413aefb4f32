// SPDX-License-Identifier: GPL-2.0
// Owns the wrong answers that tests of clients ask for.

#include "ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

static const char *const names[TESTMODE_COUNT] = {
	[TESTMODE_NONE] = "none",
	[TESTMODE_WRONG_KEY] = "wrong-key",
	[TESTMODE_WRONG_NAME] = "wrong-name",
	[TESTMODE_CA_LEAF] = "ca-leaf",
	[TESTMODE_NO_EKU] = "no-eku",
	[TESTMODE_FUTURE_DATED] = "future-dated",
	[TESTMODE_EXPIRED] = "expired",
	[TESTMODE_SHORT_LIVED] = "short-lived",
	[TESTMODE_LONG_LIVED] = "long-lived",
	[TESTMODE_FOREIGN_CHAIN] = "foreign-chain",
	[TESTMODE_REJECT] = "reject",
	[TESTMODE_WAIT] = "wait",
	[TESTMODE_FORGE_REVOKED] = "forge-revoked",
	[TESTMODE_503] = "503",
	[TESTMODE_HANG] = "hang",
	[TESTMODE_GARBAGE] = "garbage",
	[TESTMODE_ENDLESS] = "endless",
	[TESTMODE_SLOW] = "slow",
};

int testmode_parse(const char *name, enum testmode *mode)
{
	for (unsigned int i = 0; i < TESTMODE_COUNT; i++) {
		if (!strcmp(name, names[i])) {
			*mode = (enum testmode)i;
			return 0;
		}
	}
	return -EINVAL;
}

void testmode_list(char *out, size_t size)
{
	size_t length = 0;

	*out = 0;
	for (unsigned int i = 0; i < TESTMODE_COUNT && length < size; i++)
		length += (size_t)snprintf(out + length, size - length, "%s%s", i ? " " : "",
					   names[i]);
}

static bool set_key(X509 *leaf)
{
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);
	bool ok = key && X509_set_pubkey(leaf, key) == 1;

	EVP_PKEY_free(key);
	return ok;
}

static bool set_name(X509 *leaf)
{
	X509_NAME *name = X509_NAME_new();
	bool ok = name &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					   (const unsigned char *)"other.example.net", -1, -1,
					   0) == 1 &&
		X509_set_subject_name(leaf, name) == 1;

	X509_NAME_free(name);
	return ok;
}

static bool drop(X509 *leaf, int nid)
{
	int at = X509_get_ext_by_NID(leaf, nid, -1);

	X509_EXTENSION_free(at < 0 ? NULL : X509_delete_ext(leaf, at));
	return at >= 0;
}

static bool make_ca(X509 *leaf)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
							"critical,CA:TRUE");
	bool ok = extension && drop(leaf, NID_basic_constraints) &&
		  X509_add_ext(leaf, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return ok;
}

static bool set_times(X509 *leaf, time_t from_now, time_t to_now)
{
	time_t now = time(NULL);

	return ASN1_TIME_set(X509_getm_notBefore(leaf), now + from_now) &&
	       ASN1_TIME_set(X509_getm_notAfter(leaf), now + to_now);
}

static bool change(enum testmode mode, X509 *leaf)
{
	const time_t day = 86400;

	switch (mode) {
	case TESTMODE_WRONG_KEY: return set_key(leaf);
	case TESTMODE_WRONG_NAME: return set_name(leaf);
	case TESTMODE_CA_LEAF: return make_ca(leaf);
	case TESTMODE_NO_EKU: return drop(leaf, NID_ext_key_usage);
	case TESTMODE_FUTURE_DATED: return set_times(leaf, 3 * day, 33 * day);
	case TESTMODE_EXPIRED: return set_times(leaf, -30 * day, -3 * day);
	case TESTMODE_SHORT_LIVED: return set_times(leaf, -3600, 3600);
	case TESTMODE_LONG_LIVED: return set_times(leaf, -3600, 400 * day);
	default: return true;
	}
}

X509 *testmode_spoil(enum testmode mode, X509 *leaf, const struct ca *ca)
{
	EVP_PKEY *foreign = NULL;
	bool ok = change(mode, leaf);

	if (ok && mode == TESTMODE_FOREIGN_CHAIN)	/* of the issuing CA's name only */
		ok = !!(foreign = keytype_generate(KEYTYPE_P_256));
	if (ok)
		ok = X509_sign(leaf, foreign ? foreign : ca->key, EVP_sha256()) > 0;
	EVP_PKEY_free(foreign);
	if (ok)
		return leaf;
	X509_free(leaf);
	return NULL;
}
