// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl vm remove": one, some or all VMs that may use REST.

#include "vm.h"

#include <getopt.h>
#include <stdio.h>

static int remove_one(const struct ctl *ctl, const char *command, const char *uuid, bool quiet)
{
	struct hostd_answer answer;
	char path[64];
	int exit = 0;

	snprintf(path, sizeof(path), "/v1/vms/%s", uuid);
	if (!ctl->dry_run)
		exit = hostd_ask(ctl, command, uuid, "DELETE", path, NULL, &answer);
	if (!exit && (!quiet || ctl->dry_run))
		printf("%s: %s\n", uuid, ctl->dry_run ? "would be removed" : "removed");
	return exit;
}

static int remove_all(const struct ctl *ctl, const char *command)
{
	int exit, failed = 0;
	json_t *vms, *vm;
	size_t i;

	exit = names_enrolled(ctl, command, &vms);
	if (exit)
		return exit;
	json_array_foreach(vms, i, vm) {
		exit = remove_one(ctl, command,
				  json_string_value(json_object_get(vm, "uuid")) ?: "", false);
		failed = exit ? exit : failed;
	}
	json_decref(vms);
	return failed ? failed : output_end(command);
}

/* Removal takes a right away: it works on a host in any state. */
int vm_remove_many(const struct ctl *ctl, const char *command, int count, char **words)
{
	char uuid[UUID_TEXT];
	int exit, failed = 0;

	if (!count)
		return remove_all(ctl, command);
	for (int i = 0; i < count; i++) {
		exit = names_resolve(ctl, command, words[i], uuid);
		if (!exit)
			exit = remove_one(ctl, command, uuid, count == 1);
		failed = exit ? exit : failed;
	}
	return failed ? failed : output_end(command);
}

int vm_remove_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option table[] = { { "all", no_argument, NULL, 'a' }, { 0 } };
	bool all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c != 'a')
			return EXIT_USAGE;
		all = true;
	}
	if (all == (optind < argc)) {
		say("%s: takes VMs, or --all: see azattestctl help %s", argv[0], argv[0]);
		return EXIT_USAGE;
	}
	return vm_remove_many(ctl, argv[0], argc - optind, argv + optind);
}
