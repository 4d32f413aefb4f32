// SPDX-License-Identifier: GPL-2.0
// Owns programs and maps: adopted as they are pinned if of this build, else loaded anew.

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <bpf/fence.skel.h>

const char *const fence_program_names[FENCE_PROGRAMS] = {
	[FENCE_PORT_IN] = "port_in",
	[FENCE_PORT_OUT] = "port_out",
	[FENCE_BR_IN] = "br_in",
	[FENCE_BR_OUT] = "br_out",
	[FENCE_BR_DROP] = "br_drop",
	[FENCE_STEER] = "steer",
	[FENCE_CG_IN] = "cg_in",
};

const char *const fence_map_names[FENCE_MAPS] = {
	[FENCE_CONF] = "conf",
	[FENCE_PORTS] = "ports",
	[FENCE_SLOTS] = "slots",
	[FENCE_GDROP] = "gdrop",
	[FENCE_SOCK] = "sock",
};

const char *const fence_link_names[FENCE_LINKS] = {
	[FENCE_LINK_STEER] = "steer",
	[FENCE_LINK_CG_IN] = "cg_in",
};

#define PROGRAM_MAPS_MAX	16

/* What tells one program from another. */
struct identity {
	uint8_t tag[BPF_TAG_SIZE];
	uint32_t maps[PROGRAM_MAPS_MAX];
	uint32_t map_count;
};

static bool has_capability(const struct __user_cap_data_struct *data, unsigned int capability)
{
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/*
 * Asked before anything is tried: some kernels load these programs without
 * CAP_PERFMON, others do not, and none says what it missed.
 */
static const char *missing_capability(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	bool all;

	if (syscall(SYS_capget, &header, data))
		return "a capability";
	all = has_capability(data, CAP_SYS_ADMIN);
	if (!has_capability(data, CAP_NET_ADMIN))
		return "CAP_NET_ADMIN";
	if (!all && !has_capability(data, CAP_BPF))
		return "CAP_BPF";
	if (!all && !has_capability(data, CAP_PERFMON))
		return "CAP_PERFMON";
	return NULL;
}

static bool map_fits(const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       info.max_entries == bpf_map__max_entries(map) &&
	       info.map_flags == bpf_map__map_flags(map);
}

static void objects_close(struct fence *fence)
{
	unsigned int i;

	for (i = 0; i < FENCE_MAPS; i++)
		fence_object_close(&fence->map[i]);
	for (i = 0; i < FENCE_PROGRAMS; i++)
		fence_object_close(&fence->program[i]);
}

/* All maps that are pinned, for the programs to be loaded with. */
static bool maps_adopt(struct fence *fence, struct bpf_object *object)
{
	struct bpf_map *map;
	enum fence_map i;

	for (i = 0; i < FENCE_MAPS; i++) {
		map = bpf_object__find_map_by_name(object, fence_map_names[i]);
		if (!map || fence_object_take(&fence->map[i], pins_get(fence, "map", fence_map_names[i])) ||
		    !map_fits(map, fence->map[i].fd) || bpf_map__reuse_fd(map, fence->map[i].fd))
			return false;
	}
	return true;
}

static int identity_read(int fd, struct identity *identity)
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int ret;

	memset(identity, 0, sizeof(*identity));
	info.nr_map_ids = PROGRAM_MAPS_MAX;
	info.map_ids = (uintptr_t)identity->maps;
	ret = bpf_obj_get_info_by_fd(fd, &info, &size);
	memcpy(identity->tag, info.tag, sizeof(identity->tag));
	identity->map_count = info.nr_map_ids;
	return ret;
}

/* The same instructions on the same maps. */
static bool same_program(int a, int b)
{
	struct identity one, two;

	return !identity_read(a, &one) && !identity_read(b, &two) &&
	       !memcmp(&one, &two, sizeof(one));
}

static int loaded_fd(struct bpf_object *object, enum fence_program program)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object,
								fence_program_names[program]));
}

static bool programs_adopt(struct fence *fence, struct bpf_object *object)
{
	enum fence_program i;

	for (i = 0; i < FENCE_PROGRAMS; i++)
		if (fence_object_take(&fence->program[i],
				      pins_get(fence, "prog", fence_program_names[i])) ||
		    !same_program(fence->program[i].fd, loaded_fd(object, i)))
			return false;
	return true;
}

static int load_failed(int error, struct failure *failure)
{
	return failure_set(failure, 1, error, "fence: load the BPF programs: %s; does this kernel have BPF?",
			   strerror(-error));
}

/*
 * Whether what is pinned is this build's can be told only by loading this
 * build's programs on the pinned maps: the kernel makes the tags.
 */
static int try_adopt(struct fence *fence, bool *adopted, struct failure *failure)
{
	struct fence_bpf *build = fence_bpf__open();
	int ret = 0;

	*adopted = false;
	if (!build)
		return load_failed(-errno, failure);
	if (maps_adopt(fence, build->obj)) {
		ret = fence_bpf__load(build);
		if (!ret)
			*adopted = programs_adopt(fence, build->obj);
		else
			ret = load_failed(ret, failure);
	}
	fence_bpf__destroy(build);
	if (!*adopted)
		objects_close(fence);
	return ret;
}

static int copy_fd(struct fence_object *object, int fd)
{
	return fence_object_take(object, fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

static int objects_take(struct fence *fence, struct bpf_object *object)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < FENCE_MAPS && !ret; i++)
		ret = copy_fd(&fence->map[i],
			      bpf_object__find_map_fd_by_name(object, fence_map_names[i]));
	for (i = 0; i < FENCE_PROGRAMS && !ret; i++)
		ret = copy_fd(&fence->program[i], loaded_fd(object, i));
	return ret;
}

static int pin_all(struct fence *fence, struct failure *failure)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < FENCE_MAPS && !ret; i++)
		ret = pins_put(fence, "map", fence_map_names[i], fence->map[i].fd, failure);
	for (i = 0; i < FENCE_PROGRAMS && !ret; i++)
		ret = pins_put(fence, "prog", fence_program_names[i], fence->program[i].fd, failure);
	return ret;
}

/*
 * Taps' filters of an older load must go first: they know slots of maps that are not
 * these, and what they let through would count as another VM. Those of bridges
 * stay until they are replaced: without marks of old ones they drop everything.
 */
static int load_anew(struct fence *fence, struct failure *failure)
{
	struct fence_bpf *build;
	int ret = filter_sweep(fence, false, failure);

	if (ret)
		return ret;
	build = fence_bpf__open();
	if (!build)
		return load_failed(-errno, failure);
	ret = fence_bpf__load(build);
	if (!ret)
		ret = objects_take(fence, build->obj);
	fence_bpf__destroy(build);
	return ret ? load_failed(ret, failure) : pin_all(fence, failure);
}

int load_open(struct fence *fence, bool *adopted, struct failure *failure)
{
	const char *missing = missing_capability();
	int ret;

	if (missing)
		return failure_set(failure, 1, -EPERM, "fence: load the BPF programs: %s is missing",
				   missing);
	ret = try_adopt(fence, adopted, failure);
	return ret || *adopted ? ret : load_anew(fence, failure);
}
