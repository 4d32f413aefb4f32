// SPDX-License-Identifier: GPL-2.0
// What port_in makes of its maps: no slot and no configuration, no packet; where the guest is;
// the rate of connections; and what it tells.

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
	TAP_TEST(a_tap_without_slot_is_refused),
	TAP_TEST(a_slot_of_another_tap_or_of_none_is_refused),
	TAP_TEST(without_configuration_nothing_passes),
	TAP_TEST(the_guest_is_where_its_last_packet_came_from),
	TAP_TEST(connections_beyond_the_bucket_are_refused_and_others_go_on),
	TAP_TEST(the_bucket_fills_with_time_and_not_over_its_burst),
	TAP_TEST(a_flood_of_refusals_is_told_at_powers_of_two),
};

int main(int argc, char **argv)
{
	rig_need_bpf();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
