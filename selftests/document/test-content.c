// SPDX-License-Identifier: GPL-2.0
// Promises of the signed content: members by version, times, nonces, escapes.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

#include <selftests/lib/tap.h>
#include <userspace/document/document.h>

/* 2026-01-31 23:59:58 */
#define NOW	1769903998
#define LATER	(NOW + 30 * 86400)

static const uint8_t uuid[16] = {
	0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89, 0x9a, 0xbc, 0xde, 0xf0, 0x12, 0x34, 0x56, 0x78,
};

static const struct content_fields fields = {
	.license_type = "Windows_Server",
	.plan_name = "basic",
	.plan_product = "image",
	.plan_publisher = "maker",
	.sku = "2022-datacenter",
	.subscription_id = "11111111-2222-3333-4444-555555555555",
};

static struct content sample(uint32_t version)
{
	return (struct content) {
		.api_version = version, .fields = &fields, .uuid = uuid,
		.nonce = (const uint8_t *)"1234567890", .nonce_len = 10,
		.now = NOW, .not_after = LATER,
	};
}

static void need_text(const struct content *content, const char *want)
{
	char buf[CONTENT_MAX];
	int length = content_build(content, buf, sizeof(buf));

	tap_need(length >= 0);
	tap_need_msg(length == (int)strlen(want) && !memcmp(buf, want, strlen(want)),
		     "is  %.*s\nnot %s", length, buf, want);
}

#define NONCE	"\"nonce\":\"1234567890\","
#define PLAN	"\"plan\":{\"name\":\"basic\",\"product\":\"image\",\"publisher\":\"maker\"},"
#define SKU	"\"sku\":\"2022-datacenter\","
#define SUBSCRIPTION "\"subscriptionId\":\"11111111-2222-3333-4444-555555555555\","
#define TIMES	"\"timeStamp\":{\"createdOn\":\"01/31/26 23:59:58 -0000\"," \
		"\"expiresOn\":\"02/01/26 05:59:58 -0000\"},"
#define VM	"\"vmId\":\"abcdef01-2345-6789-9abc-def012345678\"}"

static void first_version_has_four_members(void)
{
	struct content content = sample(20181001);

	need_text(&content, "{" NONCE PLAN TIMES VM);
}

static void each_version_has_its_members(void)
{
	size_t count;
	const uint32_t *list = versions_list(&count);
	unsigned int documents = 0;

	for (size_t i = 0; i < count; i++) {
		struct content content = sample(list[i]);
		char want[1024];

		if (list[i] < 20181001)
			continue;
		documents++;
		snprintf(want, sizeof(want), "{%s" NONCE PLAN "%s%s" TIMES VM,
			 list[i] >= 20200901 ? "\"licenseType\":\"Windows_Server\"," : "",
			 list[i] >= 20191101 ? SKU : "", list[i] >= 20190430 ? SUBSCRIPTION : "");
		need_text(&content, want);
	}
	tap_need_eq(documents, 28);
}

static void published_list_is_the_contracts(void)
{
	size_t count;
	const uint32_t *list = versions_list(&count);

	tap_need_eq(count, 35);
	tap_need_eq(list[0], 20170301);
	tap_need_eq(list[count - 1], 20250407);
	for (size_t i = 1; i < count; i++)
		tap_need(list[i] > list[i - 1]);
}

static void unpublished_versions_are_refused(void)
{
	static const uint32_t bad[] = { 0, 20180402, 20170301, 20181002, 20990101, UINT32_MAX };
	char buf[CONTENT_MAX];

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		struct content content = sample(bad[i]);

		tap_need_eq(content_build(&content, buf, sizeof(buf)), -EPROTONOSUPPORT);
	}
}

static void missing_values_are_empty_strings(void)
{
	static const struct content_fields none;
	struct content content = sample(20250407);

	content.fields = &none;
	need_text(&content, "{\"licenseType\":\"\"," NONCE
		  "\"plan\":{\"name\":\"\",\"product\":\"\",\"publisher\":\"\"},\"sku\":\"\","
		  "\"subscriptionId\":\"\"," TIMES VM);
}

static void default_nonce_is_the_expiry(void)
{
	struct content content = sample(20181001);

	content.nonce_len = 0;
	need_text(&content, "{\"nonce\":\"20260201-055958\"," PLAN TIMES VM);
}

static void lifetime_ends_with_the_certificate(void)
{
	struct content content = sample(20181001);

	content.not_after = NOW + 2;
	content.nonce_len = 0;
	need_text(&content, "{\"nonce\":\"20260201-000000\"," PLAN
		  "\"timeStamp\":{\"createdOn\":\"01/31/26 23:59:58 -0000\","
		  "\"expiresOn\":\"02/01/26 00:00:00 -0000\"}," VM);
	tap_need_eq(content_expiry(NOW, NOW + 21599), NOW + 21599);
	tap_need_eq(content_expiry(NOW, NOW + 21600), NOW + 21600);
	tap_need_eq(content_expiry(NOW, NOW + 21601), NOW + 21600);
}

static void ended_certificate_gives_no_content(void)
{
	struct content content = sample(20181001);
	char buf[CONTENT_MAX];

	content.not_after = NOW;
	tap_need_eq(content_build(&content, buf, sizeof(buf)), -EKEYEXPIRED);
	content.not_after = NOW - 1;
	tap_need_eq(content_build(&content, buf, sizeof(buf)), -EKEYEXPIRED);
	content.not_after = NOW + 1;
	tap_need(content_build(&content, buf, sizeof(buf)) > 0);
}

/* Each day of 130 years, its first and last second, against the C library. */
static void every_day_of_the_calendar_is_right(void)
{
	struct content content = sample(20181001);
	char buf[CONTENT_MAX], want[128];
	struct tm tm;

	content.not_after = INT64_MAX;
	content.nonce_len = 0;
	for (time_t day = 0; day < 4102444800 - 86400; day += 86399) {
		time_t expiry = day + CONTENT_LIFETIME;
		int length;

		content.now = day;
		length = content_build(&content, buf, sizeof(buf) - 1);
		tap_need(length > 0);
		buf[length] = 0;
		gmtime_r(&day, &tm);
		snprintf(want, sizeof(want), "\"createdOn\":\"%02d/%02d/%02d %02d:%02d:%02d -0000\"",
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_year % 100, tm.tm_hour, tm.tm_min,
			 tm.tm_sec);
		tap_need_msg(strstr(buf, want), "no %s", want);
		gmtime_r(&expiry, &tm);
		strftime(want, sizeof(want), "{\"nonce\":\"%Y%m%d-%H%M%S\"", &tm);
		tap_need_msg(strstr(buf, want), "no %s", want);
	}
}

static void clock_out_of_range_is_refused(void)
{
	struct content content = sample(20181001);
	char buf[CONTENT_MAX];

	content.not_after = INT64_MAX;
	content.now = -1;
	tap_need_eq(content_build(&content, buf, sizeof(buf)), -ERANGE);
	content.now = 4102444800 - CONTENT_LIFETIME;
	tap_need_eq(content_build(&content, buf, sizeof(buf)), -ERANGE);
	content.now--;
	tap_need(content_build(&content, buf, sizeof(buf)) > 0);
}

static void nonce_outside_its_table_is_refused(void)
{
	struct content content = sample(20181001);
	uint8_t nonce[CONTENT_NONCE_MAX + 1];
	char buf[CONTENT_MAX];

	content.nonce = nonce;
	for (unsigned int c = 0; c < 256; c++) {
		bool want = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					"0123456789-_", (int)c);

		for (unsigned int place = 0; place < CONTENT_NONCE_MAX; place++) {
			int ret;

			memset(nonce, 'a', sizeof(nonce));
			nonce[place] = (uint8_t)c;
			content.nonce_len = CONTENT_NONCE_MAX;
			ret = content_build(&content, buf, sizeof(buf));
			tap_need(want ? ret > 0 : ret == -EINVAL);
		}
	}
	memset(nonce, 'a', sizeof(nonce));
	content.nonce_len = CONTENT_NONCE_MAX + 1;
	tap_need_eq(content_build(&content, buf, sizeof(buf)), -EINVAL);
	tap_need(!content_nonce_ok(nonce, 0));
}

/* What a JSON parser reads back is what the configuration said. */
static void need_read_back(const char *value)
{
	struct content_fields odd = fields;
	struct content content = sample(20250407);
	char buf[CONTENT_MAX];
	json_error_t error;
	json_t *root;
	int length;

	odd.sku = value;
	content.fields = &odd;
	length = content_build(&content, buf, sizeof(buf));
	tap_need(length > 0);
	tap_need(buf[0] == '{' && buf[length - 1] == '}');
	root = json_loadb(buf, (size_t)length, JSON_REJECT_DUPLICATES, &error);
	tap_need_msg(root, "%.*s: %s", length, buf, error.text);
	tap_need(!strcmp(json_string_value(json_object_get(root, "sku")), value));
	json_decref(root);
}

static void every_character_survives(void)
{
	char value[8];

	for (unsigned int c = 1; c < 0x80; c++) {
		snprintf(value, sizeof(value), "a%cb", (int)c);
		need_read_back(value);
	}
	need_read_back("\xc2\x80\xdf\xbf");
	need_read_back("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
	need_read_back("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
	need_read_back("Stra\xc3\x9f" "e \"Zur \\ M\xc3\xbchle\"");
}

static void invalid_utf8_is_refused(void)
{
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf",
		"\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ok\xc3",
	};
	struct content_fields odd = fields;
	struct content content = sample(20250407);
	char buf[CONTENT_MAX];

	content.fields = &odd;
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		odd.plan_name = bad[i];
		tap_need_eq(content_build(&content, buf, sizeof(buf)), -EILSEQ);
		tap_need_eq(content_check_field(bad[i]), -EILSEQ);
	}
}

static void check_field_refuses_control_and_length(void)
{
	char longest[CONTENT_FIELD_MAX + 2];

	memset(longest, 'x', sizeof(longest));
	longest[CONTENT_FIELD_MAX + 1] = 0;
	tap_need_eq(content_check_field(longest), -EMSGSIZE);
	longest[CONTENT_FIELD_MAX] = 0;
	tap_need_eq(content_check_field(longest), 0);
	tap_need_eq(content_check_field(""), 0);
	tap_need_eq(content_check_field("a\tb"), -EINVAL);
	tap_need_eq(content_check_field("\x7f"), -EINVAL);
	tap_need_eq(content_check_field("\xc2\x85"), -EINVAL);
	tap_need_eq(content_check_field("\xc2\xa0"), 0);
}

static void short_buffer_is_refused_never_cut(void)
{
	struct content content = sample(20250407);
	char whole[CONTENT_MAX];
	int length = content_build(&content, whole, sizeof(whole));

	for (int size = 0; size <= length; size++) {
		char *buf = malloc((size_t)size + 1);
		int ret = content_build(&content, buf, (size_t)size);

		tap_need_eq(ret, size < length ? -ENOSPC : length);
		free(buf);
	}
}

static void largest_fields_fit_content_max(void)
{
	char value[CONTENT_FIELD_MAX + 1], buf[CONTENT_MAX];
	struct content_fields all = { value, value, value, value, value, value };
	struct content content = sample(20250407);

	memset(value, 1, CONTENT_FIELD_MAX);
	value[CONTENT_FIELD_MAX] = 0;
	content.fields = &all;
	tap_need(content_build(&content, buf, sizeof(buf)) > 6 * 6 * CONTENT_FIELD_MAX);
}

static const struct tap_test tests[] = {
	TAP_TEST(first_version_has_four_members),
	TAP_TEST(each_version_has_its_members),
	TAP_TEST(published_list_is_the_contracts),
	TAP_TEST(unpublished_versions_are_refused),
	TAP_TEST(missing_values_are_empty_strings),
	TAP_TEST(default_nonce_is_the_expiry),
	TAP_TEST(lifetime_ends_with_the_certificate),
	TAP_TEST(ended_certificate_gives_no_content),
	TAP_TEST(every_day_of_the_calendar_is_right),
	TAP_TEST(clock_out_of_range_is_refused),
	TAP_TEST(nonce_outside_its_table_is_refused),
	TAP_TEST(every_character_survives),
	TAP_TEST(invalid_utf8_is_refused),
	TAP_TEST(check_field_refuses_control_and_length),
	TAP_TEST(short_buffer_is_refused_never_cut),
	TAP_TEST(largest_fields_fit_content_max),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
