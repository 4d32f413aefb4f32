// SPDX-License-Identifier: GPL-2.0
// Owns the number in a state directory that says how it is laid out: older state is taken over, newer is left alone.

#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME		"format"
#define NEW_NAME	"format.new"

/* An errno, or 0. */
static int write_number(int dir, unsigned int number)
{
	int fd = openat(dir, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = 0;

	if (fd < 0)
		return errno;
	if (dprintf(fd, "%u\n", number) < 0 || fsync(fd))
		error = errno;
	close(fd);
	if (!error && (renameat(dir, NEW_NAME, dir, NAME) || fsync(dir)))
		error = errno;
	if (error)
		unlinkat(dir, NEW_NAME, 0);
	return error;
}

/* A disk that is full must not stop the service: what has no number counts as older, again. */
static void take_over(int dir, const char *path, unsigned int number)
{
	int error = write_number(dir, number);

	if (error)
		log_line(LOG_WARNING, "%s/" NAME ": cannot be written: %s", path, strerror(error));
}

/* The number of "7\n"; 0 if the text is no such line. */
static unsigned int parse(const char *text)
{
	unsigned int number = (unsigned int)strtoul(text, NULL, 10);
	char again[16];

	snprintf(again, sizeof(again), "%u\n", number);
	return strcmp(again, text) ? 0 : number;
}

/* 1 and its text, 0 where there is none yet, or a negative errno. */
static int read_text(int dir, char *text, size_t size)
{
	int fd = openat(dir, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, text, size - 1);
	error = errno;
	close(fd);
	if (n < 0)
		return -error;
	text[n] = 0;
	return 1;
}

int format_check(int dir, const char *path, unsigned int ours, int exit, struct failure *failure)
{
	char text[16];
	int ret = read_text(dir, text, sizeof(text));
	unsigned int number;

	if (!ret) {
		take_over(dir, path, ours);
		return 0;
	}
	if (ret < 0)
		return failure_set(failure, exit, ret, "%s/" NAME ": cannot be read: %s", path,
				   strerror(-ret));
	number = parse(text);
	if (!number)
		return failure_set(failure, exit, -EINVAL, "%s/" NAME ": is no number of ours: restore it, "
				   "or remove it if no newer version of azattest has run here", path);
	if (number > ours)
		return failure_set(failure, exit, -EPROTO, "%s: is of format %u, this version knows those up "
				   "to %u: a newer azattest has written it: install that one again", path,
				   number, ours);
	return 0;
}
