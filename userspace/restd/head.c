// SPDX-License-Identifier: GPL-2.0
// Owns what bytes are a request: stricter than HTTP, so that nobody can read them otherwise.

#include "restd.h"

#include <endian.h>
#include <string.h>
#include <strings.h>

bool text_is(struct text text, const char *word)
{
	return text.length == strlen(word) && !memcmp(text.at, word, text.length);
}

bool text_is_nocase(struct text text, const char *word)
{
	return text.length == strlen(word) && !strncasecmp(text.at, word, text.length);
}

/* Where the first byte is that is not printable ASCII, or where eight cannot be read any more. */
static size_t skip_printable(const char *bytes, size_t i, size_t limit)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t word, odd;

	for (; i + sizeof(word) <= limit; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		word = le64toh(word);
		/* The top bit of a byte below ' ', of DEL, of one beyond ASCII; the lowest is exact. */
		odd = ((word - each * ' ') | (word + each)) & each * 0x80;
		if (odd)
			return i + (size_t)__builtin_ctzll(odd) / 8;
	}
	return i;
}

/*
 * Printable ASCII, and tabs; lines end with CR LF, both. The first byte that
 * breaks this decides, whatever comes after it. Length of the head, 0 not yet.
 */
static int find_end(const char *bytes, size_t length, const char **why)
{
	size_t limit = length < HEAD_MAX ? length : HEAD_MAX;
	size_t line = 0;

	for (size_t i = skip_printable(bytes, 0, limit); i < limit;
	     i = skip_printable(bytes, i + 1, limit)) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '\r' && i + 1 == limit)
			break;
		if (c == '\r' && bytes[i + 1] == '\n') {
			if (i == line && i > 0)
				return (int)i + 2;
			line = ++i + 1;
		} else if (c != '\t' && (c < ' ' || c > '~')) {
			*why = c == '\n' || c == '\r' ? "A line does not end with CR LF" :
			       "A byte is not printable ASCII";
			return -1;
		}
	}
	if (length < HEAD_MAX)
		return 0;
	*why = "The request is longer than 8192 bytes";
	return -1;
}

/* The text up to @end or the whole; *@rest is what follows it. False: no @end. */
static bool cut(struct text *rest, const char *end, struct text *piece)
{
	size_t width = strlen(end);
	const char *at = memmem(rest->at, rest->length, end, width);

	if (!at)
		return false;
	*piece = (struct text){ rest->at, (size_t)(at - rest->at) };
	rest->length -= piece->length + width;
	rest->at = at + width;
	return true;
}

/* The same up to the end of a line: find_end() has seen that each CR has its LF. */
static bool cut_line(struct text *rest, struct text *line)
{
	const char *at = memchr(rest->at, '\r', rest->length);

	if (!at)
		return false;
	*line = (struct text){ rest->at, (size_t)(at - rest->at) };
	rest->length -= line->length + 2;
	rest->at = at + 2;
	return true;
}

static bool is_token(struct text text)
{
	static const bool token[256] = {
		['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
		['!'] = true, ['#' ... '\''] = true, ['*'] = true, ['+'] = true, ['-'] = true,
		['.'] = true, ['^' ... '`'] = true, ['|'] = true, ['~'] = true,
	};

	for (size_t i = 0; i < text.length; i++)
		if (!token[(unsigned char)text.at[i]])
			return false;
	return text.length > 0;
}

static const char *take_request_line(struct text line, struct head *head)
{
	struct text target;

	if (!cut(&line, " ", &head->method) || !is_token(head->method))
		return "The request line does not begin with a method";
	if (!cut(&line, " ", &target) || !target.length || target.at[0] != '/')
		return "The request target is not a path";
	if (memchr(target.at, '#', target.length) || memchr(target.at, '\t', target.length))
		return "The request target is not a path";
	head->http10 = text_is(line, "HTTP/1.0");
	head->close = head->http10;
	if (!head->http10 && !text_is(line, "HTTP/1.1"))
		return "The request line does not end with HTTP/1.1 or HTTP/1.0";
	if (!cut(&target, "?", &head->path)) {
		head->path = target;
		target = (struct text){ target.at + target.length, 0 };
	}
	head->query = target;
	return NULL;
}

static struct text trim(struct text text)
{
	while (text.length && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.length--;
	}
	while (text.length && (text.at[text.length - 1] == ' ' ||
			       text.at[text.length - 1] == '\t'))
		text.length--;
	return text;
}

static const char *take_length(struct text value, struct head *head, unsigned int *lengths)
{
	if (++*lengths > 1)
		return "Content-Length is repeated";
	if (!value.length)
		return "Content-Length is not a number";
	for (size_t i = 0; i < value.length; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return "Content-Length is not a number";
		if (value.at[i] != '0')
			head->body = true;
	}
	return NULL;
}

/* Of a list of words "close" counts; keep-alive is what HTTP/1.1 is anyway. */
static bool wants_close(struct text list)
{
	struct text word;

	while (cut(&list, ",", &word))
		if (text_is_nocase(trim(word), "close"))
			return true;
	return text_is_nocase(trim(list), "close");
}

static bool begins_nocase(struct text text, const char *prefix)
{
	return text.length >= strlen(prefix) && !strncasecmp(text.at, prefix, strlen(prefix));
}

static const char *take_field(struct text name, struct text value, struct head *head,
			      unsigned int *lengths)
{
	if (text_is_nocase(name, "Host")) {
		head->hosts++;
		head->host = value;
	} else if (text_is_nocase(name, "Metadata")) {
		head->metadatas++;
		head->metadata = value;
	} else if (text_is_nocase(name, "X-Forwarded-For") || text_is_nocase(name, "Forwarded") ||
		   text_is_nocase(name, "Via")) {
		head->relayed = true;
	} else if (text_is_nocase(name, "Origin") || begins_nocase(name, "Sec-Fetch-")) {
		head->browser = true;
	} else if (text_is_nocase(name, "Transfer-Encoding")) {
		head->body = true;
	} else if (text_is_nocase(name, "Connection")) {
		head->close = head->close || wants_close(value);
	} else if (text_is_nocase(name, "Content-Length")) {
		return take_length(value, head, lengths);
	} else if (text_is_nocase(name, "Expect")) {
		return "Expect is not supported";
	}
	return NULL;
}

static const char *take_line(struct text line, struct head *head, unsigned int *lengths)
{
	struct text name;

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return "A header is folded";
	if (!cut(&line, ":", &name) || !is_token(name))
		return "A header has no name";
	return take_field(name, trim(line), head, lengths);
}

static const char *take_lines(struct text rest, struct head *head)
{
	unsigned int lengths = 0, fields = 0;
	struct text line = { 0 };
	const char *why;

	if (!cut_line(&rest, &line))
		return "The request has no request line";
	why = take_request_line(line, head);
	while (!why && cut_line(&rest, &line) && line.length) {
		if (++fields > HEAD_FIELDS_MAX)
			return "The request has more than 64 headers";
		why = take_line(line, head, &lengths);
	}
	return why;
}

int head_parse(const char *bytes, size_t length, struct head *head, const char **why)
{
	int end = find_end(bytes, length, why);

	memset(head, 0, sizeof(*head));
	if (end <= 0)
		return end;
	*why = take_lines((struct text){ bytes, (size_t)end }, head);
	return *why ? -1 : end;
}
