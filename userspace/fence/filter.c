// SPDX-License-Identifier: GPL-2.0
// Owns our filter at a hook of a device: that it is there, alone at its place, and first.

#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/if_ether.h>

/*
 * Priority 1 is the first there is. Filters that share it run in an order that
 * depends on who came last, so it is ours alone: what else is there is removed.
 */
#define OUR_PRIORITY	1
#define OUR_HANDLE	1

static bool is_first(const struct tc_filter *filter)
{
	return !filter->chain && filter->priority == OUR_PRIORITY;
}

static bool is_program(const struct fence *fence, const struct tc_filter *filter,
		       enum fence_program program)
{
	return !strcmp(filter->kind, "bpf") && filter->handle == OUR_HANDLE && filter->direct &&
	       filter->program == fence->program[program].id &&
	       ntohs(filter->protocol) == ETH_P_ALL;
}

/*
 * One of these programs, also of another build, or without pins: libbpf names a
 * filter "program:[id]".
 */
static bool is_one_of(const struct tc_filter *filter, enum fence_program first,
		      enum fence_program last)
{
	size_t length = strcspn(filter->name, ":");
	enum fence_program i;

	if (!is_first(filter) || strcmp(filter->kind, "bpf") || filter->handle != OUR_HANDLE)
		return false;
	for (i = first; i <= last; i++)
		if (length == strlen(fence_program_names[i]) &&
		    !strncmp(filter->name, fence_program_names[i], length))
			return true;
	return false;
}

static bool is_ours(const struct tc_filter *filter)
{
	return is_one_of(filter, FENCE_PORT_IN, FENCE_BR_DROP);
}

static int list_known(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		      struct tc_filter *filters)
{
	int count = tc_filter_list(fence, ifindex, hook, filters, TC_FILTERS_MAX);

	return count > TC_FILTERS_MAX ? TC_FILTERS_MAX : count;
}

bool filter_intact(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		   enum fence_program program)
{
	struct tc_filter filters[TC_FILTERS_MAX];
	int i, first = 0, count = list_known(fence, ifindex, hook, filters);
	bool found = false;

	for (i = 0; i < count; i++) {
		if (!is_first(&filters[i]))
			continue;
		first++;
		found = is_program(fence, &filters[i], program);
	}
	return first == 1 && found;
}

int filter_prepare(struct fence *fence, unsigned int ifindex, bool *egress,
		   struct failure *failure)
{
	char name[IFNAMSIZ + 16];
	int ret = tc_clsact_add(fence, ifindex);

	*egress = ret != -EEXIST || !tc_is_ingress(fence, ifindex);
	if (!ret || ret == -EEXIST)
		return 0;
	return failure_set(failure, 1, ret, "fence: clsact on %s: %s",
			   fence_device(ifindex, name), strerror(-ret));
}

/* What stands at our place and is not our program with its verdict. */
static void place_clear(struct fence *fence, unsigned int ifindex, enum fence_hook hook)
{
	struct tc_filter filters[TC_FILTERS_MAX];
	int i, count = list_known(fence, ifindex, hook, filters);

	for (i = 0; i < count; i++) {
		if (!is_first(&filters[i]) || is_ours(&filters[i]))
			continue;
		if (strcmp(filters[i].kind, "bpf") || ntohs(filters[i].protocol) != ETH_P_ALL)
			filters[i].handle = 0;
		tc_filter_delete(fence, ifindex, hook, &filters[i]);
	}
}

static int attach(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		  enum fence_program program)
{
	LIBBPF_OPTS(bpf_tc_hook, place, .ifindex = (int)ifindex,
		    .attach_point = hook == FENCE_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = fence->program[program].fd,
		    .flags = BPF_TC_F_REPLACE, .handle = OUR_HANDLE, .priority = OUR_PRIORITY);

	return bpf_tc_attach(&place, &filter);
}

int filter_attach(struct fence *fence, unsigned int ifindex, enum fence_hook hook,
		  enum fence_program program, struct failure *failure)
{
	char name[IFNAMSIZ + 16];
	int ret;

	if (filter_intact(fence, ifindex, hook, program))
		return 0;
	place_clear(fence, ifindex, hook);
	ret = attach(fence, ifindex, hook, program);
	if (!ret && filter_intact(fence, ifindex, hook, program))
		return 0;
	ret = ret ? ret : -EBUSY;
	return failure_set(failure, 1, ret, "fence: %s on %s: %s; look at: tc filter show dev %s %s",
			   fence_program_names[program], fence_device(ifindex, name), strerror(-ret),
			   name, hook == FENCE_INGRESS ? "ingress" : "egress");
}

/* How many filters of others are left. */
static int hook_detach(struct fence *fence, unsigned int ifindex, enum fence_hook hook)
{
	struct tc_filter filters[TC_FILTERS_MAX];
	int i, left = 0, count = list_known(fence, ifindex, hook, filters);

	for (i = 0; i < count; i++)
		if (!is_ours(&filters[i]) ||
		    tc_filter_delete(fence, ifindex, hook, &filters[i]))
			left++;
	return count < 0 ? count : left;
}

void filter_detach(struct fence *fence, unsigned int ifindex)
{
	int ingress = hook_detach(fence, ifindex, FENCE_INGRESS);
	int egress = hook_detach(fence, ifindex, FENCE_EGRESS);

	if (!ingress && !egress)
		tc_clsact_delete(fence, ifindex);
}

static bool has_one_of(struct fence *fence, unsigned int ifindex, enum fence_program first,
		       enum fence_program last)
{
	struct tc_filter filters[TC_FILTERS_MAX];
	enum fence_hook hook;
	int i, count;

	for (hook = FENCE_INGRESS; hook <= FENCE_EGRESS; hook++) {
		count = list_known(fence, ifindex, hook, filters);
		for (i = 0; i < count; i++)
			if (is_one_of(&filters[i], first, last))
				return true;
	}
	return false;
}

/* Of a device that has none of ours, nothing is touched: its qdisc may be somebody's. */
static void sweep_port(struct fence *fence, unsigned int ifindex)
{
	if (has_one_of(fence, ifindex, FENCE_PORT_IN, FENCE_PORT_OUT))
		filter_detach(fence, ifindex);
}

static void sweep_any(struct fence *fence, unsigned int ifindex)
{
	if (has_one_of(fence, ifindex, FENCE_PORT_IN, FENCE_BR_DROP))
		filter_detach(fence, ifindex);
}

int filter_sweep(struct fence *fence, bool bridges, struct failure *failure)
{
	int ret = tc_qdisc_each(fence, bridges ? sweep_any : sweep_port);

	if (ret)
		return failure_set(failure, 1, ret, "fence: list of qdiscs: %s", strerror(-ret));
	return 0;
}
