// SPDX-License-Identifier: GPL-2.0
// Promises that each key of azattestd.conf is in its manual and in the sample.

#include <userspace/azattestd/azattestd.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

static char text[65536];

static void load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	tap_need_msg(fd >= 0, "%s: %s", path, strerror(errno));
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	tap_need(n > 0 && n < (ssize_t)sizeof(text) - 1);
	text[n] = '\0';
}

/* @line stands in the part of the text that begins with line @head and ends before @next. */
static void need_below(const char *head, const char *next, const char *line)
{
	const char *from = strstr(text, head), *end, *at;

	tap_need_msg(from, "no \"%s\"", head + 1);
	end = strstr(from + 1, next) ?: text + strlen(text);
	at = strstr(from, line);
	tap_need_msg(at && at < end, "no \"%s\" below \"%s\"", line, head + 1);
}

static void need_in_manual(const char *section, const char *key, void *arg)
{
	char head[64], line[64];

	(void)arg;
	snprintf(head, sizeof(head), "\n# [%s]", section);
	snprintf(line, sizeof(line), "*%s*", key);
	need_below(head, "\n# ", line);
}

static void need_in_sample(const char *section, const char *key, void *arg)
{
	char head[64], line[64];

	(void)arg;
	snprintf(head, sizeof(head), "\n[%s]\n", section);
	snprintf(line, sizeof(line), ";%s =", key);
	need_below(head, "\n[", line);
}

static void the_manual_names_each_key(void)
{
	load(AZ_TOP "/userspace/man/azattestd.conf.5.scd");
	config_each_key(need_in_manual, NULL);
}

static void the_sample_has_each_key(void)
{
	load(AZ_TOP "/packaging/azattestd.conf");
	config_each_key(need_in_sample, NULL);
}

static const struct tap_test tests[] = {
	TAP_TEST(the_manual_names_each_key),
	TAP_TEST(the_sample_has_each_key),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
