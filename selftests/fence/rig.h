/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fence's programs on packets that a test makes: BPF_PROG_TEST_RUN, no
 * device and no network. All packets come from interface 1, lo: it is the only
 * one that exists everywhere, and here it plays the tap and the bridge.
 */
#ifndef SELFTESTS_FENCE_RIG_H
#define SELFTESTS_FENCE_RIG_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <bpf/fence.skel.h>
#include <bpf/fence_api.bpf.h>
#include <selftests/lib/tap.h>

#define RIG_IFINDEX	1
#define RIG_SLOT	3
#define RIG_BASE	0xc6120000u	/* 198.18.0.0 */
#define RIG_SLOTS	8192
#define RIG_PORT	80
#define RIG_SERVICE	"169.254.169.253"
#define RIG_SECOND	"169.254.169.254"
#define RIG_GUEST	"169.254.7.7"

/* A SYN with 20 bytes of options, as Linux sends it. */
struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t rest[2048];
} __attribute__((packed));

#define SYN_LENGTH	(ETH_HLEN + 20 + 40)

struct outcome {
	int error;		/* of the test run itself */
	uint32_t verdict;
	uint32_t mark;
	uint32_t length;
	struct packet packet;
};

extern struct fence_bpf *rig;
extern const uint8_t rig_bridge_mac[6];
extern const uint8_t rig_guest_mac[6];

/* Skips the whole program where BPF cannot be loaded. */
void rig_need_bpf(void);
/* Loads the programs; slot RIG_SLOT is interface 1's, both addresses are set. */
void rig_open(void);

struct fence_conf rig_conf(void);
void rig_conf_set(const struct fence_conf *conf);
struct fence_slot rig_slot(void);
void rig_slot_set(const struct fence_slot *record);
uint64_t rig_gdrop(unsigned int reason);

struct packet packet_syn(void);
/* An answer of the REST socket's to RIG_SLOT. */
struct packet packet_answer(void);
void packet_sums(struct packet *packet, unsigned int length);
bool packet_sums_ok(const struct packet *packet, unsigned int length);

struct outcome rig_run(struct bpf_program *program, const void *data, unsigned int length,
		       uint32_t mark);

/* Refused, and counted exactly once, for this reason, here. */
void need_refused(struct bpf_program *program, const struct packet *packet, unsigned int length,
		  uint32_t mark, unsigned int reason, bool of_slot);

#define RIG_PORT_IN	(rig->progs.port_in)

/* What port_in says to SYN_LENGTH bytes from the guest; and that it must. */
struct outcome guest_sends(const struct packet *p);
void guest_refused(const struct packet *p, unsigned int reason);
void guest_passes(const struct packet *p);

#endif
