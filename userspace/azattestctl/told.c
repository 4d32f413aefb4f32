// SPDX-License-Identifier: GPL-2.0
// Owns what is told of each VM that a command works on: a line, or with --json an object.

#include "vm.h"

#include <stdarg.h>
#include <stdio.h>

/* Text that somebody else wrote may be no UTF-8. */
static json_t *text_json(const char *text)
{
	return json_string(text) ?: json_string("?");
}

static void take(const struct ctl *ctl, const char *uuid, const char *name, const char *text)
{
	json_t *one = json_pack("{s:s, s:o}", "uuid", uuid, "text", text_json(text));

	if (name)
		json_object_set_new(one, "name", text_json(name));
	json_array_append_new(ctl->told, one);
}

void told_vm(const struct ctl *ctl, const char *uuid, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	output_plain(text);
	if (ctl->told)
		take(ctl, uuid, NULL, text);
	else
		printf("%s: %s\n", uuid, text);
}

/* An administrator wants to know whether that was all, or what is missing. */
void told_state(const struct ctl *ctl, const json_t *vm)
{
	const char *reason = json_string_value(json_object_get(vm, "reason")) ?: "";

	told_vm(ctl, json_string_value(json_object_get(vm, "uuid")) ?: "", "%s%s%s",
		json_string_value(json_object_get(vm, "state")) ?: "", *reason ? ": " : "", reason);
}

/* What has come of one of several is also how far the work is. */
void told_domain(const struct ctl *ctl, const json_t *row)
{
	json_int_t of = json_integer_value(json_object_get(row, "of"));
	char name[1024], text[1024];

	domains_text(row, "name", name);
	domains_text(row, "text", text);
	if (ctl->told) {
		take(ctl, json_string_value(json_object_get(row, "uuid")) ?: "", name, text);
		return;
	}
	if (of > 1)
		printf("[%d/%d] ", (int)json_integer_value(json_object_get(row, "number")), (int)of);
	printf("%s: %s\n", name, text);
	fflush(stdout);
}

int told_dry_run(const char *command, bool as_json, const char *uuid, const char *format, ...)
{
	char text[256];
	va_list args;
	json_t *json;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (as_json) {
		json = json_pack("{s:s, s:b, s:o}", "uuid", uuid, "dryRun", 1, "text", text_json(text));
		output_json(json);
		json_decref(json);
	} else {
		printf("%s: %s\n", uuid, text);
	}
	return output_end(command);
}
