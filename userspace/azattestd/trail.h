/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files of the audit journal, as azattestd writes them.
 *
 *   trail.c         adds lines, in bounded files, durably within about a second
 *   trail_resume.c  finds where the last azattestd ended, and cuts what it left torn
 *
 * A line that cannot be written is missing, and counted: the first line that can
 * be written again says how many there were. Nothing here waits but for the disk.
 */
#ifndef AZATTESTD_TRAIL_H
#define AZATTESTD_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <userspace/audit/audit.h>

#define TRAIL_BUFFER	65536

struct trail {
	int dir;
	int fd;			/* -1: the next file has to be made first */
	uint32_t number;	/* of the file; 0: there was none yet */
	uint32_t oldest;	/* that is kept */
	uint64_t max_bytes;	/* of a file [set by the owner] */
	unsigned int max_files;	/* [set by the owner] */

	struct audit_head head;		/* the last line that was added */
	struct audit_head written;	/* the last line in the file */
	uint64_t size;			/* of the file, with that line */
	char buffer[TRAIL_BUFFER];
	size_t length;
	unsigned int buffered;		/* lines in @buffer */
	bool dirty;			/* something is not yet on disk */
	int64_t synced_ms;

	int error;		/* why nothing can be written; 0: it can */
	int64_t failing_s;	/* since then */
	int64_t retry_ms;
	uint64_t missing;	/* lines, since then */
};

/* How the last one ended. */
struct trail_resume {
	bool fresh;		/* there was none */
	bool closed;		/* with its closing line */
	uint64_t cut;		/* bytes of a torn line, which are gone now */
	char damage[200];	/* what is wrong with the last file, "" if nothing is */
};

struct failure;

/*
 * Takes up the journal in @dir, which becomes the trail's. Fails on what is
 * another's or cannot be read; a full disk is no failure but trail->error.
 */
int trail_resume(struct trail *trail, int dir, const char *path, struct trail_resume *resume,
		 struct failure *failure);
/* @time: when it happened. */
void trail_add(struct trail *trail, int64_t time, const struct audit_text *text);
/* Into the file. */
void trail_flush(struct trail *trail);
/* Onto the disk when it is time; tries again what did not work. */
void trail_tick(struct trail *trail);
/* Onto the disk now; ends it. */
void trail_close(struct trail *trail);

#endif
