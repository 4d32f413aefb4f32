// SPDX-License-Identifier: GPL-2.0
// Owns the maps of the fence, and how a refusal is counted.

#include "fence.bpf.h"

struct conf_map conf SEC(".maps");
struct ports_map ports SEC(".maps");
struct slots_map slots SEC(".maps");
struct gdrop_map gdrop SEC(".maps");
struct sock_map sock SEC(".maps");

static __always_inline __u64 *counter_of(__u32 slot, __u32 reason)
{
	struct fence_slot *record;

	if (!slot)
		return bpf_map_lookup_elem(&gdrop, &reason);
	record = bpf_map_lookup_elem(&slots, &slot);
	return record ? &record->drops[reason] : 0;
}

__noinline int deny(__u32 slot, __u32 reason)
{
	__u64 *counter;

	if (reason >= FENCE_REASON_COUNT)
		return TC_ACT_SHOT;
	counter = counter_of(slot, reason);
	if (counter)
		__sync_fetch_and_add(counter, 1);
	return TC_ACT_SHOT;
}

char fence_license[] SEC("license") = "GPL";
