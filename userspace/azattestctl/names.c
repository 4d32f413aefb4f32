// SPDX-License-Identifier: GPL-2.0
// Owns which VM a word means: a UUID, or a name that one VM alone has.

#include "vm.h"

#include <string.h>

#include <uuid/uuid.h>

bool names_is_uuid(const char *word, char uuid[UUID_TEXT])
{
	uuid_t binary;

	if (uuid_parse(word, binary))
		return false;
	uuid_unparse_lower(binary, uuid);
	return true;
}

static const char *member(const json_t *vm, const char *key)
{
	return json_string_value(json_object_get(vm, key)) ?: "";
}

int names_find(const char *command, const char *name, const json_t *vms, char uuid[UUID_TEXT])
{
	unsigned int found = 0;
	const json_t *vm;
	size_t i;

	json_array_foreach((json_t *)vms, i, vm) {
		if (strcmp(member(vm, "name"), name) || !names_is_uuid(member(vm, "uuid"), uuid))
			continue;
		found++;
	}
	if (found == 1)
		return 0;
	if (found)
		say("%s %s: %u VMs have this name: give the UUID", command, name, found);
	return found ? EXIT_REFUSED : EXIT_UNKNOWN;
}

json_t *names_of_uuid(const json_t *vms, const char *uuid)
{
	json_t *vm;
	size_t i;

	json_array_foreach((json_t *)vms, i, vm)
		if (!strcmp(member(vm, "uuid"), uuid))
			return vm;
	return NULL;
}

int names_enrolled(const struct ctl *ctl, const char *command, json_t **vms)
{
	struct hostd_answer answer;
	int exit = hostd_ask(ctl, command, NULL, "GET", "/v1/vms", NULL, &answer);

	*vms = exit ? NULL : json_incref(json_object_get(answer.json, "vms"));
	if (!exit)
		json_decref(answer.json);
	return exit;
}

int names_resolve(const struct ctl *ctl, const char *command, const char *word,
		  char uuid[UUID_TEXT])
{
	json_t *vms;
	int exit;

	if (names_is_uuid(word, uuid))
		return 0;
	exit = names_enrolled(ctl, command, &vms);
	if (exit)
		return exit;
	exit = names_find(command, word, vms, uuid);
	json_decref(vms);
	if (exit != EXIT_UNKNOWN)
		return exit;
	say("%s %s: no enrolled VM has this name or UUID: azattestctl vm list", command, word);
	return EXIT_REFUSED;
}
