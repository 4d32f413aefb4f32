// SPDX-License-Identifier: GPL-2.0
// Owns what standard input asks for: PKCS#10, PEM or DER, signed by its own key; or a revocation.

#include "sync.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define REQUEST_MAX	16384

static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size && (n = read(fd, buf + length, size - length)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			length += (size_t)n;
	}
	return length == size ? -EFBIG : (ssize_t)length;
}

static X509_REQ *parse(const char *bytes, size_t length)
{
	const unsigned char *p = (const unsigned char *)bytes;
	X509_REQ *request;
	BIO *bio;

	if (length && bytes[0] == 0x30) {
		request = d2i_X509_REQ(NULL, &p, (long)length);
		if (request && p == (const unsigned char *)bytes + length)
			return request;
		X509_REQ_free(request);
		return NULL;
	}
	bio = BIO_new_mem_buf(bytes, (int)length);
	request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *)"") : NULL;
	BIO_free(bio);
	return request;
}

static const char revocation[] = "revoke\n";

static int parse_certificate(const char *bytes, size_t length, struct sync *sync,
			     struct failure *failure)
{
	const unsigned char *p = (const unsigned char *)bytes;

	sync->revoke = d2i_X509(NULL, &p, (long)length);
	if (sync->revoke && p == (const unsigned char *)bytes + length)
		return 0;
	ERR_clear_error();
	return failure_set(failure, EXIT_USAGE, -EINVAL,
			   "standard input: what follows \"revoke\" is no certificate in DER");
}

int request_read(int fd, struct sync *sync, struct failure *failure)
{
	char buf[REQUEST_MAX];
	ssize_t length = read_all(fd, buf, sizeof(buf));
	size_t word = strlen(revocation);
	EVP_PKEY *key;

	if (length > (ssize_t)word && !memcmp(buf, revocation, word))
		return parse_certificate(buf + word, (size_t)length - word, sync, failure);
	sync->request = length > 0 ? parse(buf, (size_t)length) : NULL;
	key = sync->request ? X509_REQ_get0_pubkey(sync->request) : NULL;
	if (key && X509_REQ_verify(sync->request, key) == 1)
		return 0;
	ERR_clear_error();
	return failure_set(failure, EXIT_USAGE, -EINVAL,
			   "standard input: is no certificate request (PKCS#10, PEM or DER, less than %d "
			   "bytes, signed by its key)", REQUEST_MAX);
}
