// SPDX-License-Identifier: GPL-2.0
// Owns the issuing CA's pair, which changes at once, and the certificates of those before it.

#include "ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define PAIR	"issuing.key"
/* The certificate alone, in a state directory of before; PAIR then has the key alone. */
#define OLDER	"issuing.pem"

static void parse_pair(struct ca *ca, const char *pem, int length)
{
	BIO *key = BIO_new_mem_buf(pem, length), *cert = BIO_new_mem_buf(pem, length);

	if (key && cert) {
		ca->key = PEM_read_bio_PrivateKey(key, NULL, NULL, (void *)"");
		ca->issuing = PEM_read_bio_X509(cert, NULL, NULL, (void *)"");
	}
	ERR_clear_error();
	BIO_free(key);
	BIO_free(cert);
}

static int load_pair(struct ca *ca, struct failure *failure)
{
	char pem[16384], byte[2];
	int length = folder_read(&ca->folder, PAIR, pem, sizeof(pem), failure);

	if (length == -ENOENT)
		return failure_set(failure, EXIT_STATE, length, "%s/" PAIR ": is not there",
				   ca->folder.path);
	if (length < 0)
		return length;
	parse_pair(ca, pem, length);
	OPENSSL_cleanse(pem, sizeof(pem));
	if (ca->key && !ca->issuing &&
	    folder_read(&ca->folder, OLDER, byte, sizeof(byte), failure) != -ENOENT)
		ca->issuing = store_load_certificate(ca, OLDER, failure);
	else if (!ca->key || !ca->issuing)
		store_damaged(ca, PAIR, failure);
	return ca->key && ca->issuing ? 0 : -EINVAL;
}

int issuing_load(struct ca *ca, struct failure *failure)
{
	int ret = load_pair(ca, failure);

	if (ret || X509_check_private_key(ca->issuing, ca->key) == 1)
		return ret;
	ERR_clear_error();
	return failure_set(failure, EXIT_STATE, -EKEYREJECTED,
			   "%s: key and certificate of " PAIR " and " OLDER " do not match: restore both",
			   ca->folder.path);
}

static int keep(struct ca *ca, struct failure *failure)
{
	char serial[CA_SERIAL_MAX], file[CA_SERIAL_MAX + 9];

	store_serial(X509_get0_serialNumber(ca->issuing), serial);
	snprintf(file, sizeof(file), "issuers/%s", serial);
	return store_write_certificate(ca, file, ca->issuing, failure);
}

/* Each is known before it signs anything; the pair's one rename is what changes the CA. */
int issuing_write(struct ca *ca, struct failure *failure)
{
	int ret = keep(ca, failure);

	if (!ret)
		ret = store_write_pem(ca, PAIR, ca->key, ca->issuing, failure);
	if (!ret)
		ret = folder_remove(&ca->folder, OLDER, failure);
	return ret == -ENOENT ? 0 : ret;
}

/* The older one may have been kept by nobody yet. */
int issuing_replace(struct ca *ca, EVP_PKEY *key, X509 *cert, struct failure *failure)
{
	struct ca next = *ca;
	int ret = keep(ca, failure);

	next.key = key;
	next.issuing = cert;
	if (!ret)
		ret = issuing_write(&next, failure);
	if (ret)
		return ret;
	EVP_PKEY_free(ca->key);
	X509_free(ca->issuing);
	*ca = next;
	return 0;
}

struct issuers {
	struct ca *ca;
	STACK_OF(X509) *all;
};

/* A damaged one says nothing for those that it issued, and nothing against others. */
static int add_issuer(const char *serial, void *arg)
{
	struct issuers *issuers = arg;
	char file[CA_SERIAL_MAX + 9];
	struct failure failure;
	X509 *cert;
	bool ok;

	snprintf(file, sizeof(file), "issuers/%.63s", serial);
	cert = store_load_certificate(issuers->ca, file, &failure);
	ok = !cert || X509_add_cert(issuers->all, cert,
				    X509_ADD_FLAG_NO_DUP | X509_ADD_FLAG_UP_REF) == 1;
	X509_free(cert);
	return ok ? 0 : -ENOMEM;
}

STACK_OF(X509) *issuing_all(struct ca *ca)
{
	struct issuers issuers = { .ca = ca, .all = sk_X509_new_null() };
	struct failure failure;

	if (issuers.all && X509_add_cert(issuers.all, ca->issuing, X509_ADD_FLAG_UP_REF) == 1 &&
	    !folder_each(&ca->folder, "issuers", add_issuer, &issuers, &failure))
		return issuers.all;
	sk_X509_pop_free(issuers.all, X509_free);
	return NULL;
}
