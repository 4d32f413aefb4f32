// SPDX-License-Identifier: GPL-2.0
// Owns the way from a source to a new leaf folder: a key, certificates that were checked, durable.

#include "source.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <userspace/common/accept.h>

/*
 *   leaf-000001/  key.pem cert.pem issuer.pem root.pem source
 *
 * It appears whole (state.c) or not at all, and the older one stays until
 * signers have proved the new one (supervise.c).
 */
static const struct source sources[] = {
	[CONFIG_EMBEDDED] = { request_make, embedded_fetch, NULL },
	[CONFIG_CMP] = { request_make, source_sync_fetch, NULL },
	[CONFIG_EXEC] = { request_make, source_sync_fetch, NULL },
	[CONFIG_FILE] = { source_file_key, source_file_fetch, source_file_done },
};

static void free_certificates(struct source_certificates *certs)
{
	X509_free(certs->leaf);
	X509_free(certs->issuer);
	X509_free(certs->root);
}

int source_write_pem(int dir, const char *name, X509 *cert, EVP_PKEY *key,
		     struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int ret;

	if (!bio || (cert && PEM_write_bio_X509(bio, cert) != 1) ||
	    (key && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)) {
		BIO_free(bio);
		ERR_clear_error();
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "%s: cannot be encoded", name);
	}
	length = BIO_get_mem_data(bio, &text);
	ret = state_write(dir, name, text, (size_t)length, failure);
	OPENSSL_cleanse(text, (size_t)length);
	BIO_free(bio);
	return ret;
}

static int take_chain(STACK_OF(X509) *chain, struct source_certificates *out)
{
	int last = sk_X509_num(chain) - 1;

	/* A leaf straight under its root has that as issuer. */
	out->leaf = X509_dup(sk_X509_value(chain, 0));
	out->issuer = X509_dup(sk_X509_value(chain, 1));
	out->root = X509_dup(sk_X509_value(chain, last));
	return out->leaf && out->issuer && out->root ? 0 : -ENOMEM;
}

int source_accept(const struct source_host *host, X509_REQ *request, STACK_OF(X509) *certs,
		  struct source_certificates *out, struct failure *failure)
{
	const struct config *config = host->config;
	struct accept_rules rules = {
		.key = X509_REQ_get0_pubkey(request), .name = config->name,
		.lifetime_days = config->lifetime_days, .renew_days = config->renew_days,
		.now = time(NULL),
	};
	STACK_OF(X509) *chain = NULL;
	char why[300];
	int ret;

	rules.trust = accept_read_trust(config->ca_trust, why, sizeof(why));
	if (!rules.trust)
		return failure_set(failure, EXIT_FAILURE, -ENOENT,
				   "ca-trust %s: put the CA's root certificate there", why);
	ret = accept_check(&rules, sk_X509_value(certs, 0), certs, &chain, why, sizeof(why));
	if (ret)
		failure_set(failure, EXIT_FAILURE, ret, "CA's certificate not taken: it %s", why);
	else
		ret = take_chain(chain, out);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(rules.trust, X509_free);
	return ret;
}

static int write_source(int dir, const char *name, struct failure *failure)
{
	char line[32];

	snprintf(line, sizeof(line), "%s\n", name);
	return state_write(dir, "source", line, strlen(line), failure);
}

static int fill_leaf(const struct source_host *host, int dir, struct failure *failure)
{
	const struct source *source = &sources[host->config->source];
	struct source_certificates certs = { 0 };
	X509_REQ *request = NULL;
	int ret = source->key(host, dir, &request, failure);

	if (!ret)
		ret = source->fetch(host, request, &certs, failure);
	if (!ret)
		ret = source_write_pem(dir, "cert.pem", certs.leaf, NULL, failure);
	if (!ret)
		ret = source_write_pem(dir, "issuer.pem", certs.issuer, NULL, failure);
	if (!ret)
		ret = source_write_pem(dir, "root.pem", certs.root, NULL, failure);
	if (!ret)
		ret = write_source(dir, config_sources[host->config->source], failure);
	free_certificates(&certs);
	X509_REQ_free(request);
	return ret;
}

int source_run(const struct source_host *host, struct failure *failure)
{
	const struct source *source = &sources[host->config->source];
	uint64_t number = state_newest_leaf(host->state);
	char name[STATE_LEAF_NAME];
	int dir, ret;

	if (number < host->used)
		number = host->used;
	state_leaf_name(number + 1, name);
	dir = state_begin(host->state, name, failure);
	if (dir < 0)
		return dir;
	ret = fill_leaf(host, dir, failure);
	if (!ret)
		ret = state_publish(host->state, name, dir, failure);
	close(dir);
	if (ret)
		state_abandon(host->state, name);
	else if (source->done)
		source->done(host);
	return ret;
}
