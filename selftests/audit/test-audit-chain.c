// SPDX-License-Identifier: GPL-2.0
// Promises of the audit chain: whatever is changed in a journal is found, at its place.

#include "journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

/* A journal as bytes, and where its lines begin. */
static char bytes[65536];
static size_t length;
static size_t line[128];
static size_t lines;

static void load(const char *folder)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/audit-000001.jsonl", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = (size_t)read(fd, bytes, sizeof(bytes));
	close(fd);
	tap_need(length > 0 && length < sizeof(bytes));
	for (size_t at = lines = 0; at < length; lines++) {
		line[lines] = at;
		at = (size_t)((char *)memchr(bytes + at, '\n', length - at) - bytes) + 1;
	}
	line[lines] = length;
}

static void make(unsigned int count, bool closed)
{
	const char *folder = journal_folder();
	struct audit_text text;
	struct trail trail;

	journal_open(&trail, folder, 1 << 20, 4, NULL);
	journal_fill(&trail, count);
	audit_text_begin(&text, "stop");
	audit_text_string(&text, "reason", "SIGTERM");
	if (closed)
		trail_add(&trail, 1700000000, &text);
	trail_close(&trail);
	tap_need(journal_whole(folder));
	load(folder);
}

static struct audit_verify judge(const char *text, size_t size)
{
	struct audit_verify verify = { .whole = true };
	int fd = memfd_create("journal", MFD_CLOEXEC);

	tap_need(write(fd, text, size) == (ssize_t)size && !lseek(fd, 0, SEEK_SET));
	if (audit_verify_file(&verify, "journal", fd))
		audit_verify_end(&verify);
	return verify;
}

/* A verdict that names line @number (from 1). */
static bool names_line(const struct audit_verify *verify, size_t number)
{
	char want[32];

	snprintf(want, sizeof(want), "journal:%zu: ", number);
	return !strncmp(verify->wrong, want, strlen(want));
}

static void random_events_are_a_chain_of_json_lines(void)
{
	for (unsigned int seed = 1; seed <= 20; seed++) {
		struct audit_verify verify;

		srand(seed);
		make(60, true);
		verify = judge(bytes, length);
		tap_need_msg(!*verify.wrong, "%s", verify.wrong);
		tap_need_eq(verify.lines, 62);
		tap_need_eq(verify.last.seq, 62);
		tap_need_eq(verify.end, AUDIT_END_CLOSED);
		for (size_t i = 0; i < lines; i++) {
			json_t *json = json_loadb(bytes + line[i], line[i + 1] - line[i],
						  JSON_REJECT_DUPLICATES, NULL);

			tap_need_msg(json_is_object(json), "no JSON: %.*s",
				     (int)(line[i + 1] - line[i]), bytes + line[i]);
			tap_need_eq(json_integer_value(json_object_get(json, "seq")), i + 1);
			json_decref(json);
		}
	}
}

static void every_changed_byte_is_found(void)
{
	size_t number = 0;

	srand(1);
	make(12, true);
	for (size_t at = 0; at < length; at++) {
		char kept = bytes[at];

		number += at == line[number];
		for (int change = 0; change < 3; change++) {
			struct audit_verify verify;

			bytes[at] = (char)(change == 0 ? kept ^ 1 : change == 1 ? kept ^ 0x80 : '\n');
			if (bytes[at] == kept)
				continue;
			verify = judge(bytes, length);
			/* The last line without its end is a torn one. */
			if (at == length - 1)
				tap_need_eq(verify.end, AUDIT_END_TORN);
			else
				tap_need_msg(names_line(&verify, number),
					     "byte %zu of line %zu: \"%s\"", at, number, verify.wrong);
		}
		bytes[at] = kept;
	}
}

/* @size bytes from @from are replaced by @with. */
static struct audit_verify spliced(size_t from, size_t size, const char *with, size_t with_size)
{
	static char copy[2 * sizeof(bytes)];

	memcpy(copy, bytes, from);
	memcpy(copy + from, with, with_size);
	memcpy(copy + from + with_size, bytes + from + size, length - from - size);
	return judge(copy, length - size + with_size);
}

static void removed_lines_are_found(void)
{
	srand(2);
	make(20, true);
	for (size_t i = 0; i + 1 < lines; i++) {
		struct audit_verify verify = spliced(line[i], line[i + 1] - line[i], "", 0);

		tap_need_msg(names_line(&verify, i + 1), "line %zu: \"%s\"", i + 1, verify.wrong);
	}
}

static void duplicated_lines_are_found(void)
{
	srand(3);
	make(20, true);
	for (size_t i = 0; i < lines; i++) {
		struct audit_verify verify = spliced(line[i + 1], 0, bytes + line[i],
						     line[i + 1] - line[i]);

		tap_need_msg(names_line(&verify, i + 2), "line %zu: \"%s\"", i + 1, verify.wrong);
	}
}

static void swapped_lines_are_found(void)
{
	static char swapped[8192];

	srand(4);
	make(20, true);
	for (size_t i = 0; i + 2 < lines; i++) {
		size_t first = line[i + 1] - line[i], second = line[i + 2] - line[i + 1];
		struct audit_verify verify;

		memcpy(swapped, bytes + line[i + 1], second);
		memcpy(swapped + second, bytes + line[i], first);
		verify = spliced(line[i], first + second, swapped, first + second);
		tap_need_msg(names_line(&verify, i + 1), "line %zu: \"%s\"", i + 1, verify.wrong);
	}
}

/* At a line's end only the closing line tells that something was there; or a head noted elsewhere. */
static void every_cut_is_torn_or_not_closed(void)
{
	size_t next = 1;

	srand(5);
	make(12, true);
	for (size_t at = 1; at < length; at++) {
		struct audit_verify verify = judge(bytes, at);

		if (at == line[next]) {
			next++;
			tap_need_eq(verify.end, AUDIT_END_OPEN);
			tap_need_eq(verify.lines, next - 1);
		} else {
			tap_need_eq(verify.end, AUDIT_END_TORN);
			tap_need_eq(verify.torn, at - line[next - 1]);
		}
	}
}

static void noted_head_is_met_or_the_rewrite_is_found(void)
{
	struct audit_verify verify = { 0 }, whole;
	int fd;

	srand(6);
	make(12, true);
	whole = judge(bytes, length);
	for (size_t i = 2; i < lines; i++) {
		verify = (struct audit_verify){ .want = whole.last };
		fd = memfd_create("journal", MFD_CLOEXEC);
		tap_need(write(fd, bytes, line[i]) == (ssize_t)line[i] && !lseek(fd, 0, SEEK_SET));
		tap_need(audit_verify_file(&verify, "journal", fd));
		tap_need(!audit_verify_end(&verify) && strstr(verify.wrong, "before the given head"));
	}
	make(12, true);		/* as root would write it anew */
	verify = (struct audit_verify){ .want = whole.last };
	fd = memfd_create("journal", MFD_CLOEXEC);
	tap_need(write(fd, bytes, length) == (ssize_t)length && !lseek(fd, 0, SEEK_SET));
	tap_need(!audit_verify_file(&verify, "journal", fd));
	tap_need(strstr(verify.wrong, "has another hash than the given head"));
}

static void what_is_no_journal_is_said(void)
{
	static char big[3 * AUDIT_LINE_MAX];
	struct audit_verify verify = judge("", 0);

	tap_need(!strcmp(verify.wrong, "there is no line"));
	verify = judge("\n", 1);
	tap_need(names_line(&verify, 1));
	verify = judge("{\"seq\":1}\n", 10);
	tap_need(names_line(&verify, 1));
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\n';
	verify = judge(big, sizeof(big));
	tap_need(names_line(&verify, 1) && strstr(verify.wrong, "longer than a line"));
	/* Blocks that were never written, behind good lines, are a torn end however long. */
	srand(7);
	make(5, false);
	memset(bytes + length, 0, 3 * AUDIT_LINE_MAX);
	verify = judge(bytes, length + 3 * AUDIT_LINE_MAX);
	tap_need_msg(!*verify.wrong, "%s", verify.wrong);
	tap_need_eq(verify.end, AUDIT_END_TORN);
	tap_need_eq(verify.torn, 3 * AUDIT_LINE_MAX);
}

static void random_damage_is_never_whole(void)
{
	unsigned int loops = tap_loops(3000, 100000);

	srand(8);
	make(12, true);
	while (loops--) {
		static char copy[sizeof(bytes)];
		size_t at = (size_t)rand() % length, size = 1 + (size_t)rand() % 40;
		struct audit_verify verify;

		memcpy(copy, bytes, length);
		for (size_t i = at; i < at + size && i < length; i++)
			copy[i] = (char)rand();
		if (!memcmp(copy, bytes, length))
			continue;
		verify = judge(copy, length);
		tap_need_msg(*verify.wrong || verify.end == AUDIT_END_TORN,
			     "%zu bytes at %zu", size, at);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(random_events_are_a_chain_of_json_lines),
	TAP_TEST(every_changed_byte_is_found),
	TAP_TEST(removed_lines_are_found),
	TAP_TEST(duplicated_lines_are_found),
	TAP_TEST(swapped_lines_are_found),
	TAP_TEST(every_cut_is_torn_or_not_closed),
	TAP_TEST(noted_head_is_met_or_the_rewrite_is_found),
	TAP_TEST(what_is_no_journal_is_said),
	TAP_TEST(random_damage_is_never_whole),
};

int main(int argc, char **argv)
{
	return journal_main(tests, TAP_COUNT(tests), argc, argv);
}
