// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm bind": gives a running VM its identity, by its VMM's process.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

#define COMMAND	"vm bind"

static bool read_wish(int argc, char **argv, struct vm_wish *w)
{
	static const struct option table[] = {
		{ "uuid", required_argument, NULL, 'u' },
		{ "pid", required_argument, NULL, 'i' },
		{ "cid", required_argument, NULL, 'c' },
		{ "name", required_argument, NULL, 'n' },
		{ "profile", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};

	if (!wish_read(w, argc, argv, table) || !arguments_none_left(argc, argv))
		return false;
	if (w->uuid && json_object_get(w->body, "pid"))
		return true;
	say(COMMAND ": needs --uuid and --pid: see azattestctl help");
	return false;
}

static void print_binding(const json_t *binding)
{
	char uuid[OUTPUT_CELL], state[OUTPUT_CELL], cid[OUTPUT_CELL], pid[OUTPUT_CELL];

	output_cell(binding, "uuid", uuid);
	output_cell(binding, "state", state);
	output_cell(binding, "cid", cid);
	output_cell(binding, "pid", pid);
	printf("%s: %s: CID %s, process %s\n", uuid, state, cid, pid);
}

static int bind_vm(const struct ctl *ctl, const struct vm_wish *w)
{
	struct hostd_answer answer;
	char canonical[37], path[64];
	uuid_t uuid;
	int exit;

	if (!arguments_uuid(COMMAND, w->uuid, uuid))
		return EXIT_USAGE;
	uuid_unparse_lower(uuid, canonical);
	if (ctl->dry_run)
		return told_dry_run(COMMAND, w->as_json, canonical, "would be bound to process %lld",
				    (long long)json_integer_value(json_object_get(w->body, "pid")));
	snprintf(path, sizeof(path), "/v1/bindings/%s", canonical);
	exit = hostd_ask(ctl, COMMAND, w->uuid, "PUT", path, w->body, &answer);
	if (exit)
		return exit;
	if (w->as_json)
		output_json(answer.json);
	else
		print_binding(answer.json);
	json_decref(answer.json);
	return output_end(COMMAND);
}

int vm_bind_command(const struct ctl *ctl, int argc, char **argv)
{
	struct vm_wish w = { .command = COMMAND, .body = json_object() };
	int exit = read_wish(argc, argv, &w) ? bind_vm(ctl, &w) : EXIT_USAGE;

	json_decref(w.body);
	return exit;
}
