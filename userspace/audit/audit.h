/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The audit journal's form: what azattestd writes and azattestctl reads.
 * docs/audit.md is its manual.
 *
 *   text.c     members of a line, as JSON
 *   chain.c    a line's number and hashes, made and checked
 *   files.c    the files of a directory, in their order
 *   reader.c   the lines of one file
 *   verify.c   whether many files are one chain
 *
 *   audit-000007.jsonl
 *   {"seq":41,"prev":"HASH","time":"...","event":"file","file":7,"oldest":2,"hash":"HASH"}
 *   {"seq":42,"prev":"HASH","time":"...","event":"issued",...,"hash":"HASH"}
 *
 * "hash" is the SHA-256 of all that stands before it in its line, and "prev" the
 * "hash" of the line before, of the file before if need be. So the last line vouches
 * for all others.
 */
#ifndef AZATTEST_AUDIT_H
#define AZATTEST_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_LINE_MAX	4096	/* with its end */
#define AUDIT_TEXT_MAX	3072	/* of members between time and hash */
#define AUDIT_HASH_SIZE	65	/* hex, with a NUL */
#define AUDIT_NAME_SIZE	32	/* of a file */
#define AUDIT_FOLDER	"audit"	/* in the state directory */

/* A line, and with it all before it; seq 0: before the first. */
struct audit_head {
	uint64_t seq;
	char hash[AUDIT_HASH_SIZE];
};

void audit_head_first(struct audit_head *head);

/* text.c */

struct audit_text {
	char text[AUDIT_TEXT_MAX];
	size_t length;
};

void audit_text_begin(struct audit_text *text, const char *event);
/* What is no UTF-8, and control characters, become "?"; long values are cut. */
void audit_text_string(struct audit_text *text, const char *key, const char *value);
void audit_text_number(struct audit_text *text, const char *key, uint64_t value);
/* Seconds since 1970 as 2026-11-22T08:00:00Z. */
void audit_text_time(struct audit_text *text, const char *key, int64_t value);
/* SHA-256 of @bytes in hex. */
void audit_text_hash(struct audit_text *text, const char *key, const void *bytes, size_t length);

/* chain.c */

/* SHA-256 in hex. */
void audit_hash(const void *bytes, size_t length, char out[AUDIT_HASH_SIZE]);
/* The line behind *@head, which moves on; its length. */
size_t audit_chain(struct audit_head *head, int64_t time, const struct audit_text *text,
		   char out[AUDIT_LINE_MAX]);

struct audit_line {
	uint64_t seq;
	char prev[AUDIT_HASH_SIZE];
	char hash[AUDIT_HASH_SIZE];
};

/* Of a line by itself, @length without its end: NULL, or what is wrong with it. */
const char *audit_line_check(const char *text, size_t length, struct audit_line *line);
/* Whether it is of this event, and the value of a number in it, 0 if there is none. */
bool audit_line_is(const char *text, size_t length, const char *event);
uint64_t audit_line_number(const char *text, size_t length, const char *key);

/* files.c */

void audit_file_name(uint32_t number, char name[AUDIT_NAME_SIZE]);
/* 0 if it is no name of a file of the journal. */
uint32_t audit_file_number(const char *name);
/* Numbers in order; *@count of them, to be freed. 0 or -errno. */
int audit_files(int dir, uint32_t **numbers, size_t *count);

/* reader.c */

struct audit_reader {
	int fd;
	char buf[16 * AUDIT_LINE_MAX];
	size_t at, have;
	uint64_t offset;	/* of the next line in the file */
};

/* Takes @fd. */
void audit_reader_open(struct audit_reader *reader, int fd);
void audit_reader_close(struct audit_reader *reader);
/*
 * The next line, without its end.
 *   1          *@text, *@length
 *   0          the file is over
 *   -ENODATA   it is over in the midst of a line, of *@length bytes
 *   -EMSGSIZE  longer than a line can be
 *   -errno     of read()
 */
int audit_reader_next(struct audit_reader *reader, const char **text, size_t *length);

/* verify.c */

enum audit_end {
	AUDIT_END_NONE,		/* nothing was read */
	AUDIT_END_CLOSED,	/* azattestd ended and said so */
	AUDIT_END_OPEN,		/* it runs, or was killed */
	AUDIT_END_TORN,		/* in the midst of a line */
};

struct audit_verify {
	struct audit_head want;		/* must be met; seq 0: none [set by the caller] */
	bool whole;			/* all files that are kept must be there [likewise] */
	struct audit_head first;	/* what is before it nobody can tell */
	struct audit_head last;
	uint64_t lines;
	unsigned int files;
	uint32_t first_file;		/* numbers that the first lines of files say */
	uint32_t oldest;		/* of the files that the last one says are kept */
	enum audit_end end;
	uint64_t torn;			/* bytes behind the last line */
	uint64_t lost;			/* lines that the journal itself says are missing */
	uint64_t crashes;		/* starts after an end without a closing line */
	char wrong[700];		/* the first thing that is wrong, "" if nothing is */
};

/* The next file, @name for what is said of it; takes @fd. False if something is wrong. */
bool audit_verify_file(struct audit_verify *verify, const char *name, int fd);
/* After the last one. False if something is wrong. */
bool audit_verify_end(struct audit_verify *verify);

#endif
