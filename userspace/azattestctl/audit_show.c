// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl audit show": lines of the audit journal, for people or for programs.

#include "ctl.h"
#include "audit_source.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <uuid/uuid.h>

struct show {
	char vm[37];		/* "" for all */
	char since[32];		/* as lines have it; "" for all */
	bool as_json;
	bool failed;
};

static void set_since(struct show *show, time_t when)
{
	struct tm tm;

	if (gmtime_r(&when, &tm))
		strftime(show->since, sizeof(show->since), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* "90s", "30m", "2h", "7d": so long ago. */
static bool is_age(const char *text, time_t *seconds)
{
	static const char units[] = "smhd";
	static const time_t factor[] = { 1, 60, 3600, 86400 };
	const char *unit;
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || n > 1000000000 || !*end || end[1])
		return false;
	unit = strchr(units, *end);
	if (!unit)
		return false;
	*seconds = (time_t)n * factor[unit - units];
	return true;
}

static bool is_date(const char *text, time_t *when)
{
	static const char *const formats[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d" };

	for (size_t i = 0; i < COUNT(formats); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		*when = timegm(&tm);
		return true;
	}
	return false;
}

static bool read_since(struct show *show, const char *text)
{
	time_t when;

	if (is_age(text, &when)) {
		set_since(show, time(NULL) - when);
	} else if (is_date(text, &when)) {
		set_since(show, when);
	} else {
		say("audit show: --since \"%s\": write 2026-11-22, 2026-11-22T08:00:00Z, or an age as "
		    "in 90s, 30m, 2h, 7d", text);
		return false;
	}
	return true;
}

static bool read_vm(struct show *show, const char *text)
{
	uuid_t uuid;

	if (!arguments_uuid("audit show", text, uuid))
		return false;
	uuid_unparse_lower(uuid, show->vm);
	return true;
}

static bool read_options(int argc, char **argv, struct show *show)
{
	static const struct option table[] = {
		{ "vm", required_argument, NULL, 'v' },
		{ "since", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'j')
			show->as_json = true;
		else if (c == 'v' ? !read_vm(show, optarg) :
			 c != 's' || !read_since(show, optarg))
			return false;
	}
	return true;
}

static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

static bool wanted(const struct show *show, const json_t *line)
{
	if (*show->vm && strcmp(text_of(line, "vm"), show->vm))
		return false;
	return strcmp(text_of(line, "time"), show->since) >= 0;
}

static bool is_frame(const char *key)
{
	static const char *const frame[] = { "seq", "prev", "time", "event", "hash" };

	for (size_t i = 0; i < COUNT(frame); i++)
		if (!strcmp(key, frame[i]))
			return true;
	return false;
}

static void print_value(const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);
	bool plain = text && *text == '"' && text[1] != '"' && !strpbrk(text, " \\");

	if (!text)
		abort();
	output_plain(text);
	if (plain)
		text[strlen(text) - 1] = 0;
	fputs(plain ? text + 1 : text, stdout);
	free(text);
}

static void print_line(const json_t *line)
{
	const char *key;
	json_t *value;

	printf("%lld %s %s", (long long)json_integer_value(json_object_get(line, "seq")),
	       text_of(line, "time"), text_of(line, "event"));
	json_object_foreach((json_t *)line, key, value) {
		if (is_frame(key))
			continue;
		printf(" %s=", key);
		print_value(value);
	}
	putchar('\n');
}

static void show_line(const struct show *show, const char *text, size_t length)
{
	json_t *line = json_loadb(text, length, 0, NULL);

	if (wanted(show, line) && show->as_json)
		printf("%.*s\n", (int)length, text);
	else if (wanted(show, line))
		print_line(line);
	json_decref(line);
}

/* Order and hashes are verify's; what is no line at all is said and passed by. */
static bool show_file(const char *path, int fd, void *arg)
{
	struct audit_reader reader;
	struct show *show = arg;
	struct audit_line line;
	const char *text;
	size_t length;
	int ret;

	audit_reader_open(&reader, fd);
	while ((ret = audit_reader_next(&reader, &text, &length)) > 0) {
		const char *why = audit_line_check(text, length, &line);

		if (!why)
			show_line(show, text, length);
		else
			say("audit show: %s: a line %s: see azattestctl audit verify", path, why);
		show->failed |= !!why;
	}
	audit_reader_close(&reader);
	if (ret && ret != -ENODATA) {
		say("audit show: %s: %s", path, strerror(-ret));
		show->failed = true;
	}
	return true;
}

int audit_show_command(const struct ctl *ctl, int argc, char **argv)
{
	struct audit_source source;
	struct show show = { 0 };
	int ret;

	(void)ctl;
	if (!read_options(argc, argv, &show))
		return EXIT_USAGE;
	ret = audit_source_open(&source, "audit show", argc, argv);
	if (ret)
		return ret;
	ret = audit_source_each(&source, show_file, &show);
	audit_source_close(&source);
	if (!ret && show.failed)
		ret = EXIT_BROKEN;
	return ret ? ret : output_end(argv[0]);
}
