// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-ca remembers: its keys, the hosts that are enrolled, what it issued.

#include "ca.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

/*
 *   root.pem root.key          root.key may be taken away: only roll-over needs it
 *   issuing.key                key and certificate of the issuing CA
 *   issuers/SERIAL             certificates of all issuing CAs there were
 *   hosts/NAME                 the secret that NAME shares with this CA
 *   issued/SERIAL              each certificate, PEM
 *   keys/DIGEST                the serial of the leaf that this public key has
 *   revoked/SERIAL             when, seconds since 1970
 *   crl.pem
 */
#define SECRET_BYTES	32

static int libcrypto_failed(const char *what, struct failure *failure)
{
	char text[200];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return failure_set(failure, EXIT_FAILURE, -EIO, "cannot make %s: %s", what, text);
}

static int write_bio(struct ca *ca, const char *name, BIO *bio, struct failure *failure)
{
	char *text;
	long length = BIO_get_mem_data(bio, &text);
	int ret = folder_write(&ca->folder, name, text, (size_t)length, failure);

	OPENSSL_cleanse(text, (size_t)length);
	BIO_free(bio);
	return ret;
}

int store_write_pem(struct ca *ca, const char *name, EVP_PKEY *key, X509 *cert,
		    struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio && (!key || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) &&
	    (!cert || PEM_write_bio_X509(bio, cert) == 1))
		return write_bio(ca, name, bio, failure);
	BIO_free(bio);
	return libcrypto_failed(name, failure);
}

int store_write_certificate(struct ca *ca, const char *name, X509 *cert, struct failure *failure)
{
	return store_write_pem(ca, name, NULL, cert, failure);
}

static BIO *read_bio(struct ca *ca, const char *name, char *buf, size_t size,
		     struct failure *failure)
{
	int length = folder_read(&ca->folder, name, buf, size, failure);

	if (length == -ENOENT)
		failure_set(failure, EXIT_STATE, length, "%s/%s: is not there", ca->folder.path, name);
	return length < 0 ? NULL : BIO_new_mem_buf(buf, length);
}

int store_damaged(struct ca *ca, const char *name, struct failure *failure)
{
	ERR_clear_error();
	return failure_set(failure, EXIT_STATE, -EINVAL, "%s/%s: does not parse (damaged?): restore it",
			   ca->folder.path, name);
}

X509 *store_load_certificate(struct ca *ca, const char *name, struct failure *failure)
{
	char pem[8192];
	BIO *bio = read_bio(ca, name, pem, sizeof(pem), failure);
	X509 *cert;

	if (!bio)
		return NULL;
	cert = PEM_read_bio_X509(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	if (!cert)
		store_damaged(ca, name, failure);
	return cert;
}

static EVP_PKEY *load_key(struct ca *ca, const char *name, struct failure *failure)
{
	char pem[8192];
	BIO *bio = read_bio(ca, name, pem, sizeof(pem), failure);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
	BIO_free(bio);
	OPENSSL_cleanse(pem, sizeof(pem));
	if (!key)
		store_damaged(ca, name, failure);
	return key;
}

int store_open(struct ca *ca, const char *path, struct failure *failure)
{
	int ret = folder_open(&ca->folder, path, failure);
	char byte[2];

	if (ret)
		return ret;
	if (folder_read(&ca->folder, "root.pem", byte, sizeof(byte), failure) == -ENOENT)
		return failure_set(failure, EXIT_STATE, -ENOENT,
				   "%s: there is no CA: make one with \"azattest-ca init\"", path);
	ca->root = store_load_certificate(ca, "root.pem", failure);
	return ca->root ? issuing_load(ca, failure) : -EINVAL;
}

void store_close(struct ca *ca)
{
	X509_free(ca->root);
	X509_free(ca->issuing);
	EVP_PKEY_free(ca->key);
	folder_close(&ca->folder);
}

/* root.pem last: with it the CA exists. */
static int store_parts(struct ca *ca, EVP_PKEY *root_key, struct failure *failure)
{
	int ret = issuing_write(ca, failure);

	if (!ret)
		ret = store_write_pem(ca, "root.key", root_key, NULL, failure);
	if (!ret)
		ret = store_write_certificate(ca, "root.pem", ca->root, failure);
	return ret;
}

int store_init(struct ca *ca, const char *path, const char *organization, enum keytype type,
	       struct failure *failure)
{
	EVP_PKEY *root_key;
	char byte[2];
	int ret = folder_open(&ca->folder, path, failure);

	if (ret)
		return ret;
	if (folder_read(&ca->folder, "root.pem", byte, sizeof(byte), failure) != -ENOENT)
		return failure_set(failure, EXIT_STATE, -EEXIST, "%s: there is a CA already", path);
	root_key = keytype_generate(type);
	ca->key = keytype_generate(type);
	if (root_key && ca->key)
		ca->root = certificate_root(root_key, organization);
	if (ca->root)
		ca->issuing = certificate_issuing(ca->key, organization, ca->root, root_key);
	ret = ca->issuing ? store_parts(ca, root_key, failure) :
		libcrypto_failed("root and issuing CA", failure);
	EVP_PKEY_free(root_key);
	return ret;
}

static X509 *next_issuing(struct ca *ca, EVP_PKEY *key, EVP_PKEY *root_key)
{
	char organization[65] = CA_ORGANIZATION;

	X509_NAME_get_text_by_NID(X509_get_subject_name(ca->root), NID_organizationName,
				  organization, sizeof(organization));
	return certificate_issuing(key, organization, ca->root, root_key);
}

int store_roll_over(struct ca *ca, struct failure *failure)
{
	EVP_PKEY *root_key = load_key(ca, "root.key", failure), *key;
	X509 *cert;
	int type, ret;

	if (!root_key)
		return -ENOENT;
	type = keytype_of(root_key);
	key = keytype_generate(type < 0 ? KEYTYPE_RSA_3072 : (enum keytype)type);
	cert = key ? next_issuing(ca, key, root_key) : NULL;
	EVP_PKEY_free(root_key);
	ret = cert ? issuing_replace(ca, key, cert, failure) :
		libcrypto_failed("the issuing CA", failure);
	if (ret) {
		EVP_PKEY_free(key);
		X509_free(cert);
	}
	return ret;
}

/* A DNS name that is a file's name too. */
bool store_name_ok(const char *name)
{
	size_t length = strlen(name);

	if (!length || length > CA_NAME_MAX || name[0] == '.' || name[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr(".-", name[i]))
			return false;
	return true;
}

static void host_file(const char *name, char file[80])
{
	snprintf(file, 80, "hosts/%.64s", name);
}

int store_enrol(struct ca *ca, const char *name, char secret[CA_SECRET_MAX],
		struct failure *failure)
{
	unsigned char bytes[SECRET_BYTES];
	char file[80];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return libcrypto_failed("a secret", failure);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	host_file(name, file);
	return folder_write(&ca->folder, file, secret, strlen(secret), failure);
}

int store_remove_host(struct ca *ca, const char *name, struct failure *failure)
{
	char file[80];
	int ret;

	host_file(name, file);
	ret = folder_remove(&ca->folder, file, failure);
	if (ret == -ENOENT)
		failure_set(failure, EXIT_FAILURE, ret, "%s: is not enrolled: see \"azattest-ca hosts\"",
			    name);
	return ret;
}

int store_secret(struct ca *ca, const char *name, char secret[CA_SECRET_MAX])
{
	struct failure failure;
	char file[80];
	int length;

	if (!store_name_ok(name))
		return -ENOENT;
	host_file(name, file);
	length = folder_read(&ca->folder, file, secret, CA_SECRET_MAX, &failure);
	return length > 0 ? 0 : -ENOENT;
}

void store_serial(const ASN1_INTEGER *serial, char text[CA_SERIAL_MAX])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = number ? BN_bn2hex(number) : NULL;

	snprintf(text, CA_SERIAL_MAX, "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(number);
}

int store_issued(struct ca *ca, X509 *cert, struct failure *failure)
{
	char serial[CA_SERIAL_MAX], file[CA_SERIAL_MAX + 8];

	store_serial(X509_get0_serialNumber(cert), serial);
	snprintf(file, sizeof(file), "issued/%s", serial);
	return store_write_certificate(ca, file, cert, failure);
}

static bool key_file(EVP_PKEY *key, char file[80])
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	int length = i2d_PUBKEY(key, &der);
	unsigned int size = 0;
	bool ok;

	ok = length > 0 && EVP_Digest(der, (size_t)length, digest, &size, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	strcpy(file, "keys/");
	for (unsigned int i = 0; ok && i < size; i++)
		snprintf(file + 5 + 2 * i, 3, "%02x", digest[i]);
	return ok;
}

int store_issued_for(struct ca *ca, EVP_PKEY *key, X509 *cert, struct failure *failure)
{
	char serial[CA_SERIAL_MAX], file[80];

	if (!key_file(key, file))
		return libcrypto_failed("the digest of a key", failure);
	store_serial(X509_get0_serialNumber(cert), serial);
	return folder_write(&ca->folder, file, serial, strlen(serial), failure);
}

X509 *store_find_for(struct ca *ca, EVP_PKEY *key)
{
	char serial[CA_SERIAL_MAX], file[80];
	struct failure failure;

	if (!key_file(key, file) ||
	    folder_read(&ca->folder, file, serial, sizeof(serial), &failure) <= 0)
		return NULL;
	return store_find(ca, serial);
}

X509 *store_find(struct ca *ca, const char *serial)
{
	char file[CA_SERIAL_MAX + 8];
	struct failure failure;

	if (!*serial || strlen(serial) >= CA_SERIAL_MAX ||
	    serial[strspn(serial, "0123456789ABCDEF")])
		return NULL;
	snprintf(file, sizeof(file), "issued/%s", serial);
	return store_load_certificate(ca, file, &failure);
}
