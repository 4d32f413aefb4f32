// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm add" of one VM, by the tap that somebody names.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wish {
	const char *uuid;
	json_t *body;
	bool as_json, all;
};

static bool add_pid(struct wish *w, const char *text)
{
	uint32_t pid;

	if (!arguments_u32("vm add", "--pid", text, &pid))
		return false;
	json_object_set_new(w->body, "pid", json_integer(pid));
	return true;
}

/* False after one line: only UTF-8 can travel. */
static bool add_text(struct wish *w, const char *key, const char *text)
{
	if (!json_object_set_new(w->body, key, json_string(text)))
		return true;
	say("vm add: --%s: is no UTF-8", key);
	return false;
}

static bool read_option(struct wish *w, int option)
{
	switch (option) {
	case 'u':
		w->uuid = optarg;
		return true;
	case 't':
		return add_text(w, "tap", optarg);
	case 'n':
		return add_text(w, "name", optarg);
	case 'p':
		return add_text(w, "profile", optarg);
	case 'i':
		return add_pid(w, optarg);
	case 'j':
		w->as_json = true;
		return true;
	case 'a':
		w->all = true;
		return true;
	default:
		return false;
	}
}

/* Either one VM by its tap, or those that are named, or all; nothing of the others. */
static bool check(int words, const struct wish *w)
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

static bool read_wish(int argc, char **argv, struct wish *w)
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
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		if (!read_option(w, c))
			return false;
	return check(argc - optind, w);
}

static int add(const struct ctl *ctl, const struct wish *w)
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
	if (ctl->dry_run) {
		printf("%s: would be enrolled with %s\n", uuid,
		       json_string_value(json_object_get(w->body, "tap")));
		return output_end("vm add");
	}
	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	exit = hostd_ask(ctl, "vm add", w->uuid, "PUT", path, w->body, &answer);
	if (exit)
		return exit;
	if (w->as_json) {
		properties_of_vm(answer.json);
		output_json(answer.json);
	} else {
		vm_print_state(answer.json);
	}
	json_decref(answer.json);
	return output_end("vm add");
}

static int add_wished(const struct ctl *ctl, const struct wish *w, int count, char **words)
{
	return w->uuid ? add(ctl, w) : vm_add_many(ctl, "vm add", count, words);
}

int vm_add_command(const struct ctl *ctl, int argc, char **argv)
{
	struct wish w = { .body = json_object() };
	int exit = EXIT_USAGE;

	if (read_wish(argc, argv, &w))
		exit = add_wished(ctl, &w, argc - optind, argv + optind);
	json_decref(w.body);
	return exit;
}
