// SPDX-License-Identifier: GPL-2.0
// Owns the bench's keys: one file for each type, struct setup as a signer reads it.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <selftests/document/pki.h>
#include <userspace/common/common.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench-keys: %s\n", what);
	exit(1);
}

static uint32_t put_certificate(X509 *cert, uint8_t *out)
{
	int length = i2d_X509(cert, NULL);

	must(length > 0 && length <= SETUP_CERT_MAX, "certificate");
	must(i2d_X509(cert, &out) == length, "certificate");
	return (uint32_t)length;
}

static uint32_t put_key(EVP_PKEY *key, uint8_t *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	must(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), "key");
	length = BIO_get_mem_data(bio, &text);
	must(length > 0 && length <= SETUP_KEY_MAX, "key");
	memcpy(out, text, (size_t)length);
	BIO_free(bio);
	return (uint32_t)length;
}

static void fill(struct setup *setup, const char *type)
{
	struct setup_profile *profile = &setup->profile[0];
	struct pki pki;

	pki_make(&pki, type);
	*setup = (struct setup) {
		.magic = SETUP_MAGIC, .size = sizeof(*setup), .generation = 1,
		.uid = (uid_t)-1, .gid = (gid_t)-1, .profiles = 1,
		.slots = strcmp(type, "p-256") ? 1 : 16,	/* as azattestd */
		.subscription_id = "11111111-2222-3333-4444-555555555555",
	};
	strcpy(profile->name, SETUP_DEFAULT_PROFILE);
	strcpy(profile->plan_name, "basic");
	strcpy(profile->plan_product, "image");
	strcpy(profile->plan_publisher, "maker");
	strcpy(profile->sku, "2022-datacenter");
	setup->key_len = put_key(pki.key, setup->key);
	setup->leaf_len = put_certificate(pki.leaf, setup->leaf);
	setup->issuer_len = put_certificate(pki.issuer, setup->issuer);
	pki_free(&pki);
}

int main(int argc, char **argv)
{
	static const char *const types[] = { "rsa-2048", "p-256" };
	static struct setup setup;
	char path[4096];
	int fd;

	must(argc == 2, "usage: bench-keys FOLDER");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fill(&setup, types[i]);
		snprintf(path, sizeof(path), "%s/%s", argv[1], types[i]);
		unlink(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		must(fd >= 0 && !setup_write(fd, &setup) && !close(fd), path);
	}
	return 0;
}
