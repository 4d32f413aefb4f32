// SPDX-License-Identifier: GPL-2.0
// What port_in makes of its maps: no slot and no configuration, no packet; where the guest is;
// the rate of connections.

#include <selftests/fence/rig.h>

static void a_tap_without_slot_is_refused(void)
{
	struct packet p = packet_syn();
	uint32_t key = RIG_IFINDEX;

	rig_open();
	bpf_map_delete_elem(bpf_map__fd(rig->maps.ports), &key);
	need_refused(RIG_PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
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
		need_refused(RIG_PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	}
}

static void without_configuration_nothing_passes(void)
{
	struct fence_conf nothing = { 0 }, conf;
	struct packet p = packet_syn();

	rig_open();
	conf = rig_conf();
	rig_conf_set(&nothing);
	need_refused(RIG_PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.bridge_ifindex = 0;
	rig_conf_set(&conf);
	need_refused(RIG_PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.bridge_ifindex = RIG_IFINDEX;
	conf.slots = RIG_SLOT;
	rig_conf_set(&conf);
	need_refused(RIG_PORT_IN, &p, SYN_LENGTH, 0, FENCE_REASON_UNENROLLED, false);
	conf.slots = RIG_SLOT + 1;
	rig_conf_set(&conf);
	guest_passes(&p);
}

static void the_guest_is_where_its_last_packet_came_from(void)
{
	struct packet p = packet_syn();
	struct fence_slot record;

	rig_open();
	guest_passes(&p);
	p.ip.saddr = inet_addr("10.9.8.7");
	p.eth.h_source[5] ^= 0xff;
	guest_passes(&p);
	record = rig_slot();
	tap_need_eq(record.guest_ip, inet_addr("10.9.8.7"));
	tap_need(!memcmp(record.guest_mac, p.eth.h_source, 6));
	tap_need_eq(record.rx_packets, 2);
	p.tcp.dest = htons(81);
	p.ip.saddr = inet_addr("10.9.8.6");
	guest_refused(&p, FENCE_REASON_DESTINATION);
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
	guest_passes(&p);
	guest_passes(&p);
	guest_refused(&p, FENCE_REASON_RATE);
	p.tcp.ack = 1;
	guest_passes(&p);
	p.tcp.syn = 0;
	guest_passes(&p);
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
	guest_passes(&p);
	record = rig_slot();
	tap_need_eq(record.tokens, 2000);
	tap_need(record.stamp > 1);

	conf.syn_burst = 1000000;
	rig_conf_set(&conf);
	record.stamp = 1;
	rig_slot_set(&record);
	guest_passes(&p);
	tap_need_eq(rig_slot().tokens, 999999000);
}

static void each_refusal_is_counted_on_its_slot(void)
{
	struct packet p = packet_syn();
	unsigned int i;

	rig_open();
	p.ip.protocol = IPPROTO_UDP;
	for (i = 0; i < 1000; i++)
		guest_sends(&p);
	tap_need_eq(rig_slot().drops[FENCE_REASON_PROTOCOL], 1000);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_tap_without_slot_is_refused),
	TAP_TEST(a_slot_of_another_tap_or_of_none_is_refused),
	TAP_TEST(without_configuration_nothing_passes),
	TAP_TEST(the_guest_is_where_its_last_packet_came_from),
	TAP_TEST(connections_beyond_the_bucket_are_refused_and_others_go_on),
	TAP_TEST(the_bucket_fills_with_time_and_not_over_its_burst),
	TAP_TEST(each_refusal_is_counted_on_its_slot),
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
