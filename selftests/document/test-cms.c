// SPDX-License-Identifier: GPL-2.0
// Promises of the envelope: OpenSSL would have written the same bytes.

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>

#include <selftests/document/pki.h>
#include <selftests/lib/tap.h>
#include <userspace/document/document.h>

#define CONTENTS	600
#define CONTENT_LONGEST	1000
#define BUFFER		8192

static size_t random_content(uint8_t *content)
{
	uint16_t number;
	size_t length;

	tap_need(RAND_bytes((unsigned char *)&number, sizeof(number)) == 1);
	length = 1 + number % CONTENT_LONGEST;
	tap_need(RAND_bytes(content, (int)length) == 1);
	content[0] = '{';
	return length;
}

/* What PKCS7_sign() makes of it; the caller frees *@der by OPENSSL_free(). */
static int oracle(const struct pki *pki, X509 *extra, const uint8_t *content, size_t length,
		  unsigned char **der)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(content, (int)length);
	PKCS7 *p7;
	int ret;

	if (extra)
		sk_X509_push(others, extra);
	p7 = PKCS7_sign(pki->leaf, pki->key, others, bio, PKCS7_NOATTR | PKCS7_BINARY);
	tap_need(p7);
	*der = NULL;
	ret = i2d_PKCS7(p7, der);
	PKCS7_free(p7);
	BIO_free(bio);
	sk_X509_free(others);
	return ret;
}

static void need_equal_once(struct cms *cms, const struct pki *pki, X509 *extra)
{
	uint8_t content[CONTENT_LONGEST], buf[BUFFER], *first;
	size_t length = random_content(content);
	unsigned char *want;
	int want_len = oracle(pki, extra, content, length, &want);
	int got_len = cms_sign(cms, content, length, buf, sizeof(buf), &first);

	tap_need_eq(got_len, want_len);
	tap_need(!memcmp(first, want, (size_t)want_len));
	OPENSSL_free(want);
}

static void need_equal(const char *type, unsigned int flags, unsigned int loops)
{
	struct pki pki;
	struct cms *cms;

	pki_make(&pki, type);
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, pki.issuer, flags), 0);
	while (loops--)
		need_equal_once(cms, &pki, flags & CMS_EMBED_CHAIN ? pki.issuer : NULL);
	cms_close(cms);
	pki_free(&pki);
}

static void rsa_2048_bytes_equal_pkcs7_sign(void)
{
	need_equal("rsa-2048", 0, CONTENTS);
}

static void rsa_3072_bytes_equal_pkcs7_sign(void)
{
	need_equal("rsa-3072", 0, CONTENTS);
}

static void embedded_chain_bytes_equal_pkcs7_sign(void)
{
	need_equal("rsa-2048", CMS_EMBED_CHAIN, 50);
}

/* Whether the document verifies by its own certificate and gives @content. */
static bool verifies(const uint8_t *der, size_t der_len, X509 *leaf, const uint8_t *content,
		     size_t length)
{
	const unsigned char *p = der;
	STACK_OF(X509) *certs = sk_X509_new_null();
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)der_len);
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	bool ok;

	tap_need(p7 && p == der + der_len);
	sk_X509_push(certs, leaf);
	ok = PKCS7_verify(p7, certs, NULL, NULL, out, PKCS7_NOVERIFY | PKCS7_BINARY) == 1 &&
	     BIO_get_mem_data(out, &data) == (long)length && !memcmp(data, content, length);
	ERR_clear_error();
	BIO_free(out);
	PKCS7_free(p7);
	sk_X509_free(certs);
	return ok;
}

static bool reencodes_to_itself(const uint8_t *der, size_t der_len)
{
	const unsigned char *p = der;
	unsigned char *again = NULL;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der_len);
	int length = i2d_CMS_ContentInfo(cms, &again);
	bool same = length == (int)der_len && !memcmp(again, der, der_len);

	OPENSSL_free(again);
	CMS_ContentInfo_free(cms);
	return same;
}

static void p256_verifies_and_reencodes_to_itself(void)
{
	uint8_t content[CONTENT_LONGEST], buf[BUFFER], *first;
	struct pki pki;
	struct cms *cms;

	pki_make(&pki, "p-256");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, 0), 0);
	for (unsigned int i = 0; i < CONTENTS; i++) {
		size_t length = random_content(content);
		int got = cms_sign(cms, content, length, buf, sizeof(buf), &first);

		tap_need(got > 0);
		tap_need(verifies(first, (size_t)got, pki.leaf, content, length));
		tap_need(reencodes_to_itself(first, (size_t)got));
	}
	cms_close(cms);
	pki_free(&pki);
}

static void changed_content_does_not_verify(void)
{
	static const uint8_t content[] = "{\"nonce\":\"1\"}", other[] = "{\"nonce\":\"2\"}";
	uint8_t buf[BUFFER], *first, *place;
	struct pki pki;
	struct cms *cms;
	int length;

	pki_make(&pki, "rsa-2048");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, 0), 0);
	length = cms_sign(cms, content, sizeof(content) - 1, buf, sizeof(buf), &first);
	tap_need(verifies(first, (size_t)length, pki.leaf, content, sizeof(content) - 1));
	place = memmem(first, (size_t)length, content, sizeof(content) - 1);
	tap_need(place);
	memcpy(place, other, sizeof(other) - 1);
	tap_need(!verifies(first, (size_t)length, pki.leaf, other, sizeof(other) - 1));
	cms_close(cms);
	pki_free(&pki);
}

/* Azure's documents name the signature's algorithm where the digest's belongs. */
static void azure_exact_differs_in_two_digest_oids_only(void)
{
	static const uint8_t sha256[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01 };
	static const uint8_t azure[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b };
	static const uint8_t content[] = "{}";
	uint8_t buf[BUFFER], *first;
	unsigned char *want;
	struct pki pki;
	struct cms *cms;
	int length, want_len;
	uint8_t *place;

	pki_make(&pki, "rsa-2048");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, CMS_AZURE_EXACT), 0);
	length = cms_sign(cms, content, 2, buf, sizeof(buf), &first);
	want_len = oracle(&pki, NULL, content, 2, &want);
	tap_need_eq(length, want_len);
	place = memmem(first, (size_t)length, azure, sizeof(azure));
	tap_need(place);
	memcpy(place, sha256, sizeof(sha256));
	place = want + want_len - 256 - 60;
	place = memmem(place, 60, sha256, sizeof(sha256));
	tap_need(place);
	memcpy(place, azure, sizeof(azure));
	tap_need(!memcmp(first, want, (size_t)length));
	OPENSSL_free(want);
	cms_close(cms);
	pki_free(&pki);
}

static void content_that_is_no_object_is_refused(void)
{
	uint8_t buf[BUFFER], *first;
	struct pki pki;
	struct cms *cms;

	pki_make(&pki, "p-256");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, 0), 0);
	tap_need_eq(cms_sign(cms, "\x31\x00", 2, buf, sizeof(buf), &first), -EINVAL);
	tap_need_eq(cms_sign(cms, "[]", 2, buf, sizeof(buf), &first), -EINVAL);
	tap_need_eq(cms_sign(cms, "", 0, buf, sizeof(buf), &first), -EINVAL);
	cms_close(cms);
	pki_free(&pki);
}

static void every_buffer_size_is_enough_or_refused(void)
{
	static const char content[] = "{\"a\":\"b\"}";
	struct pki pki;
	struct cms *cms;
	size_t space;

	pki_make(&pki, "p-256");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, pki.issuer, CMS_EMBED_CHAIN), 0);
	space = cms_space(cms, sizeof(content) - 1);
	for (size_t size = 0; size <= space; size++) {
		uint8_t *buf = malloc(size + 1), *first;
		int ret = cms_sign(cms, content, sizeof(content) - 1, buf, size, &first);

		tap_need(size < space ? ret == -ENOSPC : ret > 0);
		free(buf);
	}
	cms_close(cms);
	pki_free(&pki);
}

static void open_refuses_what_it_cannot_sign(void)
{
	struct pki pki, other, big;
	struct cms *cms = NULL;

	pki_make(&pki, "p-256");
	pki_make(&other, "p-256");
	pki_make(&big, "p-384");
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, 1u << 2), -EINVAL);
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, CMS_EMBED_CHAIN), -EINVAL);
	tap_need_eq(cms_open(&cms, pki.key, pki.leaf, NULL, CMS_AZURE_EXACT), -EOPNOTSUPP);
	tap_need_eq(cms_open(&cms, big.key, big.leaf, NULL, 0), -EOPNOTSUPP);
	tap_need_eq(cms_open(&cms, pki.key, other.leaf, NULL, 0), -EKEYREJECTED);
	tap_need(!cms);
	ERR_clear_error();
	pki_free(&big);
	pki_free(&other);
	pki_free(&pki);
}

static const struct tap_test tests[] = {
	TAP_TEST(rsa_2048_bytes_equal_pkcs7_sign),
	TAP_TEST(rsa_3072_bytes_equal_pkcs7_sign),
	TAP_TEST(embedded_chain_bytes_equal_pkcs7_sign),
	TAP_TEST(p256_verifies_and_reencodes_to_itself),
	TAP_TEST(changed_content_does_not_verify),
	TAP_TEST(azure_exact_differs_in_two_digest_oids_only),
	TAP_TEST(content_that_is_no_object_is_refused),
	TAP_TEST(every_buffer_size_is_enough_or_refused),
	TAP_TEST(open_refuses_what_it_cannot_sign),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
