// SPDX-License-Identifier: GPL-2.0
// Owns the blob that a private key is on the disk.

#include "seal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define MAGIC	"AZSEAL1\n"

/* AES-256-GCM either way; what names the blob is authenticated with it. */
static EVP_CIPHER_CTX *begin(const struct seal_grant *grant, const struct seal_head *head,
			     int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, grant->key, head->nonce,
				     encrypt) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)head, sizeof(*head)) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static void fill_head(struct seal_head *head, const struct seal_grant *grant, size_t length)
{
	memcpy(head->magic, MAGIC, sizeof(head->magic));
	memcpy(head->kek, grant->kek, sizeof(head->kek));
	memcpy(head->id, grant->id, sizeof(head->id));
	for (int i = 0; i < 4; i++)
		head->length[i] = (uint8_t)(length >> 8 * i);
}

int seal_wrap(const struct seal_grant *grant, const void *plain, size_t length, uint8_t *out)
{
	struct seal_head head;
	EVP_CIPHER_CTX *ctx;
	uint8_t *body = out + sizeof(head), *tag = body + length;
	int n, ret = -EIO;

	if (length > INT_MAX || RAND_bytes(head.nonce, sizeof(head.nonce)) != 1)
		return -EIO;
	fill_head(&head, grant, length);
	ctx = begin(grant, &head, 1);
	if (ctx && EVP_CipherUpdate(ctx, body, &n, plain, (int)length) == 1 &&
	    EVP_CipherFinal_ex(ctx, body + n, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG_LEN, tag) == 1) {
		memcpy(out, &head, sizeof(head));
		ret = (int)(length + SEAL_EXTRA);
	}
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int seal_peek(const uint8_t *blob, size_t length, struct seal_head *head)
{
	size_t wrapped = 0;

	if (length < SEAL_EXTRA)
		return -EBADMSG;
	memcpy(head, blob, sizeof(*head));
	for (int i = 0; i < 4; i++)
		wrapped |= (size_t)head->length[i] << 8 * i;
	return memcmp(head->magic, MAGIC, sizeof(head->magic)) || wrapped != length - SEAL_EXTRA ?
		-EBADMSG : 0;
}

int seal_open(const struct seal_grant *grant, const uint8_t *blob, size_t length, uint8_t *plain)
{
	struct seal_head head;
	EVP_CIPHER_CTX *ctx;
	size_t wrapped;
	uint8_t tag[SEAL_TAG_LEN];
	int n, ret = -EBADMSG;

	if (seal_peek(blob, length, &head))
		return ret;
	wrapped = length - SEAL_EXTRA;
	memcpy(tag, blob + sizeof(head) + wrapped, sizeof(tag));
	ctx = begin(grant, &head, 0);
	if (ctx && EVP_CipherUpdate(ctx, plain, &n, blob + sizeof(head), (int)wrapped) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG_LEN, tag) == 1 &&
	    EVP_CipherFinal_ex(ctx, plain + n, &n) == 1)
		ret = (int)wrapped;
	else
		OPENSSL_cleanse(plain, wrapped);
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	return ret;
}
