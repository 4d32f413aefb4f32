// SPDX-License-Identifier: GPL-2.0
// Owns the words of the command line: options, UUIDs, numbers.

#include "ctl.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <uuid/uuid.h>

bool arguments_none_left(int argc, char **argv)
{
	if (optind >= argc)
		return true;
	say("%s: takes no \"%s\": see azattestctl help", argv[0], argv[optind]);
	return false;
}

static bool read_json(int argc, char **argv, bool *as_json)
{
	static const struct option table[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	int c;

	*as_json = false;
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'j')
			return false;
		*as_json = true;
	}
	return true;
}

bool arguments_json(int argc, char **argv, bool *as_json)
{
	return read_json(argc, argv, as_json) && arguments_none_left(argc, argv);
}

bool arguments_json_all(int argc, char **argv, bool *as_json, bool *all)
{
	static const struct option table[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'j' && c != 'a')
			return false;
		*(c == 'j' ? as_json : all) = true;
	}
	return true;
}

static bool count_words(int argc, char **argv, int count, const char *names)
{
	if (argc - optind == count)
		return true;
	say("%s: takes %s: see azattestctl help", argv[0], names);
	return false;
}

bool arguments_json_words(int argc, char **argv, bool *as_json, int count, const char *names)
{
	return read_json(argc, argv, as_json) && count_words(argc, argv, count, names);
}

bool arguments_words(int argc, char **argv, int count, const char *names)
{
	static const struct option table[] = { { 0 } };

	return getopt_long(argc, argv, "", table, NULL) == -1 &&
	       count_words(argc, argv, count, names);
}

bool arguments_uuid(const char *command, const char *text, unsigned char *uuid)
{
	if (!uuid_parse(text, uuid))
		return true;
	say("%s: \"%s\" is no UUID: write it as in c0ffee42-0000-4000-8000-00000000002a",
	    command, text);
	return false;
}

bool arguments_u32(const char *command, const char *what, const char *text, uint32_t *value)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (isdigit((unsigned char)*text) && !*end && !errno && n <= UINT32_MAX) {
		*value = (uint32_t)n;
		return true;
	}
	say("%s: %s \"%s\" is no number: write 0 to %u", command, what, text, UINT32_MAX);
	return false;
}
