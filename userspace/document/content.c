// SPDX-License-Identifier: GPL-2.0
// Owns the JSON that is signed: compact, members in alphabetical order.

#include "document.h"

#include <errno.h>
#include <string.h>

/* Where the JSON grows; @error is the first thing that went wrong. */
struct text {
	char *pos;
	char *end;
	int error;
};

/* A moment in UTC. gmtime() would open the time zone file under seccomp. */
struct moment {
	unsigned int year, month, day, hour, minute, second;
};

/* 2099-12-31 23:59:59 and six hours: the last moments "yy" can name. */
#define TIME_MAX	4102444799LL

static void put(struct text *text, const char *bytes, size_t length)
{
	if (length > (size_t)(text->end - text->pos)) {
		if (!text->error)
			text->error = -ENOSPC;
		return;
	}
	memcpy(text->pos, bytes, length);
	text->pos += length;
}

#define put_literal(text, literal) put(text, literal, sizeof(literal) - 1)

static void put_two(struct text *text, unsigned int number)
{
	char digits[2] = { (char)('0' + number / 10 % 10), (char)('0' + number % 10) };

	put(text, digits, sizeof(digits));
}

/* Bytes of the UTF-8 character at @s, 0 if it is none (Unicode, table 3-7). */
static size_t utf8_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void put_control(struct text *text, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	put(text, escape, sizeof(escape));
}

/* Bytes at @s that stand for themselves: most of every value. */
static size_t plain_length(const unsigned char *s)
{
	const unsigned char *p = s;

	while (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (size_t)(p - s);
}

/* One character that does not, and bytes of it; 0 if it is none. */
static size_t put_special(struct text *text, const unsigned char *s)
{
	size_t length = utf8_length(s);

	if (!length) {
		text->error = -EILSEQ;
		return 0;
	}
	if (*s < 0x20) {
		put_control(text, *s);
		return 1;
	}
	if (*s < 0x80)
		put_literal(text, "\\");
	put(text, (const char *)s, length);
	return length;
}

static void put_string(struct text *text, const char *value)
{
	const unsigned char *s = (const unsigned char *)(value ? value : "");
	size_t length;

	put_literal(text, "\"");
	for (; *s; s += length) {
		length = plain_length(s);
		if (length)
			put(text, (const char *)s, length);
		else
			length = put_special(text, s);
		if (!length)
			return;
	}
	put_literal(text, "\"");
}

/* Days since 1970 to a date; the year begins in March, so a leap day is last. */
static void moment_set(struct moment *moment, int64_t time)
{
	unsigned int days = (unsigned int)(time / 86400);
	unsigned int seconds = (unsigned int)(time % 86400);
	unsigned int z = days + 719468, era = z / 146097, doe = z % 146097;
	unsigned int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned int mp = (5 * doy + 2) / 153;

	moment->day = doy - (153 * mp + 2) / 5 + 1;
	moment->month = mp < 10 ? mp + 3 : mp - 9;
	moment->year = yoe + era * 400 + (moment->month <= 2);
	moment->hour = seconds / 3600;
	moment->minute = seconds / 60 % 60;
	moment->second = seconds % 60;
}

/* "MM/dd/yy HH:mm:ss -0000" */
static void put_time(struct text *text, int64_t time)
{
	struct moment moment;

	moment_set(&moment, time);
	put_literal(text, "\"");
	put_two(text, moment.month);
	put_literal(text, "/");
	put_two(text, moment.day);
	put_literal(text, "/");
	put_two(text, moment.year % 100);
	put_literal(text, " ");
	put_two(text, moment.hour);
	put_literal(text, ":");
	put_two(text, moment.minute);
	put_literal(text, ":");
	put_two(text, moment.second);
	put_literal(text, " -0000\"");
}

/* "yyyyMMdd-HHmmss" */
static void put_default_nonce(struct text *text, int64_t expiry)
{
	struct moment moment;

	moment_set(&moment, expiry);
	put_two(text, moment.year / 100);
	put_two(text, moment.year % 100);
	put_two(text, moment.month);
	put_two(text, moment.day);
	put_literal(text, "-");
	put_two(text, moment.hour);
	put_two(text, moment.minute);
	put_two(text, moment.second);
}

static void put_nonce(struct text *text, const struct content *content)
{
	put_literal(text, "\"nonce\":\"");
	if (content->nonce_len)
		put(text, (const char *)content->nonce, content->nonce_len);
	else
		put_default_nonce(text, content_expiry(content->now, content->not_after));
	put_literal(text, "\"");
}

static void put_plan(struct text *text, const struct content_fields *fields)
{
	put_literal(text, ",\"plan\":{\"name\":");
	put_string(text, fields->plan_name);
	put_literal(text, ",\"product\":");
	put_string(text, fields->plan_product);
	put_literal(text, ",\"publisher\":");
	put_string(text, fields->plan_publisher);
	put_literal(text, "}");
}

static void put_uuid(struct text *text, const uint8_t *uuid)
{
	static const char hex[] = "0123456789abcdef";
	char out[36], *p = out;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[uuid[i] >> 4];
		*p++ = hex[uuid[i] & 15];
	}
	put(text, out, sizeof(out));
}

static void put_members(struct text *text, const struct content *content)
{
	const struct content_fields *fields = content->fields;
	uint32_t version = content->api_version;

	put_literal(text, "{");
	if (versions_has_member(version, VERSIONS_LICENSE_TYPE)) {
		put_literal(text, "\"licenseType\":");
		put_string(text, fields->license_type);
		put_literal(text, ",");
	}
	put_nonce(text, content);
	put_plan(text, fields);
	if (versions_has_member(version, VERSIONS_SKU)) {
		put_literal(text, ",\"sku\":");
		put_string(text, fields->sku);
	}
	if (versions_has_member(version, VERSIONS_SUBSCRIPTION_ID)) {
		put_literal(text, ",\"subscriptionId\":");
		put_string(text, fields->subscription_id);
	}
	put_literal(text, ",\"timeStamp\":{\"createdOn\":");
	put_time(text, content->now);
	put_literal(text, ",\"expiresOn\":");
	put_time(text, content_expiry(content->now, content->not_after));
	put_literal(text, "},\"vmId\":\"");
	put_uuid(text, content->uuid);
	put_literal(text, "\"}");
}

int content_build(const struct content *content, char *buf, size_t size)
{
	struct text text = { .pos = buf, .end = buf + size };

	if (!versions_has_document(content->api_version))
		return -EPROTONOSUPPORT;
	if (content->nonce_len && !content_nonce_ok(content->nonce, content->nonce_len))
		return -EINVAL;
	if (content->now >= content->not_after)
		return -EKEYEXPIRED;
	if (content->now < 0 || content->now > TIME_MAX - CONTENT_LIFETIME)
		return -ERANGE;
	put_members(&text, content);
	return text.error ? text.error : (int)(text.pos - buf);
}

int64_t content_expiry(int64_t now, int64_t not_after)
{
	return not_after - now < CONTENT_LIFETIME ? not_after : now + CONTENT_LIFETIME;
}

int content_check_field(const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	size_t length;

	if (strlen(value) > CONTENT_FIELD_MAX)
		return -EMSGSIZE;
	for (; *s; s += length) {
		length = utf8_length(s);
		if (!length)
			return -EILSEQ;
		/* C0, DEL, and C1 (U+0080 to U+009F) */
		if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
			return -EINVAL;
	}
	return 0;
}

bool content_nonce_ok(const uint8_t *nonce, size_t length)
{
	size_t i;

	if (!length || length > CONTENT_NONCE_MAX)
		return false;
	for (i = 0; i < length; i++) {
		uint8_t c = nonce[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}
