// SPDX-License-Identifier: GPL-2.0
// Tests that no altered byte of a good document is ever accepted, and that
// nothing of it crashes; and the forms a document travels in.
#include <stdio.h>
#include <stdlib.h>

#include "maker.h"

/* Seconds for each loop; long runs go through all values. */
#define SECONDS	3

static bool accepted(const struct ask *ask, struct bytes der)
{
	struct azattest_document *document;

	if (ask_code(ask, der, &document))
		return false;
	azattest_document_free(document);
	return true;
}

/* Offset and value of each alteration that is accepted are said. */
static void flip_all(struct bytes der)
{
	/* no nonce, VM or name given: nothing but signature and form protects */
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };
	int64_t end = tap_now_ms() + (tap_long() ? 90 : SECONDS) * 1000;
	unsigned int step, values = 0;
	size_t i;

	ask.options.at = MAKER_NOW;
	tap_need(accepted(&ask, der));
	/* single bits first: every offset is seen before time is up */
	for (step = 0; step < 255 && (step < 8 || tap_now_ms() < end); step++) {
		unsigned char x = step < 8 ? 1u << step : step + 1;

		for (i = 0; i < der.len; i++) {
			der.data[i] ^= x;
			tap_need_msg(!accepted(&ask, der),
				     "byte %zu xor %02x is accepted", i, x);
			der.data[i] ^= x;
		}
		values++;
	}
	tap_need(accepted(&ask, der));
	tap_diag("%zu bytes, %u values each", der.len, values);
	free(der.data);
}

static void no_flipped_byte_accepted_rsa(void)
{
	flip_all(maker_good());
}

static void no_flipped_byte_accepted_p256_with_chain(void)
{
	flip_all(maker_doc(&(struct maker_doc){ .leaf = maker.ec_leaf,
						.key = maker.ec_key }));
}

static unsigned int roll(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Deletes, doubles or overwrites a run of bytes. */
static struct bytes mangle(struct bytes good, unsigned int *state)
{
	size_t at = roll(state) % good.len, n = 1 + roll(state) % 40, i;
	struct bytes der = { malloc(good.len + 64), good.len };

	if (at + n > good.len)
		n = good.len - at;
	memcpy(der.data, good.data, good.len);
	switch (roll(state) % 3) {
	case 0:
		memmove(der.data + at, good.data + at + n, good.len - at - n);
		der.len -= n;
		break;
	case 1:
		memcpy(der.data + at + n, good.data + at, good.len - at);
		der.len += n;
		break;
	default:
		for (i = 0; i < n; i++)
			der.data[at + i] = (unsigned char)roll(state);
	}
	der.data = realloc(der.data, der.len);
	return der;
}

static void no_mangled_document_accepted(void)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };
	int64_t end = tap_now_ms() + (tap_long() ? 60 : SECONDS) * 1000;
	struct bytes good = maker_doc(&(struct maker_doc){
		.leaf = maker.ec_leaf, .key = maker.ec_key,
		.second = maker.issuer });
	unsigned int state = 1, n = 0;

	ask.options.at = MAKER_NOW;
	ask.no_issuer = true;
	while (tap_now_ms() < end) {
		unsigned int start = state;
		struct bytes der = mangle(good, &state);

		if (der.len != good.len || memcmp(der.data, good.data, der.len))
			tap_need_msg(!accepted(&ask, der),
				     "mangled with state %u: accepted", start);
		free(der.data);
		n++;
	}
	tap_diag("%u documents", n);
	free(good.data);
}

/* ---- forms ---- */

static void need_form(const void *data, size_t len, int code)
{
	struct azattest_fault fault = { .code = -1 };
	unsigned char *der;
	size_t der_len;
	/* exactly as long, so that a read past the end is seen */
	void *copy = memcpy(malloc(len ?: 1), data, len);
	int got = azattest_decode(copy, len, &der, &der_len, &fault);

	tap_need_msg(got == code, "\"%.60s\" gives %d, not %d",
		     (const char *)data, got, code);
	free(copy);
	if (!got)
		free(der);
	else
		tap_need_eq(fault.code, code);
}

static void need_text(const char *text, int code)
{
	need_form(text, strlen(text), code);
}

static void forms_give_the_same_document(void)
{
	struct bytes der = maker_good();
	char *base64 = azattest_encode_base64(der.data, der.len);
	char text[20000];
	int i;

	for (i = 0; i < 4; i++) {
		unsigned char *got;
		size_t len;

		snprintf(text, sizeof(text), i == 0 ? "%s" : i == 1 ? "%s\n" :
			 i == 2 ? "%s\r\n" : "{\"encoding\":\"pkcs7\","
			 "\"signature\":\"%s\"}", base64);
		tap_need_eq(azattest_decode(text, strlen(text), &got, &len,
					    NULL), 0);
		tap_need_eq(len, der.len);
		tap_need(!memcmp(got, der.data, len));
		free(got);
	}
	need_form(der.data, der.len, 0);
	free(base64);
	free(der.data);
}

static void loose_forms_refused(void)
{
	static const char *const bad[] = {
		"", "\n", "x", "-----BEGIN PKCS7-----", " MAAA", "MAAA MAAA",
		"MAA", "MA=A", "MAB=", "MAAA====", "MAAA\n\n", "MAAA\nMAAA",
		"MAA\xff", "MA==MAAA", "MAAA=", "MAAA\r\r\n",
		"{}", "{\"encoding\":\"pkcs7\"}", "{\"signature\":\"MAAA\"}",
		"{\"encoding\":\"pkcs8\",\"signature\":\"MAAA\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\\n\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\\u0000\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":7}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\"}x",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\",\"a\":1}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\","
		"\"signature\":\"MAAA\"}",
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		need_text(bad[i], AZATTEST_E_ENCODING);
	need_text("MAAA", 0);
	need_text("MAA=", 0);
	need_text("MA==", 0);
	need_text("{\"encoding\":\"pkcs7\",\"signature\":\"MAAA\"}", 0);
}

static void oversized_form_refused(void)
{
	char *big = malloc(AZATTEST_INPUT_MAX + 1);

	memset(big, '0', AZATTEST_INPUT_MAX + 1);
	need_form(big, AZATTEST_INPUT_MAX + 1, AZATTEST_E_ENCODING);
	need_form(big, AZATTEST_INPUT_MAX, 0);	/* DER by its first byte */
	free(big);
}

static void random_nonces_are_valid_and_differ(void)
{
	char a[AZATTEST_NONCE_SIZE], b[AZATTEST_NONCE_SIZE];
	int i;

	for (i = 0; i < 1000; i++) {
		tap_need_eq(azattest_nonce_make(a), 0);
		tap_need_eq(azattest_nonce_make(b), 0);
		tap_need(azattest_nonce_valid(a) && strlen(a) == 32);
		tap_need(strcmp(a, b));
	}
}

static void nonce_table_is_the_contracts(void)
{
	char text[3] = { 'a', 0, 0 };
	int c;

	for (c = 1; c < 256; c++) {
		bool want = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '_';

		text[1] = (char)c;
		tap_need_eq(azattest_nonce_valid(text), want);
	}
	tap_need(!azattest_nonce_valid(""));
	tap_need(azattest_nonce_valid("12345678901234567890123456789012"));
	tap_need(!azattest_nonce_valid("123456789012345678901234567890123"));
}

/* Every code has words of its own. */
static void codes_have_words(void)
{
	int code, known = 0;

	for (code = 0; code <= AZATTEST_E_TRUST; code++)
		known += !!strcmp(azattest_code_name(code), "unknown");
	tap_need_eq(known, 4 + 5 + 8 + 30);
	tap_need(!strcmp(azattest_code_name(9999), "unknown"));
}

static const struct tap_test tests[] = {
	TAP_TEST(no_flipped_byte_accepted_rsa),
	TAP_TEST(no_flipped_byte_accepted_p256_with_chain),
	TAP_TEST(no_mangled_document_accepted),
	TAP_TEST(forms_give_the_same_document),
	TAP_TEST(loose_forms_refused),
	TAP_TEST(oversized_form_refused),
	TAP_TEST(random_nonces_are_valid_and_differ),
	TAP_TEST(nonce_table_is_the_contracts),
	TAP_TEST(codes_have_words),
};

int main(int argc, char **argv)
{
	maker_start();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
