// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm list" and "show": which VMs may use REST, and how each stands.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct column columns[] = {
	{ "uuid", "UUID", false },
	{ "name", "NAME", false },
	{ "tap", "TAP", false },
	{ "state", "STATE", false },
	{ "binding", "BINDING", false },
	{ "cid", "CID", true },
	{ "pid", "PID", true },
	{ "lastPath", "LAST", false },
	{ "slot", "SLOT", true },
	{ "in", "IN", true },
	{ "out", "OUT", true },
	{ "dropped", "DROPPED", true },
};

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

/* ---- commands ---- */

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
	json_array_foreach(vms, i, vm) {
		if (as_json)
			properties_of_vm(vm);
		else
			flatten(vm);
	}
	if (as_json) {
		output_json(vms);
	} else {
		output_table(vms, columns, COUNT(columns));
	}
	json_decref(answer.json);
	return output_end(argv[0]);
}

int vm_show_command(const struct ctl *ctl, int argc, char **argv)
{
	struct hostd_answer answer;
	char uuid[UUID_TEXT], path[64];
	bool as_json;
	int exit;

	if (!arguments_json_words(argc, argv, &as_json, 1, "one UUID or name"))
		return EXIT_USAGE;
	exit = names_resolve(ctl, argv[0], argv[optind], uuid);
	if (exit)
		return exit;
	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	exit = hostd_ask(ctl, argv[0], argv[optind], "GET", path, NULL, &answer);
	if (exit)
		return exit;
	if (as_json) {
		properties_of_vm(answer.json);
		output_json(answer.json);
	} else {
		print_vm(answer.json);
	}
	json_decref(answer.json);
	return output_end(argv[0]);
}
