// SPDX-License-Identifier: GPL-2.0
// Owns what the kernel says of a network device, and switches that every kind has.

#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void parse_bridge(struct link *link, struct nlattr *data)
{
	struct nlattr *attrs[IFLA_BR_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_BR_MAX, data, NULL))
		return;
	if (attrs[IFLA_BR_STP_STATE])
		link->stp = nla_get_u32(attrs[IFLA_BR_STP_STATE]) != 0;
	if (attrs[IFLA_BR_MCAST_SNOOPING])
		link->snooping = nla_get_u8(attrs[IFLA_BR_MCAST_SNOOPING]);
	link->vlans = attrs[IFLA_BR_VLAN_FILTERING] && attrs[IFLA_BR_VLAN_DEFAULT_PVID];
	if (link->vlans) {
		link->filtering = nla_get_u8(attrs[IFLA_BR_VLAN_FILTERING]);
		link->pvid = nla_get_u16(attrs[IFLA_BR_VLAN_DEFAULT_PVID]);
	}
}

static void parse_port(struct link *link, struct nlattr *data)
{
	struct nlattr *attrs[IFLA_BRPORT_MAX + 1];

	if (!nla_parse_nested(attrs, IFLA_BRPORT_MAX, data, NULL) &&
	    attrs[IFLA_BRPORT_ISOLATED])
		link->isolated = nla_get_u8(attrs[IFLA_BRPORT_ISOLATED]);
}

static void parse_info(struct link *link, struct nlattr *info)
{
	struct nlattr *attrs[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(attrs, IFLA_INFO_MAX, info, NULL))
		return;
	if (attrs[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, attrs[IFLA_INFO_KIND], sizeof(link->kind));
	if (attrs[IFLA_INFO_DATA] && !strcmp(link->kind, "bridge"))
		parse_bridge(link, attrs[IFLA_INFO_DATA]);
	if (attrs[IFLA_INFO_SLAVE_KIND] && attrs[IFLA_INFO_SLAVE_DATA] &&
	    !strcmp(nla_get_string(attrs[IFLA_INFO_SLAVE_KIND]), "bridge"))
		parse_port(link, attrs[IFLA_INFO_SLAVE_DATA]);
}

static void parse_inet6(struct link *link, struct nlattr *inet6)
{
	struct nlattr *attrs[IFLA_INET6_MAX + 1];
	int32_t conf[DEVCONF_DISABLE_IPV6 + 1] = { 0 };

	if (nla_parse_nested(attrs, IFLA_INET6_MAX, inet6, NULL))
		return;
	link->inet6 = true;
	if (attrs[IFLA_INET6_ADDR_GEN_MODE])
		link->address_mode = nla_get_u8(attrs[IFLA_INET6_ADDR_GEN_MODE]);
	if (attrs[IFLA_INET6_CONF])
		nla_memcpy(conf, attrs[IFLA_INET6_CONF], sizeof(conf));
	link->ipv6_off = conf[DEVCONF_DISABLE_IPV6] != 0;
}

static void parse_families(struct link *link, struct nlattr *families)
{
	struct nlattr *inet, *attrs[IFLA_INET_MAX + 1];

	inet = nla_find(nla_data(families), nla_len(families), AF_INET);
	if (inet && !nla_parse_nested(attrs, IFLA_INET_MAX, inet, NULL) &&
	    attrs[IFLA_INET_CONF])
		nla_memcpy(link->inet, attrs[IFLA_INET_CONF], sizeof(link->inet));
	inet = nla_find(nla_data(families), nla_len(families), AF_INET6);
	if (inet)
		parse_inet6(link, inet);
}

static bool has_altname(struct nlattr *list, const char *altname)
{
	struct nlattr *each;
	int left;

	nla_for_each_nested(each, list, left)
		if (nla_type(each) == IFLA_ALT_IFNAME && !nla_strcmp(each, altname))
			return true;
	return false;
}

void link_parse(struct link *link, struct nlmsghdr *answer, const char *altname)
{
	struct ifinfomsg *header = nlmsg_data(answer);
	struct nlattr *attrs[IFLA_MAX + 1];

	memset(link, 0, sizeof(*link));
	if (nlmsg_parse(answer, sizeof(*header), attrs, IFLA_MAX, NULL))
		return;
	link->ifindex = (unsigned int)header->ifi_index;
	link->flags = header->ifi_flags;
	link->type = header->ifi_type;
	if (attrs[IFLA_IFNAME])
		nla_strlcpy(link->name, attrs[IFLA_IFNAME], sizeof(link->name));
	if (attrs[IFLA_IFALIAS])
		nla_strlcpy(link->alias, attrs[IFLA_IFALIAS], sizeof(link->alias));
	if (attrs[IFLA_MASTER])
		link->master = nla_get_u32(attrs[IFLA_MASTER]);
	if (attrs[IFLA_MTU])
		link->mtu = nla_get_u32(attrs[IFLA_MTU]);
	if (attrs[IFLA_ADDRESS])
		nla_memcpy(link->mac, attrs[IFLA_ADDRESS], sizeof(link->mac));
	if (attrs[IFLA_LINKINFO])
		parse_info(link, attrs[IFLA_LINKINFO]);
	if (attrs[IFLA_AF_SPEC])
		parse_families(link, attrs[IFLA_AF_SPEC]);
	if (attrs[IFLA_PROP_LIST] && altname)
		link->named = has_altname(attrs[IFLA_PROP_LIST], altname);
}

struct one_link {
	struct link *link;
	const char *altname;
};

static void take_link(struct nlmsghdr *answer, void *arg)
{
	struct one_link *one = arg;

	if (answer->nlmsg_type == RTM_NEWLINK)
		link_parse(one->link, answer, one->altname);
}

int link_read(struct net *net, struct link *link, unsigned int ifindex, const char *name,
	      const char *altname)
{
	struct one_link one = { .link = link, .altname = altname };
	struct nl_msg *msg;

	memset(link, 0, sizeof(*link));
	if (!ifindex && !name)
		return -ENODEV;
	msg = rtnl_new_link(RTM_GETLINK, 0, ifindex);
	rtnl_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (!ifindex && strlen(name) < IFNAMSIZ)
		rtnl_put_text(msg, IFLA_IFNAME, name);
	else if (!ifindex)
		rtnl_put_text(msg, IFLA_ALT_IFNAME, name);
	return rtnl_ask(net, msg, take_link, &one);
}

int link_each(struct net *net, unsigned int master, rtnl_fn fn, void *arg)
{
	struct nl_msg *msg = rtnl_new_link(RTM_GETLINK, NLM_F_DUMP, 0);

	rtnl_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (master)
		rtnl_put_u32(msg, IFLA_MASTER, master);
	return rtnl_ask(net, msg, fn, arg);
}

int link_mend_flags(struct mending *m, const char *what, unsigned int flags, unsigned int mask)
{
	struct ifinfomsg header = {
		.ifi_index = (int)m->ifindex,
		.ifi_flags = flags,
		.ifi_change = mask,
	};

	return rtnl_mend(m, what, rtnl_new(RTM_NEWLINK, 0, &header, sizeof(header)));
}

int link_mend_master(struct mending *m, unsigned int master)
{
	struct nl_msg *msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);

	rtnl_put_u32(msg, IFLA_MASTER, master);
	return rtnl_mend(m, "change the bridge of", msg);
}

int link_set_alias(struct mending *m, const char *alias)
{
	struct nl_msg *msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);

	rtnl_put(msg, IFLA_IFALIAS, alias, strlen(alias));
	return rtnl_mend(m, "set the alias of", msg);
}

/* Rtnetlink can read this switch and not write it. */
int link_ipv6_off(struct mending *m, bool off)
{
	char path[80];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", m->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, off ? "1" : "0", 1) != 1)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return failure_set(m->failure, EXIT_NETWORK, err,
				   "cannot write %s: %s: is /proc/sys read-only in this service?",
				   path, strerror(-err));
	++*m->repaired;
	return 0;
}
