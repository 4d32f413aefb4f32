/* SPDX-License-Identifier: GPL-2.0 */
/* thief.c: the keys of a state directory, for who has its TPM: what is then looked for elsewhere. */
#ifndef SELFTESTS_SEAL_THIEF_H
#define SELFTESTS_SEAL_THIEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include <selftests/seal/swtpm.h>

/* 32 random bytes each, as a P-256 key is too. */
struct thief_secrets {
	uint8_t wrapping[32];
	uint8_t grant[32];	/* of the leaf's blob */
	uint8_t leaf[32];
	uint8_t ca[32];
	uint8_t leaf_pem[24];	/* of its second line, where it begins to be secret */
	uint8_t ca_pem[24];
};

/* Whether the key of leaf number @leaf opens, and the embedded CA's too. */
bool thief_opens_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		      struct thief_secrets *s);
bool thief_opens_all(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s);
/* The leaf's key, of any type, and @text, the PEM that it was wrapped as; of @s the first two. */
#define THIEF_TEXT_MAX	4096
EVP_PKEY *thief_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s, char text[THIEF_TEXT_MAX]);
/* A file's first bytes, 0 if there are none. */
size_t thief_read(const char *path, uint8_t *bytes, size_t size);

#endif
