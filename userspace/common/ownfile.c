// SPDX-License-Identifier: GPL-2.0
// Owns the reading of files that are trusted or secret: owner and mode of what was opened.

#include "ownfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(int fd, const char *path, mode_t forbidden, uid_t also, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, size, "%s: is no regular file", path);
		return -EINVAL;
	}
	if (st.st_uid && st.st_uid != geteuid() && st.st_uid != also) {
		snprintf(why, size, "%s: belongs to user %u, who could change it: look who wrote it, "
			 "then chown it to root", path, st.st_uid);
		return -EPERM;
	}
	if (st.st_mode & forbidden) {
		snprintf(why, size, "%s: mode is 0%o: others may %s it: look who did, then chmod %s it",
			 path, st.st_mode & 07777, forbidden == OWNFILE_SECRET ? "use" : "change",
			 forbidden == OWNFILE_SECRET ? "0400" : "0644");
		return -EPERM;
	}
	return 0;
}

static int read_all(int fd, char *buf, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, buf + length, size - length)) > 0) {
		length += (size_t)n;
		if (length == size)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	buf[length] = 0;
	return (int)length;
}

int ownfile_read(const char *path, mode_t forbidden, uid_t also, char *buf, size_t size,
		 char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), ret;

	if (fd < 0) {
		ret = -errno;
		snprintf(why, why_size, "%s: %s", path, strerror(-ret));
		return ret;
	}
	*why = 0;
	ret = check(fd, path, forbidden, also, why, why_size);
	if (!ret)
		ret = read_all(fd, buf, size);
	close(fd);
	if (ret < 0 && !*why)
		snprintf(why, why_size, "%s: %s", path, strerror(-ret));
	return ret;
}
