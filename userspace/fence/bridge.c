// SPDX-License-Identifier: GPL-2.0
// Owns the bridges' place in the fence: conf, br_in and br_out, br_drop; and their audit.

#include "internal.h"

#include <errno.h>
#include <string.h>

static enum fence_program program_of(enum fence_hook hook, bool first)
{
	if (!first)
		return FENCE_BR_DROP;
	return hook == FENCE_INGRESS ? FENCE_BR_IN : FENCE_BR_OUT;
}

/* A device that was the bridge before is closed by the comparison in br_in and br_out. */
static int conf_point(struct fence *fence, unsigned int ifindex, const uint8_t mac[6],
		      struct failure *failure)
{
	struct fence_conf conf = { 0 };
	int ret = fence_conf_read(fence, &conf);

	if (ret)
		return failure_set(failure, 1, ret, "fence: map conf: %s", strerror(-ret));
	conf.bridge_ifindex = ifindex;
	memcpy(conf.bridge_mac, mac, sizeof(conf.bridge_mac));
	return fence_conf_write(fence, &conf, failure);
}

/* A program of tcx can pass a frame before br_in sees it. */
static int tcx_check(unsigned int ifindex, struct failure *failure)
{
	char name[IFNAMSIZ + 16];

	if (!tc_tcx_count(ifindex, FENCE_INGRESS) && !tc_tcx_count(ifindex, FENCE_EGRESS))
		return 0;
	return failure_set(failure, 1, -EBUSY,
			   "fence: %s has a tcx program, which runs before ours: bpftool net; detach it",
			   fence_device(ifindex, name));
}

int fence_set_bridge(struct fence *fence, unsigned int ifindex, const uint8_t mac[6], bool first,
		     struct failure *failure)
{
	char name[IFNAMSIZ + 16];
	enum fence_hook hook;
	bool egress;
	int ret;

	if (!if_indextoname(ifindex, name))
		return failure_set(failure, 1, -ENODEV, "fence: bridge: no interface %u", ifindex);
	ret = first ? conf_point(fence, ifindex, mac, failure) : 0;
	if (!ret)
		ret = filter_prepare(fence, ifindex, &egress, failure);
	if (!ret && !egress)
		ret = failure_set(failure, 1, -EEXIST,
				  "fence: bridge %s has an ingress qdisc: tc qdisc del dev %s ingress",
				  name, name);
	for (hook = FENCE_INGRESS; !ret && hook <= FENCE_EGRESS; hook++)
		ret = filter_attach(fence, ifindex, hook, program_of(hook, first), failure);
	return ret ? ret : tcx_check(ifindex, failure);
}

unsigned int fence_audit_bridge(struct fence *fence, unsigned int ifindex, bool first)
{
	struct fence_conf conf;
	enum fence_hook hook;

	if (fence_conf_read(fence, &conf) || (first && conf.bridge_ifindex != ifindex))
		return FENCE_LOST_BRIDGE;
	for (hook = FENCE_INGRESS; hook <= FENCE_EGRESS; hook++)
		if (tc_tcx_count(ifindex, hook) ||
		    !filter_intact(fence, ifindex, hook, program_of(hook, first)))
			return FENCE_LOST_BRIDGE;
	return 0;
}
