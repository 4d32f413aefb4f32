// SPDX-License-Identifier: GPL-2.0
// Owns what the kernel tells by itself of changes on the host's network.

#include <userspace/hostd/netparts.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <sys/socket.h>

#define ALL (NET_CHANGED_LINK | NET_CHANGED_ADDRESS | NET_CHANGED_ROUTE | NET_CHANGED_TC)
#define MESSAGE_BYTES	32768	/* the kernel makes none longer */

static const int groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_TC,
	RTNLGRP_IPV4_NETCONF,	/* forwarding, rp_filter */
};

int linkwatch_open(struct net *net)
{
	int err = rtnl_open(&net->watch, NETLINK_ROUTE);

	for (size_t i = 0; !err && i < sizeof(groups) / sizeof(*groups); i++)
		err = nl_socket_add_memberships(net->watch, groups[i], 0) ? -errno : 0;
	return err;
}

int net_watch_fd(struct net *net)
{
	return nl_socket_get_fd(net->watch);
}

/* Most routes of a host are no concern of ours, and some hosts have a million. */
static unsigned int judge_route(struct net *net, struct nlmsghdr *event)
{
	struct rtmsg *header = nlmsg_data(event);
	struct nlattr *attrs[RTA_MAX + 1];
	uint32_t to = 0;

	if (nlmsg_parse(event, sizeof(*header), attrs, RTA_MAX, NULL))
		return ALL;
	if (attrs[RTA_OIF] && bridge_is_ours(net, nla_get_u32(attrs[RTA_OIF])))
		return NET_CHANGED_ROUTE;
	if (attrs[RTA_DST])
		to = ntohl(nla_get_u32(attrs[RTA_DST]));
	return route_meets(net->config, to, header->rtm_dst_len) ? NET_CHANGED_ROUTE : 0;
}

static unsigned int judge(struct net *net, struct nlmsghdr *event)
{
	switch (event->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		return NET_CHANGED_LINK;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return NET_CHANGED_ADDRESS;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return judge_route(net, event);
	case NLMSG_OVERRUN:
		return ALL;
	default:
		return event->nlmsg_type >= RTM_NEWQDISC && event->nlmsg_type <= RTM_GETCHAIN ?
			NET_CHANGED_TC : 0;
	}
}

unsigned int net_watch_read(struct net *net)
{
	static char bytes[MESSAGE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from = { 0 };
	unsigned int changed = 0;
	struct nlmsghdr *event;
	ssize_t n;
	int left;

	for (;;) {
		socklen_t size = sizeof(from);

		n = recvfrom(net_watch_fd(net), bytes, sizeof(bytes), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			changed |= ALL;
			continue;
		}
		if (n <= 0)
			return changed;
		if (from.nl_pid)
			continue;
		left = (int)n;
		for (event = (struct nlmsghdr *)bytes; nlmsg_ok(event, left);
		     event = nlmsg_next(event, &left))
			changed |= judge(net, event);
	}
}
