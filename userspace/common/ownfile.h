/* SPDX-License-Identifier: GPL-2.0 */
/* ownfile.c: small files that are believed, or secret: whose they are comes first. */
#ifndef AZATTEST_OWNFILE_H
#define AZATTEST_OWNFILE_H

#include <stddef.h>
#include <sys/types.h>

#define OWNFILE_SECRET	077	/* forbidden modes: nobody else may read it */
#define OWNFILE_PUBLIC	022	/* nobody else may write it */

/*
 * Reads all of a regular file of less than @size bytes that belongs to root, to
 * us or to @also, and has no bit of @forbidden; a NUL follows what was read.
 * Bytes, or -errno and one line in @why.
 */
int ownfile_read(const char *path, mode_t forbidden, uid_t also, char *buf, size_t size,
		 char *why, size_t why_size);

#endif
