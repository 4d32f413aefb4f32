// SPDX-License-Identifier: GPL-2.0
// Owns the options that several commands share: --no-headers, --watch, --dry-run, --host.

#include "commands.h"

#include <stdlib.h>
#include <string.h>

#define WATCH_S		2.0
#define WATCH_MIN_S	0.1
#define WATCH_MAX_S	86400.0

struct search {
	const char *text;
	size_t length;
	bool found;
};

static bool compare(const struct synopsis_word *word, void *arg)
{
	struct search *search = arg;

	search->found = word->option && strlen(word->text) == search->length &&
			!strncmp(word->text, search->text, search->length);
	return !search->found;
}

/* Whether a form of the command has the option; what stands after "=" is not its name. */
static bool has_option(const struct command *command, const char *text)
{
	struct search search = { text, strcspn(text, "="), false };

	for (const struct command *c = commands; c->name && !search.found; c++)
		if (!strcmp(c->name, command->name))
			synopsis_walk(c->synopsis, compare, &search);
	return search.found;
}

static bool read_seconds(const char *command, const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	if (end != text && !*end && *seconds >= WATCH_MIN_S && *seconds <= WATCH_MAX_S)
		return true;
	say("%s: --watch \"%s\": write seconds, %g to %g", command, text, WATCH_MIN_S, WATCH_MAX_S);
	return false;
}

/* The name is reserved: who types it today must not read this host's answer for another's. */
static bool refuse_host(const char *command)
{
	say("%s: --host: this release asks its own host alone: ssh HOST azattestctl %s", command,
	    command);
	return false;
}

/* 1: was one of them, 0: was not, -1: refused. */
static int take(const char *command, const char *text, struct shared *shared)
{
	if (!strcmp(text, "--no-headers")) {
		shared->no_headers = true;
		return 1;
	}
	if (!strcmp(text, "--dry-run")) {
		shared->dry_run = true;
		return 1;
	}
	if (!strcmp(text, "--watch")) {
		shared->watch = WATCH_S;
		return 1;
	}
	if (!strncmp(text, "--watch=", 8))
		return read_seconds(command, text + 8, &shared->watch) ? 1 : -1;
	if (!strcmp(text, "--host") || !strncmp(text, "--host=", 7))
		return refuse_host(command) ? 1 : -1;
	return 0;
}

bool shared_take(const struct command *command, int *argc, char **argv, struct shared *shared)
{
	int kept = 1, i;

	for (i = 1; i < *argc && strcmp(argv[i], "--"); i++) {
		int taken = has_option(command, argv[i]) ? take(argv[0], argv[i], shared) : 0;

		if (taken < 0)
			return false;
		if (!taken)
			argv[kept++] = argv[i];
	}
	while (i < *argc)
		argv[kept++] = argv[i++];
	argv[kept] = NULL;
	*argc = kept;
	return true;
}
