// SPDX-License-Identifier: GPL-2.0
// Owns the names of audit files, and their order.

#include "audit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX	"audit-"
#define SUFFIX	".jsonl"

void audit_file_name(uint32_t number, char name[AUDIT_NAME_SIZE])
{
	snprintf(name, AUDIT_NAME_SIZE, PREFIX "%06" PRIu32 SUFFIX, number);
}

uint32_t audit_file_number(const char *name)
{
	char again[AUDIT_NAME_SIZE];
	unsigned long number;

	if (strncmp(name, PREFIX, strlen(PREFIX)))
		return 0;
	number = strtoul(name + strlen(PREFIX), NULL, 10);
	if (number > UINT32_MAX)
		return 0;
	audit_file_name((uint32_t)number, again);
	return strcmp(again, name) ? 0 : (uint32_t)number;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *first = a, *second = b;

	return *first < *second ? -1 : *first > *second;
}

static int collect(DIR *dir, uint32_t **numbers, size_t *count)
{
	struct dirent *entry;
	size_t room = 0;

	while ((entry = readdir(dir))) {
		uint32_t number = audit_file_number(entry->d_name);

		if (!number)
			continue;
		if (*count == room) {
			uint32_t *more = realloc(*numbers, (room + 64) * sizeof(**numbers));

			if (!more)
				return -ENOMEM;
			*numbers = more;
			room += 64;
		}
		(*numbers)[(*count)++] = number;
	}
	return 0;
}

int audit_files(int from, uint32_t **numbers, size_t *count)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	*numbers = NULL;
	*count = 0;
	if (!dir) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	ret = collect(dir, numbers, count);
	closedir(dir);
	if (ret)
		free(*numbers);
	else if (*count)
		qsort(*numbers, *count, sizeof(**numbers), compare);
	return ret;
}
