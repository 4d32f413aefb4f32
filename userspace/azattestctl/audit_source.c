// SPDX-License-Identifier: GPL-2.0
// Owns which files of an audit journal are read, and in which order.

#include "ctl.h"
#include "audit_source.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static int add_paths(struct audit_source *source, const char *path, const uint32_t *numbers,
		     size_t count)
{
	char name[AUDIT_NAME_SIZE];

	source->paths = calloc(count, sizeof(*source->paths));
	for (size_t i = 0; source->paths && i < count; i++) {
		audit_file_name(numbers[i], name);
		if (asprintf(&source->paths[i], "%s/%s", path, name) < 0)
			return -ENOMEM;
		source->count++;
	}
	return source->paths ? 0 : -ENOMEM;
}

static int open_directory(struct audit_source *source, const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;
	uint32_t *numbers = NULL;
	size_t count = 0;

	source->whole = true;
	ret = dir < 0 ? -errno : audit_files(dir, &numbers, &count);
	if (dir >= 0)
		close(dir);
	if (!ret && !count)
		ret = -ENOENT;
	if (!ret)
		ret = add_paths(source, path, numbers, count);
	free(numbers);
	if (!ret)
		return 0;
	say("%s: %s: no audit journal can be read there: %s", source->command, path,
	    strerror(-ret));
	return EXIT_FAILURE;
}

static int open_files(struct audit_source *source, int count, char **paths)
{
	source->paths = calloc((size_t)count, sizeof(*source->paths));
	if (!source->paths)
		abort();
	for (int i = 0; i < count; i++) {
		source->paths[i] = strdup(paths[i]);
		if (!source->paths[i])
			abort();
		source->count++;
	}
	return 0;
}

int audit_source_open(struct audit_source *source, const char *command, int argc, char **argv)
{
	int count = argc - optind;

	memset(source, 0, sizeof(*source));
	source->command = command;
	if (!count)
		return open_directory(source, AUDIT_DIRECTORY);
	if (count == 1 && is_directory(argv[optind]))
		return open_directory(source, argv[optind]);
	return open_files(source, count, argv + optind);
}

void audit_source_close(struct audit_source *source)
{
	for (size_t i = 0; i < source->count; i++)
		free(source->paths[i]);
	free(source->paths);
}

void audit_source_last(struct audit_source *source)
{
	for (size_t i = 0; i + 1 < source->count; i++)
		free(source->paths[i]);
	if (source->count) {
		source->paths[0] = source->paths[source->count - 1];
		source->count = 1;
	}
}

int audit_source_each(struct audit_source *source,
		      bool (*each)(const char *path, int fd, void *arg), void *arg)
{
	for (size_t i = 0; i < source->count; i++) {
		int fd = open(source->paths[i], O_RDONLY | O_CLOEXEC | O_NOCTTY);

		if (fd < 0) {
			say("%s: %s: %s", source->command, source->paths[i], strerror(errno));
			return EXIT_FAILURE;
		}
		if (!each(source->paths[i], fd, arg))
			break;
	}
	return 0;
}
