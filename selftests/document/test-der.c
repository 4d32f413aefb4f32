// SPDX-License-Identifier: GPL-2.0
// Promises of the backwards DER writer: lengths of all forms, and its bounds.

#include <stdlib.h>

#include <openssl/asn1.h>

#include <selftests/lib/tap.h>
#include <userspace/document/document.h>

/* OCTET STRINGs of these lengths use each form of a DER length. */
static const size_t lengths[] = { 0, 1, 127, 128, 255, 256, 257, 65535, 65536, 70000 };

static void octets_are_what_openssl_writes(size_t length)
{
	uint8_t *bytes = calloc(1, length + 1), *buf = malloc(length + 8), *first;
	ASN1_OCTET_STRING *oracle = ASN1_OCTET_STRING_new();
	unsigned char *want = NULL;
	struct der der;
	int want_len;

	memset(bytes, 0x5a, length);
	tap_need(ASN1_OCTET_STRING_set(oracle, bytes, (int)length));
	want_len = i2d_ASN1_OCTET_STRING(oracle, &want);
	der_begin(&der, buf, length + 8);
	der_bytes(&der, bytes, length);
	der_wrap(&der, 0x04, 0);
	tap_need_eq(der_end(&der, &first), want_len);
	tap_need(!memcmp(first, want, (size_t)want_len));
	OPENSSL_free(want);
	ASN1_OCTET_STRING_free(oracle);
	free(buf);
	free(bytes);
}

static void every_length_form_equals_openssl(void)
{
	for (size_t i = 0; i < TAP_COUNT(lengths); i++)
		octets_are_what_openssl_writes(lengths[i]);
}

static void wrap_takes_only_what_came_since_the_mark(void)
{
	static const uint8_t want[] = { 0x30, 0x03, 0x02, 0x01, 0x07, 0x04, 0x01, 0xaa };
	uint8_t buf[16], *first;
	struct der der;
	size_t mark;

	der_begin(&der, buf, sizeof(buf));
	der_bytes(&der, "\xaa", 1);
	der_wrap(&der, 0x04, 0);
	mark = der_written(&der);
	der_bytes(&der, "\x07", 1);
	der_wrap(&der, 0x02, mark);
	der_wrap(&der, 0x30, mark);
	tap_need_eq(der_end(&der, &first), sizeof(want));
	tap_need(!memcmp(first, want, sizeof(want)));
}

static void full_buffer_is_said_and_stays_said(void)
{
	uint8_t *buf = malloc(4), *first;	/* malloc: ASan watches its ends */
	struct der der;

	der_begin(&der, buf, 4);
	der_bytes(&der, "abc", 3);
	der_wrap(&der, 0x04, 0);
	tap_need_eq(der_end(&der, &first), -ENOSPC);
	der_bytes(&der, "", 0);
	der_bytes(&der, "x", 1);
	der_wrap(&der, 0x04, 0);
	tap_need_eq(der_end(&der, &first), -ENOSPC);
	free(buf);
}

static void exact_buffer_is_enough(void)
{
	uint8_t *buf = malloc(5), *first;
	struct der der;

	der_begin(&der, buf, 5);
	der_bytes(&der, "abc", 3);
	der_wrap(&der, 0x04, 0);
	tap_need_eq(der_end(&der, &first), 5);
	tap_need(first == buf);
	free(buf);
}

static const struct tap_test tests[] = {
	TAP_TEST(every_length_form_equals_openssl),
	TAP_TEST(wrap_takes_only_what_came_since_the_mark),
	TAP_TEST(full_buffer_is_said_and_stays_said),
	TAP_TEST(exact_buffer_is_enough),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
