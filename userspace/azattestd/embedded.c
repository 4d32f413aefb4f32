// SPDX-License-Identifier: GPL-2.0
// Owns the certificate source "embedded": a CA of this host's own, and leaves under it.

#include "source.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <userspace/common/accept.h>

#include "clock.h"

/*
 *   ca/  root.pem issuing.pem issuing.sealed (issuing.key, where keys are not sealed)
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

static int read_grant(const struct source_host *host, const struct seal_ask *ask,
		      struct seal_grant *grant, struct failure *failure)
{
	int pipe = host->keeper < 0 ? -ENOKEY : seal_grant_ask(host->keeper, ask);
	int ret = pipe < 0 ? pipe : seal_grant_read(pipe, grant);

	if (pipe >= 0)
		close(pipe);
	if (!ret)
		return 0;
	return failure_set(failure, EXIT_STATE, ret,
			   "%s/" CA_FOLDER "/issuing.sealed: cannot be opened, its wrapping key is lost (a PCR "
			   "changed, the TPM was cleared?): boot as before, or remove the folder " CA_FOLDER
			   " to begin with a new root that verifiers must then trust, and run "
			   "\"azattestctl sync\"", host->state->path);
}

/* Bytes at @out, of SETUP_KEY_MAX. */
static int wrap_key(const struct source_host *host, EVP_PKEY *key, uint8_t *out,
		    struct failure *failure)
{
	const struct seal_ask ask = { 0 };
	struct seal_grant grant;
	BIO *bio = BIO_new(BIO_s_mem());
	int ret = read_grant(host, &ask, &grant, failure);
	char *text;
	long length;

	if (!ret && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
		length = BIO_get_mem_data(bio, &text);
		ret = (size_t)length + SEAL_EXTRA > SETUP_KEY_MAX ? -EFBIG :
			seal_wrap(&grant, text, (size_t)length, out);
		OPENSSL_cleanse(text, (size_t)length);
	} else if (!ret) {
		ret = -ENOMEM;
	}
	OPENSSL_cleanse(&grant, sizeof(grant));
	BIO_free(bio);
	return ret;
}

static int store_key(const struct source_host *host, int dir, EVP_PKEY *key,
		     struct failure *failure)
{
	uint8_t blob[SETUP_KEY_MAX];
	int length;

	if (!host->sealed)
		return source_write_pem(dir, "issuing.key", NULL, key, failure);
	length = wrap_key(host, key, blob, failure);
	return length < 0 ? length :
		state_write(dir, "issuing.sealed", blob, (size_t)length, failure);
}

static int store_ca(const struct source_host *host, const struct ca *ca, struct failure *failure)
{
	struct state *state = host->state;
	int dir = state_begin(state, CA_FOLDER, failure);
	int ret;

	if (dir < 0)
		return dir;
	ret = source_write_pem(dir, "root.pem", ca->root, NULL, failure);
	if (!ret)
		ret = source_write_pem(dir, "issuing.pem", ca->issuing, NULL, failure);
	if (!ret)
		ret = store_key(host, dir, ca->key, failure);
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

static EVP_PKEY *parse_key(const uint8_t *pem, int length)
{
	BIO *bio = BIO_new_mem_buf(pem, length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* -ENOENT: the key is not sealed. */
static int open_sealed(const struct source_host *host, struct ca *ca, struct seal_head *head,
		       struct failure *failure)
{
	uint8_t blob[SETUP_KEY_MAX], plain[SETUP_KEY_MAX];
	struct seal_grant grant;
	struct seal_ask ask;
	int length = leaf_read_sealed(host->state, CA_FOLDER, "issuing.sealed", blob, sizeof(blob),
				      head, failure), ret;

	if (length < 0)
		return length;
	memcpy(ask.kek, head->kek, sizeof(ask.kek));
	memcpy(ask.id, head->id, sizeof(ask.id));
	ret = read_grant(host, &ask, &grant, failure);
	if (ret)
		return ret;
	length = seal_open(&grant, blob, (size_t)length, plain);
	if (length > 0)
		ca->key = parse_key(plain, length);
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(&grant, sizeof(grant));
	if (ca->key)
		return 0;
	return failure_set(failure, EXIT_STATE, -EBADMSG,
			   "%s/" CA_FOLDER "/issuing.sealed: does not open (damaged, or another host's?): "
			   "restore it, or remove the folder " CA_FOLDER " to begin with a new root that "
			   "verifiers must then trust", host->state->path);
}

int embedded_kek(struct state *state, uint8_t id[SEAL_ID_LEN])
{
	uint8_t blob[SETUP_KEY_MAX];
	struct seal_head head;
	struct failure ignored;
	int length = leaf_read_sealed(state, CA_FOLDER, "issuing.sealed", blob, sizeof(blob), &head,
				      &ignored);

	if (length < 0)
		return length;
	memcpy(id, head.kek, sizeof(head.kek));
	return 0;
}

/* The level has changed: the key follows, the new file first. */
static int move_key(const struct source_host *host, EVP_PKEY *key, struct failure *failure)
{
	uint8_t bytes[SETUP_KEY_MAX];
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	int length = -ENOMEM, ret;

	if (host->sealed)
		length = wrap_key(host, key, bytes, failure);
	else if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		length = (int)BIO_get_mem_data(bio, &text);
	ret = length < 0 ? length :
		state_move_in(host->state, CA_FOLDER, host->sealed ? "issuing.sealed" : "issuing.key",
			      host->sealed ? (void *)bytes : text, (size_t)length, failure);
	if (!host->sealed && length > 0)
		OPENSSL_cleanse(text, (size_t)length);
	BIO_free(bio);
	if (!ret)
		state_remove(host->state, CA_FOLDER, host->sealed ? "issuing.key" : "issuing.sealed");
	return ret;
}

static int load_key(const struct source_host *host, struct ca *ca, struct failure *failure)
{
	struct seal_head head;
	int ret = open_sealed(host, ca, &head, failure);
	bool sealed = !ret;

	if (ret == -ENOENT)
		ret = load_part(host->state, "issuing.key", NULL, &ca->key, failure);
	if (ret)
		return ret;
	if (host->sealed == sealed && (!sealed || !memcmp(head.kek, host->kek, sizeof(head.kek))))
		return 0;
	return move_key(host, ca->key, failure);
}

static int load_ca(const struct source_host *host, struct ca *ca, struct failure *failure)
{
	struct state *state = host->state;
	int ret = load_part(state, "root.pem", &ca->root, NULL, failure);

	if (!ret)
		ret = load_part(state, "issuing.pem", &ca->issuing, NULL, failure);
	if (!ret)
		ret = load_key(host, ca, failure);
	if (!ret && X509_check_private_key(ca->issuing, ca->key) != 1)
		ret = failure_set(failure, EXIT_STATE, -EKEYREJECTED,
				  "%s/" CA_FOLDER ": the issuing key is not issuing.pem's: restore both, or "
				  "remove the folder to begin with a new root", state->path);
	return ret;
}

static int open_ca(const struct source_host *host, struct ca *ca, struct failure *failure)
{
	int dir = state_folder(host->state, CA_FOLDER, failure);
	int ret;

	if (dir >= 0) {
		close(dir);
		return load_ca(host, ca, failure);
	}
	if (dir != -ENOENT)
		return dir;
	ret = generate_ca(ca, host->config->key_type, failure);
	return ret ? ret : store_ca(host, ca, failure);
}

/* A CA, and a leaf, of the year 1970 would be believed by nobody, and renewed without end. */
static int check_clock(int64_t now, struct failure *failure)
{
	char span[ACCEPT_SPAN];

	if (!clock_never_set(now))
		return 0;
	return failure_set(failure, EXIT_FAILURE, -EAGAIN,
			   "this host's clock was never set (%s after 1970 began), and no certificate is "
			   "dated by it: set the clock (timedatectl)", accept_span(now, span));
}

/* What it issues now must be valid now, and for longer than until the next renewal. */
static int check_ca_times(const struct source_host *host, X509 *cert, int64_t now,
			  struct failure *failure)
{
	static const char anew[] = "remove the folder " CA_FOLDER " to begin with a new root that "
		"verifiers must then trust, and run \"azattestctl sync\"";
	const char *path = host->state->path;
	int64_t begin, end;
	char span[ACCEPT_SPAN];

	if (certificate_times(cert, &begin, &end))
		return libcrypto_failed(failure, "sense of the CA's times");
	if (begin > now)
		return failure_set(failure, EXIT_STATE, -EKEYREJECTED,
				   "%s/" CA_FOLDER ": begins only in %s: this host's clock was ahead when it was "
				   "made, or is behind now: set the clock, or %s", path,
				   accept_span(begin - now, span), anew);
	if (end - now > (int64_t)host->config->renew_days * 86400)
		return 0;
	return failure_set(failure, EXIT_STATE, -EKEYEXPIRED, "%s/" CA_FOLDER ": %s %s%s: %s", path,
			   end > now ? "ends in" : "ended", accept_span(end > now ? end - now : now - end, span),
			   end > now ? "" : " ago", anew);
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
	int64_t now = time(NULL);
	int ret = check_clock(now, failure);

	if (!ret)
		ret = open_ca(host, &ca, failure);
	if (!ret)
		ret = check_ca_times(host, ca.root, now, failure);
	if (!ret)
		ret = check_ca_times(host, ca.issuing, now, failure);
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
