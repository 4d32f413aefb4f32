// SPDX-License-Identifier: GPL-2.0
// Owns the bodies of answers to the byte, but those of /metadata/instance.

#include "restd.h"

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

char *body_versions(void)
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

static char *put_base64(char *to, const uint8_t *from, size_t length)
{
	static const char table[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t word = (uint32_t)from[i] << 16;

		word |= left > 1 ? (uint32_t)from[i + 1] << 8 : 0;
		word |= left > 2 ? from[i + 2] : 0;
		*to++ = table[word >> 18];
		*to++ = table[word >> 12 & 63];
		*to++ = left > 1 ? table[word >> 6 & 63] : '=';
		*to++ = left > 2 ? table[word & 63] : '=';
	}
	return to;
}

char *body_document(const uint8_t *der, size_t length)
{
	static const char before[] = "{\"encoding\":\"pkcs7\",\"signature\":\"";
	char *text = malloc(sizeof(before) + (length + 2) / 3 * 4 + 2), *to;

	if (!text)
		return NULL;
	to = stpcpy(text, before);
	to = put_base64(to, der, length);
	strcpy(to, "\"}");
	return text;
}
