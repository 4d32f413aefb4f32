// SPDX-License-Identifier: GPL-2.0
// Owns whole files as bytes: "-" or none is standard input or output.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define FILE_MAX	(1 << 20)

static bool is_standard(const char *path)
{
	return !path || !strcmp(path, "-");
}

static int failed(const char *path, const char *what,
		  struct azattest_fault *fault)
{
	fault->code = AZATTEST_E_SYSTEM;
	snprintf(fault->text, sizeof(fault->text), "cannot %s %.200s: %s", what,
		 is_standard(path) ? "standard stream" : path, strerror(errno));
	return fault->code;
}

static ssize_t read_fd(int fd, unsigned char *data)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, data + len, FILE_MAX - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? n : (ssize_t)len;
}

/* free() @data. What is longer than FILE_MAX is refused. */
int files_read(const char *path, unsigned char **data, size_t *len,
	       struct azattest_fault *fault)
{
	int fd = is_standard(path) ? STDIN_FILENO :
				     open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return failed(path, "open", fault);
	*data = malloc(FILE_MAX);
	n = *data ? read_fd(fd, *data) : -1;
	if (n == FILE_MAX) {
		errno = EFBIG;
		n = -1;
	}
	if (n < 0) {
		failed(path, "read", fault);
		free(*data);
	}
	if (fd != STDIN_FILENO)
		close(fd);
	*len = (size_t)n;
	return n < 0 ? fault->code : 0;
}

static int write_fd(int fd, const unsigned char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int files_write(const char *path, const void *data, size_t len,
		struct azattest_fault *fault)
{
	int fd = is_standard(path) ? STDOUT_FILENO :
		 open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return failed(path, "create", fault);
	rc = write_fd(fd, data, len);
	if (fd != STDOUT_FILENO && close(fd) < 0)
		rc = -1;
	return rc ? failed(path, "write", fault) : 0;
}
