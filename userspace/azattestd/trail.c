// SPDX-License-Identifier: GPL-2.0
// Owns writing the audit journal's files: bounded, durable, and honest about what is missing.

#include "trail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <userspace/daemon/daemon.h>

#define SYNC_MS		1000
#define RETRY_MS	1000
/* That much must be free before it is tried again, or a full disk would make one gap a second. */
#define RESERVE		(4 * TRAIL_BUFFER)

static void failed(struct trail *trail, int error)
{
	trail->retry_ms = watch_now_ms() + RETRY_MS;
	if (trail->error)
		return;
	trail->error = error;
	trail->failing_s = time(NULL);
	log_line(LOG_ERR, AUDIT_FOLDER ": the audit journal cannot be written: %s: lines are "
		 "missing until it can: make space or see what the disk has", strerror(error));
}

static int write_all(struct trail *trail)
{
	size_t at = 0;

	while (at < trail->length) {
		ssize_t n = write(trail->fd, trail->buffer + at, trail->length - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		at += (size_t)n;
	}
	return 0;
}

/* What did not get into the file is missing, and the next line follows what did. */
static int drop(struct trail *trail, int error)
{
	trail->missing += trail->buffered;
	trail->buffered = 0;
	trail->length = 0;
	trail->head = trail->written;
	return ftruncate(trail->fd, (off_t)trail->size) ? errno : error;
}

/* All or nothing: 0, or a positive errno. */
static int flush(struct trail *trail)
{
	int error = trail->length ? write_all(trail) : 0;

	if (error)
		return drop(trail, error);
	trail->dirty |= trail->length;
	trail->size += trail->length;
	trail->written = trail->head;
	trail->length = 0;
	trail->buffered = 0;
	return 0;
}

void trail_flush(struct trail *trail)
{
	int error = flush(trail);

	if (error)
		failed(trail, error);
}

static void sync_file(struct trail *trail)
{
	trail_flush(trail);
	if (trail->error || !trail->dirty)
		return;
	trail->synced_ms = watch_now_ms();
	if (fdatasync(trail->fd))
		failed(trail, errno);
	else
		trail->dirty = false;
}

static void append(struct trail *trail, int64_t when, const struct audit_text *text)
{
	trail->length += audit_chain(&trail->head, when, text, trail->buffer + trail->length);
	trail->buffered++;
}

/* In order, so that none is missing between two, whatever fails. */
static void remove_old(struct trail *trail)
{
	char name[AUDIT_NAME_SIZE];

	for (; trail->number - trail->oldest >= trail->max_files; trail->oldest++) {
		audit_file_name(trail->oldest, name);
		if (unlinkat(trail->dir, name, 0) && errno != ENOENT)
			return;
	}
}

/* The first line of a file says which ones are kept: none is missed that was deleted. */
static int begin_file(struct trail *trail)
{
	uint32_t oldest = trail->number - trail->oldest >= trail->max_files ?
		trail->number - trail->max_files + 1 : trail->oldest;
	struct audit_text text;
	int error;

	audit_text_begin(&text, "file");
	audit_text_number(&text, "file", trail->number);
	audit_text_number(&text, "oldest", oldest);
	append(trail, time(NULL), &text);
	error = flush(trail);
	if (error)
		trail->missing--;	/* it told of nothing that happened */
	else
		remove_old(trail);
	return error;
}

static int make_file(struct trail *trail)
{
	char name[AUDIT_NAME_SIZE];
	int fd;

	audit_file_name(trail->number + 1, name);
	fd = openat(trail->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return errno;
	trail->fd = fd;
	trail->size = 0;
	if (!trail->number++)
		trail->oldest = 1;
	return fsync(trail->dir) ? errno : 0;
}

static void next_file(struct trail *trail)
{
	int error;

	if (trail->fd >= 0) {
		sync_file(trail);
		if (trail->error)
			return;
		close(trail->fd);
		trail->fd = -1;
	}
	error = make_file(trail);
	if (!error)
		error = begin_file(trail);
	if (error)
		failed(trail, error);
}

static void make_room(struct trail *trail)
{
	if (trail->fd < 0 || trail->size + trail->length + AUDIT_LINE_MAX > trail->max_bytes)
		next_file(trail);
	else if (sizeof(trail->buffer) - trail->length < AUDIT_LINE_MAX)
		trail_flush(trail);
}

void trail_add(struct trail *trail, int64_t when, const struct audit_text *text)
{
	if (!trail->error)
		make_room(trail);
	if (trail->error)
		trail->missing++;
	else
		append(trail, when, text);
}

static int say_gap(struct trail *trail)
{
	struct audit_text text;

	audit_text_begin(&text, "gap");
	audit_text_number(&text, "lines", trail->missing);
	audit_text_time(&text, "since", trail->failing_s);
	audit_text_string(&text, "reason", strerror(trail->error));
	append(trail, time(NULL), &text);
	return flush(trail);
}

/* Whether the file can be cut to what it was, and there is space again. */
static int mend_file(struct trail *trail)
{
	if (ftruncate(trail->fd, (off_t)trail->size))
		return errno;
	if (fallocate(trail->fd, FALLOC_FL_KEEP_SIZE, (off_t)trail->size, RESERVE) &&
	    (errno == ENOSPC || errno == EDQUOT))
		return errno;
	return ftruncate(trail->fd, (off_t)trail->size) ? errno : 0;
}

static int begin_again(struct trail *trail)
{
	int error = trail->fd >= 0 ? mend_file(trail) : make_file(trail);

	if (!error && !trail->size)
		error = begin_file(trail);
	return error ? error : say_gap(trail);
}

static void try_again(struct trail *trail)
{
	uint64_t missing = trail->missing;

	if (begin_again(trail)) {
		trail->missing = missing;
		trail->retry_ms = watch_now_ms() + RETRY_MS;
		return;
	}
	trail->error = 0;
	trail->missing = 0;
	log_line(LOG_NOTICE, AUDIT_FOLDER ": the audit journal is written again: %llu lines are "
		 "missing", (unsigned long long)missing);
}

void trail_tick(struct trail *trail)
{
	if (trail->error && watch_now_ms() >= trail->retry_ms)
		try_again(trail);
	if (!trail->error && watch_now_ms() - trail->synced_ms >= SYNC_MS)
		sync_file(trail);
}

void trail_close(struct trail *trail)
{
	if (trail->error)
		try_again(trail);
	if (!trail->error)
		sync_file(trail);
	if (trail->fd >= 0)
		close(trail->fd);
	close(trail->dir);
	trail->fd = -1;
	trail->dir = -1;
}
