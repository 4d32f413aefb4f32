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

static void take_private(const uint8_t *text, int length, uint8_t scalar[32])
{
	BIO *bio = BIO_new_mem_buf(text, length);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIGNUM *number = NULL;

	tap_need(key && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1);
	tap_need_eq(BN_bn2binpad(number, scalar, 32), 32);
	BN_clear_free(number);
	EVP_PKEY_free(key);
	BIO_free(bio);
}

static bool open_blob(const char *folder, struct swtpm *tpm, const char *name,
		      struct thief_secrets *s, uint8_t scalar[32], uint8_t pem[24])
{
	uint8_t blob[4096], plain[4096];
	struct seal_grant grant;
	struct seal_head head;
	char path[300];
	size_t length;
	int n;

	snprintf(path, sizeof(path), "%.200s/%s", folder, name);
	length = thief_read(path, blob, sizeof(blob));
	if (seal_peek(blob, length, &head) || !open_wrapping_key(folder, tpm, head.kek, s->wrapping))
		return false;
	tap_need(!seal_grant_make(&grant, head.kek, s->wrapping, head.id));
	memcpy(s->grant, grant.key, sizeof(s->grant));
	n = seal_open(&grant, blob, length, plain);
	if (n < 0)
		return false;
	take_private(plain, n, scalar);
	memcpy(pem, plain + SECOND_LINE, 24);
	return true;
}

bool thief_opens_leaf(const char *folder, struct swtpm *tpm, unsigned int leaf,
		      struct thief_secrets *s)
{
	char name[40];

	snprintf(name, sizeof(name), "leaf-%06u/key.sealed", leaf);
	return open_blob(folder, tpm, name, s, s->leaf, s->leaf_pem);
}

bool thief_opens_all(const char *folder, struct swtpm *tpm, unsigned int leaf,
		     struct thief_secrets *s)
{
	return open_blob(folder, tpm, "ca/issuing.sealed", s, s->ca, s->ca_pem) &&
	       thief_opens_leaf(folder, tpm, leaf, s);
}
