// SPDX-License-Identifier: GPL-2.0
// Owns what a check finds, and how it looks at the host's files.

#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void finding_set(struct finding *finding, enum verdict verdict, const char *format, ...)
{
	va_list args;

	finding->verdict = verdict;
	finding->fix[0] = 0;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
}

void finding_fix(struct finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->fix, sizeof(finding->fix), format, args);
	va_end(args);
}

void finding_unseen(struct finding *finding, const char *what)
{
	finding_set(finding, VERDICT_WARN, "%s cannot be seen by this user", what);
	finding_fix(finding, "run it as root: sudo azattestctl doctor");
}

int host_stat(const char *root, const char *path, struct stat *st)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return lstat(full, st) ? -errno : 0;
}

ssize_t host_read(const char *root, const char *path, char *text, size_t size)
{
	size_t length = 0;
	char full[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(full, sizeof(full), "%s%s", root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = 0;
	n = n < 0 ? -errno : (ssize_t)length;
	close(fd);
	return n;
}

bool host_says(const char *root, const char *path, const char *words)
{
	char full[PATH_MAX], line[1024];
	bool found = false;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	file = fopen(full, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, words);
	if (file)
		fclose(file);
	return found;
}

const char *member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

long long member_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
