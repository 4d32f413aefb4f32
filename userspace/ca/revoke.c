// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-ca has revoked, and the CRL that says so.

#include "ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* Whoever reads the CRL fetches it again before this. */
#define CRL_DAYS	30

static void revoked_file(const char *serial, char file[CA_SERIAL_MAX + 9])
{
	snprintf(file, CA_SERIAL_MAX + 9, "revoked/%s", serial);
}

/* When; 0: that cannot be read. */
static time_t revoked_at(struct ca *ca, const char *serial)
{
	char file[CA_SERIAL_MAX + 9], text[32];
	struct failure failure;

	revoked_file(serial, file);
	if (folder_read(&ca->folder, file, text, sizeof(text), &failure) <= 0)
		return 0;
	return (time_t)strtoll(text, NULL, 10);
}

bool revoke_is_revoked(struct ca *ca, const char *serial)
{
	char file[CA_SERIAL_MAX + 9], byte[2];
	struct failure failure;

	revoked_file(serial, file);
	return folder_read(&ca->folder, file, byte, sizeof(byte), &failure) != -ENOENT;
}

int revoke_serial(struct ca *ca, const char *serial, struct failure *failure)
{
	X509 *cert = store_find(ca, serial);
	char file[CA_SERIAL_MAX + 9], text[32];
	int ret;

	X509_free(cert);
	if (!cert)
		return failure_set(failure, EXIT_FAILURE, -ENOENT,
				   "%s: is no serial that this CA issued: see \"azattest-ca list\"",
				   serial);
	if (revoke_is_revoked(ca, serial))
		return failure_set(failure, EXIT_FAILURE, -EALREADY, "%s: is revoked already", serial);
	revoked_file(serial, file);
	snprintf(text, sizeof(text), "%lld", (long long)time(NULL));
	ret = folder_write(&ca->folder, file, text, strlen(text), failure);
	return ret ? ret : revoke_write_crl(ca, failure);
}

struct list {
	struct ca *ca;
	X509_CRL *crl;
};

/*
 * An entry stays until no CRL of before its certificate's end is in use, and so
 * does one whose certificate cannot be read. Another issuing CA's certificate
 * means nothing here: verifiers ask the CRL of its own.
 */
static bool belongs(struct ca *ca, const char *serial)
{
	X509 *cert = store_find(ca, serial);
	int64_t begin, end;
	bool ok = true;

	if (cert && X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(ca->issuing)))
		ok = false;
	else if (cert && !certificate_times(cert, &begin, &end))
		ok = end + CRL_DAYS * 86400LL > time(NULL);
	X509_free(cert);
	return ok;
}

static bool add_entry(struct list *list, const ASN1_INTEGER *serial, time_t at)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, at);
	bool ok = entry && when &&
		  X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)serial) == 1 &&
		  X509_REVOKED_set_revocationDate(entry, when) == 1 &&
		  X509_CRL_add0_revoked(list->crl, entry) == 1;

	if (!ok)
		X509_REVOKED_free(entry);
	ASN1_TIME_free(when);
	return ok;
}

static int add_revoked(const char *serial, void *arg)
{
	struct list *list = arg;
	ASN1_INTEGER *integer = NULL;
	BIGNUM *number = NULL;
	bool ok;

	if (!belongs(list->ca, serial))
		return 0;
	if (BN_hex2bn(&number, serial))
		integer = BN_to_ASN1_INTEGER(number, NULL);
	ok = integer && add_entry(list, integer, revoked_at(list->ca, serial));
	ASN1_INTEGER_free(integer);
	BN_free(number);
	return ok ? 0 : -ENOMEM;
}

/* The time serves as its number: it grows, and needs no file of its own. */
static bool finish_crl(struct ca *ca, X509_CRL *crl)
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL));
	ASN1_TIME *next = ASN1_TIME_set(NULL, time(NULL) + CRL_DAYS * 86400);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok;

	ok = now && next && number && ASN1_INTEGER_set_int64(number, time(NULL)) == 1 &&
	     X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->issuing)) == 1 &&
	     X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 &&
	     X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0;
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	ASN1_INTEGER_free(number);
	return ok;
}

static int write_pem(struct ca *ca, X509_CRL *crl, struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int ret = -ENOMEM;

	if (bio && PEM_write_bio_X509_CRL(bio, crl) == 1) {
		length = BIO_get_mem_data(bio, &text);
		ret = folder_write(&ca->folder, "crl.pem", text, (size_t)length, failure);
	}
	BIO_free(bio);
	return ret;
}

int revoke_write_crl(struct ca *ca, struct failure *failure)
{
	struct list list = { .ca = ca, .crl = X509_CRL_new() };
	int ret = list.crl ? folder_each(&ca->folder, "revoked", add_revoked, &list, failure) :
		-ENOMEM;

	if (!ret && !finish_crl(ca, list.crl))
		ret = failure_set(failure, EXIT_FAILURE, -EIO, "%s: cannot make the CRL",
				  ca->folder.path);
	ERR_clear_error();
	if (!ret)
		ret = write_pem(ca, list.crl, failure);
	X509_CRL_free(list.crl);
	return ret;
}

char *revoke_read_crl(struct ca *ca, struct failure *failure)
{
	return folder_load(&ca->folder, "crl.pem", failure);
}
