// SPDX-License-Identifier: GPL-2.0
// Owns what reaches a socket of restd's cgroup: only what came over the bridge.

#include "fence.bpf.h"

#define CG_DROP	0
#define CG_PASS	1

/*
 * Behind steer, because skb->ifindex is the true device: a packet that a program
 * of the host forges over loopback has lo here. It sees every packet, those of
 * connections too, not only the first.
 */
static __always_inline int from_bridge(const struct __sk_buff *skb)
{
	const struct fence_conf *c = conf_get();
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} head;

	if (!c || !c->bridge_ifindex || skb->ifindex != c->bridge_ifindex ||
	    skb->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes(skb, 0, &head, sizeof(head)))
		return 0;
	return head.ip.version == 4 && head.ip.ihl == 5 && head.ip.protocol == IPPROTO_TCP &&
	       is_service(c, head.ip.daddr) && head.tcp.dest == c->port &&
	       slot_of_address(c, head.ip.saddr);
}

SEC("cgroup_skb/ingress")
int cg_in(struct __sk_buff *skb)
{
	if (from_bridge(skb))
		return CG_PASS;
	deny(0, FENCE_REASON_CGROUP);
	return CG_DROP;
}
