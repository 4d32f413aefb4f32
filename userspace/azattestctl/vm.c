// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm": which VMs may use REST, and how each stands.

#include "ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uuid/uuid.h>

#define PATH_MAX_VM	64

static const struct column columns[] = {
	{ "uuid", "UUID", false },
	{ "name", "NAME", false },
	{ "tap", "TAP", false },
	{ "state", "STATE", false },
	{ "binding", "BINDING", false },
	{ "cid", "CID", true },
	{ "pid", "PID", true },
	{ "slot", "SLOT", true },
	{ "in", "IN", true },
	{ "out", "OUT", true },
	{ "dropped", "DROPPED", true },
};

/* Its path, from the UUID in any case; false after one line on standard error. */
static bool make_path(const char *command, const char *text, char path[PATH_MAX_VM])
{
	char canonical[37];
	uuid_t uuid;

	if (!arguments_uuid(command, text, uuid))
		return false;
	uuid_unparse_lower(uuid, canonical);
	snprintf(path, PATH_MAX_VM, "/v1/vms/%s", canonical);
	return true;
}

/* ---- what is shown ---- */

static json_int_t sum(const json_t *counts)
{
	const char *name;
	json_int_t all = 0;
	json_t *count;

	json_object_foreach((json_t *)counts, name, count)
		all += json_integer_value(count);
	return all;
}

/* Packets and drops as members of the VM itself, for a table's columns. */
static void flatten(json_t *vm)
{
	json_t *packets = json_object_get(vm, "packets");

	json_object_set_new(vm, "dropped", json_integer(sum(json_object_get(vm, "drops"))));
	json_object_set(vm, "in", json_object_get(packets, "in"));
	json_object_set(vm, "out", json_object_get(packets, "out"));
}

static void print_member(const char *key, const char *indent, const json_t *object)
{
	const char *whole = json_string_value(json_object_get(object, key));
	char text[1024];

	output_cell(object, key, text);
	if (whole && *whole) {
		snprintf(text, sizeof(text), "%s", whole);
		output_plain(text);
	}
	printf("%s%-*s %s\n", indent, 12 - (int)strlen(indent), key, text);
}

static void print_vm(const json_t *vm)
{
	const char *key, *inner;
	json_t *value, *count;

	json_object_foreach((json_t *)vm, key, value) {
		if (!json_is_object(value)) {
			print_member(key, "", vm);
			continue;
		}
		printf("%s\n", key);
		json_object_foreach(value, inner, count)
			print_member(inner, "  ", value);
	}
}

/* An administrator wants to know whether that was all, or what is missing. */
static void print_state(const json_t *vm)
{
	char uuid[OUTPUT_CELL], state[OUTPUT_CELL], reason[1024];

	output_cell(vm, "uuid", uuid);
	output_cell(vm, "state", state);
	snprintf(reason, sizeof(reason), "%s",
		 json_string_value(json_object_get(vm, "reason")) ?: "");
	output_plain(reason);
	printf("%s: %s%s%s\n", uuid, state, *reason ? ": " : "", reason);
}

/* ---- commands ---- */

struct wish {
	const char *uuid;
	json_t *body;
	bool as_json;
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
	default:
		return false;
	}
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
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		if (!read_option(w, c))
			return false;
	if (!arguments_none_left(argc, argv))
		return false;
	if (w->uuid && json_object_get(w->body, "tap"))
		return true;
	say("vm add: needs --uuid and --tap: see azattestctl help");
	return false;
}

static int add(const struct ctl *ctl, const struct wish *w)
{
	struct hostd_answer answer;
	char path[PATH_MAX_VM];
	int exit;

	if (!make_path("vm add", w->uuid, path))
		return EXIT_USAGE;
	exit = hostd_ask(ctl, "vm add", w->uuid, "PUT", path, w->body, &answer);
	if (exit)
		return exit;
	if (w->as_json)
		output_json(answer.json);
	else
		print_state(answer.json);
	json_decref(answer.json);
	return output_end("vm add");
}

int vm_add_command(const struct ctl *ctl, int argc, char **argv)
{
	struct wish w = { .body = json_object() };
	int exit = read_wish(argc, argv, &w) ? add(ctl, &w) : EXIT_USAGE;

	json_decref(w.body);
	return exit;
}

int vm_remove_command(const struct ctl *ctl, int argc, char **argv)
{
	struct hostd_answer answer;
	char path[PATH_MAX_VM];

	if (!arguments_words(argc, argv, 1, "one UUID") ||
	    !make_path(argv[0], argv[optind], path))
		return EXIT_USAGE;
	return hostd_ask(ctl, argv[0], argv[optind], "DELETE", path, NULL, &answer);
}

int vm_list_command(const struct ctl *ctl, int argc, char **argv)
{
	struct hostd_answer answer;
	json_t *vms, *vm;
	bool as_json;
	size_t i;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	exit = hostd_ask(ctl, argv[0], NULL, "GET", "/v1/vms", NULL, &answer);
	if (exit)
		return exit;
	vms = json_object_get(answer.json, "vms");
	if (as_json) {
		output_json(vms);
	} else {
		json_array_foreach(vms, i, vm)
			flatten(vm);
		output_table(vms, columns, COUNT(columns));
	}
	json_decref(answer.json);
	return output_end(argv[0]);
}

int vm_show_command(const struct ctl *ctl, int argc, char **argv)
{
	struct hostd_answer answer;
	char path[PATH_MAX_VM];
	bool as_json;
	int exit;

	if (!arguments_json_words(argc, argv, &as_json, 1, "one UUID") ||
	    !make_path(argv[0], argv[optind], path))
		return EXIT_USAGE;
	exit = hostd_ask(ctl, argv[0], argv[optind], "GET", path, NULL, &answer);
	if (exit)
		return exit;
	if (as_json)
		output_json(answer.json);
	else
		print_vm(answer.json);
	json_decref(answer.json);
	return output_end(argv[0]);
}
