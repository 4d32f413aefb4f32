// SPDX-License-Identifier: GPL-2.0
// Owns what ties audit lines together: number, hash of the line before, hash of the line itself.

#include "audit.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#define HASH_KEY	",\"hash\":\""
#define HASH_END	"\"}"
/* HASH_KEY, the hash, HASH_END */
#define TAIL		(sizeof(HASH_KEY) - 1 + AUDIT_HASH_SIZE - 1 + sizeof(HASH_END) - 1)

_Static_assert(AUDIT_TEXT_MAX + 256 + TAIL < AUDIT_LINE_MAX, "any text fits in a line");

void audit_hash(const void *bytes, size_t length, char out[AUDIT_HASH_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	static EVP_MD_CTX *context;
	static EVP_MD *sha256;
	unsigned char hash[EVP_MAX_MD_SIZE];

	/* Fetched once: libcrypto's search for it would cost more than the hash. */
	if (!context) {
		context = EVP_MD_CTX_new();
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	}
	if (!context || !sha256 || EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
	    EVP_DigestUpdate(context, bytes, length) != 1 ||
	    EVP_DigestFinal_ex(context, hash, NULL) != 1)
		abort();
	for (size_t i = 0; i < (AUDIT_HASH_SIZE - 1) / 2; i++) {
		out[2 * i] = hex[hash[i] >> 4];
		out[2 * i + 1] = hex[hash[i] & 15];
	}
	out[AUDIT_HASH_SIZE - 1] = 0;
}

void audit_head_first(struct audit_head *head)
{
	head->seq = 0;
	memset(head->hash, '0', AUDIT_HASH_SIZE - 1);
	head->hash[AUDIT_HASH_SIZE - 1] = 0;
}

static size_t put_begin(const struct audit_head *head, int64_t now, char *out)
{
	time_t when = now;
	char date[40] = "";
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return (size_t)snprintf(out, 256, "{\"seq\":%" PRIu64 ",\"prev\":\"%s\",\"time\":\"%s\"",
				head->seq + 1, head->hash, date);
}

size_t audit_chain(struct audit_head *head, int64_t now, const struct audit_text *text,
		   char out[AUDIT_LINE_MAX])
{
	size_t length = put_begin(head, now, out);

	memcpy(out + length, text->text, text->length);
	length += text->length;
	audit_hash(out, length, head->hash);
	head->seq++;
	return length + (size_t)snprintf(out + length, AUDIT_LINE_MAX - length,
					 HASH_KEY "%s" HASH_END "\n", head->hash);
}

/* Behind @key, which must stand at *@at. */
static bool take(const char **at, const char *end, const char *key)
{
	size_t length = strlen(key);

	if ((size_t)(end - *at) < length || memcmp(*at, key, length))
		return false;
	*at += length;
	return true;
}

static bool take_seq(const char **at, const char *end, uint64_t *seq)
{
	const char *from = *at;

	for (*seq = 0; *at < end && isdigit((unsigned char)**at); (*at)++) {
		if (*seq > (UINT64_MAX - 9) / 10)
			return false;
		*seq = *seq * 10 + (uint64_t)(**at - '0');
	}
	return *at > from && *from != '0';
}

static bool take_hash(const char **at, const char *end, char out[AUDIT_HASH_SIZE])
{
	if (end - *at < AUDIT_HASH_SIZE - 1)
		return false;
	memcpy(out, *at, AUDIT_HASH_SIZE - 1);
	out[AUDIT_HASH_SIZE - 1] = 0;
	*at += AUDIT_HASH_SIZE - 1;
	return strspn(out, "0123456789abcdef") == AUDIT_HASH_SIZE - 1;
}

const char *audit_line_check(const char *text, size_t length, struct audit_line *line)
{
	const char *at = text, *end = text + length;
	char hash[AUDIT_HASH_SIZE];

	if (!take(&at, end, "{\"seq\":") || !take_seq(&at, end, &line->seq) ||
	    !take(&at, end, ",\"prev\":\"") || !take_hash(&at, end, line->prev) ||
	    !take(&at, end, "\",") || (size_t)(end - at) < TAIL)
		return "is no line of an audit journal";
	at = end - TAIL;
	if (!take(&at, end, HASH_KEY) || !take_hash(&at, end, line->hash) ||
	    !take(&at, end, HASH_END))
		return "does not end with its hash";
	audit_hash(text, length - TAIL, hash);
	return strcmp(hash, line->hash) ? "was changed: its hash is another" : NULL;
}

/* Behind the fixed begin of the line nothing that was written by others can look like this. */
static const char *find(const char *text, size_t length, const char *what)
{
	return memmem(text, length, what, strlen(what));
}

bool audit_line_is(const char *text, size_t length, const char *event)
{
	char what[64];

	snprintf(what, sizeof(what), "\",\"event\":\"%s\",", event);
	return find(text, length, what);
}

uint64_t audit_line_number(const char *text, size_t length, const char *key)
{
	const char *at, *end = text + length;
	char what[64];
	uint64_t value;

	snprintf(what, sizeof(what), ",\"%s\":", key);
	at = find(text, length, what);
	if (!at)
		return 0;
	at += strlen(what);
	return take_seq(&at, end, &value) ? value : 0;
}
