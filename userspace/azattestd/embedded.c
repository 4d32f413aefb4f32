// SPDX-License-Identifier: GPL-2.0
// Owns the certificate source "embedded": a CA of this host's own, and leaves under it.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/*
 *   ca/           root.pem issuing.pem issuing.key
 *   leaf-000001/  key.pem cert.pem issuer.pem root.pem
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

/* PEM of a certificate or of a private key to a file of an unpublished folder. */
static int write_pem(int dir, const char *name, X509 *cert, EVP_PKEY *key,
		     struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int ret;

	if (!bio || (cert && PEM_write_bio_X509(bio, cert) != 1) ||
	    (key && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)) {
		BIO_free(bio);
		return libcrypto_failed(failure, name);
	}
	length = BIO_get_mem_data(bio, &text);
	ret = state_write(dir, name, text, (size_t)length, failure);
	OPENSSL_cleanse(text, (size_t)length);
	BIO_free(bio);
	return ret;
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
	ret = write_pem(dir, "root.pem", ca->root, NULL, failure);
	if (!ret)
		ret = write_pem(dir, "issuing.pem", ca->issuing, NULL, failure);
	if (!ret)
		ret = write_pem(dir, "issuing.key", NULL, ca->key, failure);
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

static int read_request(int fd, X509_REQ **request)
{
	uint8_t der[4096];
	const unsigned char *p = der;
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, der + length, sizeof(der) - length)) > 0)
		length += (size_t)n;
	if (n < 0 || !length || length == sizeof(der))
		return -EIO;
	*request = d2i_X509_REQ(NULL, &p, (long)length);
	ERR_clear_error();
	return *request && p == der + length ? 0 : -EINVAL;
}

static pid_t start_make_key(const struct config *config, const char *signer, int key_file,
			    int request)
{
	char uid[16], gid[16];
	char *const argv[] = {
		(char *)"azattest-signer",
		(char *)"--make-key", (char *)keytype_name(config->key_type),
		(char *)"--name", (char *)config->name,
		(char *)"--uid", uid, (char *)"--gid", gid, NULL
	};
	struct spawn spawn = { .path = signer, .argv = argv, .fds = { key_file, request, -1 } };

	snprintf(uid, sizeof(uid), "%u", config->uid);
	snprintf(gid, sizeof(gid), "%u", config->gid);
	return spawn_signer(&spawn);
}

/* The key goes from its maker to the file; only the request comes here. */
static int make_key(const struct config *config, const char *signer, int key_file,
		    X509_REQ **request, struct failure *failure)
{
	int pipe[2], status = 0, ret;
	pid_t pid;

	if (pipe2(pipe, O_CLOEXEC))
		return failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
	pid = start_make_key(config, signer, key_file, pipe[1]);
	close(pipe[1]);
	ret = pid < 0 ? pid : read_request(pipe[0], request);
	close(pipe[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		ret = -EIO;
	if (!ret)
		return 0;
	return failure_set(failure, EXIT_FAILURE, ret,
			   "%s --make-key: no key was made (%s %d): see the lines before", signer,
			   WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int fill_leaf(int dir, const struct config *config, const char *signer,
		     const struct ca *ca, struct failure *failure)
{
	int key_file = state_create(dir, "key.pem", failure);
	const struct certificate_profile profile = {
		.name = config->name, .ca_issuers_url = config->ca_issuers_url,
		.days = config->lifetime_days,
	};
	X509_REQ *request = NULL;
	X509 *cert = NULL;
	int ret;

	if (key_file < 0)
		return key_file;
	ret = make_key(config, signer, key_file, &request, failure);
	close(key_file);
	if (!ret) {
		cert = certificate_leaf(X509_REQ_get0_pubkey(request), &profile, ca->issuing,
					ca->key);
		ret = cert ? 0 : libcrypto_failed(failure, "the leaf certificate");
	}
	if (!ret)
		ret = write_pem(dir, "cert.pem", cert, NULL, failure);
	if (!ret)
		ret = write_pem(dir, "issuer.pem", ca->issuing, NULL, failure);
	if (!ret)
		ret = write_pem(dir, "root.pem", ca->root, NULL, failure);
	X509_free(cert);
	X509_REQ_free(request);
	return ret;
}

static int make_leaf(struct state *state, const struct config *config, const char *signer,
		     const struct ca *ca, struct failure *failure)
{
	char name[STATE_LEAF_NAME];
	int dir, ret;

	state_leaf_name(state_newest_leaf(state) + 1, name);
	dir = state_begin(state, name, failure);
	if (dir < 0)
		return dir;
	ret = fill_leaf(dir, config, signer, ca, failure);
	if (!ret)
		ret = state_publish(state, name, dir, failure);
	close(dir);
	return ret;
}

int embedded_run(struct state *state, const struct config *config, const char *signer,
		 struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = open_ca(state, config, &ca, failure);

	if (!ret)
		ret = make_leaf(state, config, signer, &ca, failure);
	ca_free(&ca);
	return ret;
}
