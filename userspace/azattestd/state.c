// SPDX-License-Identifier: GPL-2.0
// Owns the state directory: who may own it, and writes that survive a crash whole or not at all.

#include "azattestd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAF_PREFIX	"leaf-"
#define NEW_SUFFIX	".new"
#define LOCK_TRIES	100	/* five seconds */
#define LOCK_PAUSE_US	50000

__attribute__((weak)) void state_step(void)
{
}

/* Owner and mode of what was opened; nobody can change it in between. */
int state_check(int fd, const char *path, struct failure *failure)
{
	struct stat st;

	if (fstat(fd, &st))
		return failure_set(failure, EXIT_STATE, -errno, "%s: %s", path, strerror(errno));
	if (st.st_uid && st.st_uid != geteuid())
		return failure_set(failure, EXIT_STATE, -EPERM,
				   "%s: belongs to user %u: it holds keys, so its owner must be root or "
				   "user %u: look who wrote it, then chown it or remove it", path,
				   st.st_uid, geteuid());
	if (st.st_mode & 077)
		return failure_set(failure, EXIT_STATE, -EPERM,
				   "%s: mode is 0%o: others may use what holds keys: look who did, then "
				   "chmod %s it", path, st.st_mode & 07777,
				   S_ISDIR(st.st_mode) ? "0700" : "0600");
	return 0;
}

static int open_directory(struct state *state, const char *path, struct failure *failure)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return failure_set(failure, EXIT_STATE, -errno, "%s: cannot be made: %s", path,
				   strerror(errno));
	state->dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state->dir < 0)
		return failure_set(failure, EXIT_STATE, -errno,
				   "%s: cannot be opened as a directory: %s", path,
				   strerror(errno));
	return state_check(state->dir, path, failure);
}

/*
 * The directory itself is the lock: nothing is left behind. The renewal of an azattestd that
 * was killed is killed with it (errand.c), but has the lock until it is gone.
 */
static int lock_directory(struct state *state, const char *path, struct failure *failure)
{
	for (int tries = 0; flock(state->dir, LOCK_EX | LOCK_NB); tries++) {
		if (errno != EWOULDBLOCK || tries == LOCK_TRIES)
			return failure_set(failure, EXIT_STATE, -errno, "%s: another azattestd uses it: "
					   "end that one or give another --state", path);
		usleep(LOCK_PAUSE_US);
	}
	return 0;
}

int state_open(struct state *state, const char *path, struct failure *failure)
{
	int ret;

	state->dir = -1;
	if (strlen(path) >= sizeof(state->path))
		return failure_set(failure, EXIT_STATE, -ENAMETOOLONG, "%s: name too long", path);
	strcpy(state->path, path);
	ret = open_directory(state, path, failure);
	if (!ret)
		ret = lock_directory(state, path, failure);
	if (!ret)
		ret = format_check(state->dir, path, STATE_FORMAT, EXIT_STATE, failure);
	if (ret)
		state_close(state);
	return ret;
}

void state_close(struct state *state)
{
	if (state->dir >= 0)
		close(state->dir);
	state->dir = -1;
}

static int failed(struct failure *failure, const struct state *state, const char *name,
		  const char *what)
{
	int error = errno;

	return failure_set(failure, EXIT_STATE, -error, "%s/%s: cannot be %s: %s", state->path,
			   name, what, strerror(error));
}

/* A folder and the files in it; there are no deeper ones. */
static int remove_folder(struct state *state, const char *name)
{
	int fd = openat(state->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(fd, entry->d_name, 0);
	closedir(dir);
	return unlinkat(state->dir, name, AT_REMOVEDIR) ? -errno : 0;
}

static void new_name(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s" NEW_SUFFIX, name);
}

int state_begin(struct state *state, const char *name, struct failure *failure)
{
	char fresh[64];
	int fd;

	new_name(fresh, sizeof(fresh), name);
	state_step();
	if (remove_folder(state, fresh) || mkdirat(state->dir, fresh, 0700))
		return failed(failure, state, fresh, "made");
	state_step();
	fd = openat(state->dir, fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? failed(failure, state, fresh, "opened") : fd;
}

int state_publish(struct state *state, const char *name, int dir, struct failure *failure)
{
	char fresh[64];

	new_name(fresh, sizeof(fresh), name);
	state_step();
	if (fsync(dir))
		return failed(failure, state, fresh, "written");
	state_step();
	if (renameat(state->dir, fresh, state->dir, name))
		return failed(failure, state, name, "renamed into place");
	state_step();
	return fsync(state->dir) ? failed(failure, state, name, "written") : 0;
}

void state_abandon(struct state *state, const char *name)
{
	char fresh[64];

	new_name(fresh, sizeof(fresh), name);
	remove_folder(state, fresh);
}

void state_drop(struct state *state, const char *name)
{
	state_step();
	remove_folder(state, name);
	fsync(state->dir);
}

/* Where it lay; what a file system or a disk has copied elsewhere is out of reach. */
static int overwrite(int dir, const char *name)
{
	static const char zeros[8192];
	int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		ret = -EINVAL;
	for (off_t at = 0; !ret && at < st.st_size; at += (off_t)sizeof(zeros)) {
		size_t some = st.st_size - at < (off_t)sizeof(zeros) ? (size_t)(st.st_size - at) :
			sizeof(zeros);

		ret = pwrite(fd, zeros, some, at) == (ssize_t)some ? 0 : -EIO;
	}
	if (!ret && fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

int state_destroy(struct state *state, const char *name, struct failure *failure)
{
	int fd = openat(state->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		close(fd);
	if (!dir)
		return failed(failure, state, name, "destroyed");
	while ((entry = readdir(dir))) {
		state_step();
		if (*entry->d_name != '.')
			overwrite(fd, entry->d_name);	/* that it is gone is what counts */
	}
	closedir(dir);
	state_step();
	errno = -remove_folder(state, name);
	if (errno || fsync(state->dir))
		return failed(failure, state, name, "destroyed");
	return 0;
}

int state_create(int dir, const char *name, struct failure *failure)
{
	int fd;

	state_step();
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	return failure_set(failure, EXIT_STATE, -errno, "%s: cannot be created: %s", name,
			   strerror(errno));
}

int state_write(int dir, const char *name, const void *bytes, size_t length,
		struct failure *failure)
{
	int fd = state_create(dir, name, failure);
	ssize_t n;
	int error;

	if (fd < 0)
		return fd;
	state_step();
	n = write(fd, bytes, length);
	error = n < 0 ? errno : (size_t)n < length ? ENOSPC : 0;
	state_step();
	if (!error && fsync(fd))
		error = errno;
	close(fd);
	if (!error)
		return 0;
	return failure_set(failure, EXIT_STATE, -error, "%s: cannot be written: %s", name,
			   strerror(error));
}

int state_replace(struct state *state, const char *name, const void *bytes, size_t length,
		  struct failure *failure)
{
	char fresh[64];
	int ret;

	new_name(fresh, sizeof(fresh), name);
	unlinkat(state->dir, fresh, 0);
	ret = state_write(state->dir, fresh, bytes, length, failure);
	state_step();
	if (!ret && renameat(state->dir, fresh, state->dir, name))
		ret = failed(failure, state, name, "renamed into place");
	if (ret) {
		unlinkat(state->dir, fresh, 0);
		return ret;
	}
	return fsync(state->dir) ? failed(failure, state, name, "written") : 0;
}

int state_folder(struct state *state, const char *name, struct failure *failure)
{
	char path[400];
	int fd = openat(state->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int ret;

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return failed(failure, state, name, "opened");
	snprintf(path, sizeof(path), "%s/%s", state->path, name);
	ret = state_check(fd, path, failure);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int read_checked(int fd, const char *path, void *buf, size_t size, struct failure *failure)
{
	ssize_t n = read(fd, buf, size);

	if (n < 0)
		return failure_set(failure, EXIT_STATE, -errno, "%s: %s", path, strerror(errno));
	if ((size_t)n == size)
		return failure_set(failure, EXIT_STATE, -EFBIG, "%s: too long to be ours", path);
	return (int)n;
}

static void file_path(char path[600], const struct state *state, const char *folder,
		      const char *name)
{
	snprintf(path, 600, "%s/%s/%s", state->path, folder, name);
}

int state_open_file(struct state *state, const char *folder, const char *name,
		    struct failure *failure)
{
	char path[600];
	int dir = state_folder(state, folder, failure), fd, ret;

	file_path(path, state, folder, name);
	if (dir == -ENOENT)
		return failure_set(failure, EXIT_STATE, dir, "%s: %s", path, strerror(ENOENT));
	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	close(dir);
	if (fd < 0)
		return failure_set(failure, EXIT_STATE, -errno, "%s: %s", path, strerror(errno));
	ret = state_check(fd, path, failure);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int state_read(struct state *state, const char *folder, const char *name, void *buf, size_t size,
	       struct failure *failure)
{
	char path[600];
	int fd = state_open_file(state, folder, name, failure), ret;

	if (fd < 0)
		return fd;
	file_path(path, state, folder, name);
	ret = read_checked(fd, path, buf, size, failure);
	close(fd);
	return ret;
}

int state_move_in(struct state *state, const char *folder, const char *name, const void *bytes,
		  size_t length, struct failure *failure)
{
	int dir = state_folder(state, folder, failure), ret;

	if (dir < 0)
		return dir;
	unlinkat(dir, "replace" NEW_SUFFIX, 0);
	ret = state_write(dir, "replace" NEW_SUFFIX, bytes, length, failure);
	state_step();
	if (!ret && (renameat(dir, "replace" NEW_SUFFIX, dir, name) || fsync(dir)))
		ret = failed(failure, state, folder, "written");
	state_step();
	close(dir);
	return ret;
}

void state_remove(struct state *state, const char *folder, const char *name)
{
	struct failure ignored;
	int dir = state_folder(state, folder, &ignored);

	if (dir < 0)
		return;
	state_step();
	unlinkat(dir, name, 0);
	fsync(dir);
	close(dir);
}

void state_leaf_name(uint64_t number, char name[STATE_LEAF_NAME])
{
	snprintf(name, STATE_LEAF_NAME, LEAF_PREFIX "%06" PRIu64, number);
}

/* Number of a leaf folder's name, 0 if it is none. */
static uint64_t leaf_number(const char *name)
{
	char again[STATE_LEAF_NAME];
	uint64_t number;

	if (strncmp(name, LEAF_PREFIX, strlen(LEAF_PREFIX)))
		return 0;
	number = strtoull(name + strlen(LEAF_PREFIX), NULL, 10);
	state_leaf_name(number, again);
	return strcmp(again, name) ? 0 : number;
}

void state_each(struct state *state,
		void (*each)(struct state *state, const char *name, void *arg), void *arg)
{
	int fd = openat(state->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		each(state, entry->d_name, arg);
	closedir(dir);
}

static void keep_newest(struct state *state, const char *name, void *arg)
{
	uint64_t number = leaf_number(name), *newest = arg;

	(void)state;
	if (number > *newest)
		*newest = number;
}

uint64_t state_newest_leaf(struct state *state)
{
	uint64_t newest = 0;

	state_each(state, keep_newest, &newest);
	return newest;
}

/* @arg: the number to stay below, and what was found. */
static void keep_older(struct state *state, const char *name, void *arg)
{
	uint64_t number = leaf_number(name), *bounds = arg;

	(void)state;
	if (number < bounds[0] && number > bounds[1])
		bounds[1] = number;
}

uint64_t state_older_leaf(struct state *state, uint64_t number)
{
	uint64_t bounds[2] = { number, 0 };

	state_each(state, keep_older, bounds);
	return bounds[1];
}

static bool may_hold_key(const char *name)
{
	static const char *const prefixes[] = { LEAF_PREFIX, "pending", "ca", "seal-" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static void destroy_one(struct state *state, const char *name, void *arg)
{
	uint64_t *left = arg;
	struct failure failure;

	if (may_hold_key(name) && state_destroy(state, name, &failure)) {
		log_line(LOG_ERR, "%s", failure.text);
		++*left;
	}
}

int state_destroy_keys(struct state *state, struct failure *failure)
{
	uint64_t left = 0;

	state_each(state, destroy_one, &left);
	if (!left)
		return 0;
	return failure_set(failure, EXIT_STATE, -EIO, "%s: %" PRIu64 " folders with keys could not be "
			   "destroyed, see the journal: remove them by hand", state->path, left);
}

static void prune(struct state *state, const char *name, void *arg)
{
	const uint64_t *keep = arg;
	size_t length = strlen(name);
	uint64_t number = leaf_number(name);
	bool unfinished = length > strlen(NEW_SUFFIX) &&
			  !strcmp(name + length - strlen(NEW_SUFFIX), NEW_SUFFIX);

	/* Wrapping keys have rules of their own (keeper.c). */
	if ((number && number != *keep) || (unfinished && strncmp(name, "seal-", 5)))
		remove_folder(state, name);
}

void state_prune(struct state *state, uint64_t keep)
{
	state_each(state, prune, &keep);
}
