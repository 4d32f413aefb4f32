// SPDX-License-Identifier: GPL-2.0
// Owns what may go to a guest: tc egress of an enrolled tap.

#include "fence.bpf.h"

/*
 * Only what br_out, or port_in with an answer to ARP, marked for this slot: not
 * what a bridge floods, nor what a program of the host writes to the tap.
 */
SEC("tc")
int port_out(struct __sk_buff *skb)
{
	const struct fence_conf *c = conf_get();
	__u32 slot = slot_of_tap(skb->ifindex);
	struct fence_slot *record = c ? slot_get(c, slot) : 0;

	if (!record || record->ifindex != skb->ifindex)
		return deny(0, FENCE_REASON_UNENROLLED);
	if (skb->mark != (FENCE_MARK_MAGIC | slot))
		return deny(slot, FENCE_REASON_NOT_OURS);
	skb->mark = 0;
	__sync_fetch_and_add(&record->tx_packets, 1);
	__sync_fetch_and_add(&record->tx_bytes, skb->len);
	return TC_ACT_OK;
}
