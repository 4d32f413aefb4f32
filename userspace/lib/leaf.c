// SPDX-License-Identifier: GPL-2.0
// Owns the rules for the signer's certificate: key, purpose, name.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "lib.h"

static bool is_p256(const EVP_PKEY *key)
{
	char group[32];
	size_t len;

	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       !strcmp(group, "prime256v1");
}

int leaf_check_key(X509 *leaf, struct azattest_fault *fault)
{
	const EVP_PKEY *key = X509_get0_pubkey(leaf);
	int bits;

	if (!key)
		return fault_set(fault, AZATTEST_E_KEY,
				 "the signer's key is of an unknown kind");
	bits = EVP_PKEY_get_bits(key);
	if (EVP_PKEY_is_a(key, "RSA") &&
	    bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
		return 0;
	if (is_p256(key))
		return 0;
	return fault_set(fault, AZATTEST_E_KEY,
			 "the signer's key is %.20s of %d bits, neither RSA of "
			 "%d to %d bits nor P-256",
			 EVP_PKEY_get0_type_name(key) ?: "unknown", bits,
			 RSA_BITS_MIN, RSA_BITS_MAX);
}

int leaf_check_profile(X509 *leaf, struct azattest_fault *fault)
{
	uint32_t flags = X509_get_extension_flags(leaf);
	uint32_t usage = X509_get_key_usage(leaf);

	if (!(flags & EXFLAG_BCONS) || (flags & (EXFLAG_CA | EXFLAG_INVALID)))
		return fault_set(fault, AZATTEST_E_CA,
				 "the signer's certificate is not marked "
				 "CA:FALSE");
	if (!(flags & EXFLAG_KUSAGE) || !(usage & KU_DIGITAL_SIGNATURE) ||
	    (usage & KU_KEY_CERT_SIGN))
		return fault_set(fault, AZATTEST_E_KEY_USAGE,
				 "the signer's certificate has no key usage "
				 "digitalSignature, or may sign certificates");
	if (!(flags & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(leaf) & (XKU_SMIME | XKU_SSL_SERVER)))
		return fault_set(fault, AZATTEST_E_EXT_KEY_USAGE,
				 "the signer's certificate has no extended key "
				 "usage emailProtection or serverAuth");
	return 0;
}

/* The first dNSName that fits @rule (NULL: any valid one); NULL if none. */
static const ASN1_STRING *find_name(const GENERAL_NAMES *names,
				    const char *rule)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		const char *text;
		size_t len;

		if (name->type != GEN_DNS)
			continue;
		text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
		len = (size_t)ASN1_STRING_length(name->d.dNSName);
		if (rule ? name_match(rule, text, len) : name_valid(text, len))
			return name->d.dNSName;
	}
	return NULL;
}

/* What the certificate is called, for the sentence about a wrong name. */
static void describe(const GENERAL_NAMES *names, char *to, size_t size)
{
	int i;

	strcpy(to, "none");
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		fault_quote(to, size,
			    (const char *)ASN1_STRING_get0_data(name->d.dNSName),
			    (size_t)ASN1_STRING_length(name->d.dNSName));
		return;
	}
}

/* @name: the one that matched, "" if there is none and no @rule; free() it. */
int leaf_check_name(X509 *leaf, const char *rule, char **name,
		    struct azattest_fault *fault)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name,
						NULL, NULL);
	const ASN1_STRING *found = find_name(names, rule);
	char first[128];
	int rc = 0;

	if (!found && rule) {
		describe(names, first, sizeof(first));
		rc = fault_set(fault, AZATTEST_E_NAME,
			       "no DNS name of the signer's certificate fits "
			       "\"%.100s\" (the first is \"%s\")", rule, first);
	} else {
		*name = found ? strndup((const char *)
					ASN1_STRING_get0_data(found),
					(size_t)ASN1_STRING_length(found)) :
				strdup("");
		if (!*name)
			rc = fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	}
	GENERAL_NAMES_free(names);
	return rc;
}

int64_t leaf_not_after(const X509 *leaf)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm))
		return 0;
	return timegm(&tm);
}
