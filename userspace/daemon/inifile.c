// SPDX-License-Identifier: GPL-2.0
// Owns how an INI file is read, and what is wrong in which of its lines.

#include <userspace/daemon/inifile.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#define FILE_MAX_BYTES	65536
/* inih reads lines of 200 bytes with their end, and splits longer ones. */
#define LINE_MAX_BYTES	198

struct parse {
	const struct inifile_rules *rules;
	void *arg;
	struct inifile_error error;
	int line;
};

int inifile_wrong(struct inifile_error *error, const char *format, ...)
{
	va_list args;

	if (!*error->text) {
		va_start(args, format);
		vsnprintf(error->text, sizeof(error->text), format, args);
		va_end(args);
	}
	return -EINVAL;
}

/* inih: 1 is success, and 0 makes this line the one that it returns. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *parse = arg;

	return !parse->rules->key(parse->arg, section, name, value, &parse->error);
}

/* inih calls nobody for a section without keys, so they are found here. */
static int check_section(struct parse *parse, char *line)
{
	char *end = strchr(line, ']');

	if (!end || strspn(end + 1, " \t\r") != strcspn(end + 1, ";#"))
		return inifile_wrong(&parse->error, "a section is one [NAME] in its line");
	*end = 0;
	return parse->rules->section(parse->arg, line + 1, &parse->error);
}

/* What inih would take silently for something else. */
static int check_line(struct parse *parse, const char *line, size_t length)
{
	char copy[LINE_MAX_BYTES + 1];

	if (memchr(line, 0, length))
		return inifile_wrong(&parse->error, "a NUL byte");
	if (length > LINE_MAX_BYTES)
		return inifile_wrong(&parse->error, "longer than %d bytes", LINE_MAX_BYTES);
	memcpy(copy, line, length);
	copy[length] = 0;
	if (isblank((unsigned char)copy[0]) && copy[strspn(copy, " \t\r")])
		return inifile_wrong(&parse->error, "begins with a blank: a value is in one line");
	return copy[0] == '[' ? check_section(parse, copy) : 0;
}

static int check_lines(struct parse *parse, const char *text, size_t length)
{
	const char *end = text + length;

	for (parse->line = 1; text < end; parse->line++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));

		if (!stop)
			stop = end;
		if (check_line(parse, text, (size_t)(stop - text)))
			return -EINVAL;
		text = stop + 1;
	}
	return 0;
}

static int parse_text(struct parse *parse, const char *text, size_t length)
{
	if (check_lines(parse, text, length))
		return -EINVAL;
	parse->line = ini_parse_string(text, on_key, parse);
	if (!parse->line)
		return 0;
	return inifile_wrong(&parse->error, "neither KEY = VALUE nor [SECTION]");
}

static int read_text(const char *path, char *text, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;
	int error;

	if (fd < 0)
		return -errno;
	for (*length = 0; *length <= FILE_MAX_BYTES; *length += (size_t)n) {
		n = read(fd, text + *length, FILE_MAX_BYTES + 1 - *length);
		if (n <= 0)
			break;
	}
	error = n < 0 ? errno : *length > FILE_MAX_BYTES ? EFBIG : 0;
	close(fd);
	text[*length] = 0;
	return -error;
}

int inifile_read(const char *path, const struct inifile_rules *rules, void *arg, int exit,
		 struct failure *failure)
{
	struct parse parse = { .rules = rules, .arg = arg };
	char *text = calloc(1, FILE_MAX_BYTES + 2);
	size_t length = 0;
	int ret;

	if (!text)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	ret = read_text(path, text, &length);
	if (ret) {
		free(text);
		return failure_set(failure, exit, ret, "%s: %s", path,
				   ret == -EFBIG ? "longer than 64 KiB" : strerror(-ret));
	}
	ret = parse_text(&parse, text, length);
	free(text);
	if (!ret)
		return 0;
	return failure_set(failure, exit, ret, "%s:%d: %s", path, parse.line, parse.error.text);
}
