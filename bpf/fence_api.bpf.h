/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fence's BPF programs and user space share: the layout of its maps,
 * and why packets are refused.
 *
 *   guest -> tap   port_in (tc ingress of an enrolled tap): answers ARP, checks,
 *                  source becomes base + slot, marks, redirects to the bridge
 *         bridge   br_in (tc ingress): only marked frames of base + slot pass
 *         stack    steer (sk_lookup): only from the bridge and the range, and
 *                  only to the one socket in map "sock"
 *         socket   cg_in (cgroup_skb/ingress of its cgroup): the true device
 *   and back: br_out (tc egress of the bridge) finds the slot by destination,
 *   restores the guest's MAC and IP, marks, redirects to its tap; port_out (tc
 *   egress of the tap): only frames with this slot's mark leave.
 *
 * All programs are allow-lists: what they do not know is dropped and counted.
 * A map that is missing an entry, a zero ifindex, a program that is not there:
 * no packet passes. Addresses, ports and MACs are in network byte order unless
 * a comment says otherwise.
 */
#ifndef AZATTEST_FENCE_API_BPF_H
#define AZATTEST_FENCE_API_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>

#define FENCE_SLOTS_MAX		8192	/* 198.18.0.0/19 */
#define FENCE_ADDRESSES		2

/* skb->mark between port_in and br_in, and br_out and port_out: magic | slot. */
#define FENCE_MARK_MAGIC	0xa77e0000u
#define FENCE_MARK_MASK		0xffff0000u

/* Why a packet was refused; names for people in fence_reason_name(). */
enum fence_reason {
	FENCE_REASON_UNENROLLED,	/* no slot has this tap */
	FENCE_REASON_SHORT,		/* shorter than its headers */
	FENCE_REASON_VLAN,		/* a VLAN tag */
	FENCE_REASON_ETHERTYPE,		/* neither IPv4 nor ARP (IPv6 too) */
	FENCE_REASON_ARP,		/* no request for a service address */
	FENCE_REASON_MAC,		/* source not unicast, or not to the bridge */
	FENCE_REASON_IP_HEADER,		/* version, options, length */
	FENCE_REASON_FRAGMENT,
	FENCE_REASON_PROTOCOL,		/* not TCP */
	FENCE_REASON_DESTINATION,	/* not a service address and port */
	FENCE_REASON_SOURCE,		/* a source that no guest may have */
	FENCE_REASON_RATE,		/* too many SYNs */
	FENCE_REASON_UNMARKED,		/* on the bridge, but not from port_in */
	FENCE_REASON_NO_GUEST,		/* to a slot whose guest was never heard */
	FENCE_REASON_NOT_OURS,		/* to a tap, but not from br_out */
	FENCE_REASON_SOCKET,		/* steer: wrong way, or nobody listens */
	FENCE_REASON_CGROUP,		/* cg_in: not by the bridge */
	FENCE_REASON_FAULT,		/* a helper failed */
	FENCE_REASON_COUNT
};

/**
 * struct fence_conf - map "conf", array, one entry; all zero: nothing passes
 * @bridge_ifindex: of the first bridge; 0: nothing passes
 * @bridge_mac:     its MAC, that guests see
 * @address:        service addresses; 0: none
 * @port:           TCP port, network order
 * @base:           first address of the internal range, host order
 * @slots:          addresses in it: slots 1 to @slots - 1 exist (base + 0 is unused)
 * @syn_rate:       new connections a second of one VM
 * @syn_burst:      at once
 */
struct fence_conf {
	__u32 bridge_ifindex;
	__u8 bridge_mac[6];
	__u16 port;
	__u32 address[FENCE_ADDRESSES];
	__u32 base;
	__u32 slots;
	__u32 syn_rate;
	__u32 syn_burst;
};

/**
 * struct fence_slot - map "slots", array of FENCE_SLOTS_MAX
 * @lock:       guards @tokens and @stamp
 * @stamp:      when @tokens was filled last, ns; in the future: not filled
 * @tokens:     of new connections, in thousandths
 * @ifindex:    of the tap; 0: the slot is free and nothing passes
 * @generation: of the VM's binding; for people and for re-adoption
 * @uuid:       the VM's
 * @guest_ip:   as last seen; 0: never
 * @guest_mac:  as last seen
 * @rx_packets: from the guest, passed
 * @tx_packets: to the guest, passed
 * @drops:      refused, by enum fence_reason
 */
struct fence_slot {
	struct bpf_spin_lock lock;
	__u32 ifindex;
	__u64 generation;
	__u8 uuid[16];
	__u64 stamp;
	__u32 tokens;
	__u32 guest_ip;
	__u8 guest_mac[6];
	__u16 reserved;
	__u64 rx_packets;
	__u64 tx_packets;
	__u64 rx_bytes;
	__u64 tx_bytes;
	__u64 drops[FENCE_REASON_COUNT];
};

/*
 * Further maps: "ports", hash: ifindex -> slot. "gdrop", array of
 * FENCE_REASON_COUNT u64: refusals that belong to no slot. "sock", sockmap of
 * one: restd's listening socket.
 */

#endif
