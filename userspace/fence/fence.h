/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fence around the REST door, as its owner (azattest-hostd) sees it: load,
 * pin, attach, enrol, audit. bpf/fence_api.bpf.h says what its programs do.
 *
 * Everything is pinned in one directory of mode 0700, so that a restart adopts
 * programs, maps and links as they are: no packet is lost or let through
 * meanwhile. All calls are idempotent: calling one again is the repair.
 *
 * Results: 0 or a negative errno with failure->text set, unless said otherwise.
 */
#ifndef AZATTEST_FENCE_H
#define AZATTEST_FENCE_H

#include <net/if.h>
#include <netinet/in.h>

#include <bpf/fence_api.bpf.h>
#include <userspace/daemon/daemon.h>

#define FENCE_PIN_DIR	"/sys/fs/bpf/azattest"

struct fence;

struct fence_config {
	const char *pin_dir;		/* FENCE_PIN_DIR */
	struct in_addr address[FENCE_ADDRESSES];	/* [1] INADDR_ANY: none */
	uint16_t port;			/* host order */
	uint32_t base;			/* host order */
	uint32_t slots;			/* up to FENCE_SLOTS_MAX */
	uint32_t syn_rate;
	uint32_t syn_burst;
};

/*
 * Adopts what is pinned there if it is of this build and complete, and else
 * loads anew (what was pinned is detached and replaced; *adopted is false).
 * Needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN.
 *   -EPERM   which capability is missing
 *   -EEXIST  the pin directory is not ours (owner, mode) and not empty
 */
int fence_open(struct fence **fence, const struct fence_config *config, bool *adopted,
	       struct failure *failure);
/* Lets go of the descriptors; what is pinned goes on. */
void fence_close(struct fence *fence);
/* Detaches everything, also from bridges and taps, and removes the pins. */
int fence_remove(struct fence *fence, struct failure *failure);

/*
 * Makes @ifindex (MAC @mac) the bridge: conf, then br_in and br_out on it.
 * Further bridges (@first false) only get a program that drops all.
 *   -ENODEV  no such device
 */
int fence_set_bridge(struct fence *fence, unsigned int ifindex, const uint8_t mac[6], bool first,
		     struct failure *failure);

/*
 * Gives @slot (1 to slots - 1) to the tap @ifindex: slot, ports, port_out,
 * port_in, in this order. A slot that has the same VM, generation and tap keeps
 * its counters.
 *   -ENODEV  no such device
 *   -EBUSY   the slot is another VM's; or the tap has another slot
 */
int fence_enrol(struct fence *fence, unsigned int slot, unsigned int ifindex,
		const uint8_t uuid[16], uint64_t generation, struct failure *failure);
/*
 * Takes it away: the slot's ifindex first, so that nothing passes from then on
 * in either direction; then ports, port_in, port_out. The clsact qdisc goes if
 * it is empty. A tap that is gone is no failure.
 */
int fence_withdraw(struct fence *fence, unsigned int slot, struct failure *failure);

/* The slot's record; -ENOENT: it is free. No failure text. */
int fence_slot_read(struct fence *fence, unsigned int slot, struct fence_slot *record);
/* Refusals that belong to no slot. No failure text. */
int fence_drops_read(struct fence *fence, uint64_t drops[FENCE_REASON_COUNT]);
const char *fence_reason_name(unsigned int reason);

/* restd: cg_in to its cgroup (a path below the cgroup2 mount), then its socket. */
int fence_set_cgroup(struct fence *fence, const char *cgroup, struct failure *failure);
int fence_set_socket(struct fence *fence, int listening, struct failure *failure);
/* Nobody listens: connections are reset. */
void fence_clear_socket(struct fence *fence);

/*
 * Audit: what is there now against what should be. 0: intact, else FENCE_LOST_*
 * of what is missing, replaced or foreign; repair is calling set/enrol again
 * (links: fence_repair_links()).
 */
#define FENCE_LOST_BRIDGE	(1u << 0)	/* br_in or br_out on the bridge */
#define FENCE_LOST_PORT		(1u << 1)	/* port_in or port_out on a tap */
#define FENCE_LOST_STEER	(1u << 2)	/* sk_lookup link */
#define FENCE_LOST_CGROUP	(1u << 3)	/* cg_in */
#define FENCE_LOST_PINS		(1u << 4)	/* a pin, or the directory */

unsigned int fence_audit_links(struct fence *fence);
unsigned int fence_audit_bridge(struct fence *fence, unsigned int ifindex, bool first);
unsigned int fence_audit_port(struct fence *fence, unsigned int slot);
int fence_repair_links(struct fence *fence, struct failure *failure);

/* Lowest and highest verifier cost of the loaded programs, for the budget test. */
struct fence_cost {
	char program[16];
	uint32_t verified_insns;
	uint32_t xlated_insns;
};

/* How many, up to @max. */
unsigned int fence_costs(struct fence *fence, struct fence_cost *costs, unsigned int max);

#endif
