// SPDX-License-Identifier: GPL-2.0
// Owns the credential that this host shows its CA: an identity of its own, or a shared secret.

#include "sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <userspace/common/ownfile.h>

#define IDENTITY_MAX	32768

static EVP_PKEY *parse_key(const char *text, int length)
{
	BIO *bio = BIO_new_mem_buf(text, length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	return key;
}

/* One file: the certificate, what leads from it to a root, and its key. */
static int parse_identity(struct sync *sync, const char *text, int length,
			  struct failure *failure)
{
	const char *path = sync->config.ca_identity_file;

	sync->identity_chain = accept_parse(text, (size_t)length);
	sync->identity_key = parse_key(text, length);
	ERR_clear_error();
	if (!sync->identity_chain || !sync->identity_key)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "%s: is no PEM file with a certificate and its unencrypted key", path);
	sync->identity = sk_X509_value(sync->identity_chain, 0);
	if (X509_check_private_key(sync->identity, sync->identity_key) == 1)
		return 0;
	ERR_clear_error();
	return failure_set(failure, EXIT_CONFIG, -EINVAL,
			   "%s: its key is not that of its first certificate", path);
}

static int load_identity(struct sync *sync, struct failure *failure)
{
	char text[IDENTITY_MAX], why[300];
	int length = ownfile_read(sync->config.ca_identity_file, OWNFILE_SECRET,
				  sync->config.sync_uid, text, sizeof(text), why, sizeof(why));
	int ret;

	if (length < 0)
		return failure_set(failure, EXIT_CONFIG, length, "ca-identity-file %s", why);
	ret = parse_identity(sync, text, length, failure);
	OPENSSL_cleanse(text, sizeof(text));
	return ret;
}

static int load_secret(struct sync *sync, struct failure *failure)
{
	char why[300];
	int length = ownfile_read(sync->config.ca_secret_file, OWNFILE_SECRET,
				  sync->config.sync_uid, sync->secret, sizeof(sync->secret), why,
				  sizeof(why));

	if (length < 0)
		return failure_set(failure, EXIT_CONFIG, length, "ca-secret-file %s", why);
	/* An editor's newline is no part of it. */
	sync->secret[strcspn(sync->secret, "\r\n")] = 0;
	if (*sync->secret)
		return 0;
	return failure_set(failure, EXIT_CONFIG, -EINVAL, "%s: is empty: put the secret there that the "
			   "CA gave for this host", sync->config.ca_secret_file);
}

int credential_load(struct sync *sync, struct failure *failure)
{
	const struct config *config = &sync->config;

	if (!access(config->ca_identity_file, F_OK))
		return load_identity(sync, failure);
	if (!access(config->ca_secret_file, F_OK))
		return load_secret(sync, failure);
	return failure_set(failure, EXIT_CONFIG, -ENOENT,
			   "neither ca-secret-file %s nor ca-identity-file %s is there: the CA would not "
			   "know this host; have it enrolled and put what it gives there, mode 0400",
			   config->ca_secret_file, config->ca_identity_file);
}
