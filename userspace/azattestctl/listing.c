// SPDX-License-Identifier: GPL-2.0
// Owns commands that list what the module has: a dump, as a table or as JSON.

#include "module.h"

int output_listing(const struct listing *listing, int argc, char **argv)
{
	struct about about = { .command = argv[0] };
	struct question q;
	json_t *rows;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	exit = question_begin(&q, listing->command, NLM_F_DUMP);
	if (exit)
		return exit;
	rows = json_array();
	exit = question_finish(&q, &about, listing->fn, rows);
	if (!exit && as_json)
		output_json(rows);
	else if (!exit)
		output_table(rows, listing->columns, listing->count);
	json_decref(rows);
	return exit ? exit : output_end(argv[0]);
}
