// SPDX-License-Identifier: GPL-2.0
// What port_in lets through from a guest, what it answers, what it refuses and counts.

#include <selftests/fence/rig.h>

#include <stdlib.h>

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

#define PORT_IN	(rig->progs.port_in)

static struct outcome guest_sends(const struct packet *p)
{
	return rig_run(PORT_IN, p, SYN_LENGTH, 0);
}

static void refused(const struct packet *p, unsigned int reason)
{
	need_refused(PORT_IN, p, SYN_LENGTH, 0, reason, true);
}

static void passes(const struct packet *p)
{
	struct outcome o = guest_sends(p);

	tap_need_eq(o.error, 0);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
}

static void a_syn_passes_with_the_slot_as_its_source(void)
{
	struct packet p = packet_syn(), want = p;
	struct fence_slot record;
	struct outcome o;

	rig_open();
	o = guest_sends(&p);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
	tap_need_eq(o.mark, FENCE_MARK_MAGIC | RIG_SLOT);
	tap_need_eq(o.length, SYN_LENGTH);
	want.ip.saddr = htonl(RIG_BASE + RIG_SLOT);
	packet_sums(&want, SYN_LENGTH);
	tap_need(packet_sums_ok(&o.packet, SYN_LENGTH));
	tap_need(!memcmp(&o.packet, &want, SYN_LENGTH));

	record = rig_slot();
	tap_need_eq(record.guest_ip, p.ip.saddr);
	tap_need(!memcmp(record.guest_mac, rig_guest_mac, 6));
	tap_need_eq(record.rx_packets, 1);
	tap_need_eq(record.rx_bytes, SYN_LENGTH);
}

static void the_second_address_passes_and_not_when_there_is_none(void)
{
	struct packet p = packet_syn();
	struct fence_conf conf;

	rig_open();
	p.ip.daddr = inet_addr(RIG_SECOND);
	passes(&p);
	conf = rig_conf();
	conf.address[1] = 0;
	rig_conf_set(&conf);
	refused(&p, FENCE_REASON_DESTINATION);
	p.ip.daddr = 0;
	refused(&p, FENCE_REASON_DESTINATION);
}

static void checksums_are_right_for_every_kind_of_payload(void)
{
	unsigned int length, i;
	struct packet p;
	struct outcome o;

	rig_open();
	for (length = 54; length < 1514; length += 73) {
		p = packet_syn();
		p.ip.tot_len = htons((uint16_t)(length - ETH_HLEN));
		for (i = 0; i < length - 54; i++)
			p.rest[i] = (uint8_t)(i * 37 + length);
		packet_sums(&p, length);
		o = rig_run(PORT_IN, &p, length, 0);
		tap_need_eq(o.verdict, TC_ACT_REDIRECT);
		tap_need(packet_sums_ok(&o.packet, length));
	}
}

static void a_broken_checksum_stays_broken(void)
{
	struct packet p = packet_syn();
	struct outcome o;

	rig_open();
	p.tcp.check ^= htons(0x0100);
	o = guest_sends(&p);
	tap_need_eq(o.verdict, TC_ACT_REDIRECT);
	tap_need(!packet_sums_ok(&o.packet, SYN_LENGTH));
}

static void a_tap_without_slot_is_refused(void)
{
	struct packet p = packet_syn();
	uint32_t key = RIG_IFINDEX;

	rig_open();
	bpf_map_delete_elem(bpf_map__fd(rig->maps.ports), &key);
	need_refused(PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
}

static void a_slot_of_another_tap_or_of_none_is_refused(void)
{
	struct packet p = packet_syn();
	struct fence_slot record;
	uint32_t i;

	rig_open();
	record = rig_slot();
	for (i = 0; i < 3; i += 2) {
		record.ifindex = i;
		rig_slot_set(&record);
		need_refused(PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	}
}

static void without_configuration_nothing_passes(void)
{
	struct fence_conf nothing = { 0 }, conf;
	struct packet p = packet_syn();

	rig_open();
	conf = rig_conf();
	rig_conf_set(&nothing);
	need_refused(PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.bridge_ifindex = 0;
	rig_conf_set(&conf);
	need_refused(PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.bridge_ifindex = RIG_IFINDEX;
	conf.slots = RIG_SLOT;
	rig_conf_set(&conf);
	need_refused(PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.slots = RIG_SLOT + 1;
	rig_conf_set(&conf);
	passes(&p);
}

static void a_vlan_tag_in_the_frame_is_refused(void)
{
	struct packet p = packet_syn();

	rig_open();
	p.eth.h_proto = htons(ETH_P_8021Q);
	refused(&p, FENCE_REASON_VLAN);
	p.eth.h_proto = htons(ETH_P_8021AD);
	refused(&p, FENCE_REASON_VLAN);
}

static void other_protocols_are_refused(void)
{
	static const uint16_t types[] = { ETH_P_IPV6, ETH_P_RARP, ETH_P_LLDP, 0x0004, 0, 0xffff };
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(types); i++) {
		p.eth.h_proto = htons(types[i]);
		refused(&p, FENCE_REASON_ETHERTYPE);
	}
}

static void a_source_mac_that_is_no_unicast_is_refused(void)
{
	struct packet p = packet_syn();

	rig_open();
	p.eth.h_source[0] |= 1;
	refused(&p, FENCE_REASON_MAC);
	memset(p.eth.h_source, 0xff, 6);
	refused(&p, FENCE_REASON_MAC);
	memset(p.eth.h_source, 0, 6);
	refused(&p, FENCE_REASON_MAC);
}

static void a_frame_to_another_mac_is_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 6; i++) {
		p.eth.h_dest[i] ^= 4;
		refused(&p, FENCE_REASON_MAC);
		p.eth.h_dest[i] ^= 4;
	}
	memset(p.eth.h_dest, 0xff, 6);
	refused(&p, FENCE_REASON_MAC);
}

static void ip_options_and_versions_are_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 16; i++) {
		p.ip.ihl = i & 15;
		if (i != 5)
			refused(&p, FENCE_REASON_IP_HEADER);
	}
	p.ip.ihl = 5;
	p.ip.version = 6;
	refused(&p, FENCE_REASON_IP_HEADER);
}

static void a_length_beyond_the_frame_or_short_of_the_headers_is_refused(void)
{
	static const unsigned int lengths[] = { 0, 1, 20, 39, SYN_LENGTH - ETH_HLEN + 1, 65535 };
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(lengths); i++) {
		p.ip.tot_len = htons((uint16_t)lengths[i]);
		refused(&p, FENCE_REASON_IP_HEADER);
	}
}

static void fragments_are_refused_and_df_is_not(void)
{
	static const uint16_t fragments[] = { 0x2000, 1, 0x1fff, 0x3fff, 0x6000 };
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(fragments); i++) {
		p.ip.frag_off = htons(fragments[i]);
		refused(&p, FENCE_REASON_FRAGMENT);
	}
	p.ip.frag_off = 0;
	passes(&p);
	p.ip.frag_off = htons(0x4000);
	passes(&p);
}

static void anything_but_tcp_is_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 256; i++) {
		p.ip.protocol = (uint8_t)i;
		if (i != IPPROTO_TCP)
			refused(&p, FENCE_REASON_PROTOCOL);
	}
}

static void other_addresses_and_ports_are_refused(void)
{
	static const char *const addresses[] = {
		"169.254.169.252", "169.254.169.255", "198.18.0.1", "198.18.0.3", "127.0.0.1",
		"255.255.255.255", "224.0.0.1", "0.0.0.0",
	};
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(addresses); i++) {
		p.ip.daddr = inet_addr(addresses[i]);
		refused(&p, FENCE_REASON_DESTINATION);
	}
	p = packet_syn();
	for (i = 0; i < 65536; i += 79) {
		p.tcp.dest = htons((uint16_t)(i == RIG_PORT ? RIG_PORT + 1 : i));
		refused(&p, FENCE_REASON_DESTINATION);
	}
}

static void sources_that_no_guest_may_have_are_refused(void)
{
	static const char *const bad[] = {
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", RIG_SERVICE, RIG_SECOND, "198.18.0.0", "198.18.0.3",
		"198.18.31.255",
	};
	static const char *const good[] = {
		"1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255", "169.254.0.1",
		"198.17.255.255", "198.18.32.0", "10.0.0.1",
	};
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(bad); i++) {
		p.ip.saddr = inet_addr(bad[i]);
		refused(&p, FENCE_REASON_SOURCE);
	}
	for (i = 0; i < TAP_COUNT(good); i++) {
		p.ip.saddr = inet_addr(good[i]);
		passes(&p);
	}
}

static void nothing_cut_short_passes(void)
{
	struct packet p = packet_syn();
	unsigned int length;
	struct outcome o;

	rig_open();
	for (length = 0; length < SYN_LENGTH; length++) {
		o = rig_run(PORT_IN, &p, length, 0);
		tap_need_msg(o.error || o.verdict == TC_ACT_SHOT, "%u bytes pass", length);
	}
	/* Newer kernels make no IPv4 packet without a whole IP header. */
	for (length = ETH_HLEN + 20; length < 54; length++)
		need_refused(PORT_IN, &p, length, 0, FENCE_REASON_SHORT, true);
	for (; length < SYN_LENGTH; length++)
		need_refused(PORT_IN, &p, length, 0, FENCE_REASON_IP_HEADER, true);
	for (; length < SYN_LENGTH + 40; length++)
		tap_need_eq(rig_run(PORT_IN, &p, length, 0).verdict, TC_ACT_REDIRECT);
}

/* What any frame must be that passed, said apart from the program. */
static bool may_pass(const struct packet *p)
{
	uint32_t source = ntohl(p->ip.saddr);

	return !memcmp(p->eth.h_dest, rig_bridge_mac, 6) && !(p->eth.h_source[0] & 1) &&
	       p->eth.h_proto == htons(ETH_P_IP) && *(const uint8_t *)&p->ip == 0x45 &&
	       !(p->ip.frag_off & htons(0x3fff)) && p->ip.protocol == IPPROTO_TCP &&
	       (p->ip.daddr == inet_addr(RIG_SERVICE) || p->ip.daddr == inet_addr(RIG_SECOND)) &&
	       p->tcp.dest == htons(RIG_PORT) && (source & ~0x1fffu) != RIG_BASE &&
	       source >> 24 && source >> 24 != 127 && source >> 24 < 224 &&
	       ntohs(p->ip.tot_len) >= 40 && ntohs(p->ip.tot_len) <= SYN_LENGTH - ETH_HLEN;
}

static void no_flipped_bits_open_it(void)
{
	unsigned int i, rounds = tap_loops(2000, 200000), passed = 0;
	struct packet p;
	struct outcome o;

	rig_open();
	srandom(4711);
	for (i = 0; i < rounds; i++) {
		unsigned int bit = i % (54 * 8), other = (unsigned int)random() % (54 * 8);

		p = packet_syn();
		((uint8_t *)&p)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (i >= 54 * 8)
			((uint8_t *)&p)[other / 8] ^= (uint8_t)(1 << other % 8);
		o = guest_sends(&p);
		tap_need_eq(o.error, 0);
		tap_need_msg((o.verdict == TC_ACT_REDIRECT) <= may_pass(&p),
			     "bits %u and %u: passed", bit, other);
		passed += o.verdict == TC_ACT_REDIRECT;
	}
	tap_need(passed > 0 && passed < rounds);
}

static void the_guest_is_where_its_last_packet_came_from(void)
{
	struct packet p = packet_syn();
	struct fence_slot record;

	rig_open();
	passes(&p);
	p.ip.saddr = inet_addr("10.9.8.7");
	p.eth.h_source[5] ^= 0xff;
	passes(&p);
	record = rig_slot();
	tap_need_eq(record.guest_ip, inet_addr("10.9.8.7"));
	tap_need(!memcmp(record.guest_mac, p.eth.h_source, 6));
	tap_need_eq(record.rx_packets, 2);
	p.tcp.dest = htons(81);
	p.ip.saddr = inet_addr("10.9.8.6");
	refused(&p, FENCE_REASON_DESTINATION);
	record = rig_slot();
	tap_need_eq(record.guest_ip, inet_addr("10.9.8.7"));
}

static void connections_beyond_the_bucket_are_refused_and_others_go_on(void)
{
	struct fence_slot record;
	struct packet p = packet_syn();

	rig_open();
	record = rig_slot();
	record.tokens = 2999;
	rig_slot_set(&record);
	passes(&p);
	passes(&p);
	refused(&p, FENCE_REASON_RATE);
	p.tcp.ack = 1;
	passes(&p);
	p.tcp.syn = 0;
	passes(&p);
}

/* With a stamp of the distant past it is full, whatever the clock says. */
static void the_bucket_fills_with_time_and_not_over_its_burst(void)
{
	struct fence_conf conf;
	struct fence_slot record;
	struct packet p = packet_syn();

	rig_open();
	conf = rig_conf();
	conf.syn_rate = 1000000;
	conf.syn_burst = 3;
	rig_conf_set(&conf);
	record = rig_slot();
	record.tokens = 0;
	record.stamp = 1;
	rig_slot_set(&record);
	passes(&p);
	record = rig_slot();
	tap_need_eq(record.tokens, 2000);
	tap_need(record.stamp > 1);

	conf.syn_burst = 1000000;
	rig_conf_set(&conf);
	record.stamp = 1;
	rig_slot_set(&record);
	passes(&p);
	tap_need_eq(rig_slot().tokens, 999999000);
}

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
	struct outcome o = rig_run(PORT_IN, a, sizeof(*a), 0);
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
	need_refused(PORT_IN, (const struct packet *)a, sizeof(*a), 0, reason, true);
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
		need_refused(PORT_IN, (const struct packet *)&a, length, 0, FENCE_REASON_SHORT, true);
}

struct events {
	unsigned int count;
	struct fence_event event[64];
};

static int event_note(void *context, void *data, size_t size)
{
	struct events *events = context;

	tap_need_eq(size, sizeof(struct fence_event));
	tap_need(events->count < TAP_COUNT(events->event));
	memcpy(&events->event[events->count++], data, size);
	return 0;
}

static void a_flood_of_refusals_is_told_at_powers_of_two(void)
{
	struct packet p = packet_syn();
	struct events events = { 0 };
	struct ring_buffer *ring;
	unsigned int i;

	rig_open();
	ring = ring_buffer__new(bpf_map__fd(rig->maps.events), event_note, &events, NULL);
	tap_need(ring);
	p.ip.protocol = IPPROTO_UDP;
	for (i = 0; i < 1000; i++)
		guest_sends(&p);
	ring_buffer__consume(ring);
	tap_need_eq(events.count, 10);
	for (i = 0; i < 10; i++) {
		tap_need_eq(events.event[i].count, 1 << i);
		tap_need_eq(events.event[i].reason, FENCE_REASON_PROTOCOL);
		tap_need_eq(events.event[i].slot, RIG_SLOT);
		tap_need_eq(events.event[i].ifindex, RIG_IFINDEX);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(a_syn_passes_with_the_slot_as_its_source),
	TAP_TEST(the_second_address_passes_and_not_when_there_is_none),
	TAP_TEST(checksums_are_right_for_every_kind_of_payload),
	TAP_TEST(a_broken_checksum_stays_broken),
	TAP_TEST(a_tap_without_slot_is_refused),
	TAP_TEST(a_slot_of_another_tap_or_of_none_is_refused),
	TAP_TEST(without_configuration_nothing_passes),
	TAP_TEST(a_vlan_tag_in_the_frame_is_refused),
	TAP_TEST(other_protocols_are_refused),
	TAP_TEST(a_source_mac_that_is_no_unicast_is_refused),
	TAP_TEST(a_frame_to_another_mac_is_refused),
	TAP_TEST(ip_options_and_versions_are_refused),
	TAP_TEST(a_length_beyond_the_frame_or_short_of_the_headers_is_refused),
	TAP_TEST(fragments_are_refused_and_df_is_not),
	TAP_TEST(anything_but_tcp_is_refused),
	TAP_TEST(other_addresses_and_ports_are_refused),
	TAP_TEST(sources_that_no_guest_may_have_are_refused),
	TAP_TEST(nothing_cut_short_passes),
	TAP_TEST(no_flipped_bits_open_it),
	TAP_TEST(the_guest_is_where_its_last_packet_came_from),
	TAP_TEST(connections_beyond_the_bucket_are_refused_and_others_go_on),
	TAP_TEST(the_bucket_fills_with_time_and_not_over_its_burst),
	TAP_TEST(arp_for_both_addresses_is_answered),
	TAP_TEST(an_arp_probe_is_answered),
	TAP_TEST(arp_announcements_replies_and_questions_for_others_are_refused),
	TAP_TEST(arp_cut_short_is_refused),
	TAP_TEST(a_flood_of_refusals_is_told_at_powers_of_two),
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
