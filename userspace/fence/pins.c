// SPDX-License-Identifier: GPL-2.0
// Owns the pin directory: 0700, root's, and what is in it.

#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define PIN_MODE	0700

/* Any kind of object says its id in the first bytes of its description. */
struct object_info {
	uint32_t type;
	uint32_t id;
};

static void pin_path(const struct fence *fence, const char *kind, const char *name,
		     char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/%s_%s", fence->pin_dir, kind, name);
}

static int filesystem_check(const struct fence *fence, struct failure *failure)
{
	char parent[PATH_MAX];
	struct statfs fs;

	snprintf(parent, sizeof(parent), "%s", fence->pin_dir);
	if (statfs(dirname(parent), &fs))
		return failure_set(failure, 1, -errno, "fence: %s: %m", parent);
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	return failure_set(failure, 1, -ENOENT,
			   "fence: %s is no bpf file system: mount -t bpf bpf %s", parent, parent);
}

static bool directory_ours(const struct fence *fence)
{
	struct stat st;

	return !lstat(fence->pin_dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 07777) == PIN_MODE;
}

int pins_prepare(struct fence *fence, struct failure *failure)
{
	int ret = filesystem_check(fence, failure);

	if (ret)
		return ret;
	if (directory_ours(fence))
		return 0;
	/* Empty, it can be made anew; a directory with something in it stays. */
	if ((rmdir(fence->pin_dir) && errno != ENOENT) || mkdir(fence->pin_dir, PIN_MODE))
		return failure_set(failure, 1, errno == EPERM || errno == EACCES ? -EPERM : -EEXIST,
				   "fence: %s is not a directory of root's with mode 0700: %m; remove it",
				   fence->pin_dir);
	return 0;
}

int pins_get(struct fence *fence, const char *kind, const char *name)
{
	char path[PATH_MAX];

	pin_path(fence, kind, name, path);
	return bpf_obj_get(path);
}

int pins_put(struct fence *fence, const char *kind, const char *name, int fd,
	     struct failure *failure)
{
	char path[PATH_MAX];
	int ret;

	pin_path(fence, kind, name, path);
	unlink(path);
	ret = bpf_obj_pin(fd, path);
	if (ret)
		return failure_set(failure, 1, ret, "fence: pin %s: %s", path, strerror(-ret));
	return 0;
}

void pins_drop(struct fence *fence, const char *kind, const char *name)
{
	char path[PATH_MAX];

	pin_path(fence, kind, name, path);
	unlink(path);
}

static bool pin_intact(struct fence *fence, const char *kind, const char *name,
		       const struct fence_object *object)
{
	struct object_info info = { 0 };
	uint32_t size = sizeof(info);
	bool intact;
	int fd;

	if (object->fd < 0)
		return true;
	fd = pins_get(fence, kind, name);
	if (fd < 0)
		return false;
	intact = !bpf_obj_get_info_by_fd(fd, &info, &size) && info.id == object->id;
	close(fd);
	return intact;
}

typedef int (*pin_fn)(struct fence *fence, const char *kind, const char *name,
		      struct fence_object *object, struct failure *failure);

/* The first result that is not 0. */
static int pins_each(struct fence *fence, pin_fn each, struct failure *failure)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < FENCE_MAPS && !ret; i++)
		ret = each(fence, "map", fence_map_names[i], &fence->map[i], failure);
	for (i = 0; i < FENCE_PROGRAMS && !ret; i++)
		ret = each(fence, "prog", fence_program_names[i], &fence->program[i], failure);
	for (i = 0; i < FENCE_LINKS && !ret; i++)
		ret = each(fence, "link", fence_link_names[i], &fence->link[i], failure);
	return ret;
}

static int check_one(struct fence *fence, const char *kind, const char *name,
		     struct fence_object *object, struct failure *failure)
{
	(void)failure;
	return !pin_intact(fence, kind, name, object);
}

static int repair_one(struct fence *fence, const char *kind, const char *name,
		      struct fence_object *object, struct failure *failure)
{
	if (pin_intact(fence, kind, name, object))
		return 0;
	return pins_put(fence, kind, name, object->fd, failure);
}

bool pins_intact(struct fence *fence)
{
	return directory_ours(fence) && !pins_each(fence, check_one, NULL);
}

/* Its mode, if somebody changed that; what is pinned stays. */
static void directory_repair(const struct fence *fence)
{
	struct stat st;

	if (!lstat(fence->pin_dir, &st) && S_ISDIR(st.st_mode) &&
	    !chown(fence->pin_dir, geteuid(), getegid()))
		chmod(fence->pin_dir, PIN_MODE);
}

int pins_repair(struct fence *fence, struct failure *failure)
{
	int ret;

	directory_repair(fence);
	ret = pins_prepare(fence, failure);
	return ret ? ret : pins_each(fence, repair_one, failure);
}

/* All there are: an older build may have had others. */
int pins_remove(struct fence *fence, struct failure *failure)
{
	DIR *dir = opendir(fence->pin_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	if (rmdir(fence->pin_dir) && errno != ENOENT)
		return failure_set(failure, 1, -errno, "fence: remove %s: %m", fence->pin_dir);
	return 0;
}
