// SPDX-License-Identifier: GPL-2.0
// Owns azattest-ca's state directory: who may own it, one writer, writes that survive a crash.

#include "ca.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE	".new"

__attribute__((weak)) void folder_step(void)
{
}

static int failed(struct folder *folder, const char *name, const char *what,
		  struct failure *failure)
{
	int error = errno;

	return failure_set(failure, EXIT_STATE, -error, "%s/%s: cannot be %s: %s", folder->path,
			   name, what, strerror(error));
}

static int check_owner(struct folder *folder, struct failure *failure)
{
	struct stat st;

	if (fstat(folder->dir, &st))
		return failed(folder, "", "read", failure);
	if (st.st_uid != geteuid() || st.st_mode & 077)
		return failure_set(failure, EXIT_STATE, -EPERM,
				   "%s: belongs to user %u with mode 0%o: it holds a CA's keys, so it "
				   "must be user %u's, mode 0700", folder->path, st.st_uid,
				   st.st_mode & 07777, geteuid());
	return 0;
}

int folder_open(struct folder *folder, const char *path, struct failure *failure)
{
	if (strlen(path) >= sizeof(folder->path))
		return failure_set(failure, EXIT_STATE, -ENAMETOOLONG, "%s: name too long", path);
	strcpy(folder->path, path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return failure_set(failure, EXIT_STATE, -errno, "%s: cannot be made: %s", path,
				   strerror(errno));
	folder->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->dir < 0)
		return failure_set(failure, EXIT_STATE, -errno,
				   "%s: cannot be opened as a directory: %s", path,
				   strerror(errno));
	return check_owner(folder, failure);
}

void folder_close(struct folder *folder)
{
	if (folder->dir >= 0)
		close(folder->dir);
	folder->dir = -1;
}

/* The folder of one level that NAME is in; made if need be. */
static int open_parent(struct folder *folder, const char *name, const char **base)
{
	const char *slash = strchr(name, '/');
	char parent[64];

	*base = slash ? slash + 1 : name;
	if (!slash)
		return openat(folder->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - name), name);
	if (mkdirat(folder->dir, parent, 0700) && errno != EEXIST)
		return -1;
	return openat(folder->dir, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int write_new(int parent, const void *bytes, size_t length)
{
	int fd = openat(parent, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int ret;

	if (fd < 0)
		return -1;
	ret = setup_write_bytes(fd, bytes, length);
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	/* What is half written may be a secret, and nobody would look for it there. */
	if (ret)
		unlinkat(parent, NEW_FILE, 0);
	errno = -ret;
	return ret ? -1 : 0;
}

int folder_write(struct folder *folder, const char *name, const void *bytes, size_t length,
		 struct failure *failure)
{
	const char *base;
	int parent = open_parent(folder, name, &base), ret = 0;

	if (parent < 0)
		return failed(folder, name, "written", failure);
	flock(folder->dir, LOCK_EX);
	if (write_new(parent, bytes, length))
		ret = failed(folder, name, "written", failure);
	folder_step();
	if (!ret && (renameat(parent, NEW_FILE, parent, base) || fsync(parent) || fsync(folder->dir)))
		ret = failed(folder, name, "written", failure);
	folder_step();
	flock(folder->dir, LOCK_UN);
	close(parent);
	return ret;
}

static int open_file(struct folder *folder, const char *name, struct failure *failure)
{
	int fd = openat(folder->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : failed(folder, name, "opened", failure);
	return fd;
}

/* Closes @fd. */
static int read_whole(struct folder *folder, const char *name, int fd, char *buf, size_t size,
		      struct failure *failure)
{
	ssize_t n = read(fd, buf, size);
	int error = n < 0 ? errno : EFBIG;

	close(fd);
	errno = error;
	if (n < 0 || (size_t)n == size)
		return failed(folder, name, "read", failure);
	buf[n] = 0;
	return (int)n;
}

int folder_read(struct folder *folder, const char *name, char *buf, size_t size,
		struct failure *failure)
{
	int fd = open_file(folder, name, failure);

	return fd < 0 ? fd : read_whole(folder, name, fd, buf, size, failure);
}

/* Room for what is there and a NUL: files are replaced, they do not grow. */
static char *make_room(int fd, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	*size = (size_t)st.st_size + 1;
	errno = EFBIG;
	return *size > FOLDER_FILE_MAX ? NULL : malloc(*size);
}

char *folder_load(struct folder *folder, const char *name, struct failure *failure)
{
	int fd = open_file(folder, name, failure);
	size_t size;
	char *text;

	if (fd == -ENOENT)
		failure_set(failure, EXIT_STATE, fd, "%s/%s: is not there", folder->path, name);
	if (fd < 0)
		return NULL;
	text = make_room(fd, &size);
	if (!text) {
		failed(folder, name, "read", failure);
		close(fd);
		return NULL;
	}
	if (read_whole(folder, name, fd, text, size, failure) >= 0)
		return text;
	free(text);
	return NULL;
}

int folder_remove(struct folder *folder, const char *name, struct failure *failure)
{
	if (!unlinkat(folder->dir, name, 0) && !fsync(folder->dir))
		return 0;
	return errno == ENOENT ? -ENOENT : failed(folder, name, "removed", failure);
}

int folder_each(struct folder *folder, const char *name,
		int (*each)(const char *file, void *arg), void *arg, struct failure *failure)
{
	int fd = openat(folder->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : failed(folder, name, "opened", failure);
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (!ret && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ret = each(entry->d_name, arg);
	closedir(dir);
	return ret;
}
