// SPDX-License-Identifier: GPL-2.0
// Tests that an envelope in anything but strict DER is refused: longer, shorter,
// looser, unsorted or deeper than the one form.
#include <stdlib.h>

#include "maker.h"

static struct bytes append(struct bytes der, unsigned char byte)
{
	der.data = realloc(der.data, der.len + 1);
	der.data[der.len++] = byte;
	return der;
}

static void trailing_byte_refused(void)
{
	need_code(&(struct ask){ 0 }, append(maker_good(), 0), AZATTEST_E_DER);
	need_code(&(struct ask){ 0 }, append(maker_good(), '\n'),
		  AZATTEST_E_DER);
	/* a whole value, sound in itself */
	need_code(&(struct ask){ 0 }, append(append(maker_good(), 5), 0),
		  AZATTEST_E_DER);
}

static void every_truncation_refused(void)
{
	struct azattest_document *document;
	struct bytes good = maker_good(), cut = good;

	for (cut.len = 0; cut.len < good.len; cut.len++) {
		/* exactly as long, so that a read past the end is seen */
		cut.data = memcpy(malloc(cut.len ?: 1), good.data, cut.len);
		tap_need_eq(ask_code(&(struct ask){ 0 }, cut, &document),
			    AZATTEST_E_DER);
		free(cut.data);
	}
	free(good.data);
}

static void indefinite_length_refused(void)
{
	PKCS7 *p7 = PKCS7_sign(maker.leaf, maker.key, NULL, NULL, PKCS7_BINARY |
			       PKCS7_NOATTR | PKCS7_STREAM);
	const char *content = maker_content(NULL, NULL, 0, 0);
	BIO *in = BIO_new_mem_buf(content, -1), *out = BIO_new(BIO_s_mem());
	struct bytes ber;
	char *data;

	tap_need(i2d_PKCS7_bio_stream(out, p7, in, PKCS7_BINARY | PKCS7_STREAM));
	ber.len = (size_t)BIO_get_mem_data(out, &data);
	ber.data = malloc(ber.len);
	memcpy(ber.data, data, ber.len);
	tap_need_eq(ber.data[1], 0x80);
	need_code(&(struct ask){ 0 }, ber, AZATTEST_E_DER);
	BIO_free(in);
	BIO_free(out);
	PKCS7_free(p7);
}

static void overlong_length_refused(void)
{
	struct bytes der = append(maker_good(), 0);

	tap_need_eq(der.data[1], 0x82);
	memmove(der.data + 3, der.data + 2, der.len - 3);
	der.data[1] = 0x83;
	der.data[2] = 0;
	need_code(&(struct ask){ 0 }, der, AZATTEST_E_DER);
}

static void add_sha384(PKCS7 *p7)
{
	X509_ALGOR *more = X509_ALGOR_new();

	X509_ALGOR_set0(more, OBJ_nid2obj(NID_sha384), V_ASN1_NULL, NULL);
	sk_X509_ALGOR_push(p7->d.sign->md_algs, more);
}

/* Each value is DER; the SET around them is not, unless they are sorted. */
static void unsorted_set_refused(void)
{
	static const unsigned char from[] =
		"\x04\x02\x01\x05\x00\x30\x0d\x06\x09"
		"\x60\x86\x48\x01\x65\x03\x04\x02\x02";
	unsigned char to[sizeof(from)];
	struct maker_doc doc = { .edit = add_sha384 };

	memcpy(to, from, sizeof(to));
	to[2] = 2;
	to[sizeof(to) - 2] = 1;
	need_doc(&doc, AZATTEST_E_DIGEST);
	need_code(&(struct ask){ 0 },
		  bytes_patch(maker_doc(&doc), from, to, sizeof(from) - 1),
		  AZATTEST_E_DER);
}

/* BOOLEAN "true" of the leaf's critical extensions, as BER would allow. */
static void loose_boolean_in_certificate_refused(void)
{
	need_code(&(struct ask){ 0 },
		  bytes_patch(maker_good(), "\x01\x01\xff", "\x01\x01\x01", 3),
		  AZATTEST_E_DER);
}

static void longer_than_limit_refused(void)
{
	struct bytes der = { calloc(1, AZATTEST_INPUT_MAX + 1),
			     AZATTEST_INPUT_MAX + 1 };

	need_code(&(struct ask){ 0 }, der, AZATTEST_E_DER);
}

/* 60,000 nested SEQUENCEs of indefinite patience, none of stack. */
static void deep_nesting_refused(void)
{
	struct bytes der = { malloc(60000), 60000 };
	size_t i;

	for (i = 0; i < der.len; i += 4)
		memcpy(der.data + i, (unsigned char[]){ 0x30, 0x82,
			(unsigned char)((der.len - i - 4) >> 8),
			(unsigned char)(der.len - i - 4) }, 4);
	need_code(&(struct ask){ 0 }, der, AZATTEST_E_DER);
}

static void no_path_leaks(void);

static const struct tap_test tests[] = {
	TAP_TEST(trailing_byte_refused),
	TAP_TEST(every_truncation_refused),
	TAP_TEST(indefinite_length_refused),
	TAP_TEST(overlong_length_refused),
	TAP_TEST(unsorted_set_refused),
	TAP_TEST(loose_boolean_in_certificate_refused),
	TAP_TEST(longer_than_limit_refused),
	TAP_TEST(deep_nesting_refused),
	TAP_TEST(no_path_leaks),
};

static void no_path_leaks(void)
{
	need_no_leaks(tests, TAP_COUNT(tests) - 1);
}

int main(int argc, char **argv)
{
	maker_start();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
