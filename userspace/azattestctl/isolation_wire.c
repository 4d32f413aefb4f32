// SPDX-License-Identifier: GPL-2.0
// Owns a network namespace with a cable to the host's bridge: both go when this process ends.

#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define INSIDE	"azself"

static struct nl_sock *open_socket(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (!sock || nl_connect(sock, NETLINK_ROUTE))
		return NULL;
	return sock;
}

static struct nl_msg *new_message(int type, int flags, void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, header, size, NLMSG_ALIGNTO))
		abort();
	return msg;
}

static void put(struct nl_msg *msg, int type, const void *data, size_t size)
{
	if (nla_put(msg, type, (int)size, data))
		abort();
}

static struct nlattr *nest(struct nl_msg *msg, int type)
{
	struct nlattr *attr = nla_nest_start(msg, type);

	if (!attr)
		abort();
	return attr;
}

/* The message is freed; 0 or -EIO: libnl keeps the kernel's number to itself. */
static int send_one(struct nl_sock *sock, struct nl_msg *msg)
{
	return nl_send_sync(sock, msg) < 0 ? -EIO : 0;
}

/* Made from inside, so that the inner end, whose death is the other's, is of this namespace. */
static int make_pair(struct nl_sock *inside, int host_netns, const char *port)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = new_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	struct nlattr *info, *data, *peer;

	put(msg, IFLA_IFNAME, INSIDE, sizeof(INSIDE));
	info = nest(msg, IFLA_LINKINFO);
	put(msg, IFLA_INFO_KIND, "veth", 5);
	data = nest(msg, IFLA_INFO_DATA);
	peer = nest(msg, VETH_INFO_PEER);
	if (nlmsg_append(msg, &link, sizeof(link), NLMSG_ALIGNTO))
		abort();
	put(msg, IFLA_IFNAME, port, strlen(port) + 1);
	put(msg, IFLA_NET_NS_FD, &host_netns, sizeof(host_netns));
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return send_one(inside, msg);
}

/* No address of IPv6's own, so that neither end sends anything by itself. */
static int be_silent(struct nl_sock *sock, const char *name)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &link, sizeof(link));
	uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *families, *inet6;

	put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	families = nest(msg, IFLA_AF_SPEC);
	inet6 = nest(msg, AF_INET6);
	put(msg, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, families);
	return send_one(sock, msg);
}

/*
 * A port that is not yet up, or that the bridge keeps shut, passes nothing, and that nothing
 * comes back then proves nothing: the kernel refuses this in both cases.
 */
static int open_port(struct nl_sock *sock, const char *name)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &link, sizeof(link));
	uint8_t forwarding = BR_STATE_FORWARDING;
	struct nlattr *info, *data;

	put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	info = nest(msg, IFLA_LINKINFO);
	put(msg, IFLA_INFO_SLAVE_KIND, "bridge", 7);
	data = nest(msg, IFLA_INFO_SLAVE_DATA);
	put(msg, IFLA_BRPORT_STATE, &forwarding, sizeof(forwarding));
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return send_one(sock, msg);
}

static int wait_for_port(struct nl_sock *sock, const char *name)
{
	int ret;

	for (int tries = 0; (ret = open_port(sock, name)) && tries < 100; tries++)
		usleep(50000);
	return ret;
}

/* @master 0: none. */
static int set_up(struct nl_sock *sock, const char *name, unsigned int master)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct nl_msg *msg = new_message(RTM_NEWLINK, 0, &link, sizeof(link));

	put(msg, IFLA_IFNAME, name, strlen(name) + 1);
	if (master)
		put(msg, IFLA_MASTER, &master, sizeof(master));
	return send_one(sock, msg);
}

static int set_address(struct nl_sock *inside, unsigned int ifindex, struct in_addr address)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = ifindex };
	struct nl_msg *msg = new_message(RTM_NEWADDR, NLM_F_CREATE, &header, sizeof(header));

	put(msg, IFA_LOCAL, &address, sizeof(address));
	put(msg, IFA_ADDRESS, &address, sizeof(address));
	return send_one(inside, msg);
}

static int set_route(struct nl_sock *inside, unsigned int ifindex, struct in_addr peer)
{
	struct rtmsg header = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC, .rtm_scope = RT_SCOPE_LINK,
				.rtm_type = RTN_UNICAST };
	struct nl_msg *msg = new_message(RTM_NEWROUTE, NLM_F_CREATE, &header, sizeof(header));

	put(msg, RTA_DST, &peer, sizeof(peer));
	put(msg, RTA_OIF, &ifindex, sizeof(ifindex));
	return send_one(inside, msg);
}

/* The fence answers no ARP of a stranger: what it would have said is put here. */
static int set_neighbour(struct nl_sock *inside, unsigned int ifindex, struct in_addr peer,
			 const unsigned char *mac)
{
	struct ndmsg header = { .ndm_family = AF_INET, .ndm_ifindex = (int)ifindex,
				.ndm_state = NUD_PERMANENT };
	struct nl_msg *msg = new_message(RTM_NEWNEIGH, NLM_F_CREATE, &header, sizeof(header));

	put(msg, NDA_DST, &peer, sizeof(peer));
	put(msg, NDA_LLADDR, mac, ETH_ALEN);
	return send_one(inside, msg);
}

static int read_mac(const char *name, unsigned char mac[ETH_ALEN])
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	ret = ioctl(fd, SIOCGIFHWADDR, &request) ? -errno : 0;
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return ret;
}

/* Inside: everything that this process does from here on is there. */
static int lay(struct wire *wire, int host_netns, unsigned int bridge, struct in_addr address,
	       struct in_addr peer, const unsigned char *mac)
{
	struct nl_sock *inside = open_socket();
	unsigned int ifindex;
	int ret;

	if (!inside)
		return -EIO;
	ret = make_pair(inside, host_netns, wire->port);
	ifindex = if_nametoindex(INSIDE);
	if (!ret) {
		/* A kernel without IPv6 need not be told. */
		be_silent(wire->host, wire->port);
		be_silent(inside, INSIDE);
	}
	if (!ret)
		ret = set_up(wire->host, wire->port, bridge);
	if (!ret)
		ret = set_up(inside, INSIDE, 0);
	if (!ret)
		ret = set_address(inside, ifindex, address);
	if (!ret)
		ret = set_route(inside, ifindex, peer);
	if (!ret)
		ret = set_neighbour(inside, ifindex, peer, mac);
	if (!ret)
		ret = wait_for_port(wire->host, wire->port);
	nl_socket_free(inside);
	return ret;
}

int wire_open(struct wire *wire, const char *bridge, struct in_addr address, struct in_addr peer,
	      const char **what)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), ret;
	unsigned int ifindex = if_nametoindex(bridge);
	unsigned char mac[ETH_ALEN];

	*what = "find the bridge";
	if (netns < 0 || !ifindex || read_mac(bridge, mac))
		return -ENODEV;
	snprintf(wire->port, sizeof(wire->port), INSIDE "%d", (int)getpid() % 10000000);
	wire->host = open_socket();
	*what = "make a network namespace";
	if (!wire->host || unshare(CLONE_NEWNET))
		return -errno;
	*what = "lay a cable to the bridge";
	ret = lay(wire, netns, ifindex, address, peer, mac);
	close(netns);
	return ret;
}

/* So that nothing is left the moment the command ends; a namespace takes its time to go. */
void wire_close(struct wire *wire)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = new_message(RTM_DELLINK, 0, &link, sizeof(link));

	put(msg, IFLA_IFNAME, wire->port, strlen(wire->port) + 1);
	nl_socket_enable_auto_ack(wire->host);
	send_one(wire->host, msg);
	nl_socket_free(wire->host);
}

static int take_count(struct nl_msg *msg, void *arg)
{
	struct nlattr *stats = nlmsg_find_attr(nlmsg_hdr(msg), sizeof(struct ifinfomsg), IFLA_STATS64);
	struct rtnl_link_stats64 count;

	if (stats && nla_len(stats) >= (int)sizeof(count)) {
		memcpy(&count, nla_data(stats), sizeof(count));
		*(long long *)arg = (long long)count.rx_packets;
	}
	return NL_STOP;
}

long long wire_received(const struct wire *wire)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = new_message(RTM_GETLINK, 0, &link, sizeof(link));
	long long count = -1;

	put(msg, IFLA_IFNAME, wire->port, strlen(wire->port) + 1);
	nl_socket_modify_cb(wire->host, NL_CB_VALID, NL_CB_CUSTOM, take_count, &count);
	nl_socket_disable_auto_ack(wire->host);
	if (nl_send_auto(wire->host, msg) >= 0)
		nl_recvmsgs_default(wire->host);
	nlmsg_free(msg);
	return count;
}
