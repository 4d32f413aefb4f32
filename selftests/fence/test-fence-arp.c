// SPDX-License-Identifier: GPL-2.0
// What port_in answers to a guest's ARP, and what it refuses.

#include <selftests/fence/rig.h>

struct arp_packet {
	struct ethhdr eth;
	uint16_t hardware, protocol;
	uint8_t hardware_length, protocol_length;
	uint16_t operation;
	uint8_t sender_mac[6];
	uint8_t sender[4];
	uint8_t target_mac[6];
	uint8_t target[4];
} __attribute__((packed));

static struct arp_packet arp_question(const char *for_whom)
{
	struct arp_packet a = {
		.hardware = htons(1),
		.protocol = htons(ETH_P_IP),
		.hardware_length = 6,
		.protocol_length = 4,
		.operation = htons(1),
	};
	uint32_t target = inet_addr(for_whom), sender = inet_addr(RIG_GUEST);

	a.eth.h_proto = htons(ETH_P_ARP);
	memset(a.eth.h_dest, 0xff, 6);
	memcpy(a.eth.h_source, rig_guest_mac, 6);
	memcpy(a.sender_mac, rig_guest_mac, 6);
	memcpy(a.sender, &sender, 4);
	memcpy(a.target, &target, 4);
	return a;
}

static void arp_answered(const struct arp_packet *a)
{
	struct outcome o = rig_run(RIG_PORT_IN, a, sizeof(*a), 0);
	struct arp_packet want = *a;

	tap_need_eq(o.error, 0);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
	tap_need_eq(o.mark, FENCE_MARK_MAGIC | RIG_SLOT);
	tap_need_eq(o.length, sizeof(want));
	want.operation = htons(2);
	memcpy(want.eth.h_dest, a->eth.h_source, 6);
	memcpy(want.eth.h_source, rig_bridge_mac, 6);
	memcpy(want.sender_mac, rig_bridge_mac, 6);
	memcpy(want.sender, a->target, 4);
	memcpy(want.target_mac, a->sender_mac, 6);
	memcpy(want.target, a->sender, 4);
	tap_need(!memcmp(&o.packet, &want, sizeof(want)));
}

static void arp_refused(const struct arp_packet *a, unsigned int reason)
{
	need_refused(RIG_PORT_IN, (const struct packet *)a, sizeof(*a), 0, reason, true);
}

static void arp_for_both_addresses_is_answered(void)
{
	struct arp_packet a = arp_question(RIG_SERVICE), b = arp_question(RIG_SECOND);

	rig_open();
	arp_answered(&a);
	arp_answered(&b);
	memcpy(a.eth.h_dest, rig_bridge_mac, 6);	/* refreshing: unicast */
	arp_answered(&a);
}

static void an_arp_probe_is_answered(void)
{
	struct arp_packet a = arp_question(RIG_SERVICE);

	rig_open();
	memset(a.sender, 0, 4);
	arp_answered(&a);
}

static void arp_announcements_replies_and_questions_for_others_are_refused(void)
{
	struct arp_packet a = arp_question(RIG_SERVICE);

	rig_open();
	memcpy(a.sender, a.target, 4);
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question(RIG_SERVICE);
	a.operation = htons(2);
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question("169.254.7.8");
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question("198.18.0.3");
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question("0.0.0.0");
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question(RIG_SERVICE);
	a.sender_mac[3] ^= 1;
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question(RIG_SERVICE);
	a.hardware = htons(6);
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question(RIG_SERVICE);
	a.protocol_length = 16;
	arp_refused(&a, FENCE_REASON_ARP);
	a = arp_question(RIG_SERVICE);
	a.eth.h_source[0] |= 1;
	arp_refused(&a, FENCE_REASON_MAC);
}

static void arp_cut_short_is_refused(void)
{
	struct arp_packet a = arp_question(RIG_SERVICE);
	unsigned int length;

	rig_open();
	for (length = ETH_HLEN; length < sizeof(a); length++)
		need_refused(RIG_PORT_IN, (const struct packet *)&a, length, 0, FENCE_REASON_SHORT,
			     true);
}

static const struct tap_test tests[] = {
	TAP_TEST(arp_for_both_addresses_is_answered),
	TAP_TEST(an_arp_probe_is_answered),
	TAP_TEST(arp_announcements_replies_and_questions_for_others_are_refused),
	TAP_TEST(arp_cut_short_is_refused),
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
