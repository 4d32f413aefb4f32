// SPDX-License-Identifier: GPL-2.0
// Owns the list of VMs that have an identity now, each with its VMM's process.

#include "module.h"
#include "vm.h"

#include <string.h>

/* The module knows who called BIND: where that was azattest-hostd, it knows for whom. */
static void correct(json_t *vms, const json_t *made)
{
	const json_t *binding;
	size_t i;

	json_array_foreach((json_t *)made, i, binding) {
		const char *uuid = json_string_value(json_object_get(binding, "uuid"));
		json_t *vm = uuid ? names_of_uuid(vms, uuid) : NULL;

		if (vm)
			json_object_set(vm, "pid", json_object_get(binding, "pid"));
	}
}

int running_vms(const struct ctl *ctl, const char *command, json_t **vms)
{
	struct hostd_answer answer;
	int exit;

	*vms = bindings_list(command, &exit);
	if (!*vms)
		return exit;
	hostd_call(ctl, "GET", "/v1/bindings", NULL, &answer);
	correct(*vms, json_object_get(answer.json, "bindings"));
	json_decref(answer.json);
	return 0;
}
