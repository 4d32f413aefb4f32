/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs of the fence have in common: maps, frames, refusals.
 *
 *   maps.bpf.c      the maps, deny()
 *   port_in.bpf.c   from a guest
 *   port_out.bpf.c  to a guest
 *   bridge.bpf.c    br_in, br_out, br_drop
 *   steer.bpf.c     to the one socket
 *   cg_in.bpf.c     into the socket's cgroup
 */
#ifndef AZATTEST_FENCE_BPF_H
#define AZATTEST_FENCE_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <bpf/fence_api.bpf.h>

struct conf_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fence_conf);
};

struct ports_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FENCE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, __u32);
};

struct slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FENCE_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct fence_slot);
};

struct gdrop_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FENCE_REASON_COUNT);
	__type(key, __u32);
	__type(value, __u64);
};

struct sock_map {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
};

extern struct conf_map conf SEC(".maps");
extern struct ports_map ports SEC(".maps");
extern struct slots_map slots SEC(".maps");
extern struct gdrop_map gdrop SEC(".maps");
extern struct sock_map sock SEC(".maps");

/*
 * Counts a refusal, of slot 0 (no slot) or another. Returns TC_ACT_SHOT.
 * A function of its own, of numbers only: the verifier looks at it once.
 */
int deny(__u32 slot, __u32 reason);

/* What a frame must begin with to be let through. */
struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

#define SADDR_OFFSET	(ETH_HLEN + __builtin_offsetof(struct iphdr, saddr))
#define DADDR_OFFSET	(ETH_HLEN + __builtin_offsetof(struct iphdr, daddr))
#define IP_SUM_OFFSET	(ETH_HLEN + __builtin_offsetof(struct iphdr, check))
#define TCP_SUM_OFFSET	(ETH_HLEN + sizeof(struct iphdr) + \
			 __builtin_offsetof(struct tcphdr, check))

#define IP_FRAGMENT	0x3fff	/* more fragments, or an offset */

static __always_inline const struct fence_conf *conf_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&conf, &zero);
}

/* The record of a slot in use, else NULL. */
static __always_inline struct fence_slot *slot_get(const struct fence_conf *c, __u32 slot)
{
	struct fence_slot *record;

	if (!slot || slot >= c->slots)
		return 0;
	record = bpf_map_lookup_elem(&slots, &slot);
	return record && record->ifindex ? record : 0;
}

/* The slot of a tap; 0: none. */
static __always_inline __u32 slot_of_tap(__u32 ifindex)
{
	__u32 *slot = bpf_map_lookup_elem(&ports, &ifindex);

	return slot ? *slot : 0;
}

static __always_inline int is_service(const struct fence_conf *c, __be32 address)
{
	return address && (address == c->address[0] || address == c->address[1]);
}

/* The slot that an address (network order) of the internal range means; 0: none. */
static __always_inline __u32 slot_of_address(const struct fence_conf *c, __be32 address)
{
	__u32 slot = bpf_ntohl(address) - c->base;

	return slot < c->slots ? slot : 0;
}

/* Puts address @to in the place of @from; both checksums follow. */
static __always_inline long readdress(struct __sk_buff *skb, __u32 offset, __be32 from, __be32 to)
{
	return bpf_l4_csum_replace(skb, TCP_SUM_OFFSET, from, to,
				   BPF_F_PSEUDO_HDR | sizeof(to)) ||
	       bpf_l3_csum_replace(skb, IP_SUM_OFFSET, from, to, sizeof(to)) ||
	       bpf_skb_store_bytes(skb, offset, &to, sizeof(to), 0);
}

#endif
