// SPDX-License-Identifier: GPL-2.0
// Owns two links: steer in this network namespace, cg_in on restd's cgroup.

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define OUR_NETNS	"/proc/thread-self/ns/net"

static int link_info(const struct fence_object *object, struct bpf_link_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (object->fd < 0)
		return -ENOENT;
	return bpf_obj_get_info_by_fd(object->fd, info, &size);
}

/* Of our program, and not detached: a link that is shows 0 where it was. */
static bool steer_intact(struct fence *fence)
{
	struct bpf_link_info info;
	struct stat st;

	return !link_info(&fence->link[FENCE_LINK_STEER], &info) &&
	       info.prog_id == fence->program[FENCE_STEER].id && !stat(OUR_NETNS, &st) &&
	       info.netns.netns_ino == st.st_ino;
}

static bool cgroup_intact(struct fence *fence)
{
	struct bpf_link_info info;

	return !link_info(&fence->link[FENCE_LINK_CG_IN], &info) &&
	       info.prog_id == fence->program[FENCE_CG_IN].id && info.cgroup.cgroup_id &&
	       info.cgroup.cgroup_id == fence->cgroup_id;
}

/* The new one is attached before the old one goes: no packet finds none. */
static int link_replace(struct fence *fence, enum fence_link which, int target,
			enum fence_program program, enum bpf_attach_type type,
			struct failure *failure)
{
	struct fence_object *link = &fence->link[which], old = *link;
	int ret;

	ret = bpf_link_create(fence->program[program].fd, target, type, NULL);
	if (ret < 0)
		return failure_set(failure, 1, ret, "fence: attach %s: %s",
				   fence_program_names[program], strerror(-ret));
	link->fd = -1;
	ret = fence_object_take(link, ret);
	if (ret) {
		*link = old;
		return failure_set(failure, 1, ret, "fence: %s: %s",
				   fence_program_names[program], strerror(-ret));
	}
	if (old.fd >= 0)
		bpf_link_detach(old.fd);
	fence_object_close(&old);
	return pins_put(fence, "link", fence_link_names[which], link->fd, failure);
}

static int steer_attach(struct fence *fence, struct failure *failure)
{
	int netns, ret;

	if (steer_intact(fence))
		return 0;
	netns = open(OUR_NETNS, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return failure_set(failure, 1, -errno, "fence: %s: %m", OUR_NETNS);
	ret = link_replace(fence, FENCE_LINK_STEER, netns, FENCE_STEER, BPF_SK_LOOKUP, failure);
	close(netns);
	return ret;
}

/*
 * The one of another build gets our program, in one step: where restd's cgroup
 * is, it says only when it connects again. If that fails, the old program holds
 * until then, and is nothing that is lost.
 */
static void cgroup_adopt(struct fence *fence)
{
	int program = fence->program[FENCE_CG_IN].fd, link = fence->link[FENCE_LINK_CG_IN].fd;
	struct bpf_link_info info;

	if (link_info(&fence->link[FENCE_LINK_CG_IN], &info))
		return;
	if (info.prog_id == fence->program[FENCE_CG_IN].id || !bpf_link_update(link, program, NULL))
		fence->cgroup_id = info.cgroup.cgroup_id;
}

/* What is pinned under these names, of whatever build: it holds until replaced. */
static void links_adopt(struct fence *fence)
{
	enum fence_link i;

	for (i = 0; i < FENCE_LINKS; i++)
		fence_object_take(&fence->link[i], pins_get(fence, "link", fence_link_names[i]));
	cgroup_adopt(fence);
}

int links_open(struct fence *fence, struct failure *failure)
{
	links_adopt(fence);
	return steer_attach(fence, failure);
}

void links_detach(struct fence *fence)
{
	enum fence_link i;

	for (i = 0; i < FENCE_LINKS; i++) {
		if (fence->link[i].fd >= 0)
			bpf_link_detach(fence->link[i].fd);
		fence_object_close(&fence->link[i]);
	}
	fence->cgroup_id = 0;
	fence->cgroup[0] = 0;
}

/* Still there, and not hidden by another mount. */
static bool is_cgroup2(const struct mntent *mount)
{
	struct statfs fs;

	return !strcmp(mount->mnt_type, "cgroup2") && !statfs(mount->mnt_dir, &fs) &&
	       fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Hosts with both generations of cgroups have the second one anywhere. */
static int cgroup_mount(char path[PATH_MAX])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	int ret = -ENOENT;

	if (!mounts)
		return -errno;
	while (ret && (mount = getmntent(mounts)))
		if (is_cgroup2(mount))
			ret = snprintf(path, PATH_MAX, "%s", mount->mnt_dir) < PATH_MAX ? 0 : -ENAMETOOLONG;
	endmntent(mounts);
	return ret;
}

static int cgroup_attach(struct fence *fence, struct failure *failure)
{
	struct stat st;
	int fd, ret;

	fd = open(fence->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return failure_set(failure, 1, ret, "fence: cgroup %s: %s", fence->cgroup,
				   strerror(-ret));
	}
	fence->cgroup_id = st.st_ino;
	ret = cgroup_intact(fence) ? 0 : link_replace(fence, FENCE_LINK_CG_IN, fd, FENCE_CG_IN,
						      BPF_CGROUP_INET_INGRESS, failure);
	close(fd);
	return ret;
}

int fence_set_cgroup(struct fence *fence, const char *cgroup, struct failure *failure)
{
	char mount[PATH_MAX];
	int ret = cgroup_mount(mount);

	if (ret)
		return failure_set(failure, 1, ret, "fence: no cgroup2 mount: %s", strerror(-ret));
	if (snprintf(fence->cgroup, sizeof(fence->cgroup), "%s/%s", mount,
		     cgroup + (*cgroup == '/')) >= (int)sizeof(fence->cgroup))
		return failure_set(failure, 1, -ENAMETOOLONG, "fence: cgroup %.80s...: too long",
				   cgroup);
	return cgroup_attach(fence, failure);
}

unsigned int fence_audit_links(struct fence *fence)
{
	unsigned int lost = 0;

	if (!steer_intact(fence))
		lost |= FENCE_LOST_STEER;
	if (fence->cgroup_id && !cgroup_intact(fence))
		lost |= FENCE_LOST_CGROUP;
	if (!pins_intact(fence))
		lost |= FENCE_LOST_PINS;
	return lost;
}

int fence_repair_links(struct fence *fence, struct failure *failure)
{
	int ret = pins_repair(fence, failure);

	if (!ret)
		ret = steer_attach(fence, failure);
	if (ret || !fence->cgroup_id || cgroup_intact(fence))
		return ret;
	if (!fence->cgroup[0])
		return failure_set(failure, 1, -ENOENT,
				   "fence: cg_in is gone and its cgroup is not known: restart azattest-restd");
	return cgroup_attach(fence, failure);
}
