// SPDX-License-Identifier: GPL-2.0
// Owns the promises of taps as ports: joined, mended, refused, let go, and kept apart.

#include <selftests/hostnet/hostnet.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct hostnet host;

static int refused(unsigned int ifindex)
{
	return net_port_join(host.net, ifindex, &host.repaired, &host.failure);
}

static void a_joined_tap_is_marked_isolated_up_and_without_ipv6(void)
{
	hostnet_enter_up(&host);
	tap_need(hostnet_join(&host, hostnet_tap(&host, "tap0")) == 5);
	tap_need(hostnet_can("ip link show tap0 | grep -q 'alias " NET_TAP_ALIAS "$'"));
	tap_need(hostnet_can("ip link show tap0 | grep -q ',UP.* master " NET_BRIDGE_NAME "'"));
	tap_need(hostnet_can("ip -d link show tap0 | grep -q 'isolated on'"));
	tap_need(hostnet_can("grep -q 1 /proc/sys/net/ipv6/conf/tap0/disable_ipv6"));
	tap_need_eq(net_bridge(host.net, 0)->ports, 1);
	tap_need_eq(hostnet_join(&host, if_nametoindex("tap0")), 0);
	tap_need_eq(hostnet_up(&host), 0);
	tap_need_eq(net_bridge(host.net, 0)->ports, 1);
}

static void each_wrong_switch_of_a_port_is_mended_alone(void)
{
	static const char *const breakages[] = {
		"ip link set tap0 alias other",
		"ip link set tap0 type bridge_slave isolated off",
		"ip link set tap0 down",
		"echo 0 >/proc/sys/net/ipv6/conf/tap0/disable_ipv6",
	};
	char *before, *after;
	unsigned int tap;

	hostnet_enter_up(&host);
	tap = hostnet_tap(&host, "tap0");
	hostnet_join(&host, tap);
	before = hostnet_picture();
	for (size_t i = 0; i < TAP_COUNT(breakages); i++) {
		hostnet_sh("%s", breakages[i]);
		tap_need_msg(hostnet_join(&host, tap) == 1, "not one repair: %s", breakages[i]);
		after = hostnet_picture();
		tap_need_msg(hostnet_same(before, after), "after: %s", breakages[i]);
	}
	hostnet_sh("ip link set tap0 nomaster");
	tap_need_eq(hostnet_join(&host, tap), 2);
}

static void a_tap_of_another_bridge_is_refused_and_the_bridge_named(void)
{
	unsigned int tap;

	hostnet_enter_up(&host);
	tap = hostnet_tap(&host, "tap0");
	hostnet_sh("ip link add virbr7 type bridge && ip link set tap0 master virbr7");
	tap_need_eq(refused(tap), -EBUSY);
	tap_need(strstr(host.failure.text, "tap0") && strstr(host.failure.text, "virbr7"));
	tap_need(hostnet_can("ip link show tap0 | grep -q 'master virbr7'"));
	tap_need(!hostnet_can("ip link show tap0 | grep -q alias"));
	hostnet_sh("ip link set tap0 nomaster");
	hostnet_join(&host, tap);
}

static void what_is_no_tap_is_refused(void)
{
	unsigned int tap;

	hostnet_enter_up(&host);
	hostnet_sh("ip link add other type bridge && ip tuntap add tun0 mode tun");
	tap_need_eq(refused(if_nametoindex("lo")), -EINVAL);
	tap_need_eq(refused(if_nametoindex("tun0")), -EINVAL);
	tap_need_eq(refused(if_nametoindex("other")), -EINVAL);
	tap_need_eq(refused(if_nametoindex(NET_BRIDGE_NAME)), -EINVAL);
	tap = hostnet_tap(&host, "tap0");
	hostnet_sh("ip link del tap0");
	tap_need_eq(refused(tap), -ENODEV);
	tap_need_eq(refused(0), -ENODEV);
	tap_need_eq(refused(0x7fffffff), -ENODEV);
	tap_need_eq(net_bridge(host.net, 0)->ports, 0);
}

static void a_tap_is_found_by_its_name_and_nothing_else(void)
{
	hostnet_enter(&host);
	hostnet_sh("ip tuntap add tap0 mode tap && ip link property add dev tap0 altname tapx");
	hostnet_sh("ip tuntap add tun0 mode tun");
	tap_need_eq(net_tap_find(host.net, "tap0"), if_nametoindex("tap0"));
	tap_need_eq(net_tap_find(host.net, "tapx"), 0);
	tap_need_eq(net_tap_find(host.net, "tun0"), 0);
	tap_need_eq(net_tap_find(host.net, "lo"), 0);
	tap_need_eq(net_tap_find(host.net, ""), 0);
	tap_need_eq(net_tap_find(host.net, "tap"), 0);
	tap_need_eq(net_tap_find(host.net, "tap0tap0tap0tap0tap0"), 0);
}

static void leaving_undoes_joining(void)
{
	char *before, *after;
	unsigned int tap;

	hostnet_enter_up(&host);
	tap = hostnet_tap(&host, "tap0");
	before = hostnet_picture();
	hostnet_join(&host, tap);
	tap_need(!net_port_leave(host.net, tap, &host.failure));
	tap_need_eq(net_bridge(host.net, 0)->ports, 0);
	after = hostnet_picture();
	tap_need(hostnet_same(before, after));
	tap_need(!net_port_leave(host.net, tap, &host.failure));
	hostnet_sh("ip link del tap0");
	tap_need(!net_port_leave(host.net, tap, &host.failure));
}

static void what_another_bridge_has_taken_stays_there_when_leaving(void)
{
	unsigned int tap;

	hostnet_enter_up(&host);
	tap = hostnet_tap(&host, "tap0");
	hostnet_join(&host, tap);
	hostnet_sh("ip link add virbr7 type bridge && ip link set tap0 master virbr7");
	tap_need(!net_port_leave(host.net, tap, &host.failure));
	tap_need(hostnet_can("ip link show tap0 | grep -q ',UP.* master virbr7'"));
	tap_need(!hostnet_can("ip link show tap0 | grep -q alias"));
}

static void ports_of_a_deleted_bridge_join_again(void)
{
	hostnet_enter_up(&host);
	hostnet_join(&host, hostnet_tap(&host, "tap0"));
	hostnet_join(&host, hostnet_tap(&host, "tap1"));
	hostnet_sh("ip link del " NET_BRIDGE_NAME);
	tap_need(hostnet_up(&host) > 0);
	tap_need_eq(net_bridge(host.net, 0)->ports, 0);
	tap_need(hostnet_join(&host, if_nametoindex("tap0")) > 0);
	tap_need(hostnet_join(&host, if_nametoindex("tap1")) > 0);
	tap_need_eq(hostnet_join(&host, if_nametoindex("tap0")), 0);
	tap_need_eq(hostnet_up(&host), 0);
	tap_need_eq(net_bridge(host.net, 0)->ports, 2);
}

/* A bridge takes both from its ports, unless told. */
static void mac_and_mtu_of_the_bridge_stay_whatever_joins(void)
{
	static const unsigned int mtus[] = { 9000, 1280 };

	for (size_t i = 0; i < TAP_COUNT(mtus); i++) {
		hostnet_enter_up(&host);
		hostnet_tap(&host, "tap0");
		hostnet_sh("ip link set tap0 address 00:00:00:00:00:01 mtu %u", mtus[i]);
		hostnet_join(&host, if_nametoindex("tap0"));
		tap_need_eq(hostnet_up(&host), 0);
		hostnet_sh("ip link set tap0 mtu 4000");
		tap_need_eq(hostnet_up(&host), 0);
	}
}

/* --- what is forwarded --- */

static int open_packet(const char *device)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	tap_need(fd >= 0 && !bind(fd, (struct sockaddr *)&at, sizeof(at)));
	return fd;
}

static void send_frame(int fd, uint8_t last)
{
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	frame[59] = last;
	tap_need_eq(send(fd, frame, sizeof(frame), 0), sizeof(frame));
}

/* Whether the frame that ends so came, of all that are there by now. */
static bool came(int fd, uint8_t last)
{
	uint8_t frame[2048];
	ssize_t n;

	while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0)
		if (n == 60 && frame[12] == 0x88 && frame[13] == 0xb5 && frame[59] == last)
			return true;
	return false;
}

/* veth crosses in softirq of the sender: what comes has come when the marker has. */
static void two_guests(const char *join)
{
	hostnet_sh("for i in 0 1; do ip link add tap$i type veth peer name vm$i; ip link set vm$i up; done");
	hostnet_sh("%s", join);
}

static void nothing_crosses_between_two_ports(void)
{
	int from, to;

	hostnet_enter_up(&host);
	two_guests("true");
	hostnet_join(&host, if_nametoindex("tap0"));
	hostnet_join(&host, if_nametoindex("tap1"));
	from = open_packet("vm0");
	to = open_packet("vm1");
	for (uint8_t i = 0; i < 20; i++) {
		send_frame(from, i);
		tap_pause();
		tap_need(!came(to, i));
	}
	/* The control: as soon as they are not isolated, and not kept off by VLANs. */
	hostnet_sh("for i in 0 1; do ip link set tap$i type bridge_slave isolated off; done");
	hostnet_can("ip link set " NET_BRIDGE_NAME " type bridge vlan_filtering 0 2>/dev/null");
	tap_need_wait((send_frame(from, 99), came(to, 99)));
}

static void a_port_that_others_add_reaches_nobody(void)
{
	int from, to;

	hostnet_enter_up(&host);
	if (!hostnet_can("ip -d link show " NET_BRIDGE_NAME " | grep -q 'vlan_filtering 1'"))
		tap_skip("this kernel is built without VLAN filtering on bridges");
	two_guests("for i in 0 1; do ip link set tap$i master " NET_BRIDGE_NAME " up; done");
	from = open_packet("vm0");
	to = open_packet("vm1");
	for (uint8_t i = 0; i < 20; i++) {
		send_frame(from, i);
		tap_pause();
		tap_need(!came(to, i));
	}
	hostnet_sh("ip link set " NET_BRIDGE_NAME " type bridge vlan_filtering 0");
	tap_need_wait((send_frame(from, 99), came(to, 99)));
}

/* --- more than one bridge --- */

static void taps(unsigned int from, unsigned int to)
{
	hostnet_sh("for i in $(seq %u %u); do echo tuntap add tap$i mode tap; done | ip -batch -",
		   from, to);
}

static void join_all(unsigned int from, unsigned int to)
{
	char name[IFNAMSIZ];

	for (unsigned int i = from; i <= to; i++) {
		snprintf(name, sizeof(name), "tap%u", i);
		hostnet_join(&host, net_tap_find(host.net, name));
	}
}

static bool is_port_of(unsigned int tap, const char *bridge)
{
	return hostnet_can("ip link show tap%u | grep -q 'master %s '", tap, bridge);
}

/* Others fill the bridge, which is quicker: so the kernel is the first to know. */
static void a_full_bridge_gets_a_second_one_beside_it(void)
{
	const unsigned int all = NET_PORTS_MAX;

	hostnet_enter_up(&host);
	taps(1, all + 2);
	hostnet_sh("for i in $(seq 1 %u); do echo link set tap$i master " NET_BRIDGE_NAME
		   "; done | ip -batch -", all);
	join_all(all + 1, all + 1);
	tap_need_eq(net_bridges(host.net), 2);
	tap_need(is_port_of(all + 1, NET_BRIDGE_NAME "-1"));
	/* From here on it is counted. */
	tap_need_eq(hostnet_up(&host), 0);
	tap_need_eq(net_bridge(host.net, 0)->ports, all);
	join_all(all + 2, all + 2);
	tap_need(is_port_of(all + 2, NET_BRIDGE_NAME "-1"));
	tap_need_eq(net_bridge(host.net, 1)->ports, 2);
	tap_need(hostnet_can("ip link show " NET_BRIDGE_ALTNAME "-1 | grep -q " NET_BRIDGE_NAME "-1"));
	tap_need(!hostnet_can("ip -o addr show " NET_BRIDGE_NAME "-1 | grep -q inet"));
	/* The second is mended as the first is. */
	hostnet_sh("ip link set " NET_BRIDGE_NAME "-1 arp on");
	tap_need_eq(hostnet_up(&host), 1);
	/* A place that becomes free is used before the second bridge. */
	tap_need(!net_port_leave(host.net, if_nametoindex("tap1"), &host.failure));
	join_all(1, 1);
	tap_need(is_port_of(1, NET_BRIDGE_NAME));
	tap_need(!net_down(host.net, &host.failure));
	tap_need(!hostnet_can("ip -o link | grep -q -e " NET_BRIDGE_NAME " -e IMDS"));
}

static void when_all_bridges_are_full_the_tap_is_refused(void)
{
	const unsigned int all = NET_BRIDGES_MAX * NET_PORTS_MAX;

	if (!tap_long())
		tap_skip("8,185 taps: only with AZ_LONG=1");
	hostnet_enter_up(&host);
	taps(1, all + 1);
	join_all(1, all);
	tap_need_eq(refused(if_nametoindex("tap8185")), -ENOSPC);
	tap_need(strstr(host.failure.text, "tap8185"));
	tap_need_eq(hostnet_up(&host), 0);
	tap_need(!net_down(host.net, &host.failure));
}

static const struct tap_test tests[] = {
	TAP_TEST(a_joined_tap_is_marked_isolated_up_and_without_ipv6),
	TAP_TEST(each_wrong_switch_of_a_port_is_mended_alone),
	TAP_TEST(a_tap_of_another_bridge_is_refused_and_the_bridge_named),
	TAP_TEST(what_is_no_tap_is_refused),
	TAP_TEST(a_tap_is_found_by_its_name_and_nothing_else),
	TAP_TEST(leaving_undoes_joining),
	TAP_TEST(what_another_bridge_has_taken_stays_there_when_leaving),
	TAP_TEST(ports_of_a_deleted_bridge_join_again),
	TAP_TEST(mac_and_mtu_of_the_bridge_stay_whatever_joins),
	TAP_TEST(nothing_crosses_between_two_ports),
	TAP_TEST(a_port_that_others_add_reaches_nobody),
	TAP_TEST_SLOW(a_full_bridge_gets_a_second_one_beside_it, 600),
	TAP_TEST_SLOW(when_all_bridges_are_full_the_tap_is_refused, 1800),
};

int main(int argc, char **argv)
{
	hostnet_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
