// SPDX-License-Identifier: GPL-2.0
// Owns the history of certificates: what came, what was dropped, since when none came.

#include "azattestd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 *   STATE/history   one JSON object a line, the newest last, HISTORY_MAX of them
 *
 *   issued   a new certificate: generation, source, serial, not_before, not_after
 *   dropped  the same, and error: signers could not work with it
 *   retired  decommissioned, with what was in use, and revoked: whether by the CA
 *   failing  error: the first failure in a row; the next "issued" ends it
 *
 * It is written as a whole, so that it is there as a whole. What cannot be
 * written is known until the daemon ends: a certificate does not wait for it.
 */
#define NOTE		"history"
#define LINE_MAX_BYTES	640
#define WHY_MAX		300
#define GENERATION_MAX	100000000	/* no damaged line uses all numbers up */

static void trim(json_t *entries)
{
	while (json_array_size(entries) > HISTORY_MAX)
		json_array_remove(entries, 0);
}

static void keep(struct azattestd *d)
{
	size_t size = HISTORY_MAX * LINE_MAX_BYTES, length = 0, i;
	char *text = malloc(size);
	struct failure failure;
	json_t *entry;

	json_array_foreach(d->history, i, entry) {
		size_t n = text ? json_dumpb(entry, text + length, size - length, JSON_COMPACT) : 0;

		if (!n || length + n >= size)
			break;
		length += n;
		text[length++] = '\n';
	}
	if (text && state_replace(&d->state, NOTE, text, length, &failure))
		log_line(LOG_WARNING, "history: %s", failure.text);
	free(text);
}

static void add(struct azattestd *d, json_t *entry)
{
	if (!entry)
		return;
	json_array_append_new(d->history, entry);
	trim(d->history);
	keep(d);
}

/* Lines that are none of ours are left out; the rest is as good as before. */
static void take_line(struct azattestd *d, const char *line, size_t length)
{
	json_t *entry = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_integer(json_object_get(entry, "time")) &&
	    json_is_string(json_object_get(entry, "event")) && length < LINE_MAX_BYTES)
		json_array_append(d->history, entry);
	json_decref(entry);
}

static void take_lines(struct azattestd *d, const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			break;
		take_line(d, text, (size_t)(stop - text));
		text = stop + 1;
	}
	trim(d->history);
}

static const json_t *newest(const struct azattestd *d)
{
	size_t count = json_array_size(d->history);

	return count ? json_array_get(d->history, count - 1) : NULL;
}

static bool is_event(const json_t *entry, const char *event)
{
	const char *is = json_string_value(json_object_get(entry, "event"));

	return is && !strcmp(is, event);
}

void history_open(struct azattestd *d)
{
	size_t size = HISTORY_MAX * LINE_MAX_BYTES * 2;
	char *text = malloc(size);
	struct failure failure;
	int length = -ENOMEM;

	d->history = json_array();
	if (!d->history)
		abort();
	if (text)
		length = state_read(&d->state, ".", NOTE, text, size, &failure);
	if (length > 0)
		take_lines(d, text, (size_t)length);
	else if (length < 0 && length != -ENOENT)
		log_line(LOG_WARNING, "history: begun anew: %s", text ? failure.text : "no memory");
	free(text);
}

void history_close(struct azattestd *d)
{
	json_decref(d->history);
	d->history = NULL;
}

static json_t *about_leaf(const struct azattestd *d, const char *event)
{
	char serial[SHOW_SERIAL];

	return json_pack("{s:I, s:s, s:I, s:s, s:s, s:I, s:I}", "time", (json_int_t)time(NULL),
			 "event", event, "generation", (json_int_t)d->leaf.number,
			 "source", config_sources[d->leaf.source],
			 "serial", show_serial(d->leaf.cert, serial),
			 "not_before", (json_int_t)d->leaf.not_before,
			 "not_after", (json_int_t)d->leaf.not_after);
}

static void add_why(json_t *entry, const char *why)
{
	char text[WHY_MAX];

	snprintf(text, sizeof(text), "%s", why);
	json_object_set_new(entry, "error", status_text(text));
}

void history_issued(struct azattestd *d)
{
	add(d, about_leaf(d, "issued"));
}

void history_dropped(struct azattestd *d, const char *why)
{
	json_t *entry = d->leaf.number ? about_leaf(d, "dropped") :
		json_pack("{s:I, s:s}", "time", (json_int_t)time(NULL), "event", "dropped");

	add_why(entry, why);
	add(d, entry);
}

void history_retired(struct azattestd *d)
{
	json_t *entry = d->leaf.number ? about_leaf(d, "retired") :
		json_pack("{s:I, s:s}", "time", (json_int_t)time(NULL), "event", "retired");

	json_object_set_new(entry, "revoked", json_boolean(d->retire.revoked == REVOCATION_DONE));
	add(d, entry);
}

/* Only the first of a row: an outage of a month is one line. */
void history_failing(struct azattestd *d, const char *why)
{
	json_t *entry;

	if (is_event(newest(d), "failing"))
		return;
	entry = json_pack("{s:I, s:s, s:s}", "time", (json_int_t)time(NULL), "event", "failing",
			  "source", config_sources[d->config.source]);
	add_why(entry, why);
	add(d, entry);
}

uint64_t history_newest(const struct azattestd *d)
{
	json_int_t newest = 0;
	size_t i;
	json_t *entry;

	json_array_foreach(d->history, i, entry) {
		json_int_t number = json_integer_value(json_object_get(entry, "generation"));

		if (number > newest && number <= GENERATION_MAX)
			newest = number;
	}
	return (uint64_t)newest;
}

int64_t history_failing_since(const struct azattestd *d)
{
	const json_t *entry = newest(d);

	return is_event(entry, "failing") ? json_integer_value(json_object_get(entry, "time")) : 0;
}
