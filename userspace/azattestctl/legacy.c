// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl legacy": REST access as a whole, on and off.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define COMMAND	"legacy"

struct wish {
	bool on;
	bool add_vms;			/* with on */
	bool remove_vms, keep_vms;	/* with off */
	bool as_json;
};

static bool read_options(int argc, char **argv, struct wish *w)
{
	static const struct option table[] = {
		{ "add-vms", no_argument, NULL, 'a' },
		{ "remove-vms", no_argument, NULL, 'r' },
		{ "keep-vms", no_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'a')
			w->add_vms = true;
		else if (c == 'r')
			w->remove_vms = true;
		else if (c == 'k')
			w->keep_vms = true;
		else if (c == 'j')
			w->as_json = true;
		else
			return false;
	}
	return true;
}

static bool read_switch(int argc, char **argv, struct wish *w)
{
	if (argc - optind != 1) {
		say(COMMAND ": takes on or off: see azattestctl help");
		return false;
	}
	w->on = !strcmp(argv[optind], "on");
	if (w->on || !strcmp(argv[optind], "off"))
		return true;
	say(COMMAND ": takes on or off, not \"%s\": see azattestctl help", argv[optind]);
	return false;
}

static bool fits(const struct wish *w)
{
	if (w->on ? !w->remove_vms && !w->keep_vms : !w->add_vms && !(w->remove_vms && w->keep_vms))
		return true;
	say(COMMAND ": takes --add-vms with on, --remove-vms or --keep-vms with off");
	return false;
}

/* Guests that lose their door do not hear why: somebody has to mean it. */
static int refuse_while_enrolled(const struct ctl *ctl)
{
	json_t *vms;
	size_t count;
	int exit = names_enrolled(ctl, COMMAND " off", &vms);

	if (exit)
		return exit;
	count = json_array_size(vms);
	json_decref(vms);
	if (!count)
		return 0;
	say(COMMAND " off: %zu VM%s enrolled: --remove-vms removes them, --keep-vms keeps their "
	    "enrolment for the next legacy on", count, count == 1 ? " is" : "s are");
	return EXIT_REFUSED;
}

/* *@answer: the object for --json. */
static int set(const struct ctl *ctl, const struct wish *w, json_t **answer)
{
	const char *word = w->on ? "on" : "off";
	struct hostd_answer got;
	json_t *body;
	int exit;

	if (ctl->dry_run) {
		*answer = json_pack("{s:b, s:b}", "enabled", w->on, "dryRun", 1);
		if (!w->as_json)
			printf("REST access would be turned %s\n", word);
		return 0;
	}
	body = json_pack("{s:b}", "enabled", w->on);
	exit = hostd_ask(ctl, COMMAND, word, "PUT", "/v1/legacy", body, &got);
	json_decref(body);
	if (!exit)
		*answer = got.json;
	return exit;
}

static int turn_on(const struct ctl *ctl, const struct wish *w, json_t **answer)
{
	int exit = w->add_vms ? managed_host(ctl, COMMAND " on --add-vms") : 0;

	if (!exit)
		exit = set(ctl, w, answer);
	if (!exit && w->add_vms)
		exit = vm_add_many(ctl, COMMAND " on", 0, NULL);
	return exit;
}

static int turn_off(const struct ctl *ctl, const struct wish *w, json_t **answer)
{
	int exit = 0;

	if (w->remove_vms)
		exit = vm_remove_many(ctl, COMMAND " off", 0, NULL);
	else if (!w->keep_vms)
		exit = refuse_while_enrolled(ctl);
	return exit ? exit : set(ctl, w, answer);
}

/* One object, of all that was done, also if not all could be. */
static int turn(const struct ctl *ctl, const struct wish *w)
{
	struct ctl telling = *ctl;
	json_t *answer = NULL;
	int exit;

	telling.told = w->as_json ? json_array() : NULL;
	exit = w->on ? turn_on(&telling, w, &answer) : turn_off(&telling, w, &answer);
	if (w->as_json && !answer && json_array_size(telling.told))
		answer = json_object();
	if (w->as_json && answer) {
		if (w->add_vms || w->remove_vms)
			json_object_set(answer, "vms", telling.told);
		output_json(answer);
	}
	json_decref(telling.told);
	json_decref(answer);
	return exit ? exit : output_end(COMMAND);
}

int legacy_command(const struct ctl *ctl, int argc, char **argv)
{
	struct wish w = { .on = false };

	if (!read_options(argc, argv, &w) || !read_switch(argc, argv, &w) || !fits(&w))
		return EXIT_USAGE;
	return turn(ctl, &w);
}
