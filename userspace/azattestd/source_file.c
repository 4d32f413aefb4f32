// SPDX-License-Identifier: GPL-2.0
// Owns the source "file": a request put into a directory, a certificate found there.

#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <userspace/common/accept.h>
#include <userspace/common/ownfile.h>

/*
 *   STATE/pending/           key.pem request.pem   until a certificate is there
 *   DIRECTORY/request.pem    for the CA, put there by us
 *   DIRECTORY/cert.pem       leaf and issuing CA, put there by an operator
 *
 * The key never leaves the state directory. A pending key is used once: when a
 * leaf has it, the folder goes; one that a crash left is known by that.
 */
#define PENDING		"pending"

static X509_REQ *parse_request(const char *text, int length)
{
	BIO *bio = BIO_new_mem_buf(text, length);
	X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *)"") : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return request;
}

static int write_request(int dir, X509_REQ *request, struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int ret = -ENOMEM;

	if (bio && PEM_write_bio_X509_REQ(bio, request) == 1) {
		length = BIO_get_mem_data(bio, &text);
		ret = state_write(dir, "request.pem", text, (size_t)length, failure);
	} else {
		failure_set(failure, EXIT_FAILURE, ret, "no memory");
	}
	BIO_free(bio);
	return ret;
}

static int make_pending(const struct source_host *host, X509_REQ **request,
			struct failure *failure)
{
	int dir = state_begin(host->state, PENDING, failure), ret;

	if (dir < 0)
		return dir;
	ret = request_make(host, dir, request, failure);
	if (!ret)
		ret = write_request(dir, *request, failure);
	if (!ret)
		ret = state_publish(host->state, PENDING, dir, failure);
	close(dir);
	return ret;
}

/* Whether the newest leaf has this key already: a crash came between the two. */
static bool is_used(const struct source_host *host, EVP_PKEY *key)
{
	struct leaf leaf = { 0 };
	struct failure ignored;
	bool used = !leaf_load(&leaf, host->state, &ignored) &&
		    EVP_PKEY_eq(X509_get0_pubkey(leaf.cert), key) == 1;

	leaf_free(&leaf);
	return used;
}

static bool asks_for(X509_REQ *request, const struct config *config)
{
	char name[80] = "";

	X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, name,
				  sizeof(name));
	return !strcmp(name, config->name) &&
	       keytype_of(X509_REQ_get0_pubkey(request)) == (int)config->key_type;
}

/* Whether its key is where new keys go, and can be opened. */
static bool is_kept_well(const struct source_host *host)
{
	struct failure ignored;
	uint8_t blob[SETUP_KEY_MAX];
	struct seal_head head;
	int length = state_read(host->state, PENDING, host->sealed ? "key.sealed" : "key.pem", blob,
				sizeof(blob), &ignored);

	OPENSSL_cleanse(blob, host->sealed ? 0 : sizeof(blob));
	return length > 0 && (!host->sealed || (!seal_peek(blob, (size_t)length, &head) &&
						!memcmp(head.kek, host->kek, sizeof(head.kek))));
}

/* The request that waits, or a new one. */
static int open_pending(const struct source_host *host, X509_REQ **request,
			struct failure *failure)
{
	char text[8192];
	int dir = state_folder(host->state, PENDING, failure), length;

	if (dir == -ENOENT)
		return make_pending(host, request, failure);
	if (dir < 0)
		return dir;
	close(dir);
	length = state_read(host->state, PENDING, "request.pem", text, sizeof(text), failure);
	if (length > 0)
		*request = parse_request(text, length);
	if (*request && asks_for(*request, host->config) && is_kept_well(host) &&
	    !is_used(host, X509_REQ_get0_pubkey(*request)))
		return 0;
	X509_REQ_free(*request);
	*request = NULL;
	state_drop(host->state, PENDING);
	return make_pending(host, request, failure);
}

static int copy_key(const struct source_host *host, int dir, struct failure *failure)
{
	char text[SETUP_KEY_MAX];
	const char *name = host->sealed ? "key.sealed" : "key.pem";
	int length = state_read(host->state, PENDING, name, text, sizeof(text), failure);
	int ret = length < 0 ? length : state_write(dir, name, text, (size_t)length, failure);

	OPENSSL_cleanse(text, sizeof(text));
	return ret;
}

int source_file_key(const struct source_host *host, int dir, X509_REQ **request,
		    struct failure *failure)
{
	int ret = open_pending(host, request, failure);

	return ret ? ret : copy_key(host, dir, failure);
}

/* the directory */

static int directory_failed(const char *path, const char *what, struct failure *failure)
{
	int error = errno;

	return failure_set(failure, EXIT_FAILURE, -error, "directory %s: cannot be %s: %s", path,
			   what, strerror(error));
}

static int open_directory(const char *path, struct failure *failure)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0755) && errno != EEXIST)
		return directory_failed(path, "made", failure);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return directory_failed(path, "opened", failure);
	if (!fstat(fd, &st) && (!st.st_uid || st.st_uid == geteuid()) && !(st.st_mode & 022))
		return fd;
	close(fd);
	return failure_set(failure, EXIT_FAILURE, -EPERM,
			   "directory %s: others may write there: chown it to root, chmod it 0755",
			   path);
}

/* Public, and only written when it differs: who watches it sees a change. */
static int put_request(const struct source_host *host, int dir, X509_REQ *request,
		       struct failure *failure)
{
	const char *path = host->config->directory;
	char name[sizeof(host->config->directory) + 16], text[8192], why[300];
	X509_REQ *there = NULL;
	int length, ret = 0;

	snprintf(name, sizeof(name), "%s/request.pem", path);
	length = ownfile_read(name, OWNFILE_PUBLIC, 0, text, sizeof(text), why, sizeof(why));
	if (length > 0)
		there = parse_request(text, length);
	if (there && EVP_PKEY_eq(X509_REQ_get0_pubkey(there), X509_REQ_get0_pubkey(request)) == 1)
		goto out;
	unlinkat(dir, ".request.new", 0);
	length = state_read(host->state, PENDING, "request.pem", text, sizeof(text), failure);
	ret = length < 0 ? length : state_write(dir, ".request.new", text, (size_t)length, failure);
	if (!ret && (fchmodat(dir, ".request.new", 0644, 0) ||
		     renameat(dir, ".request.new", dir, "request.pem")))
		ret = directory_failed(path, "written", failure);
out:
	X509_REQ_free(there);
	return ret;
}

static int take_certificate(const struct source_host *host, X509_REQ *request,
			    struct source_certificates *out, struct failure *failure)
{
	const char *path = host->config->directory;
	char name[sizeof(host->config->directory) + 16], why[300];
	char *text = calloc(1, ACCEPT_TEXT_MAX);
	STACK_OF(X509) *certs = NULL;
	int length, ret;

	snprintf(name, sizeof(name), "%s/cert.pem", path);
	length = text ? ownfile_read(name, OWNFILE_PUBLIC, 0, text, ACCEPT_TEXT_MAX, why,
				     sizeof(why)) : -ENOMEM;
	if (length > 0)
		certs = accept_parse(text, (size_t)length);
	if (certs)
		ret = source_accept(host, request, certs, out, failure);
	else if (length == -ENOENT)
		ret = failure_set(failure, EXIT_FAILURE, length,
				  "waiting for %s: have a CA answer %s/request.pem and put the "
				  "certificate there, with the CA's own behind it", name, path);
	else
		ret = failure_set(failure, EXIT_FAILURE, -EINVAL, "%s", length < 0 ? why :
				  "cert.pem: is not 1 to 8 certificates in PEM, the host's first");
	sk_X509_pop_free(certs, X509_free);
	free(text);
	return ret;
}

int source_file_fetch(const struct source_host *host, X509_REQ *request,
		      struct source_certificates *out, struct failure *failure)
{
	int dir = open_directory(host->config->directory, failure), ret;

	if (dir < 0)
		return dir;
	ret = put_request(host, dir, request, failure);
	if (!ret)
		ret = take_certificate(host, request, out, failure);
	close(dir);
	return ret;
}

void source_file_done(const struct source_host *host)
{
	state_drop(host->state, PENDING);
}
