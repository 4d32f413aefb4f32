// SPDX-License-Identifier: GPL-2.0
// Owns what a thief with a state directory and its TPM would do: open all keys.

#include "thief.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <selftests/lib/tap.h>
#include <userspace/seal/seal.h>

#define SECOND_LINE	(sizeof("-----BEGIN PRIVATE KEY-----\n") - 1 + 65)

size_t thief_read(const char *path, uint8_t *bytes, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, size);

	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

static bool open_wrapping_key(const char *folder, struct swtpm *tpm,
			      const uint8_t id[SEAL_ID_LEN], uint8_t key[SEAL_KEY_LEN])
{
	char path[300], name[SEAL_FOLDER_LEN], why[400] = "";
	uint8_t bytes[SEAL_KEK_MAX];
	struct seal_kek kek;
	struct seal_tpm *t;
	int ret;

	seal_folder(id, name);
	snprintf(path, sizeof(path), "%.200s/%s/kek", folder, name);
	if (seal_kek_read(&kek, bytes, thief_read(path, bytes, sizeof(bytes))))
		return false;
	memcpy(key, kek.key, SEAL_KEY_LEN);
	if (kek.level == SEAL_HOST_KEY)
		return true;
	tap_need_msg(!seal_tpm_open(&t, tpm->tcti, why, sizeof(why)), "%s", why);
	ret = seal_tpm_unseal(t, &kek, key, why, sizeof(why));
	seal_tpm_close(t);
	return !ret;
}

static EVP_PKEY *read_key(const uint8_t *text, int length)
{
	BIO *bio = BIO_new_mem_buf(text, length);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	tap_need(key);
	return key;
}

static void take_private(EVP_PKEY *key, uint8_t scalar[32])
{
	BIGNUM *number = NULL;

	tap_need(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1);
	tap_need_eq(BN_bn2binpad(number, scalar, 32), 32);
	BN_clear_free(number);
}

/* Bytes at @plain of THIEF_TEXT_MAX; 0 if it does not open. */
static int open_blob(const char *folder, struct swtpm *tpm, const char *name,
		     struct thief_secrets *s, uint8_t *plain)
{
	uint8_t blob[THIEF_TEXT_MAX];
	struct seal_grant grant;
	struct seal_head head;
	char path[300];
	size_t length;
	int n;

	snprintf(path, sizeof(path), "%.200s/%s", folder, name);
	length = thief_read(path, blob, sizeof(blob));
	if (seal_peek(blob, length, &head) || !open_wrapping_key(folder, tpm, head.kek, s->wrapping))
		return 0;
	tap_need(!seal_grant_make(&grant, head.kek, s->wrapping, head.id));
	memcpy(s->grant, grant.key, sizeof(s->grant));
	n = seal_open(&grant, blob, length, plain);
	return n < 0 ? 0 : n;
}

static int open_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s, uint8_t *plain)
{
	char name[40];

	snprintf(name, sizeof(name), "leaf-%06u/key.sealed", leaf);
	return open_blob(folder, tpm, name, s, plain);
}

static bool take(const uint8_t *text, int length, uint8_t scalar[32], uint8_t pem[24])
{
	EVP_PKEY *key;

	if (!length)
		return false;
	key = read_key(text, length);
	take_private(key, scalar);
	EVP_PKEY_free(key);
	memcpy(pem, text + SECOND_LINE, 24);
	return true;
}

EVP_PKEY *thief_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s, char text[THIEF_TEXT_MAX])
{
	int length = open_leaf(folder, tpm, leaf, s, (uint8_t *)text);

	tap_need(length && length < THIEF_TEXT_MAX);
	text[length] = 0;
	return read_key((uint8_t *)text, length);
}

bool thief_opens_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		      struct thief_secrets *s)
{
	uint8_t text[THIEF_TEXT_MAX];

	return take(text, open_leaf(folder, tpm, leaf, s, text), s->leaf, s->leaf_pem);
}

bool thief_opens_all(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s)
{
	uint8_t text[THIEF_TEXT_MAX];

	return take(text, open_blob(folder, tpm, "ca/issuing.sealed", s, text), s->ca, s->ca_pem) &&
	       thief_opens_leaf(folder, tpm, leaf, s);
}
