// SPDX-License-Identifier: GPL-2.0
// Owns the bodies of answers to the byte, but those of /metadata/instance.

#include "restd.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <userspace/document/document.h>

#define NEWEST	3	/* versions that a refusal names */

/* A head has printable ASCII and tabs: two characters need an escape, and tabs. */
static void put_escaped(FILE *out, struct text text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.at[i];

		if (c == '\t')
			fputs("\\t", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else
			fputc(c, out);
	}
}

/* Closes the stream; the text, or NULL if any of it failed. */
static char *finish(FILE *out, char **text)
{
	bool failed = ferror(out);

	if (fclose(out) || failed) {
		free(*text);
		return NULL;
	}
	return *text;
}

static char *text_of(const char *before, const char *middle, const char *after)
{
	char *text;

	return asprintf(&text, "%s%s%s", before, middle, after) < 0 ? NULL : text;
}

char *body_error(const char *sentence)
{
	return text_of("{\"error\":\"", sentence, "\"}");
}

char *body_bad_request(const char *why)
{
	return text_of("{\"error\":\"Bad request. ", why, "\"}");
}

static char *body_of_path(const char *what, struct text path, struct text method)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "{\"error\":\"%s: Path = \\\"", what);
	put_escaped(out, path);
	fputs("\\\", Method = \\\"", out);
	put_escaped(out, method);
	fputs("\\\"\"}", out);
	return finish(out, &text);
}

char *body_no_path(struct text path, struct text method)
{
	return body_of_path("API is not found", path, method);
}

char *body_no_method(struct text path, struct text method)
{
	return body_of_path("Http method is not allowed", path, method);
}

static void put_version(FILE *out, uint32_t version, bool first)
{
	fprintf(out, "%s\"%04u-%02u-%02u\"", first ? "" : ",", version / 10000,
		version / 100 % 100, version % 100);
}

static char *make_versions(void)
{
	size_t count, size;
	const uint32_t *list = versions_list(&count);
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("{\"apiVersions\":[", out);
	for (size_t i = 0; i < count; i++)
		put_version(out, list[i], i == 0);
	fputs("]}", out);
	return finish(out, &text);
}

/* Made once: it never changes. */
char *body_versions(void)
{
	static char *versions;

	if (!versions)
		versions = make_versions();
	return versions ? strdup(versions) : NULL;
}

char *body_bad_version(void)
{
	size_t count, size;
	const uint32_t *list = versions_list(&count);
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("{\"error\":\"Bad request. api-version is invalid or was not specified in the "
	      "request. For more information refer to aka.ms/azureimds\",\"newest-versions\":[",
	      out);
	for (size_t i = 0; i < NEWEST && i < count; i++)
		put_version(out, list[count - 1 - i], i == 0);
	fputs("]}", out);
	return finish(out, &text);
}

static const char base64[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Two characters for each 12 bits: an answer is made in a third of the instructions. */
static char pairs[4096][2];

static void make_pairs(void)
{
	for (size_t i = 0; i < 4096; i++) {
		pairs[i][0] = base64[i >> 6];
		pairs[i][1] = base64[i & 63];
	}
}

/* Six bytes at once, while eight can be read; returns how many bytes were done. */
static size_t put_sixes(char *to, const uint8_t *from, size_t length)
{
	size_t done = 0;
	uint64_t word;

	for (; length - done >= sizeof(word); done += 6, to += 8) {
		memcpy(&word, from + done, sizeof(word));
		word = be64toh(word);
		memcpy(to, pairs[word >> 52], 2);
		memcpy(to + 2, pairs[word >> 40 & 4095], 2);
		memcpy(to + 4, pairs[word >> 28 & 4095], 2);
		memcpy(to + 6, pairs[word >> 16 & 4095], 2);
	}
	return done;
}

static char *put_base64(char *to, const uint8_t *from, size_t length)
{
	size_t done;
	uint32_t word;

	if (!pairs[0][0])
		make_pairs();
	done = put_sixes(to, from, length);
	from += done;
	length -= done;
	to += done / 3 * 4;
	for (; length >= 3; from += 3, length -= 3, to += 4) {
		word = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
		memcpy(to, pairs[word >> 12], 2);
		memcpy(to + 2, pairs[word & 4095], 2);
	}
	if (!length)
		return to;
	word = (uint32_t)from[0] << 16 | (length > 1 ? (uint32_t)from[1] << 8 : 0);
	memcpy(to, pairs[word >> 12], 2);
	to[2] = length > 1 ? base64[word >> 6 & 63] : '=';
	to[3] = '=';
	return to + 4;
}

char *body_document(const uint8_t *der, size_t length)
{
	static const char before[] = "{\"encoding\":\"pkcs7\",\"signature\":\"";
	char *text = pool_take(sizeof(before) + (length + 2) / 3 * 4 + 2), *to;

	if (!text)
		return NULL;
	to = stpcpy(text, before);
	to = put_base64(to, der, length);
	strcpy(to, "\"}");
	return text;
}
