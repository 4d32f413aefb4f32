// SPDX-License-Identifier: GPL-2.0
// Fuzzes what strangers hand the library: documents, their forms, replies.
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <userspace/lib/azattest.h>
#include <userspace/lib/frame.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct azattest_trust *trust;

/* Roots of nobody: no input can be signed under it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *root = X509_new();
	unsigned char *der = NULL;
	int len;

	(void)argc;
	(void)argv;
	X509_gmtime_adj(X509_getm_notBefore(root), 0);
	X509_gmtime_adj(X509_getm_notAfter(root), 1000000);
	X509_set_pubkey(root, key);
	X509_sign(root, key, EVP_sha256());
	len = i2d_X509(root, &der);
	trust = azattest_trust_new();
	if (azattest_trust_add(trust, AZATTEST_TRUST_ANCHORS, der, (size_t)len,
			       NULL))
		abort();
	OPENSSL_free(der);
	X509_free(root);
	EVP_PKEY_free(key);
	return 0;
}

static void fuzz_document(const unsigned char *data, size_t len)
{
	struct azattest_verify_options o = AZATTEST_VERIFY_OPTIONS_INIT;
	struct azattest_document *document;
	struct azattest_fault fault = { .code = -1 };

	o.flags = AZATTEST_VERIFY_AZURE_DIGEST;
	if (!azattest_verify(trust, data, len, &o, &document, &fault))
		abort();
	if (fault.code <= 0 || !fault.text[0])
		abort();
}

static void fuzz_form(const unsigned char *data, size_t len)
{
	unsigned char *der;
	size_t der_len;

	if (azattest_decode(data, len, &der, &der_len, NULL))
		return;
	fuzz_document(der, der_len);
	free(der);
}

static void fuzz_reply(const unsigned char *data, size_t len)
{
	struct frame_header h;
	const char *why = NULL;
	int n;

	n = frame_check_reply(data, len, AZATTEST_FRAME_ATTEST, 0x64636261, &h,
			      &why);
	if (n > 0 && (size_t)n != len)
		abort();
	if (n < 0 && !why)
		abort();
	if (n > 0 && h.status == 0 && h.length != len - FRAME_HEADER)
		abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	fuzz_form(data, len);
	fuzz_document(data, len);
	fuzz_reply(data, len);
	azattest_trust_add(trust, AZATTEST_TRUST_ISSUERS, data,
			   len > 0 && data[0] == 0x30 ? 0 : len, NULL);
	return 0;
}
