// SPDX-License-Identifier: GPL-2.0
// Owns the names of key types and how a key of each is made.

#include "common.h"

#include <errno.h>
#include <string.h>

static const char *const names[KEYTYPE_COUNT] = {
	[KEYTYPE_RSA_2048] = "rsa-2048",
	[KEYTYPE_RSA_3072] = "rsa-3072",
	[KEYTYPE_P_256] = "p-256",
};

int keytype_parse(const char *name, enum keytype *type)
{
	for (unsigned int i = 0; i < KEYTYPE_COUNT; i++) {
		if (!strcmp(name, names[i])) {
			*type = (enum keytype)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *keytype_name(enum keytype type)
{
	return names[type];
}

int keytype_of(const EVP_PKEY *key)
{
	char group[32];

	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 2048)
		return KEYTYPE_RSA_2048;
	if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == 3072)
		return KEYTYPE_RSA_3072;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	    !strcmp(group, "prime256v1"))
		return KEYTYPE_P_256;
	return -EINVAL;
}

EVP_PKEY *keytype_generate(enum keytype type)
{
	switch (type) {
	case KEYTYPE_RSA_2048:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	case KEYTYPE_RSA_3072:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
	default:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	}
}
