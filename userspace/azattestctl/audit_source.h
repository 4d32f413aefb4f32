/* SPDX-License-Identifier: GPL-2.0 */
/* What "azattestctl audit" reads: a directory of journal files, or files by name. */
#ifndef AZATTESTCTL_AUDIT_SOURCE_H
#define AZATTESTCTL_AUDIT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <userspace/audit/audit.h>

#define AUDIT_DIRECTORY	"/var/lib/azattest/" AUDIT_FOLDER

struct audit_source {
	const char *command;	/* for what is said */
	bool whole;		/* a directory: all that is kept must be there */
	char **paths;
	size_t count;
};

/* Of the words that are left in @argv; none: AUDIT_DIRECTORY. 0, or an exit code after one line. */
int audit_source_open(struct audit_source *source, const char *command, int argc, char **argv);
void audit_source_close(struct audit_source *source);
/* All but the last file is forgotten; that one may begin anywhere. */
void audit_source_last(struct audit_source *source);
/*
 * Each file in its order until @each says false; it takes @fd. 0, or an exit
 * code after one line: a file cannot be opened.
 */
int audit_source_each(struct audit_source *source,
		      bool (*each)(const char *path, int fd, void *arg), void *arg);

#endif
