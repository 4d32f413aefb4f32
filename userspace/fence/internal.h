/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The map of this folder.
 *
 *   fence.c   open and close, configuration, sockets, refusals, costs
 *   load.c    programs and maps: adopted, or loaded anew
 *   pins.c    the pin directory
 *   links.c   steer in this network namespace, cg_in on restd's cgroup
 *   ports.c   enrolment of taps, and their audit
 *   bridge.c  the bridges, and their audit
 *   filter.c  our filter at a hook of a device: there, alone, first
 *   tc.c      qdiscs and filters over rtnetlink
 */
#ifndef AZATTEST_FENCE_INTERNAL_H
#define AZATTEST_FENCE_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/netlink.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <userspace/fence/fence.h>

enum fence_program {
	FENCE_PORT_IN,
	FENCE_PORT_OUT,
	FENCE_BR_IN,
	FENCE_BR_OUT,
	FENCE_BR_DROP,
	FENCE_STEER,
	FENCE_CG_IN,
	FENCE_PROGRAMS
};

enum fence_map {
	FENCE_CONF,
	FENCE_PORTS,
	FENCE_SLOTS,
	FENCE_GDROP,
	FENCE_SOCK,
	FENCE_MAPS
};

enum fence_link {
	FENCE_LINK_STEER,
	FENCE_LINK_CG_IN,
	FENCE_LINKS
};

/* An object of the kernel's that is pinned. */
struct fence_object {
	int fd;		/* -1: none */
	uint32_t id;
};

struct fence {
	struct fence_config config;
	char pin_dir[PATH_MAX];
	struct fence_object program[FENCE_PROGRAMS];
	struct fence_object map[FENCE_MAPS];
	struct fence_object link[FENCE_LINKS];
	char cgroup[PATH_MAX];		/* cg_in's, absolute; empty: not told */
	uint64_t cgroup_id;		/* 0: not told, and none adopted */
	int netlink;
};

extern const char *const fence_program_names[FENCE_PROGRAMS];
extern const char *const fence_map_names[FENCE_MAPS];
extern const char *const fence_link_names[FENCE_LINKS];

/* fence.c */
void fence_object_close(struct fence_object *object);
/* Takes @fd over; -errno if it is none or cannot say its id. */
int fence_object_take(struct fence_object *object, int fd);
/* Its name, or "interface 12" once it is gone. */
const char *fence_device(unsigned int ifindex, char name[IFNAMSIZ + 16]);
int fence_conf_read(struct fence *fence, struct fence_conf *conf);
int fence_conf_write(struct fence *fence, const struct fence_conf *conf, struct failure *failure);

/* load.c */
int load_open(struct fence *fence, bool *adopted, struct failure *failure);

/* pins.c */
int pins_prepare(struct fence *fence, struct failure *failure);
int pins_get(struct fence *fence, const char *kind, const char *name);
int pins_put(struct fence *fence, const char *kind, const char *name, int fd,
	     struct failure *failure);
void pins_drop(struct fence *fence, const char *kind, const char *name);
bool pins_intact(struct fence *fence);
/* Pins again what is not; links that are not attached stay unpinned. */
int pins_repair(struct fence *fence, struct failure *failure);
int pins_remove(struct fence *fence, struct failure *failure);

/* links.c */
int links_open(struct fence *fence, struct failure *failure);
void links_detach(struct fence *fence);

/* filter.c */
enum fence_hook {
	FENCE_INGRESS,
	FENCE_EGRESS
};

/* What must exist before a filter can: clsact; *@egress is false on "ingress". */
int filter_prepare(struct fence *fence, unsigned int ifindex, bool *egress,
		   struct failure *failure);
int filter_attach(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		  enum fence_program program, struct failure *failure);
bool filter_intact(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		   enum fence_program program);
/* Takes any program of the fence's away, of whatever build. */
void filter_detach(struct fence *fence, unsigned int ifindex);
/* The same for every tap, or every device, of this network namespace. */
int filter_sweep(struct fence *fence, bool bridges, struct failure *failure);

/* tc.c */
struct tc_filter {
	char kind[16];
	char name[64];		/* of a BPF filter */
	uint32_t handle;
	uint32_t chain;
	uint32_t program;	/* id */
	uint16_t priority;
	uint16_t protocol;	/* network order */
	bool direct;		/* the program's result is the verdict */
};

#define TC_FILTERS_MAX	64	/* of one hook that we look at; more: not intact */

int tc_open(struct fence *fence, struct failure *failure);
/* Whether the qdisc there, if there is one, is not clsact but "ingress". */
bool tc_is_ingress(struct fence *fence, unsigned int ifindex);
/* -EEXIST: there is one, or an "ingress" */
int tc_clsact_add(struct fence *fence, unsigned int ifindex);
int tc_clsact_delete(struct fence *fence, unsigned int ifindex);
/* Every device with either of the two. */
int tc_qdisc_each(struct fence *fence, void (*each)(struct fence *fence, unsigned int ifindex));
/* How many there are (may be more than @max), in the order in which they run. */
int tc_filter_list(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		   struct tc_filter *filters, unsigned int max);
/* @handle 0: all of that priority and protocol. */
int tc_filter_delete(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		     const struct tc_filter *filter);

/* Programs of tcx, which run before ours: how many. 0 where there is no tcx. */
unsigned int tc_tcx_count(unsigned int ifindex, enum fence_hook hook);

#endif
