// SPDX-License-Identifier: GPL-2.0
// Owns what is believed of an HTTP answer: one shape, bounded, no second reading of it.
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define VERSION_LEN	9	/* "HTTP/1.x " */
#define STATUS_LEN	3
#define LENGTH_DIGITS	6

struct line {
	const char *text;
	size_t len;
};

static int bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

/* Looks at what is there: a stranger's first bytes are not waited out. */
static bool begins_as_http(const unsigned char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < VERSION_LEN; i++)
		if (i == 7 ? data[i] != '0' && data[i] != '1' :
			     data[i] != (unsigned char)"HTTP/1.x "[i])
			return false;
	return true;
}

/* Length up to and with the empty line; 0: it has not come yet. */
static size_t head_length(const unsigned char *data, size_t len)
{
	const unsigned char *end = memmem(data, len, "\r\n\r\n", 4);

	return end ? (size_t)(end - data) + 4 : 0;
}

/* CR and LF come as pairs, and nothing else below a blank but tabs. */
static bool head_is_clean(const unsigned char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n')
			i++;
		else if ((data[i] < ' ' && data[i] != '\t') || data[i] == 0x7f)
			return false;
	}
	return true;
}

static int take_status(struct line line, unsigned int *status)
{
	const unsigned char *p = (const unsigned char *)line.text + VERSION_LEN;
	size_t i;

	if (line.len < VERSION_LEN + STATUS_LEN ||
	    (line.len > VERSION_LEN + STATUS_LEN && p[STATUS_LEN] != ' '))
		return -1;
	*status = 0;
	for (i = 0; i < STATUS_LEN; i++) {
		if (!is_digit(p[i]))
			return -1;
		*status = *status * 10 + (p[i] - '0');
	}
	return *status >= 200 && *status <= 599 ? 0 : -1;
}

static struct line trimmed(struct line line)
{
	while (line.len && (*line.text == ' ' || *line.text == '\t')) {
		line.text++;
		line.len--;
	}
	while (line.len && (line.text[line.len - 1] == ' ' ||
			    line.text[line.len - 1] == '\t'))
		line.len--;
	return line;
}

static int take_length(struct line value, size_t *length)
{
	size_t i;

	if (value.len == 0 || value.len > LENGTH_DIGITS)
		return -1;
	*length = 0;
	for (i = 0; i < value.len; i++) {
		if (!is_digit((unsigned char)value.text[i]))
			return -1;
		*length = *length * 10 + (size_t)(value.text[i] - '0');
	}
	return *length <= HTTP_BODY_MAX ? 0 : -1;
}

static bool is_named(struct line name, const char *text)
{
	return name.len == strlen(text) && !strncasecmp(name.text, text, name.len);
}

/* @seen counts the Content-Length lines. */
static int take_header(struct line line, unsigned int *seen, size_t *length,
		       const char **why)
{
	const char *colon = memchr(line.text, ':', line.len);
	struct line name = { line.text, colon ? (size_t)(colon - line.text) : 0 };
	struct line value = { colon + 1, line.len - name.len - 1 };

	if (name.len == 0 || memchr(name.text, ' ', name.len) ||
	    memchr(name.text, '\t', name.len))
		return bad(why, "a header line is malformed");
	if (is_named(name, "Transfer-Encoding") ||
	    is_named(name, "Content-Encoding"))
		return bad(why, "its body is encoded");
	if (!is_named(name, "Content-Length"))
		return 0;
	if ((*seen)++ || take_length(trimmed(value), length))
		return bad(why, "its Content-Length is repeated, malformed or "
			   "too large");
	return 0;
}

/* The next line of the head without its end. */
static struct line next_line(const char **at, const char *end)
{
	const char *cr = memmem(*at, (size_t)(end - *at), "\r\n", 2);
	struct line line = { *at, (size_t)(cr - *at) };

	*at = cr + 2;
	return line;
}

static int take_head(const char *head, size_t len, unsigned int *status,
		     size_t *length, const char **why)
{
	const char *at = head, *end = head + len;
	unsigned int seen = 0;

	if (take_status(next_line(&at, end), status))
		return bad(why, "its status line is malformed");
	while (at < end - 2)
		if (take_header(next_line(&at, end), &seen, length, why))
			return -1;
	return seen ? 0 : bad(why, "it has no Content-Length");
}

int http_check_answer(const unsigned char *data, size_t len,
		      struct http_answer *answer, const char **why)
{
	size_t head = head_length(data, len), length = 0;

	if (!begins_as_http(data, len))
		return bad(why, "it is no HTTP/1.1");
	if (head > HTTP_HEAD_MAX || (!head && len > HTTP_HEAD_MAX))
		return bad(why, "its head is too long");
	if (!head)
		return 0;
	if (!head_is_clean(data, head))
		return bad(why, "its head has control characters");
	if (take_head((const char *)data, head, &answer->status, &length, why))
		return -1;
	if (len > head + length)
		return bad(why, "there are bytes after it");
	answer->body = data + head;
	answer->body_len = length;
	return len == head + length;
}
