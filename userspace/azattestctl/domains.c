// SPDX-License-Identifier: GPL-2.0
// Owns the running of azattest-domain, which changes libvirt's domains: what it prints of each.

#include "program.h"
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM		"azattest-domain"
#define FIXED_WORDS	7	/* program, --dry-run, --all, --, what, how, NULL */

/* One run, as its lines come in. */
struct run {
	const char *command;
	domains_fn fn;
	void *arg;
	char *closed;		/* or NULL */
	int exit;
};

const char *domains_text(const json_t *row, const char *key, char text[1024])
{
	snprintf(text, 1024, "%s", json_string_value(json_object_get(row, key)) ?: "");
	output_plain(text);
	return text;
}

/* A line about no domain at all: libvirt cannot be asked. */
static void take_refusal(struct run *run, const json_t *row)
{
	char text[DOMAINS_WHY];

	domains_text(row, "error", text);
	if (json_is_true(json_object_get(row, "absent"))) {
		run->exit = DOMAINS_ABSENT;
	} else if (run->closed) {
		run->exit = DOMAINS_CLOSED;
		strcpy(run->closed, text);
	} else {
		run->exit = EXIT_REFUSED;
		say("%s: %s", run->command, text);
	}
}

static void take_line(const char *line, void *arg)
{
	json_t *row = json_loads(line, 0, NULL);
	char name[1024], text[1024];
	struct run *run = arg;

	if (json_object_get(row, "absent")) {
		take_refusal(run, row);
	} else if (json_object_get(row, "error")) {
		run->exit = EXIT_REFUSED;
		say("%s %s: %s", run->command, domains_text(row, "name", name), domains_text(row, "error", text));
	} else if (row) {
		run->fn(row, run->arg);
	}
	json_decref(row);
}

/* Its environment is ours: libvirt's own variables say which libvirt, and where its keys are. */
static int run_program(struct run *run, char *const argv[])
{
	int ret = program_lines(PROGRAM_OURS, argv, take_line, run);

	if (ret <= EXIT_REFUSED)
		return ret < 0 ? ret : 0;
	say("%s: " PROGRAM " has failed: its status is %d", run->command, ret);
	run->exit = EXIT_FAILURE;
	return 0;
}

int domains_run(const struct ctl *ctl, const char *command, const char *what, const char *how,
		int count, char **words, domains_fn fn, void *arg, char closed[DOMAINS_WHY])
{
	struct run run = { .command = command, .fn = fn, .arg = arg, .closed = closed };
	char path[600], **argv = calloc((size_t)count + FIXED_WORDS, sizeof(*argv));
	int n = 0, ret;

	if (!argv)
		abort();
	program_path(PROGRAM, path, sizeof(path));
	argv[n++] = path;
	if (ctl->dry_run)
		argv[n++] = (char *)"--dry-run";
	if (!count)
		argv[n++] = (char *)"--all";
	argv[n++] = (char *)"--";
	argv[n++] = (char *)what;
	argv[n++] = (char *)how;
	for (int i = 0; i < count; i++)
		argv[n++] = words[i];
	ret = run_program(&run, argv);
	free(argv);
	/* Not installed, or not where this user may look: azattest-hostd has the last word. */
	if (ret == -ENOENT || ret == -EACCES)
		return DOMAINS_ABSENT;
	if (!ret)
		return run.exit;
	say("%s: %s: %s", command, path, strerror(-ret));
	return EXIT_FAILURE;
}
