// SPDX-License-Identifier: GPL-2.0
// Owns the newest leaf of the state directory: key.sealed or key.pem, and its certificates.

#include "azattestd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static int read_certificate(struct state *state, const char *folder, const char *name,
			    X509 **cert, struct failure *failure)
{
	char pem[8192];
	int length = state_read(state, folder, name, pem, sizeof(pem), failure);
	BIO *bio;

	if (length < 0)
		return length;
	bio = BIO_new_mem_buf(pem, length);
	*cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (*cert)
		return 0;
	return failure_set(failure, EXIT_STATE, -EINVAL,
			   "%s/%s/%s: is no certificate (damaged?): remove the folder %s to have "
			   "a new leaf made", state->path, folder, name, folder);
}

/* Folders of older releases do not say it: theirs is the first source there was. */
static enum config_source read_source(struct state *state, const char *folder)
{
	struct failure ignored;
	char text[32] = "";
	int length = state_read(state, folder, "source", text, sizeof(text) - 1, &ignored);

	text[length > 0 ? length : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	for (unsigned int i = CONFIG_EMBEDDED; i <= CONFIG_FILE; i++)
		if (!strcmp(text, config_sources[i]))
			return (enum config_source)i;
	return CONFIG_EMBEDDED;
}

/* What a wrapping key begins with: magic and level; the rest is not for this process. */
static enum seal_level read_level(struct state *state, const uint8_t kek[SEAL_ID_LEN])
{
	struct failure ignored;
	char folder[SEAL_FOLDER_LEN];
	uint8_t begin[9];
	int fd;
	bool is_tpm;

	seal_folder(kek, folder);
	fd = state_open_file(state, folder, "kek", &ignored);
	if (fd < 0)
		return SEAL_HOST_KEY;
	is_tpm = read(fd, begin, sizeof(begin)) == sizeof(begin) && begin[8] == SEAL_TPM;
	close(fd);
	return is_tpm ? SEAL_TPM : SEAL_HOST_KEY;
}

int leaf_read_sealed(struct state *state, const char *folder, const char *name, uint8_t *blob,
		     size_t size, struct seal_head *head, struct failure *failure)
{
	int length = state_read(state, folder, name, blob, size, failure);

	if (length < 0 || !seal_peek(blob, (size_t)length, head))
		return length;
	return failure_set(failure, EXIT_STATE, -EBADMSG,
			   "%s/%s/%s: is no sealed key (damaged?): restore it, or remove the folder %s "
			   "to have it made anew", state->path, folder, name, folder);
}

static int read_head(struct leaf *leaf, struct state *state, const char *folder,
		     struct failure *failure)
{
	uint8_t blob[SETUP_KEY_MAX];
	int ret = leaf_read_sealed(state, folder, "key.sealed", blob, sizeof(blob), &leaf->head,
				   failure);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	leaf->sealed = true;
	leaf->level = read_level(state, leaf->head.kek);
	return 0;
}

int leaf_load(struct leaf *leaf, struct state *state, struct failure *failure)
{
	uint64_t number = state_newest_leaf(state);
	struct leaf fresh = { .number = number };
	char folder[STATE_LEAF_NAME];
	int ret;

	if (!number)
		return -ENOENT;
	state_leaf_name(number, folder);
	ret = read_certificate(state, folder, "cert.pem", &fresh.cert, failure);
	if (!ret)
		ret = read_certificate(state, folder, "issuer.pem", &fresh.issuer, failure);
	if (!ret)
		ret = read_certificate(state, folder, "root.pem", &fresh.root, failure);
	if (!ret && certificate_times(fresh.cert, &fresh.not_before, &fresh.not_after))
		ret = failure_set(failure, EXIT_STATE, -EINVAL, "%s/%s/cert.pem: has no times",
				  state->path, folder);
	if (!ret)
		ret = read_head(&fresh, state, folder, failure);
	if (ret) {
		leaf_free(&fresh);
		return ret;
	}
	fresh.source = read_source(state, folder);
	leaf_free(leaf);
	*leaf = fresh;
	return 0;
}

void leaf_free(struct leaf *leaf)
{
	X509_free(leaf->cert);
	X509_free(leaf->issuer);
	X509_free(leaf->root);
	memset(leaf, 0, sizeof(*leaf));
}

static bool url_fits(X509 *cert, const char *url)
{
	AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
	bool fits = false;

	if (info && sk_ACCESS_DESCRIPTION_num(info) == 1) {
		const GENERAL_NAME *name = sk_ACCESS_DESCRIPTION_value(info, 0)->location;

		fits = name->type == GEN_URI &&
		       (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier) == strlen(url) &&
		       !memcmp(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), url,
			       strlen(url));
	}
	AUTHORITY_INFO_ACCESS_free(info);
	return fits;
}

bool leaf_fits(const struct leaf *leaf, const struct config *config)
{
	char name[80] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf->cert), NID_commonName, name, sizeof(name));
	/*
	 * A CA may write the name in other letters, and accept.c takes that: were
	 * it not enough here, each renewal would call for the next. The URL in
	 * another CA's certificate is that CA's choice.
	 */
	return !strcasecmp(name, config->name) &&
	       (leaf->source != CONFIG_EMBEDDED || config->source != CONFIG_EMBEDDED ||
		url_fits(leaf->cert, config->ca_issuers_url)) &&
	       keytype_of(X509_get0_pubkey(leaf->cert)) == (int)config->key_type;
}

static int put_certificate(X509 *cert, uint8_t *out, uint32_t *length)
{
	int size = i2d_X509(cert, NULL);

	if (size <= 0 || size > SETUP_CERT_MAX)
		return -EFBIG;
	*length = (uint32_t)i2d_X509(cert, &out);
	return 0;
}

/* A key in clear stays text here, and only until the caller has handed it over. */
int leaf_setup(const struct leaf *leaf, struct state *state, struct setup *setup,
	       struct failure *failure)
{
	char folder[STATE_LEAF_NAME];
	int length;

	state_leaf_name(leaf->number, folder);
	length = state_read(state, folder, leaf->sealed ? "key.sealed" : "key.pem", setup->key,
			    sizeof(setup->key), failure);
	setup->sealed = leaf->sealed;
	if (length < 0)
		return length;
	setup->key_len = (uint32_t)length;
	setup->generation = leaf->number;
	if (put_certificate(leaf->cert, setup->leaf, &setup->leaf_len) ||
	    put_certificate(leaf->issuer, setup->issuer, &setup->issuer_len))
		return failure_set(failure, EXIT_STATE, -EFBIG,
				   "%s/%s: a certificate is longer than %d bytes", state->path,
				   folder, SETUP_CERT_MAX);
	return 0;
}
