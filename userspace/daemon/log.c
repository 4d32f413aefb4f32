// SPDX-License-Identifier: GPL-2.0
// Owns the lines that a daemon says, and failures on their way to one.

#include <userspace/daemon/daemon.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *log_name = "azattest";

static const char *const prefixes[] = {
	"<0>", "<1>", "<2>", "<3>", "<4>", "<5>", "<6>", "<7>",
};

int failure_set(struct failure *failure, int exit, int error, const char *format, ...)
{
	va_list args;

	failure->exit = exit;
	va_start(args, format);
	vsnprintf(failure->text, sizeof(failure->text), format, args);
	va_end(args);
	return error;
}

const char *log_prefix(int level)
{
	return getenv("JOURNAL_STREAM") ? prefixes[level & 7] : "";
}

void log_raw(const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(STDERR_FILENO, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

void log_line(int level, const char *format, ...)
{
	char line[1024];
	va_list args;
	size_t length;

	length = (size_t)snprintf(line, sizeof(line), "%s%s: ", log_prefix(level),
				  log_name);
	va_start(args, format);
	vsnprintf(line + length, sizeof(line) - length - 1, format, args);
	va_end(args);
	length = strlen(line);
	line[length++] = '\n';
	log_raw(line, length);
}
