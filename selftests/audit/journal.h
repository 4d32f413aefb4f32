/* SPDX-License-Identifier: GPL-2.0 */
/* An audit journal of random events in a folder, and how tests judge one. */
#ifndef SELFTESTS_AUDIT_JOURNAL_H
#define SELFTESTS_AUDIT_JOURNAL_H

#include <stdio.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestd/azattestd.h>
#include <userspace/audit/audit.h>

/* tap_main() with a place for folders, which is removed afterwards. */
int journal_main(const struct tap_test *tests, size_t count, int argc, char **argv);
/* A new folder. */
const char *journal_folder(void);

/* Takes up what is in the folder as azattestd does. */
void journal_open(struct trail *trail, const char *folder, unsigned int max_bytes,
		  unsigned int max_files, struct trail_resume *resume);
/* As many events of all kinds, with text that tries to break out. */
void journal_fill(struct trail *trail, unsigned int count);

/* The verdict over the folder's files; the judge is azattestctl's. */
struct audit_verify journal_verify(const char *folder);
bool journal_whole(const char *folder);

#endif
