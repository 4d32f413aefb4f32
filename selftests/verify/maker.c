// SPDX-License-Identifier: GPL-2.0
// Owns making certificates and documents, good and bad, for the verifier.
#include "maker.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct maker maker;

EVP_PKEY *maker_ec(const char *group)
{
	EVP_PKEY *key = EVP_EC_gen(group);

	tap_need(key);
	return key;
}

EVP_PKEY *maker_rsa(unsigned int bits)
{
	EVP_PKEY *key = EVP_RSA_gen(bits);

	tap_need(key);
	return key;
}

/* NULL: @fallback; "": none. */
static void add_extension(X509 *cert, int nid, const char *value,
			  const char *fallback)
{
	X509_EXTENSION *extension;

	value = value ?: fallback;
	if (!value || !*value)
		return;
	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	tap_need(extension && X509_add_ext(cert, extension, -1));
	X509_EXTENSION_free(extension);
}

static void set_names(X509 *cert, const struct maker_cert *spec)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (spec->organization)
		tap_need(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
				(const unsigned char *)spec->organization, -1,
				-1, 0));
	tap_need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			(const unsigned char *)(spec->cn ?: MAKER_NAME), -1, -1,
			0));
	tap_need(X509_set_issuer_name(cert, spec->issuer ?
			X509_get_subject_name(spec->issuer) : name));
}

static void set_times(X509 *cert, const struct maker_cert *spec)
{
	int64_t from = spec->from ?: -24 * HOUR;
	int64_t until = spec->until ?: 29 * 24 * HOUR;

	tap_need(ASN1_TIME_set(X509_getm_notBefore(cert), MAKER_NOW + from));
	tap_need(ASN1_TIME_set(X509_getm_notAfter(cert), MAKER_NOW + until));
}

X509 *maker_cert(const struct maker_cert *spec)
{
	static long serial = 1000;
	EVP_PKEY *key = spec->key ?: maker.key;
	X509 *cert = X509_new();

	tap_need(cert && X509_set_version(cert, 2));
	ASN1_INTEGER_set(X509_get_serialNumber(cert), spec->serial ?: ++serial);
	set_names(cert, spec);
	set_times(cert, spec);
	X509_set_pubkey(cert, key);
	add_extension(cert, NID_basic_constraints, spec->basic,
		      "critical,CA:FALSE");
	add_extension(cert, NID_key_usage, spec->usage,
		      "critical,digitalSignature");
	add_extension(cert, NID_ext_key_usage, spec->eku, MAKER_EKU);
	add_extension(cert, NID_subject_alt_name, spec->san,
		      "DNS:" MAKER_NAME);
	add_extension(cert, NID_netscape_cert_type, spec->ns_type, NULL);
	tap_need(X509_sign(cert, spec->issuer_key ?: key,
			   spec->md ?: EVP_sha256()));
	return cert;
}

X509 *maker_ca(const char *cn, const char *organization, X509 *issuer,
	       EVP_PKEY *issuer_key, EVP_PKEY *key)
{
	return maker_cert(&(struct maker_cert){
		.cn = cn, .organization = organization, .issuer = issuer,
		.issuer_key = issuer_key, .key = key,
		.basic = "critical,CA:TRUE",
		.usage = "critical,keyCertSign,cRLSign", .eku = "", .san = "",
		.until = 1000 * 24 * HOUR,
	});
}

void maker_start(void)
{
	if (maker.root)
		return;
	maker.root_key = maker_ec("P-256");
	maker.issuer_key = maker_ec("P-256");
	maker.other_key = maker_ec("P-256");
	maker.ec_key = maker_ec("P-256");
	maker.key = maker_rsa(2048);
	maker.root = maker_ca("Fleet root", "Example", NULL, NULL,
			      maker.root_key);
	maker.issuer = maker_ca("Fleet issuing CA", "Example", maker.root,
				maker.root_key, maker.issuer_key);
	maker.leaf = maker_cert(&(struct maker_cert){
		.issuer = maker.issuer, .issuer_key = maker.issuer_key });
	maker.ec_leaf = maker_cert(&(struct maker_cert){
		.issuer = maker.issuer, .issuer_key = maker.issuer_key,
		.key = maker.ec_key });
}

static void put_time(int64_t at, char to[32])
{
	time_t t = at;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(to, 32, "%02d/%02d/%02d %02d:%02d:%02d -0000",
		 (unsigned char)(tm.tm_mon + 1), (unsigned char)tm.tm_mday,
		 (unsigned char)(tm.tm_year % 100), (unsigned char)tm.tm_hour,
		 (unsigned char)tm.tm_min, (unsigned char)tm.tm_sec);
}

const char *maker_content(const char *vm, const char *nonce, int64_t created,
			  int64_t expires)
{
	static char content[4096];
	char from[32], until[32];

	put_time(MAKER_NOW + created, from);
	put_time(MAKER_NOW + (expires ?: 6 * HOUR), until);
	snprintf(content, sizeof(content),
		 "{\"licenseType\":\"\",\"nonce\":\"%s\",\"plan\":{\"name\":\"\","
		 "\"product\":\"\",\"publisher\":\"\"},\"sku\":\"standard\","
		 "\"subscriptionId\":\"8d10da13-8125-4ba9-a717-bf7490507b3d\","
		 "\"timeStamp\":{\"createdOn\":\"%s\",\"expiresOn\":\"%s\"},"
		 "\"vmId\":\"%s\"}", nonce ?: MAKER_NONCE, from, until,
		 vm ?: MAKER_VM);
	return content;
}

PKCS7 *maker_pkcs7(const struct maker_doc *doc)
{
	const char *content = doc->content ?: maker_content(NULL, NULL, 0, 0);
	size_t len = doc->content_len ?: strlen(content);
	BIO *bio = BIO_new_mem_buf(content, (int)len);
	int flags = PKCS7_BINARY | doc->flags;
	PKCS7 *p7 = PKCS7_sign(NULL, NULL, NULL, bio, flags | PKCS7_PARTIAL);

	tap_need(p7);
	if (doc->first)
		tap_need(PKCS7_add_certificate(p7, doc->first));
	flags |= PKCS7_NOCERTS | (doc->attributes ? 0 : PKCS7_NOATTR);
	tap_need(PKCS7_sign_add_signer(p7, doc->leaf ?: maker.leaf,
				       doc->key ?: maker.key,
				       doc->md ?: EVP_sha256(), flags));
	if (!doc->no_leaf)
		tap_need(PKCS7_add_certificate(p7, doc->leaf ?: maker.leaf));
	if (doc->second)
		tap_need(PKCS7_add_certificate(p7, doc->second));
	tap_need(PKCS7_final(p7, bio, flags));
	BIO_free(bio);
	if (doc->edit)
		doc->edit(p7);
	return p7;
}

struct bytes maker_der(PKCS7 *p7)
{
	struct bytes der = { 0 };
	int n = i2d_PKCS7(p7, &der.data);

	tap_need(n > 0);
	der.len = (size_t)n;
	PKCS7_free(p7);
	return der;
}

struct bytes maker_doc(const struct maker_doc *doc)
{
	return maker_der(maker_pkcs7(doc));
}

struct bytes maker_good(void)
{
	return maker_doc(&(struct maker_doc){ 0 });
}

static void add_trust(struct azattest_trust *trust, int role, X509 *cert)
{
	struct azattest_fault fault;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	tap_need(PEM_write_bio_X509(bio, cert));
	len = BIO_get_mem_data(bio, &text);
	tap_need_eq(azattest_trust_add(trust, role, text, (size_t)len, &fault),
		    0);
	BIO_free(bio);
}

static struct azattest_verify_options good_options(void)
{
	struct azattest_verify_options o = AZATTEST_VERIFY_OPTIONS_INIT;

	o.at = MAKER_NOW;
	o.nonce = MAKER_NONCE;
	o.vm_id = MAKER_VM;
	o.name = ".attest.example.net";
	return o;
}

/* The last set is kept: loops ask thousands of times with the same one. */
static struct azattest_trust *trust_for(const struct ask *ask)
{
	static struct azattest_trust *set;
	static struct ask last;

	if (set && last.anchor == ask->anchor && last.issuer == ask->issuer &&
	    last.no_issuer == ask->no_issuer)
		return set;
	azattest_trust_free(set);
	set = azattest_trust_new();
	tap_need(set);
	add_trust(set, AZATTEST_TRUST_ANCHORS, ask->anchor ?: maker.root);
	if (!ask->no_issuer)
		add_trust(set, AZATTEST_TRUST_ISSUERS,
			  ask->issuer ?: maker.issuer);
	last = *ask;
	return set;
}

static int ask_fault(const struct ask *ask, struct bytes der,
		     struct azattest_document **document,
		     struct azattest_fault *fault)
{
	struct azattest_verify_options options = ask->options;

	if (!options.size)
		options = good_options();
	return azattest_verify(trust_for(ask), der.data, der.len, &options,
			       document, fault);
}

int ask_code(const struct ask *ask, struct bytes der,
	     struct azattest_document **document)
{
	return ask_fault(ask, der, document, NULL);
}

/* Takes the document's bytes. */
void need_code(const struct ask *ask, struct bytes der, int code)
{
	struct azattest_document *document = NULL;
	struct azattest_fault fault = { .code = -1 };
	int got = ask_fault(ask, der, &document, &fault);

	tap_need_msg(got == code, "verdict is %s (%s), not %s",
		     azattest_code_name(got), got ? fault.text : "",
		     azattest_code_name(code));
	if (code) {
		tap_need(!document);
		tap_need_eq(fault.code, code);
		tap_need(strlen(fault.text) > 5);
	}
	azattest_document_free(document);
	free(der.data);
}

void need_doc(const struct maker_doc *doc, int code)
{
	need_code(&(struct ask){ 0 }, maker_doc(doc), code);
}

struct bytes bytes_patch(struct bytes der, const void *from, const void *to,
			 size_t len)
{
	unsigned char *at = memmem(der.data, der.len, from, len);

	tap_need(at);
	memcpy(at, to, len);
	return der;
}

/* Promises end without exit handlers, so leaks are looked for on purpose. */
void need_no_leaks(const struct tap_test *tests, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		tests[i].run();
	tap_need_eq(__lsan_do_recoverable_leak_check(), 0);
}
