// SPDX-License-Identifier: GPL-2.0
// Owns the measure of all: bare signatures in one process, context kept.

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <selftests/speed/bench.h>
#include <userspace/common/common.h>

/* Once around RSA's blinding, so that all code has been read from disk. */
#define WARM_UP	34

static EVP_PKEY_CTX *contexts[KEY_COUNT];

const char *raw_key_name(enum bench_key key)
{
	static const char *const names[] = {
		[KEY_NULL] = "null", [KEY_P_256] = "p-256", [KEY_RSA_2048] = "rsa-2048",
	};

	return names[key];
}

static EVP_PKEY *read_key(enum bench_key key)
{
	static struct setup setup;
	EVP_PKEY *pkey;
	BIO *bio;

	servers_read_setup(key, &setup);
	bio = BIO_new_mem_buf(setup.key, (int)setup.key_len);
	pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
	BIO_free(bio);
	return pkey;
}

static EVP_PKEY_CTX *open_context(enum bench_key key)
{
	EVP_PKEY *pkey = read_key(key);
	EVP_PKEY_CTX *ctx = pkey ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;

	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
	    (EVP_PKEY_is_a(pkey, "RSA") &&
	     EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1) ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		bench_die("%s: key", raw_key_name(key));
	EVP_PKEY_free(pkey);
	return ctx;
}

static void sign(EVP_PKEY_CTX *ctx, unsigned int counter)
{
	uint8_t hash[32] = { 0 }, signature[512];
	size_t length = sizeof(signature);

	memcpy(hash, &counter, sizeof(counter));
	if (EVP_PKEY_sign(ctx, signature, &length, hash, sizeof(hash)) != 1)
		bench_die("sign");
}

struct block raw_run(enum bench_key key, unsigned int count)
{
	struct block block = { .docs = count };
	uint64_t start;

	if (!contexts[key]) {
		contexts[key] = open_context(key);
		for (unsigned int i = 0; i < WARM_UP; i++)
			sign(contexts[key], i);
	}
	start = exchange_now_ns();
	for (unsigned int i = 0; i < count; i++)
		sign(contexts[key], i);
	block.ns = exchange_now_ns() - start;
	return block;
}
