// SPDX-License-Identifier: GPL-2.0
// Owns reading an audit file line by line, whatever is in it, in bounded memory.

#include "audit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void audit_reader_open(struct audit_reader *reader, int fd)
{
	reader->fd = fd;
	reader->at = 0;
	reader->have = 0;
	reader->offset = 0;
}

void audit_reader_close(struct audit_reader *reader)
{
	close(reader->fd);
}

/* More bytes behind those that are left: their number, 0 at the end, or -errno. */
static ssize_t fill(struct audit_reader *reader)
{
	ssize_t n;

	memmove(reader->buf, reader->buf + reader->at, reader->have - reader->at);
	reader->have -= reader->at;
	reader->at = 0;
	do
		n = read(reader->fd, reader->buf + reader->have,
			 sizeof(reader->buf) - reader->have);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		reader->have += (size_t)n;
	return n < 0 ? -errno : n;
}

/* Too long for a line: up to its end, or to the file's, which blocks that were never written may fill. */
static int skip(struct audit_reader *reader, size_t *length)
{
	for (*length = 0;;) {
		char *from = reader->buf + reader->at;
		size_t left = reader->have - reader->at;
		char *end = memchr(from, '\n', left);
		ssize_t n;

		if (end)
			return -EMSGSIZE;
		*length += left;
		reader->at = reader->have;
		n = fill(reader);
		if (n <= 0)
			return n < 0 ? (int)n : -ENODATA;
	}
}

int audit_reader_next(struct audit_reader *reader, const char **text, size_t *length)
{
	ssize_t n = 1;

	for (;;) {
		size_t left = reader->have - reader->at;
		char *from = reader->buf + reader->at, *end = memchr(from, '\n', left);

		*length = end ? (size_t)(end - from) : left;
		if (*length >= AUDIT_LINE_MAX)
			return skip(reader, length);
		if (end) {
			*text = from;
			reader->at += *length + 1;
			reader->offset += *length + 1;
			return 1;
		}
		if (!n)
			return left ? -ENODATA : 0;
		n = fill(reader);
		if (n < 0)
			return (int)n;
	}
}
