// SPDX-License-Identifier: GPL-2.0
// The whole fence between guests, a host and a server: who gets through, who does not.

#include <selftests/fence/world.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netpacket/packet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void two_guests_with_one_address_and_one_mac_are_told_apart(void)
{
	struct guest one, two;
	uint32_t seen_one, seen_two;
	int first, second;

	world_open();
	one = guest_make(1);
	two = guest_make(2);
	tap_need_eq(guest_enrol(&one), 0);
	tap_need_eq(guest_enrol(&two), 0);
	server_start("127.0.0.1", 8080);
	first = client_need(&one, &seen_one);
	second = client_need(&two, &seen_two);
	tap_need_eq(ntohl(seen_one), WORLD_BASE + 1);
	tap_need_eq(ntohl(seen_two), WORLD_BASE + 2);
	client_echo(first);
	client_echo(second);
	client_echo(first);
	tap_need_eq(fence_audit_port(world, 1), 0);
	tap_need_eq(fence_audit_port(world, 2), 0);
}

static void checksums_off(int sock, const char *device)
{
	struct ethtool_value off = { .cmd = ETHTOOL_STXCSUM };
	struct ifreq ifr = { .ifr_data = (void *)&off };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	tap_need_eq(ioctl(sock, SIOCETHTOOL, &ifr), 0);
	close(sock);
}

/*
 * With and without offloads: whole checksums are computed by whoever sends, or
 * behind the fence, over what br_out made of the address.
 */
static void long_data_comes_whole_whoever_sums_it(void)
{
	struct guest guest;
	uint32_t seen;

	world_open();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	server_start("127.0.0.1", 8080);
	client_bulk(client_need(&guest, &seen));
	checksums_off(socket(AF_INET, SOCK_DGRAM, 0), "tap1");
	client_bulk(client_need(&guest, &seen));
	checksums_off(guest_socket(&guest, AF_INET, SOCK_DGRAM, 0), "eth0");
	client_bulk(client_need(&guest, &seen));
}

/* Without the fixed neighbour: the answer comes from port_in. */
static void a_guest_learns_the_bridge_by_arp(void)
{
	struct guest guest;

	world_open();
	guest = guest_make(1);
	guest_sh(&guest, "ip neigh del " WORLD_SERVICE " dev eth0");
	tap_need_eq(guest_enrol(&guest), 0);
	server_start("127.0.0.1", 8080);
	need_through(&guest);
	guest_sh(&guest, "ip neigh show dev eth0 | grep -q 02:a7:7e:00:00:01");
}

static void a_guest_that_is_not_enrolled_gets_nothing(void)
{
	struct guest inside, outside;

	world_open();
	inside = guest_make(1);
	outside = guest_make(2);
	tap_need_eq(guest_enrol(&inside), 0);
	server_start("0.0.0.0", 80);
	need_silence(&outside);
	need_through(&inside);
}

static void a_withdrawn_guest_gets_nothing_and_its_connection_stops(void)
{
	struct failure failure;
	struct guest guest;
	uint32_t seen;
	char byte = 'x';
	int sock;

	world_open();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	server_start("127.0.0.1", 8080);
	sock = client_need(&guest, &seen);
	client_echo(sock);
	tap_need_eq(fence_withdraw(world, 1, &failure), 0);
	sh("! tc qdisc show dev tap1 | grep -q clsact");
	tap_need_eq(write(sock, &byte, 1), 1);
	need_silence(&guest);
	tap_need(recv(sock, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	tap_need_eq(guest_enrol(&guest), 0);
	need_through(&guest);
}

static void without_a_server_guests_are_reset(void)
{
	struct guest guest;
	pid_t server;

	world_open();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	tap_need_eq(client_end(client_begin(guest_socket(&guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	server = server_start("127.0.0.1", 8080);
	need_through(&guest);
	tap_kill(server);
	tap_need_eq(client_end(client_begin(guest_socket(&guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	server_start("127.0.0.1", 8081);
	need_through(&guest);
	fence_clear_socket(world);
	tap_need_eq(client_end(client_begin(guest_socket(&guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
}

/* The control is a server of the same host on another port. */
static void a_process_of_the_host_is_refused(void)
{
	uint64_t before;

	world_open();
	server_start("0.0.0.0", 80);
	before = world_drops(FENCE_REASON_SOCKET);
	tap_need_eq(client_end(client_begin(socket(AF_INET, SOCK_STREAM, 0))), ECONNREFUSED);
	tap_need(world_drops(FENCE_REASON_SOCKET) > before);
}

static void steer_detach(void)
{
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_steer", getpid());
	tap_need_eq(fence_audit_links(world), FENCE_LOST_STEER);
}

static void cgroup_detach(void)
{
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_cg_in", getpid());
	tap_need(fence_audit_links(world) & FENCE_LOST_CGROUP);
}

static uint16_t sum(const void *data, size_t length, uint32_t total)
{
	const uint8_t *byte = data;
	size_t i;

	for (i = 0; i < length; i++)
		total += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons((uint16_t)~total);
}

/* A SYN of @source's to the service, over loopback, as CAP_NET_RAW can. */
static void forge(uint32_t source)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} syn = {
		.ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			.tot_len = htons(40), .saddr = htonl(source),
			.daddr = inet_addr(WORLD_SERVICE) },
		.tcp = { .source = htons(5555), .dest = htons(WORLD_PORT), .syn = 1, .doff = 5,
			 .window = htons(1000) },
	};
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = syn.ip.daddr };
	int sock = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	syn.tcp.check = sum(&syn.tcp, 20, (uint16_t)~ntohs(sum(&syn.ip.saddr, 8, 0)) + 26u);
	tap_need(sock >= 0);
	tap_need_eq(sendto(sock, &syn, sizeof(syn), 0, (struct sockaddr *)&to, sizeof(to)), 40);
	close(sock);
}

/* Its answer would leave by the bridge, where br_out counts it: no guest is slot 9. */
static void forging_over_loopback_gets_no_answer(void)
{
	uint64_t answers, refusals;

	world_open();
	server_start("0.0.0.0", 80);
	steer_detach();
	answers = world_drops(FENCE_REASON_NO_GUEST);
	refusals = world_drops(FENCE_REASON_CGROUP);
	forge(WORLD_BASE + 9);
	tap_need_wait(world_drops(FENCE_REASON_CGROUP) > refusals);
	tap_need_eq(world_drops(FENCE_REASON_NO_GUEST), answers);
	cgroup_detach();
	forge(WORLD_BASE + 9);	/* control: it would have been answered */
	tap_need_wait(world_drops(FENCE_REASON_NO_GUEST) > answers);
}

static void the_host_gets_nothing_with_steer_detached_either(void)
{
	uint64_t refusals;

	world_open();
	server_start("0.0.0.0", 80);
	steer_detach();
	refusals = world_drops(FENCE_REASON_CGROUP);
	client_begin(socket(AF_INET, SOCK_STREAM, 0));
	tap_need_wait(world_drops(FENCE_REASON_CGROUP) > refusals);
	cgroup_detach();
	tap_need_eq(client_end(client_begin(socket(AF_INET, SOCK_STREAM, 0))), 0);
}

static void raw_send(const struct guest *guest, const void *frame, size_t length)
{
	int sock = guest_socket(guest, AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct ifreq ifr = { .ifr_name = "eth0" };

	tap_need_eq(ioctl(sock, SIOCGIFINDEX, &ifr), 0);
	to.sll_ifindex = ifr.ifr_ifindex;
	tap_need_eq(sendto(sock, frame, length, 0, (struct sockaddr *)&to, sizeof(to)), length);
	close(sock);
}

/* A SYN that would pass, behind @tags; the tag is out of band when port_in sees it. */
static void tagged_send(const struct guest *guest, const uint16_t *tags, unsigned int count)
{
	static const uint8_t macs[12] = { 2, 0xa7, 0x7e, 0, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP,
			    .tot_len = htons(40), .saddr = inet_addr(WORLD_GUEST),
			    .daddr = inet_addr(WORLD_SERVICE) };
	struct tcphdr tcp = { .source = htons(5555), .dest = htons(WORLD_PORT), .syn = 1, .doff = 5 };
	uint8_t frame[128] = { 0 };
	size_t at = sizeof(macs);
	uint16_t type = htons(ETH_P_IP);
	unsigned int i;

	ip.check = sum(&ip, sizeof(ip), 0);
	tcp.check = sum(&tcp, 20, (uint16_t)~ntohs(sum(&ip.saddr, 8, 0)) + 26u);
	memcpy(frame, macs, sizeof(macs));
	for (i = 0; i < count; i++, at += 4) {
		uint16_t tag[2] = { htons(tags[i]), htons(5) };

		memcpy(frame + at, tag, 4);
	}
	memcpy(frame + at, &type, 2);
	memcpy(frame + at + 2, &ip, sizeof(ip));
	memcpy(frame + at + 22, &tcp, sizeof(tcp));
	raw_send(guest, frame, at + 42);
}

static void vlan_and_qinq_frames_are_refused_and_counted(void)
{
	static const uint16_t tags[] = { ETH_P_8021AD, ETH_P_8021Q };
	struct fence_slot record;
	struct guest guest;

	world_open();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	server_start("127.0.0.1", 8080);
	tagged_send(&guest, tags + 1, 1);
	tap_need_wait(slot_drops(1, FENCE_REASON_VLAN) == 1);
	tagged_send(&guest, tags, 2);
	tap_need_wait(slot_drops(1, FENCE_REASON_VLAN) == 2);
	tagged_send(&guest, tags, 1);
	tap_need_wait(slot_drops(1, FENCE_REASON_VLAN) == 3);
	tap_need_eq(fence_slot_read(world, 1, &record), 0);
	tap_need_eq(record.rx_packets, 0);
	tagged_send(&guest, NULL, 0);	/* control */
	tap_need_wait(!fence_slot_read(world, 1, &record) && record.rx_packets);
}

static void connect_to(const struct guest *guest, const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(WORLD_PORT),
				  .sin_addr.s_addr = inet_addr(address) };
	int sock = guest_socket(guest, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tap_need(connect(sock, (struct sockaddr *)&to, sizeof(to)) && errno == EINPROGRESS);
}

static void guests_do_not_reach_each_other(void)
{
	struct guest one, two;

	world_open();
	one = guest_make(1);
	two = guest_make(2);
	guest_sh(&two, "ip addr add 169.254.8.8/16 dev eth0; ip addr add 169.254.8.9/16 dev eth0");
	tap_need_eq(guest_enrol(&one), 0);
	tap_need_eq(guest_enrol(&two), 0);
	connect_to(&one, "169.254.8.8");
	tap_need_wait(slot_drops(1, FENCE_REASON_ARP) > 0);
	guest_sh(&one, "ip neigh replace 169.254.8.9 lladdr 52:54:00:99:99:99 dev eth0");
	connect_to(&one, "169.254.8.9");
	tap_need_wait(slot_drops(1, FENCE_REASON_MAC) > 0);
	guest_sh(&one, "ip neigh replace 169.254.8.9 lladdr 02:a7:7e:00:00:01 dev eth0");
	connect_to(&one, "169.254.8.9");
	tap_need_wait(slot_drops(1, FENCE_REASON_DESTINATION) > 0);
}

static void what_the_host_sends_into_a_tap_stops_there(void)
{
	static const uint8_t frame[60] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 9, 8, 0 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	struct guest guest;
	int sock;

	world_open();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	sock = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = (int)world_ifindex("tap1");
	tap_need(sendto(sock, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
		 errno == ENOBUFS);
	tap_need_wait(slot_drops(1, FENCE_REASON_NOT_OURS) == 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(two_guests_with_one_address_and_one_mac_are_told_apart),
	TAP_TEST(long_data_comes_whole_whoever_sums_it),
	TAP_TEST(a_guest_learns_the_bridge_by_arp),
	TAP_TEST(a_guest_that_is_not_enrolled_gets_nothing),
	TAP_TEST(a_withdrawn_guest_gets_nothing_and_its_connection_stops),
	TAP_TEST(without_a_server_guests_are_reset),
	TAP_TEST(a_process_of_the_host_is_refused),
	TAP_TEST(forging_over_loopback_gets_no_answer),
	TAP_TEST(the_host_gets_nothing_with_steer_detached_either),
	TAP_TEST(vlan_and_qinq_frames_are_refused_and_counted),
	TAP_TEST(guests_do_not_reach_each_other),
	TAP_TEST(what_the_host_sends_into_a_tap_stops_there),
};

int main(int argc, char **argv)
{
	int status;

	world_prepare();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	world_end();
	return status;
}
