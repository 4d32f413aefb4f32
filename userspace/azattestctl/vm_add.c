// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm add" of one VM, by the tap that somebody names.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Either one VM by its tap, or those that are named, or all; nothing of the others. */
static bool check(int words, const struct vm_wish *w)
{
	bool one = w->uuid && json_object_get(w->body, "tap"), many = w->all || words;
	bool options = w->uuid || w->as_json || json_object_size(w->body);

	if (one && !many)
		return true;
	if (many && !options && w->all != !!words)
		return true;
	say("vm add: takes --uuid and --tap, or names, or --all: see azattestctl help vm add");
	return false;
}

static bool read_wish(int argc, char **argv, struct vm_wish *w)
{
	static const struct option table[] = {
		{ "uuid", required_argument, NULL, 'u' },
		{ "tap", required_argument, NULL, 't' },
		{ "pid", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "profile", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ 0 }
	};

	return wish_read(w, argc, argv, table) && check(argc - optind, w);
}

static int add(const struct ctl *ctl, const struct vm_wish *w)
{
	struct hostd_answer answer;
	char uuid[UUID_TEXT], path[64];
	int exit;

	if (!names_is_uuid(w->uuid, uuid)) {
		say("vm add: \"%s\" is no UUID: write it as in c0ffee42-0000-4000-8000-00000000002a",
		    w->uuid);
		return EXIT_USAGE;
	}
	exit = managed_host(ctl, "vm add");
	if (exit)
		return exit;
	if (ctl->dry_run)
		return told_dry_run("vm add", w->as_json, uuid, "would be enrolled with %s",
				    json_string_value(json_object_get(w->body, "tap")));
	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	exit = hostd_ask(ctl, "vm add", w->uuid, "PUT", path, w->body, &answer);
	if (exit)
		return exit;
	if (w->as_json) {
		properties_of_vm(answer.json);
		output_json(answer.json);
	} else {
		told_state(ctl, answer.json);
	}
	json_decref(answer.json);
	return output_end("vm add");
}

static int add_wished(const struct ctl *ctl, const struct vm_wish *w, int count, char **words)
{
	return w->uuid ? add(ctl, w) : vm_add_many(ctl, "vm add", count, words);
}

int vm_add_command(const struct ctl *ctl, int argc, char **argv)
{
	struct vm_wish w = { .command = "vm add", .body = json_object() };
	int exit = EXIT_USAGE;

	if (read_wish(argc, argv, &w))
		exit = add_wished(ctl, &w, argc - optind, argv + optind);
	json_decref(w.body);
	return exit;
}
