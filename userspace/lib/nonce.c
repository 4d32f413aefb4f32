// SPDX-License-Identifier: GPL-2.0
// Owns nonces: the contract's table of characters, and random ones.
#include <string.h>
#include <sys/random.h>

#include "lib.h"

#define NONCE_LEN	(AZATTEST_NONCE_SIZE - 1)

/* 64 characters, so that six random bits are one of them without bias. */
static const char table[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int azattest_nonce_make(char nonce[AZATTEST_NONCE_SIZE])
{
	unsigned char random[NONCE_LEN];
	size_t i;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return AZATTEST_E_SYSTEM;
	for (i = 0; i < NONCE_LEN; i++)
		nonce[i] = table[random[i] & 63];
	nonce[NONCE_LEN] = '\0';
	return 0;
}

bool azattest_nonce_valid(const char *nonce)
{
	size_t len = strlen(nonce);

	return len >= 1 && len <= NONCE_LEN && strspn(nonce, table) == len;
}
