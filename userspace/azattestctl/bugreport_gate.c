// SPDX-License-Identifier: GPL-2.0
// Owns what does not get out of this host by a bug report: it is looked for in each line.

#include "bugreport.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#define LINE_MAX_BYTES	4096
#define WORD_MAX	31	/* longer ones may be 24 bytes of a key, in base64 */
#define LEFT_OUT	"[left out]"

struct out {
	char text[LINE_MAX_BYTES * 2];
	size_t length;
};

static void put(struct out *out, const char *text, size_t length)
{
	if (length > sizeof(out->text) - 1 - out->length)
		length = sizeof(out->text) - 1 - out->length;
	memcpy(out->text + out->length, text, length);
	out->length += length;
	out->text[out->length] = 0;
}

/* Letters of base64 in both kinds, and of hexadecimal. */
static size_t word_length(const char *text)
{
	size_t n = 0;

	while (text[n] && (isalnum((unsigned char)text[n]) || strchr("+/_=-", text[n])))
		n++;
	return n;
}

/* A path may be long; base64 begins with one of these once in a billion. */
static bool is_path(const char *word)
{
	static const char *const tops[] = { "/usr/", "/var/", "/etc/", "/run/", "/dev/", "/sys/",
					    "/proc/", "/lib/" };

	for (size_t i = 0; i < COUNT(tops); i++)
		if (!strncmp(word, tops[i], strlen(tops[i])))
			return !strpbrk(word, "+=");
	return false;
}

static bool is_harmless(const char *text, size_t length)
{
	char word[256];
	uuid_t uuid;

	if (length <= WORD_MAX)
		return true;
	if (length >= sizeof(word))
		return false;
	memcpy(word, text, length);
	word[length] = 0;
	return !uuid_parse(word, uuid) || is_path(word) || strspn(word, "-=_") == length;
}

/* Length of "password=", "Secret: " and the like at @text; 0: none. */
static size_t label_length(const char *text)
{
	static const char *const labels[] = { "password", "passwd", "passphrase", "secret", "token",
					      "nonce" };

	for (size_t i = 0; i < COUNT(labels); i++) {
		size_t n = strlen(labels[i]);

		if (strncasecmp(text, labels[i], n))
			continue;
		n += strspn(text + n, "\"'");
		if (text[n] == '=' || text[n] == ':')
			return n + 1 + strspn(text + n + 1, " \"'");
	}
	return 0;
}

/* The part of a URL before "@"; 0: none. */
static size_t user_length(const char *text)
{
	size_t n = strcspn(text, " /@\"'");

	return text[n] == '@' ? n : 0;
}

static size_t secret_length(const struct bugreport *report, const char *text)
{
	for (size_t i = 0; i < report->secrets; i++)
		if (!strncmp(text, report->secret[i], strlen(report->secret[i])))
			return strlen(report->secret[i]);
	return 0;
}

/* One step through the line: how far; @out gets what may get out of that. */
static size_t step(const struct bugreport *report, const char *line, size_t at, struct out *out)
{
	bool begins = !at || !word_length((char[]) { line[at - 1], 0 });
	const char *text = line + at;
	size_t n = secret_length(report, text), rest;

	if (!n && at >= 3 && !memcmp(text - 3, "://", 3))
		n = user_length(text);
	if (!n && begins && !is_harmless(text, word_length(text)))
		n = word_length(text);
	if (n) {
		put(out, LEFT_OUT, strlen(LEFT_OUT));
		return n;
	}
	n = label_length(text);
	if (!n) {
		put(out, text, 1);
		return 1;
	}
	rest = strcspn(text + n, " ,;\"'");
	put(out, text, n);
	put(out, LEFT_OUT, rest ? strlen(LEFT_OUT) : 0);
	return n + rest;
}

/* What one line has of a PEM block is left out with all that follows, to its end. */
static bool is_pem(struct bugreport *report, const char *line)
{
	bool begins = strstr(line, "-----BEGIN "), was = report->in_pem;

	if (begins)
		report->in_pem = true;
	if (strstr(line, "-----END "))
		report->in_pem = false;
	if (begins && !was)
		fputs("[left out: PEM]\n", report->to);
	return begins || was;
}

void bugreport_line(struct bugreport *report, const char *line)
{
	struct out out = { .length = 0 };
	char text[LINE_MAX_BYTES];

	if (is_pem(report, line))
		return;
	snprintf(text, sizeof(text), "%s", line);
	output_plain(text);
	for (size_t i = 0; text[i];)
		i += step(report, text, i, &out);
	fprintf(report->to, "%s\n", out.text);
}

void bugreport_title(struct bugreport *report, const char *title)
{
	report->in_pem = false;
	fprintf(report->to, "\n== %s\n", title);
}

void bugreport_json(struct bugreport *report, const json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(1)), *line, *rest;

	if (!text)
		abort();
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		bugreport_line(report, line);
	free(text);
}

void bugreport_learn_secret(struct bugreport *report, const char *path)
{
	char *secret = report->secret[report->secrets];

	if (report->secrets == BUGREPORT_SECRETS ||
	    host_read(report->root, path, secret, BUGREPORT_SECRET_MAX) <= 0)
		return;
	secret[strcspn(secret, "\r\n")] = 0;
	report->secrets += *secret != 0;
}
