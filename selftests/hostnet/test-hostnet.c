// SPDX-License-Identifier: GPL-2.0
// Owns the promises of net_up() and net_down(): made, mended, refused, removed.

#include <selftests/hostnet/hostnet.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct hostnet host;

static bool says(const char *command, const char *text)
{
	char *said = hostnet_read("%s", command);
	bool found = strstr(said, text);

	if (!found)
		tap_diag("no \"%s\" in: %s", text, said);
	free(said);
	return found;
}

static void up_makes_bridge_names_address_and_routes(void)
{
	hostnet_enter(&host);
	tap_need_eq(net_bridges(host.net), 0);
	tap_need(hostnet_up(&host) > 0);
	tap_need_eq(net_bridges(host.net), 1);
	tap_need_eq(net_bridge(host.net, 0)->ifindex, if_nametoindex(NET_BRIDGE_NAME));
	tap_need_eq(net_bridge(host.net, 1)->ifindex, 0);
	tap_need(says("ip link show " NET_BRIDGE_ALTNAME, NET_BRIDGE_NAME ": "));
	tap_need(says("ip link show " NET_BRIDGE_NAME, "NOARP"));
	tap_need(says("ip link show " NET_BRIDGE_NAME, "mtu 1500"));
	tap_need(says("ip -d link show " NET_BRIDGE_NAME, "stp_state 0"));
	tap_need(says("ip -d link show " NET_BRIDGE_NAME, "mcast_snooping 0"));
	tap_need(says("ip -d link show " NET_BRIDGE_NAME, "addrgenmode none"));
	tap_need(says("ip addr show " NET_BRIDGE_NAME, "inet 169.254.169.253/32 scope link"));
	tap_need(says("ip route", "198.18.0.0/19 dev azhost-imds proto 169 scope link"));
	tap_need(says("ip route", "unreachable 198.18.0.0/19 proto 169 metric 4294967295"));
	tap_need(!hostnet_can("ip -6 addr show " NET_BRIDGE_NAME " | grep -q inet6"));
}

static void again_changes_nothing(void)
{
	char *before, *after;

	hostnet_enter_up(&host);
	before = hostnet_picture();
	net_watch_read(host.net);
	tap_need_eq(hostnet_up(&host), 0);
	tap_need(!(net_watch_read(host.net) & ~NET_CHANGED_LINK));
	after = hostnet_picture();
	tap_need(hostnet_same(before, after));
}

static bool has_vlans(void)
{
	return hostnet_can("ip -d link show " NET_BRIDGE_NAME " | grep -q vlan_default_pvid");
}

static void the_bridge_filters_vlans_and_has_no_default_one(void)
{
	hostnet_enter_up(&host);
	if (!has_vlans())
		tap_skip("this kernel is built without VLAN filtering on bridges");
	tap_need(says("ip -d link show " NET_BRIDGE_NAME, "vlan_filtering 1"));
	tap_need(says("ip -d link show " NET_BRIDGE_NAME, "vlan_default_pvid 0"));
}

static void the_mac_comes_from_the_name_alone(void)
{
	uint8_t mac[6];

	hostnet_enter_up(&host);
	memcpy(mac, net_bridge(host.net, 0)->mac, sizeof(mac));
	tap_need_eq(mac[0], 0x02);
	tap_need(hostnet_can("ip link show " NET_BRIDGE_NAME " | grep -q '02:.*%02x:%02x brd'",
			     mac[4], mac[5]));
	hostnet_enter_up(&host);
	tap_need(!memcmp(mac, net_bridge(host.net, 0)->mac, sizeof(mac)));
}

static void another_name_renames_the_bridge(void)
{
	uint8_t mac[6];

	hostnet_enter_up(&host);
	memcpy(mac, net_bridge(host.net, 0)->mac, sizeof(mac));
	snprintf(host.config.bridge, sizeof(host.config.bridge), "%s", "thirteen-long");
	hostnet_up(&host);
	tap_need(memcmp(mac, net_bridge(host.net, 0)->mac, sizeof(mac)));
	tap_need(says("ip link show " NET_BRIDGE_ALTNAME, "thirteen-long: "));
	tap_need(!hostnet_can("ip link show " NET_BRIDGE_NAME " 2>/dev/null"));
	tap_need_eq(hostnet_up(&host), 0);
}

#define BRIDGE		NET_BRIDGE_NAME
#define SWITCH(name, value) { "echo " #value " >/proc/sys/net/ipv4/conf/" BRIDGE "/" #name, 1 }

static const struct {
	const char *command;
	unsigned int repairs;
} breakages[] = {
	{ "ip link set " BRIDGE " address 02:00:00:00:00:01", 1 },
	{ "ip link property del dev " BRIDGE " altname " NET_BRIDGE_ALTNAME, 1 },
	{ "ip link set " BRIDGE " mtu 1400", 1 },
	{ "ip link set " BRIDGE " arp on", 1 },
	{ "ip link set " BRIDGE " down", 2 },
	{ "ip link set " BRIDGE " down; ip link set " BRIDGE " up", 1 },
	{ "ip link set " BRIDGE " down; ip link set " BRIDGE " name astray", 4 },
	{ "ip link set " BRIDGE " type bridge stp_state 1", 1 },
	{ "ip link set " BRIDGE " type bridge mcast_snooping 1", 1 },
	{ "ip link set " BRIDGE " addrgenmode eui64", 1 },
	{ "echo 0 >/proc/sys/net/ipv6/conf/" BRIDGE "/disable_ipv6", 1 },
	SWITCH(forwarding, 1),
	SWITCH(rp_filter, 0),
	SWITCH(accept_local, 1),
	SWITCH(route_localnet, 1),
	SWITCH(accept_source_route, 1),
	SWITCH(accept_redirects, 1),
	SWITCH(send_redirects, 1),
	SWITCH(proxy_arp, 1),
	SWITCH(ignore_routes_with_linkdown, 1),
	{ "echo 1 >/proc/sys/net/ipv4/ip_forward", 1 },
	/* With the last address go the routes. */
	{ "ip addr del 169.254.169.253/32 dev " BRIDGE, 2 },
	{ "ip addr flush dev " BRIDGE, 2 },
	{ "ip addr add 192.0.2.1/32 dev " BRIDGE, 1 },
	{ "ip addr del 169.254.169.253/32 dev " BRIDGE
	  "; ip addr add 169.254.169.253/24 dev " BRIDGE, 3 },
	{ "ip addr del 169.254.169.253/32 dev " BRIDGE
	  "; ip addr add 169.254.169.253/32 scope global dev " BRIDGE, 3 },
	{ "ip addr change 169.254.169.253/32 dev " BRIDGE " valid_lft 900 preferred_lft 900", 3 },
	{ "ip route del 198.18.0.0/19 dev " BRIDGE, 1 },
	{ "ip route del unreachable 198.18.0.0/19 metric 4294967295", 1 },
	{ "ip route flush proto 169", 2 },
	{ "ip route add 203.0.113.0/24 dev " BRIDGE " proto 169", 1 },
	{ "ip route add unreachable 203.0.113.0/24 metric 4294967295 proto 169", 1 },
	{ "ip route change 198.18.0.0/19 dev " BRIDGE " proto 169 scope link mtu 600", 2 },
};

/* A picture is dear where processors are emulated: what stays wrong is still there a few on. */
static void need_picture(const char *before, size_t i)
{
	size_t every = tap_loops(6, 1), from = i - i % every;
	char *after;

	if (i % every != every - 1 && i != TAP_COUNT(breakages) - 1)
		return;
	after = hostnet_picture();
	tap_need_msg(hostnet_same(before, after), "not as before, from here on: %s",
		     breakages[from].command);
	free(after);
}

static void each_wrong_setting_is_mended_alone(void)
{
	char *before;

	hostnet_enter_up(&host);
	before = hostnet_picture();
	for (size_t i = 0; i < TAP_COUNT(breakages); i++) {
		hostnet_sh("%s", breakages[i].command);
		hostnet_up(&host);
		tap_need_msg(host.repaired == breakages[i].repairs, "%u repairs, not %u: %s",
			     host.repaired, breakages[i].repairs, breakages[i].command);
		tap_need_eq(hostnet_up(&host), 0);
		if (strstr(breakages[i].command, "ip_forward"))
			hostnet_sh("echo 0 >/proc/sys/net/ipv4/ip_forward");
		need_picture(before, i);
	}
	free(before);
}

static void wrong_vlan_switches_are_mended_alone(void)
{
	hostnet_enter_up(&host);
	if (!has_vlans())
		tap_skip("this kernel is built without VLAN filtering on bridges");
	hostnet_sh("ip link set " BRIDGE " type bridge vlan_filtering 0");
	tap_need_eq(hostnet_up(&host), 1);
	hostnet_sh("ip link set " BRIDGE " type bridge vlan_default_pvid 7");
	tap_need_eq(hostnet_up(&host), 1);
	tap_need_eq(hostnet_up(&host), 0);
}

static void a_bridge_that_was_put_under_another_device_is_taken_out(void)
{
	hostnet_enter_up(&host);
	if (!hostnet_can("ip link add red type vrf table 10 2>/dev/null"))
		tap_skip("this kernel has no VRF to put it under");
	hostnet_sh("ip link set red up && ip link set " BRIDGE " master red");
	tap_need(hostnet_up(&host) >= 1);
	tap_need(!hostnet_can("ip link show " BRIDGE " | grep -q master"));
	tap_need(says("ip route", "198.18.0.0/19 dev " BRIDGE));
	tap_need_eq(hostnet_up(&host), 0);
}

static void a_deleted_bridge_is_made_again(void)
{
	unsigned int first;

	hostnet_enter_up(&host);
	first = net_bridge(host.net, 0)->ifindex;
	hostnet_sh("ip link del " NET_BRIDGE_ALTNAME);
	tap_need(hostnet_up(&host) > 1);
	tap_need(net_bridge(host.net, 0)->ifindex != first);
	tap_need_eq(hostnet_up(&host), 0);
}

/* Replies would leave by the uplink otherwise. */
static void without_the_bridge_the_range_is_unreachable(void)
{
	hostnet_enter_up(&host);
	hostnet_sh("ip link add up0 type veth peer name up1 && ip link set up0 up && ip link set up1 up");
	hostnet_sh("ip addr add 192.0.2.1/24 dev up0 && ip route add default via 192.0.2.2");
	tap_need(hostnet_can("ip route get 198.18.0.5 | grep -q azhost-imds"));
	hostnet_sh("ip link del " BRIDGE);
	tap_need(hostnet_can("ip route get 198.19.0.5 | grep -q up0"));
	tap_need(!hostnet_can("ip route get 198.18.0.5 2>/dev/null"));
}

static void new_settings_replace_those_of_before(void)
{
	hostnet_enter_up(&host);
	host.config.base = 0x0a500000;
	host.config.prefix = 20;
	host.config.mtu = 1400;
	host.config.address[0].s_addr = inet_addr("169.254.169.1");
	host.config.address[1].s_addr = inet_addr("169.254.169.254");
	hostnet_up(&host);
	tap_need_eq(hostnet_up(&host), 0);
	tap_need(!hostnet_can("ip route show table all | grep -q -e 198.18 -e 169.253"));
	tap_need(says("ip route", "10.80.0.0/20 dev " BRIDGE));
	tap_need(says("ip route", "unreachable 10.80.0.0/20"));
	tap_need(says("ip addr", "inet 169.254.169.1/32"));
	tap_need(says("ip addr", "inet 169.254.169.254/32"));
	tap_need(says("ip link show " BRIDGE, "mtu 1400"));
}

static const struct {
	const char *command, *names;
} overlaps[] = {
	{ "ip addr add 198.18.5.5/32 dev lo", "198.18.5.5/32" },
	{ "ip addr add 198.18.5.5/24 dev up0", "up0" },
	{ "ip addr add 198.19.0.1/15 dev up0", "198.19.0.1/15" },
	{ "ip route add 198.18.31.0/24 dev up0", "198.18.31.0/24" },
	{ "ip route add 198.0.0.0/8 via 192.0.2.2", "198.0.0.0/8" },
	{ "ip route add 198.18.0.0/19 dev up0 table 77", "up0" },
	{ "ip route add unreachable 198.18.1.0/24", "198.18.1.0/24" },
	{ "ip route add blackhole 198.18.0.0/19", "198.18.0.0/19" },
	{ "ip addr add 169.254.169.253/16 dev up0", "169.254.169.253" },
	{ "ip route add 169.254.169.253 dev up0", "169.254.169.253/32" },
};

static void an_overlap_is_refused_and_named(void)
{
	for (size_t i = 0; i < TAP_COUNT(overlaps); i++) {
		hostnet_enter(&host);
		hostnet_sh("ip link add up0 type veth peer name up1 && ip link set up0 up");
		hostnet_sh("ip addr add 192.0.2.1/24 dev up0");
		hostnet_sh("%s", overlaps[i].command);
		tap_need_eq(net_up(host.net, &host.repaired, &host.failure), -EADDRINUSE);
		tap_need_msg(strstr(host.failure.text, overlaps[i].names), "does not name %s: %s",
			     overlaps[i].names, host.failure.text);
		tap_need_eq(host.repaired, 0);
		tap_need(!hostnet_can("ip link show " BRIDGE " 2>/dev/null"));
	}
}

static void an_overlap_that_comes_later_is_refused_too(void)
{
	hostnet_enter_up(&host);
	hostnet_sh("ip addr add 198.18.5.5/32 dev lo");
	tap_need_eq(net_up(host.net, &host.repaired, &host.failure), -EADDRINUSE);
	hostnet_sh("ip addr del 198.18.5.5/32 dev lo");
	tap_need_eq(hostnet_up(&host), 0);
}

static const char *const neighbours[] = {
	"ip route add default dev up0",
	"ip route add 0.0.0.0/1 dev up0 && ip route add 128.0.0.0/1 dev up0",
	"ip route add unreachable 198.18.0.0/15",
	"ip route add 169.254.0.0/16 dev up0 metric 1000",
	"ip addr add 169.254.7.7/16 dev up0",
	"ip route add 169.254.169.254 dev up0",
	"ip addr add 198.18.32.1/19 dev up0",
	"ip addr add 198.17.255.1/24 dev up0",
};

static void neighbours_that_do_not_overlap_are_fine(void)
{
	for (size_t i = 0; i < TAP_COUNT(neighbours); i++) {
		hostnet_enter(&host);
		hostnet_sh("ip link add up0 type veth peer name up1 && ip link set up0 up");
		hostnet_sh("%s", neighbours[i]);
		hostnet_up(&host);
		tap_need_eq(hostnet_up(&host), 0);
	}
}

static const char *const strangers[] = {
	"ip link add " BRIDGE " type bridge",
	"ip link add " BRIDGE " type veth peer name x",
	"ip tuntap add " BRIDGE " mode tap",
	"ip link add x type bridge && ip link property add dev x altname " BRIDGE,
	"ip link add x type veth peer name y && ip link property add dev x altname " NET_BRIDGE_ALTNAME,
};

static void a_device_of_somebody_else_is_refused_and_untouched(void)
{
	for (size_t i = 0; i < TAP_COUNT(strangers); i++) {
		char *before, *after;

		hostnet_enter(&host);
		hostnet_sh("%s", strangers[i]);
		before = hostnet_picture();
		tap_need_eq(net_up(host.net, &host.repaired, &host.failure), -EEXIST);
		tap_need(strstr(host.failure.text, "is not ours"));
		tap_need(!net_down(host.net, &host.failure));
		after = hostnet_picture();
		tap_need_msg(hostnet_same(before, after), "beside: %s", strangers[i]);
	}
}

static void a_start_that_broke_off_goes_on(void)
{
	hostnet_enter_up(&host);
	hostnet_sh("ip link property del dev " BRIDGE " altname " NET_BRIDGE_ALTNAME
		   "; ip addr flush dev " BRIDGE "; ip link set " BRIDGE " down");
	tap_need_eq(hostnet_up(&host), 4);
}

static void refuse_config(const struct net_config *config, const char *names)
{
	struct net *net = NULL;

	tap_need_eq(net_open(&net, config, &host.failure), -EINVAL);
	tap_need_msg(strstr(host.failure.text, names), "does not name %s: %s", names,
		     host.failure.text);
	tap_need(!net);
}

#define REFUSED(member, value, names)						\
	do {									\
		struct net_config config_ = host.config;			\
										\
		config_.member = value;						\
		refuse_config(&config_, names);					\
	} while (0)

static void a_bad_range_mtu_or_address_is_refused(void)
{
	static const char *const addresses[] = {
		"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.0",
		"198.18.31.255", "0.1.2.3",
	};

	hostnet_enter(&host);
	REFUSED(prefix, 7, "range");
	REFUSED(prefix, 31, "range");
	REFUSED(prefix, 0, "range");
	REFUSED(prefix, 33, "range");
	REFUSED(base, BASE + 1, "range");
	REFUSED(base, 0x7f000000, "range");
	REFUSED(base, 0xe0000000, "range");
	REFUSED(base, 0, "range");
	REFUSED(mtu, 1279, "mtu");
	REFUSED(mtu, 65536, "mtu");
	REFUSED(mtu, 0, "mtu");
	REFUSED(address[1].s_addr, host.config.address[0].s_addr, "second-address");
	for (size_t i = 0; i < TAP_COUNT(addresses); i++)
		REFUSED(address[0].s_addr, inet_addr(addresses[i]), "address");
}

static void a_bad_name_is_refused(void)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "a b", "a:b", "a\nb", "\x80", "a%d",
	};

	hostnet_enter(&host);
	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		struct net_config config = host.config;

		snprintf(config.bridge, sizeof(config.bridge), "%s", names[i]);
		refuse_config(&config, "bridge");
	}
}

static void without_rights_the_failure_says_which(void)
{
	hostnet_enter(&host);
	tap_need(!seteuid(65534));
	tap_need_eq(net_up(host.net, &host.repaired, &host.failure), -EPERM);
	tap_need(strstr(host.failure.text, "CAP_NET_ADMIN"));
}

static void down_leaves_no_trace(void)
{
	char *before, *after;

	hostnet_enter(&host);
	hostnet_tap(&host, "tap0");
	hostnet_tap(&host, "tap1");
	hostnet_sh("ip link add vb type bridge && ip link set tap1 master vb");
	before = hostnet_picture();
	hostnet_up(&host);
	hostnet_join(&host, if_nametoindex("tap0"));
	hostnet_sh("ip link set tap1 alias " NET_TAP_ALIAS);
	tap_need(!net_down(host.net, &host.failure));
	tap_need_eq(net_bridges(host.net), 0);
	after = hostnet_picture();
	tap_need(hostnet_same(before, after));
	tap_need(!net_down(host.net, &host.failure));
	hostnet_up(&host);
}

/* A daemon that was updated or reconfigured meanwhile has all to find by itself. */
static void down_finds_what_another_start_has_left(void)
{
	struct failure *failure = &host.failure;
	char *before, *after;

	hostnet_enter(&host);
	hostnet_tap(&host, "tap0");
	before = hostnet_picture();
	hostnet_up(&host);
	hostnet_join(&host, if_nametoindex("tap0"));
	net_close(host.net);
	host.config.base = 0x0a500000;
	tap_need(!net_open(&host.net, &host.config, failure));
	hostnet_sh("ip link del " BRIDGE);
	tap_need_msg(!net_down(host.net, failure), "%s", failure->text);
	after = hostnet_picture();
	tap_need(hostnet_same(before, after));
}

static const struct tap_test tests[] = {
	TAP_TEST(up_makes_bridge_names_address_and_routes),
	TAP_TEST(again_changes_nothing),
	TAP_TEST(the_bridge_filters_vlans_and_has_no_default_one),
	TAP_TEST(the_mac_comes_from_the_name_alone),
	TAP_TEST(another_name_renames_the_bridge),
	TAP_TEST_SLOW(each_wrong_setting_is_mended_alone, 600),
	TAP_TEST(wrong_vlan_switches_are_mended_alone),
	TAP_TEST(a_bridge_that_was_put_under_another_device_is_taken_out),
	TAP_TEST(a_deleted_bridge_is_made_again),
	TAP_TEST(without_the_bridge_the_range_is_unreachable),
	TAP_TEST(new_settings_replace_those_of_before),
	TAP_TEST(an_overlap_is_refused_and_named),
	TAP_TEST(an_overlap_that_comes_later_is_refused_too),
	TAP_TEST(neighbours_that_do_not_overlap_are_fine),
	TAP_TEST(a_device_of_somebody_else_is_refused_and_untouched),
	TAP_TEST(a_start_that_broke_off_goes_on),
	TAP_TEST(a_bad_range_mtu_or_address_is_refused),
	TAP_TEST(a_bad_name_is_refused),
	TAP_TEST(without_rights_the_failure_says_which),
	TAP_TEST(down_leaves_no_trace),
	TAP_TEST(down_finds_what_another_start_has_left),
};

int main(int argc, char **argv)
{
	hostnet_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
