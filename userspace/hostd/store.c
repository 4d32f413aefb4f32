// SPDX-License-Identifier: GPL-2.0
// Owns the state directory: who may own it, and objects that survive a crash whole or not at all.

#include "core.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX		".json"
#define NEW_SUFFIX	".new"
#define FILE_MAX_BYTES	16384

__attribute__((weak)) void store_step(void)
{
}

/* Owner and mode of what was opened; nobody can change it in between. */
static int check_owner(int fd, const char *path, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st))
		return failure_set(failure, EXIT_STATE, -errno, "%s: %s", path, strerror(errno));
	if (st.st_uid != geteuid())
		return failure_set(failure, EXIT_STATE, -EPERM,
				   "%s: belongs to user %u, not to user %u: it says who may use the REST "
				   "door: look who wrote it, then chown it or remove it", path,
				   st.st_uid, geteuid());
	if (st.st_mode & 077)
		return failure_set(failure, EXIT_STATE, -EPERM,
				   "%s: mode is 0%o: others may use what says who may use the REST door: "
				   "look who did, then chmod %s it", path, st.st_mode & 07777,
				   S_ISDIR(st.st_mode) ? "0700" : "0600");
	return 0;
}

static int open_directory(struct store *store, const char *path, struct failure *failure)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return failure_set(failure, EXIT_STATE, -errno, "%s: cannot be made: %s", path,
				   strerror(errno));
	store->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store->dir < 0)
		return failure_set(failure, EXIT_STATE, -errno,
				   "%s: cannot be opened as a directory: %s", path, strerror(errno));
	return check_owner(store->dir, path, failure);
}

int store_open(struct store *store, const char *path, struct failure *failure)
{
	int ret;

	store->dir = -1;
	if (strlen(path) >= sizeof(store->path))
		return failure_set(failure, EXIT_STATE, -ENAMETOOLONG, "%s: name too long", path);
	strcpy(store->path, path);
	ret = open_directory(store, path, failure);
	/* The directory itself is the lock: nothing is left behind. */
	if (!ret && flock(store->dir, LOCK_EX | LOCK_NB))
		ret = failure_set(failure, EXIT_STATE, -errno,
				  "%s: another azattest-hostd uses it: end that one or give another "
				  "--state", path);
	if (!ret)
		ret = format_check(store->dir, path, STORE_FORMAT, EXIT_STATE, failure);
	if (ret)
		store_close(store);
	return ret;
}

void store_close(struct store *store)
{
	if (store->dir >= 0)
		close(store->dir);
	store->dir = -1;
}

static int failed(struct failure *failure, const struct store *store, const char *name,
		  const char *what, int error)
{
	return failure_set(failure, EXIT_STATE, -error, "%s/%s: cannot be %s: %s", store->path, name,
			   what, strerror(error));
}

/* A file that is whole on the disk, or an errno. */
static int write_file(int dir, const char *name, const char *text, size_t length)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	ssize_t n;
	int error;

	if (fd < 0)
		return errno;
	store_step();
	n = write(fd, text, length);
	error = n < 0 ? errno : (size_t)n < length ? ENOSPC : 0;
	store_step();
	if (!error && fsync(fd))
		error = errno;
	close(fd);
	return error;
}

/* What a file has; NULL with errno if not. The caller's to free. */
static char *read_file(int fd, size_t *length)
{
	char *text = malloc(FILE_MAX_BYTES);
	ssize_t n = text ? read(fd, text, FILE_MAX_BYTES) : -1;

	*length = n < 0 ? 0 : (size_t)n;
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

/* A file in its two names, and what it had before. */
struct change {
	int dir;
	char file[NAME_MAX], fresh[NAME_MAX + 8];
	char *old;		/* NULL: there was none */
	size_t old_length;
};

/* An errno, or 0. */
static int change_begin(struct change *change, const struct store *store, const char *name)
{
	int fd, error = 0;

	*change = (struct change) { .dir = store->dir };
	snprintf(change->file, sizeof(change->file), "%s" SUFFIX, name);
	snprintf(change->fresh, sizeof(change->fresh), "%s" NEW_SUFFIX, change->file);
	fd = openat(change->dir, change->file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	change->old = read_file(fd, &change->old_length);
	if (!change->old)
		error = errno;
	close(fd);
	return error;
}

/* The new file is in place, but may not be after a crash: who asked is told that it is not. */
static void put_back(const struct change *change)
{
	if (!change->old)
		unlinkat(change->dir, change->file, 0);
	else if (!write_file(change->dir, change->fresh, change->old, change->old_length))
		renameat(change->dir, change->fresh, change->dir, change->file);
}

static int change_make(const struct change *change, const char *text)
{
	int error;

	store_step();
	error = write_file(change->dir, change->fresh, text, strlen(text));
	store_step();
	if (!error && renameat(change->dir, change->fresh, change->dir, change->file))
		error = errno;
	store_step();
	if (!error && fsync(change->dir)) {
		error = errno;
		put_back(change);
	}
	if (error)
		unlinkat(change->dir, change->fresh, 0);
	return error;
}

int store_put(struct store *store, const char *name, json_t *object, struct failure *failure)
{
	char *text = json_dumps(object, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	struct change change;
	int error;

	if (!text)
		return failed(failure, store, name, "written", ENOMEM);
	error = change_begin(&change, store, name);
	if (!error)
		error = change_make(&change, text);
	free(text);
	free(change.old);
	return error ? failed(failure, store, change.file, "written", error) : 0;
}

int store_remove(struct store *store, const char *name, struct failure *failure)
{
	char file[NAME_MAX];

	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	store_step();
	if (unlinkat(store->dir, file, 0) && errno != ENOENT)
		return failed(failure, store, file, "removed", errno);
	store_step();
	return fsync(store->dir) ? failed(failure, store, file, "removed", errno) : 0;
}

static json_t *read_object(int fd, const char *path, struct failure *failure)
{
	json_error_t error;
	json_t *object;
	size_t length;
	char *text;

	if (check_owner(fd, path, failure))
		return NULL;
	text = read_file(fd, &length);
	object = text ? json_loadb(text, length, JSON_REJECT_DUPLICATES, &error) : NULL;
	free(text);
	if (json_is_object(object))
		return object;
	json_decref(object);
	failure_set(failure, EXIT_STATE, -EINVAL, "%s: no JSON object of ours: restore or remove it",
		    path);
	return NULL;
}

json_t *store_get(struct store *store, const char *name, struct failure *failure)
{
	char file[NAME_MAX], path[600];
	json_t *object;
	int fd;

	failure_set(failure, EXIT_STATE, 0, "%s", "");
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	snprintf(path, sizeof(path), "%s/%s", store->path, file);
	fd = openat(store->dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			failed(failure, store, file, "opened", errno);
		return NULL;
	}
	object = read_object(fd, path, failure);
	close(fd);
	return object;
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length > tail && !strcmp(name + length - tail, suffix);
}

int store_each(struct store *store, void (*each)(const char *name, void *arg), void *arg,
	       struct failure *failure)
{
	int fd = openat(store->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return failed(failure, store, ".", "listed", errno);
	}
	while ((entry = readdir(dir))) {
		char *name = entry->d_name;

		if (ends_with(name, NEW_SUFFIX)) {
			unlinkat(store->dir, name, 0);
		} else if (ends_with(name, SUFFIX)) {
			name[strlen(name) - strlen(SUFFIX)] = 0;
			each(name, arg);
		}
	}
	closedir(dir);
	return 0;
}
