// SPDX-License-Identifier: GPL-2.0
// Owns a host that is a folder.

#include "fakehost.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

static char top[] = "/tmp/azattest-doctor-XXXXXX";
static char root[64];

const char *fakehost_root(void)
{
	if (!*root) {
		snprintf(root, sizeof(root), "%s/XXXXXX", top);
		tap_need(mkdtemp(root));
	}
	return root;
}

static void make_parents(char *path)
{
	for (char *p = path + strlen(fakehost_root()) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		tap_need(!mkdir(path, 0755) || errno == EEXIST);
	}
}

void fakehost_file(const char *path, const char *text, mode_t mode)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", fakehost_root(), path);
	make_parents(full);
	file = fopen(full, "we");
	tap_need(file && fputs(text, file) >= 0 && !fclose(file) && !chmod(full, mode));
}

void fakehost_folder(const char *path, mode_t mode)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", fakehost_root(), path);
	make_parents(full);
	tap_need((!mkdir(full, 0755) || errno == EEXIST) && !chmod(full, mode));
}

void fakehost_remove(const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s%s", fakehost_root(), path);
	tap_need(!unlink(full));
}

int fakehost_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[64];
	int status;

	if (!mkdtemp(top))
		return 1;
	status = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
