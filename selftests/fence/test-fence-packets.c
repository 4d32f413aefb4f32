// SPDX-License-Identifier: GPL-2.0
// What port_in lets through from a guest, and what it refuses and counts, by the packet alone.

#include <selftests/fence/rig.h>

#include <stdlib.h>

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
	guest_passes(&p);
	conf = rig_conf();
	conf.address[1] = 0;
	rig_conf_set(&conf);
	guest_refused(&p, FENCE_REASON_DESTINATION);
	p.ip.daddr = 0;
	guest_refused(&p, FENCE_REASON_DESTINATION);
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
		o = rig_run(RIG_PORT_IN, &p, length, 0);
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

static void a_vlan_tag_in_the_frame_is_refused(void)
{
	struct packet p = packet_syn();

	rig_open();
	p.eth.h_proto = htons(ETH_P_8021Q);
	guest_refused(&p, FENCE_REASON_VLAN);
	p.eth.h_proto = htons(ETH_P_8021AD);
	guest_refused(&p, FENCE_REASON_VLAN);
}

static void other_protocols_are_refused(void)
{
	static const uint16_t types[] = { ETH_P_IPV6, ETH_P_RARP, ETH_P_LLDP, 0x0004, 0, 0xffff };
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(types); i++) {
		p.eth.h_proto = htons(types[i]);
		guest_refused(&p, FENCE_REASON_ETHERTYPE);
	}
}

static void a_source_mac_that_is_no_unicast_is_refused(void)
{
	struct packet p = packet_syn();

	rig_open();
	p.eth.h_source[0] |= 1;
	guest_refused(&p, FENCE_REASON_MAC);
	memset(p.eth.h_source, 0xff, 6);
	guest_refused(&p, FENCE_REASON_MAC);
	memset(p.eth.h_source, 0, 6);
	guest_refused(&p, FENCE_REASON_MAC);
}

static void a_frame_to_another_mac_is_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 6; i++) {
		p.eth.h_dest[i] ^= 4;
		guest_refused(&p, FENCE_REASON_MAC);
		p.eth.h_dest[i] ^= 4;
	}
	memset(p.eth.h_dest, 0xff, 6);
	guest_refused(&p, FENCE_REASON_MAC);
}

static void ip_options_and_versions_are_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 16; i++) {
		p.ip.ihl = i & 15;
		if (i != 5)
			guest_refused(&p, FENCE_REASON_IP_HEADER);
	}
	p.ip.ihl = 5;
	p.ip.version = 6;
	guest_refused(&p, FENCE_REASON_IP_HEADER);
}

static void a_length_beyond_the_frame_or_short_of_the_headers_is_refused(void)
{
	static const unsigned int lengths[] = { 0, 1, 20, 39, SYN_LENGTH - ETH_HLEN + 1, 65535 };
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < TAP_COUNT(lengths); i++) {
		p.ip.tot_len = htons((uint16_t)lengths[i]);
		guest_refused(&p, FENCE_REASON_IP_HEADER);
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
		guest_refused(&p, FENCE_REASON_FRAGMENT);
	}
	p.ip.frag_off = 0;
	guest_passes(&p);
	p.ip.frag_off = htons(0x4000);
	guest_passes(&p);
}

static void anything_but_tcp_is_refused(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	for (i = 0; i < 256; i++) {
		p.ip.protocol = (uint8_t)i;
		if (i != IPPROTO_TCP)
			guest_refused(&p, FENCE_REASON_PROTOCOL);
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
		guest_refused(&p, FENCE_REASON_DESTINATION);
	}
	p = packet_syn();
	for (i = 0; i < 65536; i += 79) {
		p.tcp.dest = htons((uint16_t)(i == RIG_PORT ? RIG_PORT + 1 : i));
		guest_refused(&p, FENCE_REASON_DESTINATION);
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
		guest_refused(&p, FENCE_REASON_SOURCE);
	}
	for (i = 0; i < TAP_COUNT(good); i++) {
		p.ip.saddr = inet_addr(good[i]);
		guest_passes(&p);
	}
}

static void nothing_cut_short_passes(void)
{
	struct packet p = packet_syn();
	unsigned int length;
	struct outcome o;

	rig_open();
	for (length = 0; length < SYN_LENGTH; length++) {
		o = rig_run(RIG_PORT_IN, &p, length, 0);
		tap_need_msg(o.error || o.verdict == TC_ACT_SHOT, "%u bytes pass", length);
	}
	/* Newer kernels make no IPv4 packet without a whole IP header. */
	for (length = ETH_HLEN + 20; length < 54; length++)
		need_refused(RIG_PORT_IN, &p, length, 0, FENCE_REASON_SHORT, true);
	for (; length < SYN_LENGTH; length++)
		need_refused(RIG_PORT_IN, &p, length, 0, FENCE_REASON_IP_HEADER, true);
	for (; length < SYN_LENGTH + 40; length++)
		tap_need_eq(rig_run(RIG_PORT_IN, &p, length, 0).verdict, TC_ACT_REDIRECT);
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
	unsigned int i, rounds = tap_loops(2000, 20000), passed = 0;
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

static const struct tap_test tests[] = {
	TAP_TEST(a_syn_passes_with_the_slot_as_its_source),
	TAP_TEST(the_second_address_passes_and_not_when_there_is_none),
	TAP_TEST(checksums_are_right_for_every_kind_of_payload),
	TAP_TEST(a_broken_checksum_stays_broken),
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
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
