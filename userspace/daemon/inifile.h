/* SPDX-License-Identifier: GPL-2.0 */
/*
 * INI files as all programs here read them: KEY = VALUE in [SECTION], one value
 * a line, lines of at most 198 bytes, comments with ; or #. What the parser
 * would take silently for something else is an error with file and line.
 */
#ifndef AZATTEST_INIFILE_H
#define AZATTEST_INIFILE_H

#include <stddef.h>

#include <userspace/daemon/daemon.h>

struct inifile_error {
	char text[300];
};

/* What a program makes of it; both: 0, or -EINVAL after inifile_wrong(). */
struct inifile_rules {
	int (*section)(void *arg, const char *name, struct inifile_error *error);
	int (*key)(void *arg, const char *section, const char *name, const char *value,
		   struct inifile_error *error);
};

/* -EINVAL; the first one is what is told. */
int inifile_wrong(struct inifile_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * First each section is said, then each key. 0, or a failure with @exit that
 * begins with "FILE: " or "FILE:LINE: ".
 *   -ENOENT  there is no file
 *   -EFBIG   longer than 64 KiB
 *   -EINVAL  a line breaks a rule
 *   other    it cannot be read
 */
int inifile_read(const char *path, const struct inifile_rules *rules, void *arg, int exit,
		 struct failure *failure);

#endif
