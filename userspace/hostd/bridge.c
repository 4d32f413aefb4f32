// SPDX-License-Identifier: GPL-2.0
// Owns the bridge devices: their names, their MAC, and each of their switches.

#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

/* What bridge @number is to be called, and where. */
struct wanted {
	char name[IFNAMSIZ];
	char altname[NET_ALTNAME_SIZE];
	uint8_t mac[6];
};

/*
 * Locally administered, from the name alone: so it is the same on every host,
 * and what a guest has learnt stays true when it migrates. It never leaves the
 * host. (FNV-1a)
 */
static void derive_mac(uint8_t mac[6], const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
}

static void want(struct wanted *wanted, const struct net *net, unsigned int number)
{
	char suffix[3] = { '-', (char)('0' + number), '\0' };

	if (!number)
		suffix[0] = '\0';
	snprintf(wanted->name, sizeof(wanted->name), "%s%s", net->config->bridge, suffix);
	snprintf(wanted->altname, sizeof(wanted->altname), "%s%s", NET_BRIDGE_ALTNAME, suffix);
	derive_mac(wanted->mac, wanted->name);
}

/*
 * Either sign will do, so that either can be mended; a start that broke off
 * before the altname was set is known by its MAC.
 */
static bool is_ours(const struct link *link, const struct wanted *wanted)
{
	return !strcmp(link->kind, "bridge") &&
	       (link->named || !memcmp(link->mac, wanted->mac, sizeof(link->mac)));
}

bool bridge_is_ours(const struct net *net, unsigned int ifindex)
{
	for (unsigned int i = 0; i < net->count; i++)
		if (ifindex && net->bridges[i].ifindex == ifindex)
			return true;
	return false;
}

static int foreign(struct failure *failure, const struct wanted *wanted, const struct link *link)
{
	return failure_set(failure, EXIT_NETWORK, -EEXIST,
			   "device %s has the name %s and is not ours: rename it, or choose another bridge= in %s",
			   link->name,
			   strcmp(link->name, wanted->name) ? wanted->altname : wanted->name,
			   CONFIG_PATH);
}

/*
 * Finds it by its name, and else by its altname: then somebody has renamed it.
 *   -ENODEV  there is none; -EEXIST: the name is taken
 */
static int find(struct net *net, const struct wanted *wanted, struct link *link,
		struct failure *failure)
{
	const char *const names[] = { wanted->name, wanted->altname };
	int err = -ENODEV;

	for (size_t i = 0; i < 2 && err == -ENODEV; i++)
		err = link_read(net, link, 0, names[i], wanted->altname);
	if (err == -ENODEV)
		return err;
	if (err)
		return rtnl_failure(net, failure, err, "look at", wanted->name);
	return is_ours(link, wanted) ? 0 : foreign(failure, wanted, link);
}

/*
 * Its switches are mended next; nothing is a port of it yet.
 * One byte of MTU too few: the kernel believes that an MTU was chosen, and
 * leaves it alone when ports join, only if it was once changed.
 */
static int create(struct mending *m, const struct wanted *wanted)
{
	struct ifinfomsg header = { .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP };
	struct nl_msg *msg = rtnl_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header,
				      sizeof(header));
	struct nlattr *info;
	int err;

	rtnl_put_text(msg, IFLA_IFNAME, wanted->name);
	rtnl_put(msg, IFLA_ADDRESS, wanted->mac, sizeof(wanted->mac));
	rtnl_put_u32(msg, IFLA_MTU, m->net->config->mtu - 1);
	info = rtnl_nest(msg, IFLA_LINKINFO);
	rtnl_put_text(msg, IFLA_INFO_KIND, "bridge");
	nla_nest_end(msg, info);
	err = rtnl_mend(m, "make bridge", msg);
	return err == -EOPNOTSUPP ?
		failure_set(m->failure, EXIT_NETWORK, err,
			    "cannot make bridge %s: this kernel has none: modprobe bridge",
			    wanted->name) : err;
}

/* Older kernels rename only what is down. */
static int mend_name(struct mending *m, const struct link *link, const char *name)
{
	struct nl_msg *msg;
	int err;

	if (!strcmp(link->name, name))
		return 0;
	err = link_mend_flags(m, "set down", 0, IFF_UP);
	if (err)
		return err;
	msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
	rtnl_put_text(msg, IFLA_IFNAME, name);
	err = rtnl_mend(m, "rename", msg);
	snprintf(m->name, sizeof(m->name), "%s", name);
	return err;
}

static int mend_altname(struct mending *m, const struct link *link, const struct wanted *wanted)
{
	struct nl_msg *msg;
	struct nlattr *list;

	if (link->named)
		return 0;
	msg = rtnl_new_link(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND,
			    m->ifindex);
	list = rtnl_nest(msg, IFLA_PROP_LIST);
	rtnl_put_text(msg, IFLA_ALT_IFNAME, wanted->altname);
	nla_nest_end(msg, list);
	return rtnl_mend(m, "set the altname of", msg);
}

static int mend_device(struct mending *m, const struct link *link, const struct wanted *wanted)
{
	unsigned int mtu = m->net->config->mtu;
	struct nl_msg *msg;
	int err = 0;

	if (memcmp(link->mac, wanted->mac, sizeof(link->mac))) {
		msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
		rtnl_put(msg, IFLA_ADDRESS, wanted->mac, sizeof(wanted->mac));
		err = rtnl_mend(m, "set the MAC of", msg);
	}
	if (!err && link->mtu != mtu) {
		msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
		rtnl_put_u32(msg, IFLA_MTU, mtu);
		err = rtnl_mend(m, "set the MTU of", msg);
	}
	if (!err && !(link->flags & IFF_NOARP))
		err = link_mend_flags(m, "set NOARP on", IFF_NOARP, IFF_NOARP);
	if (!err && link->master)
		err = link_mend_master(m, 0);
	return err;
}

static int mend_switch(struct mending *m, int type, uint32_t value, size_t size,
		       const char *what)
{
	struct nl_msg *msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
	struct nlattr *info = rtnl_nest(msg, IFLA_LINKINFO), *data;

	rtnl_put_text(msg, IFLA_INFO_KIND, "bridge");
	data = rtnl_nest(msg, IFLA_INFO_DATA);
	if (size == sizeof(uint8_t))
		rtnl_put_u8(msg, type, (uint8_t)value);
	else if (size == sizeof(uint16_t))
		rtnl_put_u16(msg, type, (uint16_t)value);
	else
		rtnl_put_u32(msg, type, value);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return rtnl_mend(m, what, msg);
}

/*
 * A kernel without VLAN filtering shows no such switch: there each port of ours
 * is isolated, and that is all.
 */
static int mend_switches(struct mending *m, const struct link *link)
{
	int err = 0;

	if (link->stp)
		err = mend_switch(m, IFLA_BR_STP_STATE, 0, 4, "turn off STP on");
	if (!err && link->snooping)
		err = mend_switch(m, IFLA_BR_MCAST_SNOOPING, 0, 1,
				  "turn off multicast snooping on");
	if (!err && link->vlans && link->filtering != 1)
		err = mend_switch(m, IFLA_BR_VLAN_FILTERING, 1, 1, "turn on VLAN filtering on");
	if (!err && link->vlans && link->pvid)
		err = mend_switch(m, IFLA_BR_VLAN_DEFAULT_PVID, 0, 2,
				  "take the default VLAN from");
	return err;
}

/* Interface switches of IPv4; docs/hostnet.md says why each. */
static const struct {
	int type;
	int32_t value;
	const char *what;
} inet_switches[] = {
	{ IPV4_DEVCONF_FORWARDING, 0, "turn off forwarding on" },
	{ IPV4_DEVCONF_RP_FILTER, 1, "turn on rp_filter on" },
	{ IPV4_DEVCONF_ACCEPT_LOCAL, 0, "turn off accept_local on" },
	{ IPV4_DEVCONF_ROUTE_LOCALNET, 0, "turn off route_localnet on" },
	{ IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0, "turn off accept_source_route on" },
	{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0, "turn off accept_redirects on" },
	{ IPV4_DEVCONF_SEND_REDIRECTS, 0, "turn off send_redirects on" },
	{ IPV4_DEVCONF_PROXY_ARP, 0, "turn off proxy_arp on" },
	{ IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, 0,
	  "turn off ignore_routes_with_linkdown on" },
};

static int mend_inet(struct mending *m, const struct link *link)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(inet_switches) / sizeof(*inet_switches); i++) {
		struct nlattr *families, *inet, *conf;
		struct nl_msg *msg;

		if (link->inet[inet_switches[i].type - 1] == inet_switches[i].value)
			continue;
		msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
		families = rtnl_nest(msg, IFLA_AF_SPEC);
		inet = rtnl_nest(msg, AF_INET);
		conf = rtnl_nest(msg, IFLA_INET_CONF);
		rtnl_put_u32(msg, inet_switches[i].type, (uint32_t)inet_switches[i].value);
		nla_nest_end(msg, conf);
		nla_nest_end(msg, inet);
		nla_nest_end(msg, families);
		err = rtnl_mend(m, inet_switches[i].what, msg);
	}
	return err;
}

static int mend_inet6(struct mending *m, const struct link *link)
{
	struct nlattr *families, *inet6;
	struct nl_msg *msg;
	int err = 0;

	if (!link->inet6)
		return 0;
	if (link->address_mode != IN6_ADDR_GEN_MODE_NONE) {
		msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
		families = rtnl_nest(msg, IFLA_AF_SPEC);
		inet6 = rtnl_nest(msg, AF_INET6);
		rtnl_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		nla_nest_end(msg, inet6);
		nla_nest_end(msg, families);
		err = rtnl_mend(m, "turn off IPv6 addresses on", msg);
	}
	return !err && !link->ipv6_off ? link_ipv6_off(m, true) : err;
}

static int mend_all(struct mending *m, const struct link *link, const struct wanted *wanted)
{
	int err = mend_name(m, link, wanted->name);

	if (!err)
		err = mend_altname(m, link, wanted);
	if (!err)
		err = mend_device(m, link, wanted);
	if (!err)
		err = mend_switches(m, link);
	if (!err)
		err = mend_inet(m, link);
	if (!err)
		err = mend_inet6(m, link);
	if (!err && (!(link->flags & IFF_UP) || strcmp(link->name, wanted->name)))
		err = link_mend_flags(m, "set up", IFF_UP, IFF_UP);
	return err;
}

int bridge_up(struct net *net, unsigned int number, unsigned int *repaired,
	      struct failure *failure)
{
	struct mending m = { .net = net, .repaired = repaired, .failure = failure };
	struct wanted wanted;
	struct link link;
	int err;

	want(&wanted, net, number);
	memcpy(m.name, wanted.name, sizeof(m.name));
	err = find(net, &wanted, &link, failure);
	if (err == -ENODEV) {
		err = create(&m, &wanted);
		if (!err)
			err = find(net, &wanted, &link, failure);
	}
	if (err)
		return err;
	m.ifindex = link.ifindex;
	err = mend_all(&m, &link, &wanted);
	if (err)
		return err;
	net->bridges[number].ifindex = link.ifindex;
	memcpy(net->bridges[number].mac, wanted.mac, sizeof(wanted.mac));
	net->bridges[number].filters_vlans = link.vlans;
	if (net->count <= number)
		net->count = number + 1;
	return 0;
}

static void count_port(struct nlmsghdr *answer, void *arg)
{
	unsigned int *ports = arg;

	*ports += answer->nlmsg_type == RTM_NEWLINK;
}

/*
 * The first one last, so that it has the last word on the failure. One that is
 * missing between others stays in the list, with ifindex 0.
 */
int bridge_look(struct net *net, struct failure *failure)
{
	struct wanted wanted;
	struct link link;
	int err;

	memset(net->bridges, 0, sizeof(net->bridges));
	net->count = 0;
	for (unsigned int i = NET_BRIDGES_MAX; i-- > 0;) {
		want(&wanted, net, i);
		err = find(net, &wanted, &link, failure);
		if (err == -ENODEV || (err == -EEXIST && i))
			continue;
		if (err)
			return err;
		net->bridges[i].ifindex = link.ifindex;
		memcpy(net->bridges[i].mac, link.mac, sizeof(link.mac));
		if (!net->count)
			net->count = i + 1;
		err = link_each(net, link.ifindex, count_port, &net->bridges[i].ports);
		if (err)
			return rtnl_failure(net, failure, err, "count the ports of", wanted.name);
	}
	return 0;
}

int bridge_down(struct net *net, unsigned int number, struct failure *failure)
{
	unsigned int repaired = 0;
	struct mending m = { .net = net, .repaired = &repaired, .failure = failure };
	struct wanted wanted;

	if (!net->bridges[number].ifindex)
		return 0;
	want(&wanted, net, number);
	memcpy(m.name, wanted.name, sizeof(m.name));
	m.ifindex = net->bridges[number].ifindex;
	return rtnl_mend(&m, "delete bridge",
			 rtnl_new_link(RTM_DELLINK, 0, m.ifindex));
}
