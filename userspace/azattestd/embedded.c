// SPDX-License-Identifier: GPL-2.0
// Owns the certificate source "embedded": a CA of this host's own, and leaves under it.

#include "source.h"

#include <errno.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/*
 *   ca/  root.pem issuing.pem issuing.key
 *
 * A folder appears whole (state.c), so a crash leaves no CA, or a CA without
 * leaf, or both: the next start does what is missing. The root's key is only
 * ever in this process, which makes it, uses it once and ends.
 */
#define CA_FOLDER	"ca"

struct ca {
	X509 *root;
	X509 *issuing;
	EVP_PKEY *key;		/* of issuing */
};

static void ca_free(struct ca *ca)
{
	X509_free(ca->root);
	X509_free(ca->issuing);
	EVP_PKEY_free(ca->key);
}

static int libcrypto_failed(struct failure *failure, const char *what)
{
	char text[200];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return failure_set(failure, EXIT_FAILURE, -EIO, "embedded CA: cannot make %s: %s", what,
			   text);
}

static int generate_ca(struct ca *ca, enum keytype type, struct failure *failure)
{
	EVP_PKEY *root_key = keytype_generate(type);

	ca->key = keytype_generate(type);
	if (root_key && ca->key)
		ca->root = certificate_root(root_key, CERTIFICATE_SELF_ISSUED);
	if (ca->root)
		ca->issuing = certificate_issuing(ca->key, CERTIFICATE_SELF_ISSUED, ca->root,
						  root_key);
	EVP_PKEY_free(root_key);	/* wiped, and nowhere else */
	return ca->issuing ? 0 : libcrypto_failed(failure, "root and issuing CA");
}

static int store_ca(struct state *state, const struct ca *ca, struct failure *failure)
{
	int dir = state_begin(state, CA_FOLDER, failure);
	int ret;

	if (dir < 0)
		return dir;
	ret = source_write_pem(dir, "root.pem", ca->root, NULL, failure);
	if (!ret)
		ret = source_write_pem(dir, "issuing.pem", ca->issuing, NULL, failure);
	if (!ret)
		ret = source_write_pem(dir, "issuing.key", NULL, ca->key, failure);
	if (!ret)
		ret = state_publish(state, CA_FOLDER, dir, failure);
	close(dir);
	return ret;
}

static BIO *read_bio(struct state *state, const char *name, char *buf, size_t size,
		     struct failure *failure)
{
	int length = state_read(state, CA_FOLDER, name, buf, size, failure);

	return length < 0 ? NULL : BIO_new_mem_buf(buf, length);
}

static int load_part(struct state *state, const char *name, X509 **cert, EVP_PKEY **key,
		     struct failure *failure)
{
	char pem[8192];
	BIO *bio = read_bio(state, name, pem, sizeof(pem), failure);
	bool ok;

	if (!bio)
		return -EIO;
	if (cert)
		ok = !!(*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL));
	else
		ok = !!(*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)""));
	BIO_free(bio);
	OPENSSL_cleanse(pem, sizeof(pem));
	ERR_clear_error();
	if (ok)
		return 0;
	return failure_set(failure, EXIT_STATE, -EINVAL,
			   "%s/" CA_FOLDER "/%s: does not parse (damaged?): restore it, or remove the "
			   "folder " CA_FOLDER " to begin with a new root that verifiers must then trust",
			   state->path, name);
}

static int load_ca(struct state *state, struct ca *ca, struct failure *failure)
{
	int ret = load_part(state, "root.pem", &ca->root, NULL, failure);

	if (!ret)
		ret = load_part(state, "issuing.pem", &ca->issuing, NULL, failure);
	if (!ret)
		ret = load_part(state, "issuing.key", NULL, &ca->key, failure);
	if (!ret && X509_check_private_key(ca->issuing, ca->key) != 1)
		ret = failure_set(failure, EXIT_STATE, -EKEYREJECTED,
				  "%s/" CA_FOLDER ": issuing.key is not issuing.pem's: restore both, or "
				  "remove the folder to begin with a new root", state->path);
	return ret;
}

static int open_ca(struct state *state, const struct config *config, struct ca *ca,
		   struct failure *failure)
{
	int dir = state_folder(state, CA_FOLDER, failure);
	int ret;

	if (dir >= 0) {
		close(dir);
		return load_ca(state, ca, failure);
	}
	if (dir != -ENOENT)
		return dir;
	ret = generate_ca(ca, config->key_type, failure);
	return ret ? ret : store_ca(state, ca, failure);
}

/* The CA is opened for this one signature. */
int embedded_fetch(const struct source_host *host, X509_REQ *request,
		   struct source_certificates *out, struct failure *failure)
{
	const struct config *config = host->config;
	const struct certificate_profile profile = {
		.name = config->name, .ca_issuers_url = config->ca_issuers_url,
		.days = config->lifetime_days,
	};
	struct ca ca = { 0 };
	int ret = open_ca(host->state, config, &ca, failure);

	if (!ret) {
		out->leaf = certificate_leaf(X509_REQ_get0_pubkey(request), &profile, ca.issuing,
					     ca.key);
		ret = out->leaf ? 0 : libcrypto_failed(failure, "the leaf certificate");
	}
	if (!ret && X509_up_ref(ca.issuing) == 1 && X509_up_ref(ca.root) == 1) {
		out->issuer = ca.issuing;
		out->root = ca.root;
	}
	ca_free(&ca);
	return ret;
}
