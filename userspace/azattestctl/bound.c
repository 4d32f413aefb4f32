// SPDX-License-Identifier: GPL-2.0
// Owns what is told of the VMs that azattest-hostd binds by their VMM's device (docs/api.md).

#include "ctl.h"

#include <string.h>

static const char *text_of(const json_t *binding, const char *key)
{
	return json_string_value(json_object_get(binding, key)) ?: "";
}

bool bound_waits(const json_t *binding)
{
	return !strcmp(text_of(binding, "state"), "waiting");
}

size_t bound_waiting(const json_t *bindings)
{
	size_t waiting = 0, i;
	json_t *binding;

	json_array_foreach((json_t *)bindings, i, binding)
		waiting += bound_waits(binding);
	return waiting;
}

const char *bound_called(const json_t *binding)
{
	const char *name = text_of(binding, "name");

	return *name ? name : text_of(binding, "uuid");
}

const char *bound_reason(const json_t *binding)
{
	return text_of(binding, "reason");
}
