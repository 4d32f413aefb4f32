// SPDX-License-Identifier: GPL-2.0
// Owns taps as ports of our bridges: in, right in every switch, and out again.

#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned int net_tap_find(struct net *net, const char *name)
{
	struct link link;

	if (!*name || strlen(name) >= IFNAMSIZ || link_read(net, &link, 0, name, NULL))
		return 0;
	/* The kernel also looks among altnames; a record means the name. */
	return link.type == ARPHRD_ETHER && !strcmp(link.name, name) ? link.ifindex : 0;
}

static int check_kind(const struct link *link, struct failure *failure)
{
	if (link->type != ARPHRD_ETHER)
		return failure_set(failure, EXIT_NETWORK, -EINVAL,
				   "%s is no Ethernet device: name the VM's tap", link->name);
	if (!strcmp(link->kind, "bridge"))
		return failure_set(failure, EXIT_NETWORK, -EINVAL,
				   "%s is a bridge: name the VM's tap", link->name);
	return 0;
}

static int check_master(struct net *net, const struct link *link, struct failure *failure)
{
	char master[IFNAMSIZ];

	if (!link->master || bridge_is_ours(net, link->master))
		return 0;
	if (!if_indextoname(link->master, master))
		snprintf(master, sizeof(master), "number %u", link->master);
	return failure_set(failure, EXIT_NETWORK, -EBUSY,
			   "%s is a port of %s: give the VM a tap of its own for this",
			   link->name, master);
}

static int enslave(struct mending *m, struct net_bridge *bridge)
{
	struct nl_msg *msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
	int err;

	rtnl_put_u32(msg, IFLA_MASTER, bridge->ifindex);
	err = rtnl_ask(m->net, msg, NULL, NULL);
	if (err == -EXFULL)
		bridge->ports = NET_PORTS_MAX;
	if (err)
		return err;
	bridge->ports++;
	++*m->repaired;
	return 0;
}

/* Into the first with room, which may be one that has to be made. */
static int find_room(struct mending *m)
{
	struct net *net = m->net;
	int err;

	for (unsigned int i = 0; i < NET_BRIDGES_MAX; i++) {
		if (net->bridges[i].ports >= NET_PORTS_MAX)
			continue;
		err = net->bridges[i].ifindex ? 0 : bridge_up(net, i, m->repaired, m->failure);
		if (err)
			return err;
		err = enslave(m, &net->bridges[i]);
		if (err && err != -EXFULL)
			return rtnl_failure(net, m->failure, err, "make a port of", m->name);
		if (!err)
			return 0;
	}
	return failure_set(m->failure, EXIT_NETWORK, -ENOSPC,
			   "no room for %s: all %d bridges have %d ports", m->name,
			   NET_BRIDGES_MAX, NET_PORTS_MAX);
}

static int isolate(struct mending *m)
{
	struct nl_msg *msg = rtnl_new_link(RTM_NEWLINK, 0, m->ifindex);
	struct nlattr *info = rtnl_nest(msg, IFLA_LINKINFO), *data;

	rtnl_put_text(msg, IFLA_INFO_SLAVE_KIND, "bridge");
	data = rtnl_nest(msg, IFLA_INFO_SLAVE_DATA);
	rtnl_put_u8(msg, IFLA_BRPORT_ISOLATED, 1);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return rtnl_mend(m, "isolate", msg);
}

static int mend_port(struct mending *m, const struct link *link)
{
	int err = 0;

	if (strcmp(link->alias, NET_TAP_ALIAS))
		err = link_set_alias(m, NET_TAP_ALIAS);
	if (!err && link->inet6 && !link->ipv6_off)
		err = link_ipv6_off(m, true);
	if (!err && !link->master)
		err = find_room(m);
	if (!err && (!link->master || !link->isolated))
		err = isolate(m);
	if (!err && !(link->flags & IFF_UP))
		err = link_mend_flags(m, "set up", IFF_UP, IFF_UP);
	return err;
}

static int read_port(struct mending *m, struct link *link, unsigned int ifindex)
{
	int err = link_read(m->net, link, ifindex, NULL, NULL);
	char number[16];

	snprintf(number, sizeof(number), "number %u", ifindex);
	if (err)
		return rtnl_failure(m->net, m->failure, err, "find device", number);
	m->ifindex = ifindex;
	memcpy(m->name, link->name, sizeof(m->name));
	return 0;
}

int net_port_join(struct net *net, unsigned int ifindex, unsigned int *repaired,
		  struct failure *failure)
{
	struct mending m = { .net = net, .repaired = repaired, .failure = failure };
	struct link link;
	int err;

	*repaired = 0;
	err = read_port(&m, &link, ifindex);
	if (!err)
		err = check_kind(&link, failure);
	if (!err)
		err = check_master(net, &link, failure);
	return err ? err : mend_port(&m, &link);
}

static void forget_port(struct net *net, unsigned int bridge)
{
	for (unsigned int i = 0; i < net->count; i++)
		if (net->bridges[i].ifindex == bridge && net->bridges[i].ports)
			net->bridges[i].ports--;
}

static bool ipv6_off_by_default(void)
{
	FILE *file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "re");
	bool off = file && fgetc(file) == '1';

	if (file)
		fclose(file);
	return off;
}

/* What is another's by now loses our alias and nothing else. */
static int let_go(struct mending *m, const struct link *link)
{
	bool marked = !strcmp(link->alias, NET_TAP_ALIAS);
	bool joined = bridge_is_ours(m->net, link->master);
	int err = 0;

	if (joined || (marked && !link->master)) {
		err = link_mend_flags(m, "set down", 0, IFF_UP);
		if (!err && joined)
			err = link_mend_master(m, 0);
		if (!err && joined)
			forget_port(m->net, link->master);
		if (!err && link->ipv6_off && !ipv6_off_by_default())
			err = link_ipv6_off(m, false);
	}
	return !err && marked ? link_set_alias(m, "") : err;
}

int net_port_leave(struct net *net, unsigned int ifindex, struct failure *failure)
{
	unsigned int changed = 0;
	struct mending m = { .net = net, .repaired = &changed, .failure = failure };
	struct link link;
	int err = read_port(&m, &link, ifindex);

	if (!err)
		err = let_go(&m, &link);
	return err == -ENODEV ? 0 : err;
}

struct ports {
	struct net *net;
	unsigned int *ifindex;
	unsigned int count, room;
};

static void take_port(struct nlmsghdr *answer, void *arg)
{
	struct ports *ports = arg;
	struct link link;

	if (answer->nlmsg_type != RTM_NEWLINK)
		return;
	link_parse(&link, answer, NULL);
	if (strcmp(link.alias, NET_TAP_ALIAS) && !bridge_is_ours(ports->net, link.master))
		return;
	if (ports->count == ports->room) {
		ports->room += NET_LINKS_STEP;
		ports->ifindex = reallocarray(ports->ifindex, ports->room,
					      sizeof(*ports->ifindex));
		if (!ports->ifindex)
			abort();
	}
	ports->ifindex[ports->count++] = link.ifindex;
}

int port_leave_all(struct net *net, struct failure *failure)
{
	struct ports ports = { .net = net };
	int err = link_each(net, 0, take_port, &ports);

	if (err)
		err = rtnl_failure(net, failure, err, "read the devices of", "this host");
	for (unsigned int i = 0; !err && i < ports.count; i++)
		err = net_port_leave(net, ports.ifindex[i], failure);
	free(ports.ifindex);
	return err;
}
