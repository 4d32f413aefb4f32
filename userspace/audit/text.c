// SPDX-License-Identifier: GPL-2.0
// Owns the members of an audit line: values that others wrote, as JSON that cannot be broken out of.

#include "audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

/* Of one value, so that no other finds the line full. */
#define VALUE_MAX	512

static void put(struct audit_text *text, const char *bytes, size_t length)
{
	if (length > sizeof(text->text) - text->length)
		return;
	memcpy(text->text + text->length, bytes, length);
	text->length += length;
}

static void put_key(struct audit_text *text, const char *key)
{
	put(text, ",\"", 2);
	put(text, key, strlen(key));
	put(text, "\":", 2);
}

static bool is_utf8(const char *value)
{
	json_t *json = json_string(value);

	json_decref(json);
	return json;
}

/* Bytes of @value to write: a character is written whole or not at all. */
static size_t cut(const char *value)
{
	size_t length = strlen(value);

	if (length <= VALUE_MAX)
		return length;
	length = VALUE_MAX;
	while (length && ((unsigned char)value[length] & 0xc0) == 0x80)
		length--;
	return length;
}

static bool is_ascii(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)value[i] >= 0x80)
			return false;
	return true;
}

void audit_text_string(struct audit_text *text, const char *key, const char *value)
{
	char out[2 * VALUE_MAX + 2], *p = out;
	size_t length = cut(value);
	bool ascii_only = !is_ascii(value, length) && !is_utf8(value);

	*p++ = '"';
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\')
			*p++ = '\\';
		*p++ = c < 0x20 || c == 0x7f || (c >= 0x80 && ascii_only) ? '?' : (char)c;
	}
	*p++ = '"';
	put_key(text, key);
	put(text, out, (size_t)(p - out));
}

void audit_text_begin(struct audit_text *text, const char *event)
{
	text->length = 0;
	audit_text_string(text, "event", event);
}

void audit_text_number(struct audit_text *text, const char *key, uint64_t value)
{
	char out[24];

	put_key(text, key);
	put(text, out, (size_t)snprintf(out, sizeof(out), "%" PRIu64, value));
}

void audit_text_time(struct audit_text *text, const char *key, int64_t value)
{
	time_t when = value;
	char out[40] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%SZ", &tm);
	audit_text_string(text, key, out);
}

void audit_text_hash(struct audit_text *text, const char *key, const void *bytes, size_t length)
{
	char hash[AUDIT_HASH_SIZE];

	audit_hash(bytes, length, hash);
	audit_text_string(text, key, hash);
}
