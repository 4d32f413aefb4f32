// SPDX-License-Identifier: GPL-2.0
// Tests what a well-signed document may say: strict JSON of the contract's
// shape, the right nonce, times and VM; and that the caller's options count.
#include <stdio.h>
#include <stdlib.h>

#include "maker.h"

static void need_content(const char *content, size_t len, int code)
{
	need_doc(&(struct maker_doc){ .content = content, .content_len = len,
				      .leaf = maker.ec_leaf,
				      .key = maker.ec_key }, code);
}

/* The good content with its first @from replaced. */
static const char *with(const char *from, const char *to)
{
	static char text[4096];
	const char *good = maker_content(NULL, NULL, 0, 0);
	const char *at = strstr(good, from);

	tap_need(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to,
		 at + strlen(from));
	return text;
}

static void need_with(const char *from, const char *to, int code)
{
	need_content(with(from, to), 0, code);
}

static void members_come_out_as_signed(void)
{
	struct ask ask = { 0 };
	struct azattest_document *d;
	struct bytes der = maker_good();

	tap_need_eq(ask_code(&ask, der, &d), 0);
	tap_need(!strcmp(d->content, maker_content(NULL, NULL, 0, 0)));
	tap_need_eq(d->content_len, strlen(d->content));
	tap_need(!strcmp(d->vm_id, MAKER_VM));
	tap_need(!strcmp(d->nonce, MAKER_NONCE));
	tap_need_eq(d->created_on, MAKER_NOW);
	tap_need_eq(d->expires_on, MAKER_NOW + 6 * HOUR);
	tap_need(!strcmp(d->subscription_id,
			 "8d10da13-8125-4ba9-a717-bf7490507b3d"));
	tap_need(!strcmp(d->sku, "standard"));
	tap_need(!*d->license_type && !*d->plan_name && !*d->plan_product &&
		 !*d->plan_publisher);
	tap_need(!strcmp(d->signer_name, MAKER_NAME));
	tap_need(!strcmp(d->signer_subject, "CN=" MAKER_NAME));
	tap_need(!strcmp(d->issuer_subject, "CN=Fleet issuing CA,O=Example"));
	tap_need(!strcmp(d->anchor_subject, "CN=Fleet root,O=Example"));
	tap_need_eq(d->signer_not_after, MAKER_NOW + 29LL * 24 * HOUR);
	tap_need_eq(strlen(d->signer_sha256), 64);
	azattest_document_free(d);
	free(der.data);
}

/* A real document of 2018-10-01 holds exactly these. */
static void oldest_shape_accepted(void)
{
	need_content("{\"nonce\":\"" MAKER_NONCE "\",\"plan\":{\"name\":\"\","
		     "\"product\":\"\",\"publisher\":\"\"},\"timeStamp\":{"
		     "\"createdOn\":\"03/01/26 12:00:00 -0000\",\"expiresOn\":"
		     "\"03/01/26 18:00:00 -0000\"},\"vmId\":\"" MAKER_VM "\"}",
		     0, AZATTEST_E_OK);
}

static void escapes_and_utf8_accepted(void)
{
	need_with("standard", "caf\xc3\xa9 \\u20ac \\\" \\\\ { : ,",
		  AZATTEST_E_OK);
}

static void what_is_no_object_refused(void)
{
	need_content("[]", 0, AZATTEST_E_JSON);
	need_content("\"x\"", 0, AZATTEST_E_JSON);
	need_content("1", 0, AZATTEST_E_JSON);
	need_content("{", 0, AZATTEST_E_JSON);
	need_content("{}", 0, AZATTEST_E_MEMBERS);
}

/* Content that is itself a DER SET could be re-presented as attributes. */
static void content_like_attributes_refused(void)
{
	need_content("1\x82", 0, AZATTEST_E_JSON);
}

static void blanks_between_tokens_refused(void)
{
	need_with("{\"licenseType\"", "{ \"licenseType\"", AZATTEST_E_JSON);
	need_with(":\"standard\"", ": \"standard\"", AZATTEST_E_JSON);
	need_with(",\"vmId\"", ",\n\"vmId\"", AZATTEST_E_JSON);
	need_with(",\"vmId\"", ",\t\"vmId\"", AZATTEST_E_JSON);
}

static void bytes_after_the_object_refused(void)
{
	const char *end = "\"" MAKER_VM "\"}";

	need_with(end, "\"" MAKER_VM "\"}\n", AZATTEST_E_JSON);
	need_with(end, "\"" MAKER_VM "\"}{}", AZATTEST_E_JSON);
	need_with(end, "\"" MAKER_VM "\"},", AZATTEST_E_JSON);
}

static void nul_refused(void)
{
	const char *good = maker_content(NULL, NULL, 0, 0);
	char copy[4096];

	strcpy(copy, good);
	need_content(copy, strlen(copy) + 1, AZATTEST_E_JSON);
	*strstr(copy, "standard") = '\0';
	need_content(copy, strlen(good), AZATTEST_E_JSON);
	need_with("standard", "a\\u0000b", AZATTEST_E_JSON);
}

static void bad_utf8_refused(void)
{
	need_with("standard", "\xff", AZATTEST_E_JSON);
	need_with("standard", "\xc0\xaf", AZATTEST_E_JSON);	/* overlong */
	need_with("standard", "\xed\xa0\x80", AZATTEST_E_JSON);	/* surrogate */
	need_with("standard", "\\ud800", AZATTEST_E_JSON);
}

static void double_members_refused(void)
{
	need_with("\"sku\":", "\"sku\":\"a\",\"sku\":", AZATTEST_E_JSON);
	need_with("\"nonce\":", "\"nonce\":\"evil\",\"nonce\":",
		  AZATTEST_E_JSON);
	need_with("\"vmId\":", "\"vmI\\u0064\":\"x\",\"vmId\":",
		  AZATTEST_E_JSON);
	need_with("\"name\":", "\"name\":\"a\",\"name\":", AZATTEST_E_JSON);
}

static void foreign_members_refused(void)
{
	need_with("\"sku\":", "\"extra\":\"a\",\"sku\":", AZATTEST_E_MEMBERS);
	need_with("\"name\":", "\"a\":\"a\",\"name\":", AZATTEST_E_MEMBERS);
	need_with("\"createdOn\"", "\"a\":\"a\",\"createdOn\"",
		  AZATTEST_E_MEMBERS);
}

static void missing_members_refused(void)
{
	need_with("\"nonce\":\"" MAKER_NONCE "\",", "", AZATTEST_E_MEMBERS);
	need_with(",\"vmId\":\"" MAKER_VM "\"", "", AZATTEST_E_MEMBERS);
	need_with(",\"product\":\"\"", "", AZATTEST_E_MEMBERS);
	need_with("\"createdOn\":\"03/01/26 12:00:00 -0000\",", "",
		  AZATTEST_E_MEMBERS);
}

static void members_of_other_types_refused(void)
{
	need_with("\"standard\"", "1", AZATTEST_E_MEMBERS);
	need_with("\"standard\"", "null", AZATTEST_E_MEMBERS);
	need_with("\"" MAKER_NONCE "\"", "7", AZATTEST_E_MEMBERS);
	need_with("\"" MAKER_VM "\"", "[\"" MAKER_VM "\"]", AZATTEST_E_MEMBERS);
	need_with("{\"name\":\"\",\"product\":\"\",\"publisher\":\"\"}",
		  "\"\"", AZATTEST_E_MEMBERS);
}

static void vm_id_must_be_lower_case_uuid(void)
{
	need_with(MAKER_VM, "0A1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
		  AZATTEST_E_MEMBERS);
	need_with(MAKER_VM, "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
		  AZATTEST_E_MEMBERS);
	need_with(MAKER_VM, "", AZATTEST_E_MEMBERS);
}

static void nonce_must_be_of_its_table(void)
{
	need_with(MAKER_NONCE, "", AZATTEST_E_MEMBERS);
	need_with(MAKER_NONCE, "a b", AZATTEST_E_MEMBERS);
	need_with(MAKER_NONCE, MAKER_NONCE "x", AZATTEST_E_MEMBERS);
}

static void need_created(const char *text, int code)
{
	need_with("03/01/26 12:00:00 -0000", text, code);
}

static void times_must_be_of_the_one_form(void)
{
	need_created("03/01/26 12:00:00 +0000", AZATTEST_E_MEMBERS);
	need_created("03/01/26 12:00:00 -0000 ", AZATTEST_E_MEMBERS);
	need_created("3/1/26 12:00:00 -0000", AZATTEST_E_MEMBERS);
	need_created("2026-03-01T12:00:00Z", AZATTEST_E_MEMBERS);
	need_created("02/30/26 12:00:00 -0000", AZATTEST_E_MEMBERS);
	need_created("00/01/26 12:00:00 -0000", AZATTEST_E_MEMBERS);
	need_created("03/01/26 24:00:00 -0000", AZATTEST_E_MEMBERS);
	need_created("03/01/26 12:60:00 -0000", AZATTEST_E_MEMBERS);
	need_created("03-01-26 12:00:00 -0000", AZATTEST_E_MEMBERS);
	need_created("", AZATTEST_E_MEMBERS);
	need_created("03/01/26 12:00:01 -0000", AZATTEST_E_OK);
}

static void oversized_content_refused(void)
{
	char sku[5000];

	memset(sku, 'x', sizeof(sku));
	sku[sizeof(sku) - 1] = '\0';
	tap_need(strlen(with("standard", "y")) < 4096);
	{
		static char text[9000];
		const char *good = maker_content(NULL, NULL, 0, 0);
		const char *at = strstr(good, "standard");

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good,
			 sku, at + 8);
		need_content(text, 0, AZATTEST_E_JSON);
	}
}

static struct ask ask_all(void)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };

	ask.options.at = MAKER_NOW;
	ask.options.nonce = MAKER_NONCE;
	ask.options.vm_id = MAKER_VM;
	return ask;
}

static void other_nonce_refused(void)
{
	static const char *const others[] = {
		"x", "n0nce-of_32-characters-in-lengt",
		"N0nce-of_32-characters-in-length", "20260301-180000",
	};
	struct ask ask = ask_all();
	size_t i;

	for (i = 0; i < TAP_COUNT(others); i++) {
		ask.options.nonce = others[i];
		need_code(&ask, maker_good(), AZATTEST_E_NONCE);
	}
	ask.options.nonce = NULL;
	need_code(&ask, maker_good(), AZATTEST_E_OK);
}

/* A nonce inside another member is no nonce. */
static void nonce_as_substring_refused(void)
{
	struct ask ask = ask_all();

	ask.options.nonce = "wanted";
	need_code(&ask, maker_doc(&(struct maker_doc){
			.content = with("standard", "wanted") }),
		  AZATTEST_E_NONCE);
}

static void other_vm_refused(void)
{
	struct ask ask = ask_all();

	ask.options.vm_id = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fa";
	need_code(&ask, maker_good(), AZATTEST_E_VM_ID);
	ask.options.vm_id = "0A1B2C3D-4E5F-6071-8293-A4B5C6D7E8F9";
	need_code(&ask, maker_good(), AZATTEST_E_OK);
	ask.options.vm_id = NULL;
	need_code(&ask, maker_good(), AZATTEST_E_OK);
}

static struct bytes timed(int64_t created, int64_t expires)
{
	return maker_doc(&(struct maker_doc){
		.content = maker_content(NULL, NULL, created, expires) });
}

static void future_beyond_skew_refused(void)
{
	struct ask ask = ask_all();

	need_code(&ask, timed(300, HOUR), AZATTEST_E_OK);
	need_code(&ask, timed(301, HOUR), AZATTEST_E_FUTURE);
	ask.options.skew = 0;
	need_code(&ask, timed(1, HOUR), AZATTEST_E_FUTURE);
	need_code(&ask, timed(0, HOUR), AZATTEST_E_OK);
	ask.options.skew = HOUR;
	need_code(&ask, timed(HOUR, 2 * HOUR), AZATTEST_E_OK);
}

static void expired_refused(void)
{
	struct ask ask = ask_all();

	need_code(&ask, timed(-6 * HOUR - 1, -1), AZATTEST_E_STALE);
	need_code(&ask, timed(-6 * HOUR + 1, 1), AZATTEST_E_OK);
	ask.options.at = MAKER_NOW + 6 * HOUR;
	need_code(&ask, maker_good(), AZATTEST_E_OK);
	ask.options.at = MAKER_NOW + 6 * HOUR + 1;
	need_code(&ask, maker_good(), AZATTEST_E_STALE);
}

static void lifetime_bounded(void)
{
	struct ask ask = ask_all();

	need_code(&ask, timed(-1, 6 * HOUR), AZATTEST_E_LIFETIME);
	need_code(&ask, timed(60, 60), AZATTEST_E_LIFETIME);
	need_code(&ask, timed(60, 30), AZATTEST_E_LIFETIME);
}

static void document_outliving_certificate_refused(void)
{
	X509 *leaf = maker_cert(&(struct maker_cert){ .issuer = maker.issuer,
		.issuer_key = maker.issuer_key, .until = 3 * HOUR });
	struct ask ask = ask_all();

	need_code(&ask, maker_doc(&(struct maker_doc){ .leaf = leaf,
			.content = maker_content(NULL, NULL, 0, 3 * HOUR) }),
		  AZATTEST_E_OK);
	need_code(&ask, maker_doc(&(struct maker_doc){ .leaf = leaf,
			.content = maker_content(NULL, NULL, 0, 3 * HOUR + 1) }),
		  AZATTEST_E_LIFETIME);
	X509_free(leaf);
}

static void bad_options_refused(void)
{
	struct ask ask = ask_all();

	ask.options.nonce = "a b";
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask = ask_all();
	ask.options.vm_id = "x";
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask = ask_all();
	ask.options.name = "..";
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask.options.name = "*.example.net";
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask.options.name = "";
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask = ask_all();
	ask.options.flags = 4;
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
	ask = ask_all();
	ask.options.size--;
	need_code(&ask, maker_good(), AZATTEST_E_ARGUMENT);
}

/* Nothing of the content may be believed, or even said, before that. */
static void signature_comes_before_content(void)
{
	struct bytes der = maker_doc(&(struct maker_doc){
		.content = "{\"not\":\"checked\"}" });
	unsigned char *at = memmem(der.data, der.len, "checked", 7);

	at[0] ^= 1;
	need_code(&(struct ask){ 0 }, der, AZATTEST_E_SIGNATURE);
}

static void no_path_leaks(void);

static const struct tap_test tests[] = {
	TAP_TEST(members_come_out_as_signed),
	TAP_TEST(oldest_shape_accepted),
	TAP_TEST(escapes_and_utf8_accepted),
	TAP_TEST(what_is_no_object_refused),
	TAP_TEST(content_like_attributes_refused),
	TAP_TEST(blanks_between_tokens_refused),
	TAP_TEST(bytes_after_the_object_refused),
	TAP_TEST(nul_refused),
	TAP_TEST(bad_utf8_refused),
	TAP_TEST(double_members_refused),
	TAP_TEST(foreign_members_refused),
	TAP_TEST(missing_members_refused),
	TAP_TEST(members_of_other_types_refused),
	TAP_TEST(vm_id_must_be_lower_case_uuid),
	TAP_TEST(nonce_must_be_of_its_table),
	TAP_TEST(times_must_be_of_the_one_form),
	TAP_TEST(oversized_content_refused),
	TAP_TEST(other_nonce_refused),
	TAP_TEST(nonce_as_substring_refused),
	TAP_TEST(other_vm_refused),
	TAP_TEST(future_beyond_skew_refused),
	TAP_TEST(expired_refused),
	TAP_TEST(lifetime_bounded),
	TAP_TEST(document_outliving_certificate_refused),
	TAP_TEST(bad_options_refused),
	TAP_TEST(signature_comes_before_content),
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
