// SPDX-License-Identifier: GPL-2.0
// Owns finding the end of the audit journal, whatever the last azattestd or the disk made of it.

#include "trail.h"
#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one file has, as far as it can be believed. */
struct tail {
	struct audit_head last;	/* its last line that is right by itself */
	uint64_t lines;		/* whole ones */
	uint64_t end;		/* of the last whole line */
	uint64_t torn;		/* bytes behind it */
	bool closed;
	char damage[200];
};

static void judge(struct tail *tail, const char *name, const char *text, size_t length)
{
	struct audit_line line;
	const char *why = audit_line_check(text, length, &line);

	tail->lines++;
	if (why && !*tail->damage)
		snprintf(tail->damage, sizeof(tail->damage), "%s:%llu: %s", name,
			 (unsigned long long)tail->lines, why);
	if (why)
		return;
	tail->last.seq = line.seq;
	strcpy(tail->last.hash, line.hash);
	tail->closed = audit_line_is(text, length, "stop");
}

static int read_tail(int fd, const char *name, struct tail *tail)
{
	struct audit_reader reader;
	const char *text;
	size_t length;
	int ret;

	memset(tail, 0, sizeof(*tail));
	audit_reader_open(&reader, fd);
	while ((ret = audit_reader_next(&reader, &text, &length)) > 0)
		judge(tail, name, text, length);
	tail->end = reader.offset;
	if (ret == -ENODATA) {
		tail->torn = length;
		ret = 0;
	}
	if (ret == -EMSGSIZE) {
		snprintf(tail->damage, sizeof(tail->damage), "%s:%llu: is longer than a line can be",
			 name, (unsigned long long)tail->lines + 1);
		ret = 0;
	}
	return ret;
}

/* On a disk that is read-only it still says where the chain ends. */
static int open_file(struct trail *trail, const char *path, const char *name,
		     struct failure *failure)
{
	char whole[600];

	snprintf(whole, sizeof(whole), "%s/%s", path, name);
	trail->fd = openat(trail->dir, name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (trail->fd < 0 && errno == EROFS)
		trail->fd = openat(trail->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (trail->fd < 0)
		return failure_set(failure, EXIT_STATE, -errno, "%s: %s", whole, strerror(errno));
	return state_check(trail->fd, whole, failure);
}

static void close_file(struct trail *trail)
{
	if (trail->fd >= 0)
		close(trail->fd);
	trail->fd = -1;
}

static bool can_go_on(int fd, const struct tail *tail)
{
	return !*tail->damage && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

/* Behind the last line, in this file, or in the next one if this cannot be gone on with. */
static void take_up(struct trail *trail, const struct tail *tail, struct trail_resume *resume)
{
	trail->head = tail->last;
	trail->written = tail->last;
	trail->size = tail->end;
	resume->closed = tail->closed && !tail->torn;
	snprintf(resume->damage, sizeof(resume->damage), "%s", tail->damage);
	if (!can_go_on(trail->fd, tail)) {
		close_file(trail);
		return;
	}
	resume->cut += tail->torn;
	if (tail->torn && ftruncate(trail->fd, (off_t)tail->end)) {
		trail->error = errno;
		trail->failing_s = time(NULL);
	}
}

/* 1: the file was taken up; 0: there is no line in it, it is gone. */
static int try_file(struct trail *trail, uint32_t number, const char *path,
		    struct trail_resume *resume, struct failure *failure)
{
	char name[AUDIT_NAME_SIZE];
	struct tail tail;
	int ret;

	audit_file_name(number, name);
	ret = open_file(trail, path, name, failure);
	if (ret)
		return ret;
	ret = read_tail(trail->fd, name, &tail);
	if (ret)
		return failure_set(failure, EXIT_STATE, ret, "%s/%s: cannot be read: %s", path, name,
				   strerror(-ret));
	trail->number = number;
	if (tail.last.seq) {
		take_up(trail, &tail, resume);
		return 1;
	}
	if (tail.lines || *tail.damage) {
		snprintf(resume->damage, sizeof(resume->damage), "%s", tail.damage);
		close_file(trail);
		return 1;
	}
	/* Made, and then the power went. */
	resume->cut += tail.torn;
	close_file(trail);
	trail->number--;
	if (!unlinkat(trail->dir, name, 0))
		return 0;
	return failure_set(failure, EXIT_STATE, -errno, "%s/%s: cannot be removed: %s", path, name,
			   strerror(errno));
}

int trail_resume(struct trail *trail, int dir, const char *path, struct trail_resume *resume,
		 struct failure *failure)
{
	uint32_t *numbers;
	size_t count;
	int ret = audit_files(dir, &numbers, &count);

	trail->dir = dir;
	trail->fd = -1;
	memset(resume, 0, sizeof(*resume));
	audit_head_first(&trail->head);
	audit_head_first(&trail->written);
	if (ret)
		return failure_set(failure, EXIT_STATE, ret, "%s: cannot be read: %s", path,
				   strerror(-ret));
	resume->fresh = !count;
	trail->oldest = count ? numbers[0] : 1;
	while (count-- && !ret)
		ret = try_file(trail, numbers[count], path, resume, failure);
	free(numbers);
	if (ret >= 0)
		return 0;
	close_file(trail);
	return ret;
}
