// SPDX-License-Identifier: GPL-2.0
// Owns how answers of the module are printed: as JSON, or as a table.

#include "module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX	80

/* A field as a cell: "-" if there is none, so that columns can be counted. */
static void cell(const json_t *row, const char *key, char out[CELL_MAX])
{
	const json_t *value = json_object_get(row, key);
	const char *text = json_string_value(value);

	if (json_is_integer(value))
		snprintf(out, CELL_MAX, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, CELL_MAX, "%s", text && *text ? text : "-");
	for (; *out; out++)	/* the module lets none of these through */
		if ((unsigned char)*out < ' ' || *out == 0x7f)
			*out = '?';
}

/* Characters of UTF-8, not bytes. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static int column_width(const json_t *rows, const struct column *column)
{
	int width = width_of(column->title);
	char text[CELL_MAX];
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) {
		cell(row, column->key, text);
		if (width_of(text) > width)
			width = width_of(text);
	}
	return width;
}

static void print_cell(const char *text, bool right, int width, bool last)
{
	int pad = width - width_of(text);

	printf("%*s%s", right ? pad : 0, "", text);
	if (!last)
		printf("%*s", (right ? 0 : pad) + 2, "");
	else
		putchar('\n');
}

void output_table(const json_t *rows, const struct column *columns, size_t count)
{
	int *width = calloc(count, sizeof(*width));
	char text[CELL_MAX];
	json_t *row;
	size_t i, c;

	if (!width)
		abort();
	for (c = 0; c < count; c++)
		width[c] = column_width(rows, &columns[c]);
	for (c = 0; c < count; c++)
		print_cell(columns[c].title, columns[c].right, width[c], c + 1 == count);
	json_array_foreach((json_t *)rows, i, row) {
		for (c = 0; c < count; c++) {
			cell(row, columns[c].key, text);
			print_cell(text, columns[c].right, width[c], c + 1 == count);
		}
	}
	free(width);
}

void output_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

int output_end(const char *command)
{
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_SUCCESS;
	say("%s: standard output: %s", command, strerror(errno));
	return EXIT_FAILURE;
}

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
