// SPDX-License-Identifier: GPL-2.0
// Owns how answers are printed: as JSON, or as a table.

#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool no_headers;

void output_no_headers(void)
{
	no_headers = true;
}

void output_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void output_cell(const json_t *row, const char *key, char out[OUTPUT_CELL])
{
	const json_t *value = json_object_get(row, key);
	const char *text = json_string_value(value);

	if (json_is_integer(value))
		snprintf(out, OUTPUT_CELL, "%lld", (long long)json_integer_value(value));
	else
		snprintf(out, OUTPUT_CELL, "%s", text && *text ? text : "-");
	output_plain(out);
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
	int width = no_headers ? 0 : width_of(column->title);
	char text[OUTPUT_CELL];
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) {
		output_cell(row, column->key, text);
		if (width_of(text) > width)
			width = width_of(text);
	}
	return width;
}

static void print_cell(const char *text, bool right, int width, bool last)
{
	int pad = width - width_of(text);

	printf("%*s", right ? pad : 0, "");
	output_word(text);
	if (!last)
		printf("%*s", (right ? 0 : pad) + 2, "");
	else
		putchar('\n');
}

void output_table(const json_t *rows, const struct column *columns, size_t count)
{
	int *width = calloc(count, sizeof(*width));
	char text[OUTPUT_CELL];
	json_t *row;
	size_t i, c;

	if (!width)
		abort();
	for (c = 0; c < count; c++)
		width[c] = column_width(rows, &columns[c]);
	for (c = 0; c < count && !no_headers; c++)
		print_cell(columns[c].title, columns[c].right, width[c], c + 1 == count);
	json_array_foreach((json_t *)rows, i, row) {
		for (c = 0; c < count; c++) {
			output_cell(row, columns[c].key, text);
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
