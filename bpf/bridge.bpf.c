// SPDX-License-Identifier: GPL-2.0
// Owns the way over the bridge: br_in to the host's stack, br_out back to a slot.

#include "fence.bpf.h"

/*
 * The mark says which slot port_in let it through for, the source must say the
 * same. The mark ends here: no rule of the host's firewall or routing sees it.
 * The slot is looked at again because a redirected frame waits in a queue, and
 * must not come out of it after the slot was withdrawn.
 */
SEC("tc")
int br_in(struct __sk_buff *skb)
{
	const struct fence_conf *c = conf_get();
	__u32 slot = skb->mark & ~FENCE_MARK_MASK;
	__be32 source;

	if (!c || skb->ifindex != c->bridge_ifindex ||
	    (skb->mark & FENCE_MARK_MASK) != FENCE_MARK_MAGIC || !slot_get(c, slot))
		return deny(0, FENCE_REASON_UNMARKED);
	if (bpf_skb_load_bytes(skb, SADDR_OFFSET, &source, sizeof(source)))
		return deny(slot, FENCE_REASON_SHORT);
	if (slot_of_address(c, source) != slot)
		return deny(slot, FENCE_REASON_SOURCE);
	skb->mark = 0;
	return TC_ACT_OK;
}

/* Only what the REST socket says: the host opens no connection to a guest. */
static __always_inline int from_service(const struct fence_conf *c, const struct frame *f)
{
	return is_service(c, f->ip.saddr) && f->tcp.source == c->port &&
	       (f->tcp.ack || !f->tcp.syn);
}

static __always_inline int answer_check(struct __sk_buff *skb, const struct fence_conf *c,
					struct frame *f)
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return FENCE_REASON_ETHERTYPE;
	if (bpf_skb_load_bytes(skb, 0, f, sizeof(*f)))
		return FENCE_REASON_SHORT;
	if (f->ip.version != 4 || f->ip.ihl != 5)
		return FENCE_REASON_IP_HEADER;
	if (f->ip.frag_off & bpf_htons(IP_FRAGMENT))
		return FENCE_REASON_FRAGMENT;
	if (f->ip.protocol != IPPROTO_TCP)
		return FENCE_REASON_PROTOCOL;
	return from_service(c, f) ? -1 : FENCE_REASON_SOURCE;
}

static __always_inline long to_guest(struct __sk_buff *skb, const struct fence_slot *record,
				     const struct frame *f)
{
	return readdress(skb, DADDR_OFFSET, f->ip.daddr, record->guest_ip) ||
	       bpf_skb_store_bytes(skb, 0, record->guest_mac, ETH_ALEN, 0);
}

SEC("tc")
int br_out(struct __sk_buff *skb)
{
	const struct fence_conf *c = conf_get();
	struct fence_slot *record;
	struct frame f = {};
	__u32 slot;
	int reason;

	if (!c || skb->ifindex != c->bridge_ifindex)
		return deny(0, FENCE_REASON_UNENROLLED);
	reason = answer_check(skb, c, &f);
	if (reason >= 0)
		return deny(0, reason);
	slot = slot_of_address(c, f.ip.daddr);
	record = slot_get(c, slot);
	if (!record || !record->guest_ip)
		return deny(record ? slot : 0, FENCE_REASON_NO_GUEST);
	if (to_guest(skb, record, &f))
		return deny(slot, FENCE_REASON_FAULT);
	skb->mark = FENCE_MARK_MAGIC | slot;
	return bpf_redirect(record->ifindex, 0);
}

/* Both ways of further bridges: their ports use the first one, past them. */
SEC("tc")
int br_drop(struct __sk_buff *skb)
{
	(void)skb;
	return deny(0, FENCE_REASON_UNMARKED);
}
