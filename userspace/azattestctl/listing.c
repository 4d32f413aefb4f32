// SPDX-License-Identifier: GPL-2.0
// Owns commands that list what the module has: a dump, as a table or as JSON.

#include "module.h"

json_t *listing_rows(const struct listing *listing, const char *command, int *exit)
{
	struct about about = { .command = command };
	struct question q;
	json_t *rows;

	*exit = question_begin(&q, listing->command, NLM_F_DUMP);
	if (*exit)
		return NULL;
	rows = json_array();
	*exit = question_finish(&q, &about, listing->fn, rows);
	if (!*exit)
		return rows;
	json_decref(rows);
	return NULL;
}

int output_listing(const struct listing *listing, int argc, char **argv)
{
	json_t *rows;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	rows = listing_rows(listing, argv[0], &exit);
	if (!rows)
		return exit;
	if (as_json)
		output_json(rows);
	else
		output_table(rows, listing->columns, listing->count);
	json_decref(rows);
	return output_end(argv[0]);
}
