/* SPDX-License-Identifier: GPL-2.0 */
/* A host that is a folder: files with modes, made by a test, gone with it. */
#ifndef SELFTESTS_DOCTOR_FAKEHOST_H
#define SELFTESTS_DOCTOR_FAKEHOST_H

#include <sys/types.h>

/* The folder of this promise, new and empty. */
const char *fakehost_root(void);
/* With the folders above it, which are 0755. */
void fakehost_file(const char *path, const char *text, mode_t mode);
void fakehost_folder(const char *path, mode_t mode);
void fakehost_remove(const char *path);

struct tap_test;

/* tap_main() in a folder of its own. */
int fakehost_main(const struct tap_test *tests, size_t count, int argc, char **argv);

#endif
