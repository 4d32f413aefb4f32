// SPDX-License-Identifier: GPL-2.0
// Owns the query string: keys and values as they stand, never decoded.

#include "restd.h"

#include <string.h>

#include <userspace/document/document.h>

struct pair {
	struct text key, value;
};

/* The next piece up to '&'; false at the end. */
static bool next_pair(struct text *rest, struct pair *pair)
{
	const char *end, *equals;
	size_t length;

	if (!rest->length)
		return false;
	end = memchr(rest->at, '&', rest->length);
	length = end ? (size_t)(end - rest->at) : rest->length;
	equals = memchr(rest->at, '=', length);
	pair->key.at = rest->at;
	pair->key.length = equals ? (size_t)(equals - rest->at) : length;
	pair->value.at = equals ? equals + 1 : rest->at + length;
	pair->value.length = length - pair->key.length - (equals ? 1 : 0);
	rest->at += length + (end ? 1 : 0);
	rest->length -= length + (end ? 1 : 0);
	return true;
}

static bool same(struct text a, struct text b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

static void take(struct query *query, const struct pair *pair)
{
	if (text_is(pair->key, "api-version")) {
		query->has_version = true;
		query->version = pair->value;
	} else if (text_is(pair->key, "nonce")) {
		query->has_nonce = true;
		query->nonce = pair->value;
	} else if (text_is(pair->key, "format")) {
		query->has_format = true;
		query->format = pair->value;
	}
}

const char *query_parse(struct text raw, struct query *query)
{
	struct text keys[QUERY_KEYS_MAX];
	struct pair pair;
	size_t count = 0;

	memset(query, 0, sizeof(*query));
	while (next_pair(&raw, &pair)) {
		if (!pair.key.length && !pair.value.length)
			continue;
		for (size_t i = 0; i < count; i++)
			if (same(keys[i], pair.key))
				return "A query key is repeated";
		if (count == QUERY_KEYS_MAX)
			return "The query has more than 32 keys";
		keys[count++] = pair.key;
		take(query, &pair);
	}
	return NULL;
}

static bool digits(const char *at, size_t length, uint32_t *number)
{
	for (size_t i = 0; i < length; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*number = *number * 10 + (uint32_t)(at[i] - '0');
	}
	return true;
}

uint32_t query_version(struct text text)
{
	uint32_t number = 0;

	if (text.length != 10 || text.at[4] != '-' || text.at[7] != '-' ||
	    !digits(text.at, 4, &number) || !digits(text.at + 5, 2, &number) ||
	    !digits(text.at + 8, 2, &number))
		return 0;
	return versions_known(number) ? number : 0;
}
