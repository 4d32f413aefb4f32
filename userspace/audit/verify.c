// SPDX-License-Identifier: GPL-2.0
// Owns the judgement over audit files: one chain, or the first place where it breaks.

#include "audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line and where it stands. */
struct place {
	const char *file;
	uint64_t number;	/* in its file, from 1 */
	const char *text;
	size_t length;
};

__attribute__((format(printf, 2, 3)))
static bool wrong(struct audit_verify *verify, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(verify->wrong, sizeof(verify->wrong), format, args);
	va_end(args);
	return false;
}

static bool wrong_line(struct audit_verify *verify, const struct place *place, const char *why)
{
	return wrong(verify, "%s:%" PRIu64 ": %s", place->file, place->number, why);
}

/* The very first line has nothing before it; of a later one that is first here nobody can tell. */
static bool follows(const struct audit_verify *verify, const struct audit_line *line)
{
	struct audit_head nothing;

	if (verify->lines)
		return !strcmp(line->prev, verify->last.hash);
	audit_head_first(&nothing);
	return line->seq != 1 || !strcmp(line->prev, nothing.hash);
}

static bool check_order(struct audit_verify *verify, const struct place *place,
			const struct audit_line *line)
{
	char why[160];

	if (verify->lines && line->seq != verify->last.seq + 1) {
		snprintf(why, sizeof(why), "is number %" PRIu64 " behind number %" PRIu64
			 ": lines were removed, added or moved", line->seq, verify->last.seq);
		return wrong_line(verify, place, why);
	}
	if (!follows(verify, line))
		return wrong_line(verify, place, "names another hash than that of the line before: "
				  "lines were replaced");
	if (line->seq == verify->want.seq && strcmp(line->hash, verify->want.hash))
		return wrong_line(verify, place, "has another hash than the given head: the "
				  "journal was rewritten since that was noted");
	return true;
}

static bool check_first(struct audit_verify *verify, const struct place *place)
{
	if (!audit_line_is(place->text, place->length, "file"))
		return wrong_line(verify, place, "is not the begin of a file: the lines before it "
				  "were removed");
	if (!verify->files)
		verify->first_file = (uint32_t)audit_line_number(place->text, place->length, "file");
	verify->oldest = (uint32_t)audit_line_number(place->text, place->length, "oldest");
	return true;
}

/* What the journal says of itself. */
static void hear(struct audit_verify *verify, const struct place *place)
{
	static const char crash[] = ",\"after\":\"crash\"";
	bool lost = audit_line_is(place->text, place->length, "lost") ||
		    audit_line_is(place->text, place->length, "gap");
	bool start = audit_line_is(place->text, place->length, "start");

	if (lost)
		verify->lost += audit_line_number(place->text, place->length, "lines");
	if (start && memmem(place->text, place->length, crash, strlen(crash)))
		verify->crashes++;
	verify->end = audit_line_is(place->text, place->length, "stop") ? AUDIT_END_CLOSED :
		AUDIT_END_OPEN;
}

static bool check_line(struct audit_verify *verify, const struct place *place)
{
	struct audit_line line;
	const char *why = audit_line_check(place->text, place->length, &line);

	if (why)
		return wrong_line(verify, place, why);
	if (!check_order(verify, place, &line) ||
	    (place->number == 1 && !check_first(verify, place)))
		return false;
	verify->last.seq = line.seq;
	strcpy(verify->last.hash, line.hash);
	if (!verify->lines++)
		verify->first = verify->last;
	hear(verify, place);
	return true;
}

static bool check_lines(struct audit_verify *verify, struct place *place,
			struct audit_reader *reader)
{
	int ret;

	while ((ret = audit_reader_next(reader, &place->text, &place->length)) > 0) {
		place->number++;
		if (!check_line(verify, place))
			return false;
	}
	if (ret == -ENODATA || (!ret && !place->number)) {
		verify->end = AUDIT_END_TORN;
		verify->torn = place->length;
		ret = 0;
	}
	if (ret == -EMSGSIZE) {
		place->number++;
		return wrong_line(verify, place, "is longer than a line can be");
	}
	return ret ? wrong(verify, "%s: cannot be read: %s", place->file, strerror(-ret)) : true;
}

bool audit_verify_file(struct audit_verify *verify, const char *name, int fd)
{
	struct place place = { .file = name };
	struct audit_reader reader;
	bool ok;

	audit_reader_open(&reader, fd);
	if (verify->end == AUDIT_END_TORN)
		ok = wrong(verify, "%s: the file before it ends in the midst of a line", name);
	else
		ok = check_lines(verify, &place, &reader);
	audit_reader_close(&reader);
	verify->files++;
	return ok;
}

bool audit_verify_end(struct audit_verify *verify)
{
	uint64_t want = verify->want.seq;

	if (!verify->lines)
		return wrong(verify, "there is no line");
	if (verify->whole && verify->first_file > verify->oldest)
		return wrong(verify, "file %" PRIu32 " is the first, and file %" PRIu32
			     " should still be there: files were removed", verify->first_file,
			     verify->oldest);
	if (want > verify->last.seq)
		return wrong(verify, "ends with number %" PRIu64 ", before the given head: lines "
			     "at the end were removed since that was noted", verify->last.seq);
	if (want && want < verify->first.seq)
		return wrong(verify, "begins with number %" PRIu64 ", behind the given head: its "
			     "file was deleted when its time had come, a copy would tell",
			     verify->first.seq);
	return true;
}
