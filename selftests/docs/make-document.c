// SPDX-License-Identifier: GPL-2.0
// Makes a host's certificates and one document, without a host: make-document UUID NONCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <uuid/uuid.h>

#include <userspace/common/certificate.h>
#include <userspace/common/common.h>

/* Certificates as azattestd makes them, the document as a signer does. */
struct host {
	EVP_PKEY *root_key, *issuing_key, *key;
	X509 *root, *issuing, *leaf;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "make-document: cannot make %s\n", what);
	exit(EXIT_FAILURE);
}

static void host_make(struct host *host)
{
	const struct certificate_profile profile = {
		.name = "host1.attest.example.net", .days = 30,
		.ca_issuers_url = "http://169.254.169.253/metadata/attested/issuer.cer",
	};

	host->root_key = keytype_generate(KEYTYPE_RSA_2048);
	host->issuing_key = keytype_generate(KEYTYPE_RSA_2048);
	host->key = keytype_generate(KEYTYPE_RSA_2048);
	must(host->root_key && host->issuing_key && host->key, "keys");
	host->root = certificate_root(host->root_key, CERTIFICATE_SELF_ISSUED);
	must(host->root, "the root");
	host->issuing = certificate_issuing(host->issuing_key, CERTIFICATE_SELF_ISSUED, host->root,
					    host->root_key);
	must(host->issuing, "the issuing certificate");
	host->leaf = certificate_leaf(host->key, &profile, host->issuing, host->issuing_key);
	must(host->leaf, "the leaf");
}

static void write_certificate(const char *name, X509 *cert)
{
	FILE *file = fopen(name, "w");

	must(file && PEM_write_X509(file, cert) == 1 && !fclose(file), name);
}

/* As "azattest get" writes it: base64 in one line. */
static void write_document(const uint8_t *der, int length)
{
	unsigned char text[2 * AZATTEST_DOCUMENT_MAX];
	FILE *file = fopen("document", "w");

	EVP_EncodeBlock(text, der, length);
	must(file && fprintf(file, "%s\n", text) > 0 && !fclose(file), "the document's file");
}

static void document_make(const struct host *host, const uint8_t *uuid, const char *nonce)
{
	static const struct content_fields fields;
	struct content content = {
		.api_version = 20200901, .fields = &fields, .uuid = uuid,
		.nonce = (const uint8_t *)nonce, .nonce_len = strlen(nonce),
		.now = time(NULL), .not_after = INT64_MAX,
	};
	uint8_t buf[AZATTEST_DOCUMENT_MAX], *der;
	char text[CONTENT_MAX];
	struct cms *cms;
	int length;

	must(!cms_open(&cms, host->key, host->leaf, host->issuing, 0), "a signer");
	length = content_build(&content, text, sizeof(text));
	must(length > 0, "the content");
	length = cms_sign(cms, text, (size_t)length, buf, sizeof(buf), &der);
	must(length > 0, "the document");
	write_document(der, length);
	cms_close(cms);
}

static void host_free(struct host *host)
{
	EVP_PKEY_free(host->root_key);
	EVP_PKEY_free(host->issuing_key);
	EVP_PKEY_free(host->key);
	X509_free(host->root);
	X509_free(host->issuing);
	X509_free(host->leaf);
}

/* Writes root.pem, issuer.pem and document into the current folder. */
int main(int argc, char **argv)
{
	struct host host;
	uuid_t uuid;

	must(argc == 3 && !uuid_parse(argv[1], uuid), "sense of its arguments: UUID NONCE");
	host_make(&host);
	write_certificate("root.pem", host.root);
	write_certificate("issuer.pem", host.issuing);
	document_make(&host, uuid, argv[2]);
	host_free(&host);
	return EXIT_SUCCESS;
}
