// SPDX-License-Identifier: GPL-2.0
// Owns what status says of REST access.

#include "ctl.h"

#include <stdio.h>

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_problems(const json_t *problems)
{
	const json_t *problem;
	size_t i;

	json_array_foreach((json_t *)problems, i, problem) {
		char text[1024];

		snprintf(text, sizeof(text), "%s", json_string_value(problem) ?: "");
		output_plain(text);
		printf("problem:     %s\n", text);
	}
}

static void print_drops(const json_t *drops)
{
	const char *reason, *comma = "";
	json_t *count;

	if (!json_object_size(drops))
		return;
	printf("drops:       ");
	json_object_foreach((json_t *)drops, reason, count) {
		printf("%s%s %lld", comma, reason, (long long)json_integer_value(count));
		comma = ", ";
	}
	putchar('\n');
}

static void print_restd(const json_t *restd)
{
	if (json_is_true(json_object_get(restd, "connected")))
		printf("restd:       process %lld\n", number_of(restd, "pid"));
	else
		puts("restd:       not connected: systemctl status azattest-restd");
}

static void print_access(const json_t *legacy)
{
	char state[OUTPUT_CELL], bridge[OUTPUT_CELL], address[OUTPUT_CELL];

	output_cell(legacy, "state", state);
	output_cell(legacy, "bridge", bridge);
	output_cell(legacy, "address", address);
	printf("rest:        ");
	output_word(state);
	printf(", %s port %lld on %s, %lld of %lld slots", address,
	       number_of(legacy, "port"), bridge, number_of(legacy, "used"),
	       number_of(legacy, "slots"));
	if (number_of(legacy, "repairs"))
		printf(", repairs: %lld", number_of(legacy, "repairs"));
	putchar('\n');
}

void rest_print_status(const struct hostd_answer *answer)
{
	const json_t *legacy = json_object_get(answer->json, "legacy");
	const json_t *vms = json_object_get(answer->json, "vms");

	if (answer->status != 200) {
		printf("rest:        no answer: %s\n",
		       answer->status ? "azattest-hostd refuses" : answer->why);
		return;
	}
	if (!json_is_true(json_object_get(legacy, "enabled"))) {
		puts("rest:        off (azattestctl legacy on)");
		print_problems(json_object_get(legacy, "problems"));
		return;
	}
	print_access(legacy);
	print_problems(json_object_get(legacy, "problems"));
	print_restd(json_object_get(answer->json, "restd"));
	printf("VMs:         %lld active, %lld waiting, %lld draining\n", number_of(vms, "active"),
	       number_of(vms, "waiting"), number_of(vms, "draining"));
	print_drops(json_object_get(answer->json, "drops"));
}
