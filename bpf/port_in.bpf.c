// SPDX-License-Identifier: GPL-2.0
// Owns what may come from a guest: tc ingress of an enrolled tap.

#include "fence.bpf.h"

#define PASS		(-1)		/* no reason to refuse */

#define ARP_REQUEST	1
#define ARP_REPLY	2
#define HARDWARE_ETHER	1

#define NS_PER_MTOKEN	1000000		/* a thousandth token at one a second */
#define LONGEST_NS	1000000000000	/* of a pause that counts: the product fits 64 bits */

/* linux/if_arp.h stops before the addresses, and needs libc. */
struct arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

struct arp_frame {
	struct ethhdr eth;
	struct arp arp;
} __attribute__((packed));

static __always_inline int mac_equal(const __u8 *a, const __u8 *b)
{
	return *(const __u16 *)a == *(const __u16 *)b &&
	       *(const __u16 *)(a + 2) == *(const __u16 *)(b + 2) &&
	       *(const __u16 *)(a + 4) == *(const __u16 *)(b + 4);
}

static __always_inline int mac_is_unicast(const __u8 *mac)
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

/*
 * A question for a service address is turned into its answer. A probe (sender
 * 0.0.0.0, RFC 5227) is answered too, so that a guest that draws this address
 * sees that it is taken; an announcement (sender is target) is not a question.
 */
static __always_inline int arp_answer(struct __sk_buff *skb, const struct fence_conf *c,
				      struct arp_frame *f)
{
	__be32 asked;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &f->arp, sizeof(f->arp)))
		return FENCE_REASON_SHORT;
	asked = f->arp.target;
	if (f->arp.hardware != bpf_htons(HARDWARE_ETHER) ||
	    f->arp.protocol != bpf_htons(ETH_P_IP) ||
	    f->arp.hardware_length != ETH_ALEN || f->arp.protocol_length != sizeof(asked) ||
	    f->arp.operation != bpf_htons(ARP_REQUEST) || !is_service(c, asked) ||
	    f->arp.sender == asked || !mac_equal(f->arp.sender_mac, f->eth.h_source))
		return FENCE_REASON_ARP;

	f->arp.operation = bpf_htons(ARP_REPLY);
	f->arp.target = f->arp.sender;
	f->arp.sender = asked;
	__builtin_memcpy(f->arp.target_mac, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->arp.sender_mac, c->bridge_mac, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->eth.h_source, c->bridge_mac, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, f, sizeof(*f), 0) ? FENCE_REASON_FAULT : PASS;
}

/* Any unicast address but the host's own: guests choose theirs. */
static __always_inline int source_ok(const struct fence_conf *c, __be32 source)
{
	__u32 address = bpf_ntohl(source);
	__u32 net = address >> 24;

	return net && net != 127 && net < 224 && !is_service(c, source) &&
	       address - c->base >= c->slots;
}

static __always_inline int frame_check(struct __sk_buff *skb, const struct fence_conf *c,
				       struct frame *f)
{
	__u32 length;

	if (!mac_equal(f->eth.h_dest, c->bridge_mac))
		return FENCE_REASON_MAC;
	if (bpf_skb_load_bytes(skb, ETH_HLEN, &f->ip, sizeof(f->ip) + sizeof(f->tcp)))
		return FENCE_REASON_SHORT;
	length = bpf_ntohs(f->ip.tot_len);
	if (f->ip.version != 4 || f->ip.ihl != 5 || length > skb->len - ETH_HLEN ||
	    length < sizeof(f->ip) + sizeof(f->tcp))
		return FENCE_REASON_IP_HEADER;
	if (f->ip.frag_off & bpf_htons(IP_FRAGMENT))
		return FENCE_REASON_FRAGMENT;
	if (f->ip.protocol != IPPROTO_TCP)
		return FENCE_REASON_PROTOCOL;
	if (!is_service(c, f->ip.daddr) || f->tcp.dest != c->port)
		return FENCE_REASON_DESTINATION;
	return source_ok(c, f->ip.saddr) ? PASS : FENCE_REASON_SOURCE;
}

/* One new connection out of the VM's bucket; false: it is empty. */
static __always_inline int bucket_take(const struct fence_conf *c, struct fence_slot *record)
{
	__u64 now = bpf_ktime_get_coarse_ns(), full = c->syn_burst * 1000ull;
	__u64 elapsed, filled, tokens;
	int taken;

	bpf_spin_lock(&record->lock);
	elapsed = now > record->stamp ? now - record->stamp : 0;
	if (elapsed > LONGEST_NS)
		elapsed = LONGEST_NS;
	filled = elapsed * c->syn_rate / NS_PER_MTOKEN;
	if (filled)
		record->stamp = now;
	tokens = record->tokens + filled;
	if (tokens > full)
		tokens = full;
	taken = tokens >= 1000;
	record->tokens = taken ? tokens - 1000 : tokens;
	bpf_spin_unlock(&record->lock);
	return taken;
}

/* Answers find the guest where its last packet came from. */
static __always_inline void guest_learn(struct fence_slot *record, const struct frame *f)
{
	if (record->guest_ip != f->ip.saddr)
		record->guest_ip = f->ip.saddr;
	if (!mac_equal(record->guest_mac, f->eth.h_source))
		__builtin_memcpy(record->guest_mac, f->eth.h_source, ETH_ALEN);
}

static __always_inline int frame_pass(struct __sk_buff *skb, const struct fence_conf *c,
				      struct fence_slot *record, __u32 slot, struct frame *f)
{
	int reason = frame_check(skb, c, f);

	if (reason != PASS)
		return reason;
	if (f->tcp.syn && !f->tcp.ack && !bucket_take(c, record))
		return FENCE_REASON_RATE;
	guest_learn(record, f);
	if (readdress(skb, SADDR_OFFSET, f->ip.saddr, bpf_htonl(c->base + slot)))
		return FENCE_REASON_FAULT;
	__sync_fetch_and_add(&record->rx_packets, 1);
	__sync_fetch_and_add(&record->rx_bytes, skb->len);
	return PASS;
}

static __always_inline int is_vlan(const struct __sk_buff *skb, __be16 protocol)
{
	return skb->vlan_present || protocol == bpf_htons(ETH_P_8021Q) ||
	       protocol == bpf_htons(ETH_P_8021AD);
}

SEC("tc")
int port_in(struct __sk_buff *skb)
{
	union {
		struct frame ip;
		struct arp_frame arp;
	} f = {};
	const struct fence_conf *c = conf_get();
	__u32 slot = slot_of_tap(skb->ifindex);
	struct fence_slot *record;
	int reason, back;

	record = c ? slot_get(c, slot) : 0;
	if (!record || record->ifindex != skb->ifindex || !c->bridge_ifindex)
		return deny(0, FENCE_REASON_UNENROLLED);
	if (bpf_skb_load_bytes(skb, 0, &f.ip.eth, sizeof(f.ip.eth)))
		return deny(slot, FENCE_REASON_SHORT);
	if (is_vlan(skb, f.ip.eth.h_proto))
		return deny(slot, FENCE_REASON_VLAN);

	back = f.ip.eth.h_proto == bpf_htons(ETH_P_ARP);
	if (!back && f.ip.eth.h_proto != bpf_htons(ETH_P_IP))
		reason = FENCE_REASON_ETHERTYPE;
	else if (!mac_is_unicast(f.ip.eth.h_source))
		reason = FENCE_REASON_MAC;
	else if (back)
		reason = arp_answer(skb, c, &f.arp);
	else
		reason = frame_pass(skb, c, record, slot, &f.ip);
	if (reason != PASS)
		return deny(slot, reason);

	skb->mark = FENCE_MARK_MAGIC | slot;
	if (back)
		return bpf_redirect(skb->ifindex, 0);
	return bpf_redirect(c->bridge_ifindex, BPF_F_INGRESS);
}
