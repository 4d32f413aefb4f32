// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl sync": a certificate now, or the one line that says why not.

#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void print_answer(const json_t *answer)
{
	time_t end = json_integer_value(json_object_get(answer, "not_after"));
	char until[32] = "";
	struct tm tm;

	if (gmtime_r(&end, &tm))
		strftime(until, sizeof(until), "%Y-%m-%d %H:%M UTC", &tm);
	printf("generation %lld is in use: source %s, until %s\n",
	       (long long)json_integer_value(json_object_get(answer, "generation")),
	       json_string_value(json_object_get(answer, "source")), until);
}

int sync_command(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	answer = ask_daemon_slow(ctl, "sync", &exit);
	if (!answer)
		return exit;
	if (as_json)
		output_json(answer);
	else
		print_answer(answer);
	json_decref(answer);
	return output_end(argv[0]);
}
