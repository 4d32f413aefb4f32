// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm vsock": which of libvirt's domains have a vsock device, and adding or removing it.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define COMMAND	"vm vsock"

static const struct column columns[] = {
	{ "name", "NAME", false },
	{ "uuid", "UUID", false },
	{ "now", "NOW", false },
	{ "next", "NEXT START", false },
	{ "number", "CID", true },
};

struct wish {
	const struct ctl *ctl;
	const char *how;
	bool as_json, all, show;
	json_t *rows;
	int exit;
};

/* What is only shown is shown of all if none is named. */
static bool read_words(int argc, char **argv, struct wish *w)
{
	int words = argc - optind - 1;

	w->how = words < 0 ? "" : argv[optind];
	w->show = !strcmp(w->how, "show");
	if (!w->show && strcmp(w->how, "on") && strcmp(w->how, "off")) {
		say(COMMAND ": takes show, on or off, not \"%s\": see azattestctl help " COMMAND, w->how);
		return false;
	}
	if (w->show ? !w->all : w->all != !!words)
		return true;
	say(COMMAND " %s: takes VMs%s: see azattestctl help " COMMAND, w->how,
	    w->show ? ", or none for all" : ", or --all");
	return false;
}

static void take(const json_t *row, void *arg)
{
	struct wish *w = arg;

	if (json_object_get(row, "unknown")) {
		say(COMMAND " %s: libvirt has no domain of this name or UUID: azattestctl " COMMAND " show",
		    json_string_value(json_object_get(row, "word")));
		w->exit = EXIT_REFUSED;
	} else if (w->show || w->as_json) {
		json_array_append(w->rows, (json_t *)row);
	} else {
		told_domain(w->ctl, row);
	}
}

/* Words for a table's columns. */
static void flatten(json_t *row)
{
	bool running = json_is_true(json_object_get(row, "running"));
	bool live = json_is_true(json_object_get(row, "live"));
	bool defined = json_is_true(json_object_get(row, "defined"));

	json_object_set_new(row, "now", json_string(!running ? "" : live ? "on" : "off"));
	json_object_set_new(row, "next", json_string(defined ? "on" : "off"));
	if (json_integer_value(json_object_get(row, "cid")))
		json_object_set(row, "number", json_object_get(row, "cid"));
	else
		json_object_del(row, "number");
}

static void print(const struct wish *w)
{
	json_t *row;
	size_t i;

	json_array_foreach(w->rows, i, row) {
		if (w->as_json)
			properties_of_domain(row);
		else
			flatten(row);
	}
	if (w->as_json)
		output_json(w->rows);
	else if (w->show)
		output_table(w->rows, columns, COUNT(columns));
}

int vm_vsock_command(const struct ctl *ctl, int argc, char **argv)
{
	struct wish w = { .ctl = ctl, .how = "" };
	int exit;

	if (!arguments_json_all(argc, argv, &w.as_json, &w.all) || !read_words(argc, argv, &w))
		return EXIT_USAGE;
	w.rows = json_array();
	exit = domains_run(ctl, argv[0], "vsock", w.how, argc - optind - 1, argv + optind + 1, take, &w,
			   NULL);
	if (exit == DOMAINS_ABSENT) {
		say(COMMAND ": no libvirt answers here: is azattest-libvirt installed, does libvirtd run?");
		exit = EXIT_NO_DAEMON;
	} else {
		print(&w);
	}
	json_decref(w.rows);
	exit = exit ? exit : w.exit;
	return exit ? exit : output_end(argv[0]);
}
