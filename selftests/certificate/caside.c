// SPDX-License-Identifier: GPL-2.0
// Owns azattest-ca in a test's own process, and a client's way to it.

#include "caside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <userspace/common/common.h>

#define BODY_P10CR	4

struct caside caside = { .top = "/tmp/azattest-ca-XXXXXX" };

static void serve(void)
{
	caside.server = (struct server) {
		.ca = &caside.ca, .days = 30, .key = keytype_generate(KEYTYPE_P_256),
	};
	caside.server.cert = issue_server(&caside.ca, caside.server.key, "localhost");
	tap_need(caside.server.cert);
}

void caside_make(const char *name)
{
	struct failure *failure = &caside.failure;

	snprintf(caside.path, sizeof(caside.path), "%s/%s", caside.top, name);
	memset(&caside.ca, 0, sizeof(caside.ca));
	tap_need_msg(!store_init(&caside.ca, caside.path, "test CA", KEYTYPE_P_256, failure), "%s",
		     failure->text);
	tap_need_msg(!store_enrol(&caside.ca, CASIDE_NAME, caside.secret, failure), "%s",
		     failure->text);
	tap_need(!revoke_write_crl(&caside.ca, failure));
	serve();
}

void caside_reopen(void)
{
	X509_free(caside.server.cert);
	EVP_PKEY_free(caside.server.key);
	store_close(&caside.ca);
	memset(&caside.ca, 0, sizeof(caside.ca));
	tap_need_msg(!store_open(&caside.ca, caside.path, &caside.failure), "%s",
		     caside.failure.text);
	serve();
}

static void remember(const char *bytes, size_t length)
{
	tap_need(length < sizeof(caside.request));
	memcpy(caside.request, bytes, length);
	caside.request_len = length;
}

/* cmp_answer() for libcrypto's transport. */
static OSSL_CMP_MSG *transfer(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *message)
{
	BIO *bio = BIO_new(BIO_s_mem());
	OSSL_CMP_MSG *answer;
	char *bytes;
	uint8_t *der;
	size_t length;

	(void)ctx;
	tap_need(i2d_OSSL_CMP_MSG_bio(bio, message) == 1);
	length = (size_t)BIO_get_mem_data(bio, &bytes);
	if (OSSL_CMP_MSG_get_bodytype(message) == BODY_P10CR)
		remember(bytes, length);
	der = cmp_answer(&caside.server, (uint8_t *)bytes, length, &length);
	BIO_free(bio);
	if (!der)
		return NULL;
	bio = BIO_new_mem_buf(der, (int)length);
	answer = d2i_OSSL_CMP_MSG_bio(bio, NULL);
	BIO_free(bio);
	OPENSSL_free(der);
	return answer;
}

X509_REQ *caside_request(const char *name)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);

	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_REQ_set_subject_name(request, subject);
	X509_REQ_set_pubkey(request, key);
	tap_need(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	X509_NAME_free(subject);
	EVP_PKEY_free(key);
	return request;
}

OSSL_CMP_CTX *caside_stranger(const char *name)
{
	OSSL_CMP_CTX *ctx = OSSL_CMP_CTX_new(NULL, NULL);
	X509_REQ *request = caside_request(name);

	OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG);
	tap_need(OSSL_CMP_CTX_set_transfer_cb(ctx, transfer) == 1 &&
		 OSSL_CMP_CTX_set1_p10CSR(ctx, request) == 1);
	X509_REQ_free(request);
	return ctx;
}

OSSL_CMP_CTX *caside_client(const char *reference, const char *name)
{
	OSSL_CMP_CTX *ctx = caside_stranger(name);
	const char *secret = caside.secret;

	tap_need(OSSL_CMP_CTX_set1_referenceValue(ctx, (const unsigned char *)reference,
						  (int)strlen(reference)) == 1 &&
		 OSSL_CMP_CTX_set1_secretValue(ctx, (const unsigned char *)secret,
					       (int)strlen(secret)) == 1 &&
		 OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_UNPROTECTED_ERRORS, 1) == 1);
	return ctx;
}

int caside_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[64];
	int status;

	if (!mkdtemp(caside.top))
		return 1;
	status = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", caside.top);
	return system(command) ? 1 : status;
}
