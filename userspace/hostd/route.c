// SPDX-License-Identifier: GPL-2.0
// Owns addresses and routes: ours, and whether another's are in their way.

#include <userspace/hostd/netparts.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKSTOP_METRIC	UINT32_MAX	/* the worst there is */
#define DEFAULT_PREFIX	1		/* up to here a route means "all the rest" */

struct route {
	uint32_t to;			/* host order */
	unsigned int prefix, oif, metric, table;
	uint8_t type, protocol, scope;
	bool plain;			/* no gateway, no preferred source */
};

struct address {
	uint32_t local;			/* host order */
	unsigned int ifindex, prefix;
	uint8_t scope;
	bool permanent;
};

static uint32_t mask(unsigned int prefix)
{
	return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

static bool overlap(uint32_t a, unsigned int a_prefix, uint32_t b, unsigned int b_prefix)
{
	return !((a ^ b) & mask(a_prefix < b_prefix ? a_prefix : b_prefix));
}

static bool is_service(const struct net_config *config, uint32_t address)
{
	return address && (address == ntohl(config->address[0].s_addr) ||
			   address == ntohl(config->address[1].s_addr));
}

bool route_meets(const struct net_config *config, uint32_t address, unsigned int prefix)
{
	if (prefix == 32 && is_service(config, address))
		return true;
	return prefix > DEFAULT_PREFIX &&
	       overlap(address, prefix, config->base, config->prefix);
}

static const char *prefix_text(char text[static 24], uint32_t address, unsigned int prefix)
{
	struct in_addr in = { .s_addr = htonl(address) };
	char dotted[INET_ADDRSTRLEN];

	snprintf(text, 24, "%s/%u", inet_ntop(AF_INET, &in, dotted, sizeof(dotted)), prefix);
	return text;
}

static void parse_route(struct route *route, struct nlmsghdr *answer)
{
	struct rtmsg *header = nlmsg_data(answer);
	struct nlattr *attrs[RTA_MAX + 1];

	memset(route, 0, sizeof(*route));
	if (nlmsg_parse(answer, sizeof(*header), attrs, RTA_MAX, NULL))
		return;
	route->prefix = header->rtm_dst_len;
	route->type = header->rtm_type;
	route->protocol = header->rtm_protocol;
	route->scope = header->rtm_scope;
	route->table = attrs[RTA_TABLE] ? nla_get_u32(attrs[RTA_TABLE]) : header->rtm_table;
	if (attrs[RTA_DST])
		route->to = ntohl(nla_get_u32(attrs[RTA_DST]));
	if (attrs[RTA_OIF])
		route->oif = nla_get_u32(attrs[RTA_OIF]);
	if (attrs[RTA_PRIORITY])
		route->metric = nla_get_u32(attrs[RTA_PRIORITY]);
	route->plain = !attrs[RTA_GATEWAY] && !attrs[RTA_PREFSRC] && !attrs[RTA_VIA] &&
		       !attrs[RTA_MULTIPATH] && !attrs[RTA_METRICS] && !header->rtm_tos;
}

static void parse_address(struct address *address, struct nlmsghdr *answer)
{
	struct ifaddrmsg *header = nlmsg_data(answer);
	struct nlattr *attrs[IFA_MAX + 1];

	memset(address, 0, sizeof(*address));
	if (nlmsg_parse(answer, sizeof(*header), attrs, IFA_MAX, NULL))
		return;
	address->ifindex = header->ifa_index;
	address->prefix = header->ifa_prefixlen;
	address->scope = header->ifa_scope;
	address->permanent = header->ifa_flags & IFA_F_PERMANENT;
	if (attrs[IFA_LOCAL])
		address->local = ntohl(nla_get_u32(attrs[IFA_LOCAL]));
}

static int each_route(struct net *net, rtnl_fn fn, void *arg)
{
	struct rtmsg header = { .rtm_family = AF_INET };

	return rtnl_ask(net, rtnl_new(RTM_GETROUTE, NLM_F_DUMP, &header, sizeof(header)), fn,
			arg);
}

static int each_address(struct net *net, rtnl_fn fn, void *arg)
{
	struct ifaddrmsg header = { .ifa_family = AF_INET };

	return rtnl_ask(net, rtnl_new(RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header)), fn,
			arg);
}

/* --- overlap --- */

struct overlap {
	struct net *net;
	bool found, route;		/* the first one */
	uint32_t to;
	unsigned int prefix, ifindex;
};

static void found(struct overlap *o, bool is_route, uint32_t to, unsigned int prefix,
		  unsigned int ifindex)
{
	if (o->found)
		return;
	o->found = true;
	o->route = is_route;
	o->to = to;
	o->prefix = prefix;
	o->ifindex = ifindex;
}

static void check_address(struct nlmsghdr *answer, void *arg)
{
	struct overlap *o = arg;
	struct address address;

	if (answer->nlmsg_type != RTM_NEWADDR)
		return;
	parse_address(&address, answer);
	if (bridge_is_ours(o->net, address.ifindex))
		return;
	if (is_service(o->net->config, address.local) ||
	    route_meets(o->net->config, address.local, address.prefix))
		found(o, false, address.local, address.prefix, address.ifindex);
}

static bool refuses(uint8_t type)
{
	return type == RTN_UNREACHABLE || type == RTN_BLACKHOLE || type == RTN_PROHIBIT ||
	       type == RTN_THROW;
}

/* A route that refuses a larger range than ours says that nobody uses it. */
static void check_route(struct nlmsghdr *answer, void *arg)
{
	struct overlap *o = arg;
	struct route route;

	if (answer->nlmsg_type != RTM_NEWROUTE)
		return;
	parse_route(&route, answer);
	if (bridge_is_ours(o->net, route.oif) ||
	    (route.type == RTN_UNREACHABLE && route.protocol == NET_ROUTE_PROTOCOL))
		return;
	if (refuses(route.type) && route.prefix < o->net->config->prefix)
		return;
	if (route_meets(o->net->config, route.to, route.prefix))
		found(o, true, route.to, route.prefix, route.oif);
}

static int overlap_failure(struct overlap *o, struct failure *failure)
{
	const struct net_config *config = o->net->config;
	bool service = is_service(config, o->to);
	char theirs[24], ours[24], device[IFNAMSIZ];

	if (!if_indextoname(o->ifindex, device))
		strcpy(device, "?");
	if (service)
		prefix_text(ours, o->to, 32);
	else
		prefix_text(ours, config->base, config->prefix);
	return failure_set(failure, EXIT_NETWORK, -EADDRINUSE,
			   "%s %s is in use on this host: %s %s%s%s: choose another %s in %s",
			   service ? "service address" : "range", ours,
			   o->route ? "route" : "address",
			   prefix_text(theirs, o->to, o->prefix),
			   o->ifindex ? " on device " : "", o->ifindex ? device : "",
			   service ? "address=" : "range=", CONFIG_PATH);
}

int route_check_overlap(struct net *net, struct failure *failure)
{
	struct overlap o = { .net = net };
	int err = each_address(net, check_address, &o);

	if (!err)
		err = each_route(net, check_route, &o);
	if (err)
		return rtnl_failure(net, failure, err, "read addresses and routes of", "this host");
	return o.found ? overlap_failure(&o, failure) : 0;
}

/* --- ours --- */

/* Those of ours that are wrong, to be deleted after the list has been read. */
struct stale {
	struct net *net;
	bool everything;		/* taking down */
	bool backstop;			/* looks for it, and not for the range's route */
	bool right;			/* what should be there is */
	struct route route[16];
	unsigned int count;
};

static bool is_backstop(const struct route *route)
{
	return route->type == RTN_UNREACHABLE && route->protocol == NET_ROUTE_PROTOCOL;
}

static bool is_right(const struct stale *s, const struct route *route)
{
	const struct net_config *config = s->net->config;

	if (s->everything || route->to != config->base || route->prefix != config->prefix ||
	    route->table != RT_TABLE_MAIN || !route->plain)
		return false;
	if (s->backstop)
		return route->metric == BACKSTOP_METRIC;
	return route->oif == s->net->bridges[0].ifindex && route->type == RTN_UNICAST &&
	       !route->metric && route->scope == RT_SCOPE_LINK;
}

static void take_route(struct nlmsghdr *answer, void *arg)
{
	struct stale *s = arg;
	struct route route;

	if (answer->nlmsg_type != RTM_NEWROUTE)
		return;
	parse_route(&route, answer);
	if (route.protocol != NET_ROUTE_PROTOCOL || is_backstop(&route) != s->backstop)
		return;
	if (is_right(s, &route))
		s->right = true;
	else if (s->count < sizeof(s->route) / sizeof(*s->route))
		s->route[s->count++] = route;
}

static struct nl_msg *route_message(int type, int flags, const struct route *route)
{
	struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = (unsigned char)route->prefix,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = NET_ROUTE_PROTOCOL,
		.rtm_type = route->type,
		.rtm_scope = route->scope,
	};
	struct nl_msg *msg = rtnl_new(type, flags, &header, sizeof(header));

	rtnl_put_u32(msg, RTA_DST, htonl(route->to));
	rtnl_put_u32(msg, RTA_TABLE, route->table);
	if (route->metric)
		rtnl_put_u32(msg, RTA_PRIORITY, route->metric);
	if (route->oif)
		rtnl_put_u32(msg, RTA_OIF, route->oif);
	return msg;
}

/* Deletes those of ours that are wrong, then adds @wanted if it is missing. */
static int mend_routes(struct stale *s, const struct route *wanted, unsigned int *repaired,
		       struct failure *failure)
{
	struct mending m = { .net = s->net, .repaired = repaired, .failure = failure };
	int err = each_route(s->net, take_route, s);

	if (err)
		return rtnl_failure(s->net, failure, err, "read routes of", "this host");
	snprintf(m.name, sizeof(m.name), "%s", s->net->config->bridge);
	for (unsigned int i = 0; !err && i < s->count; i++)
		err = rtnl_mend(&m, "delete a stale route of",
				route_message(RTM_DELROUTE, 0, &s->route[i]));
	if (!err && wanted && !s->right)
		err = rtnl_mend(&m, s->backstop ? "add the backstop route of" : "add the route of",
				route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, wanted));
	return err;
}

int route_backstop(struct net *net, unsigned int *repaired, struct failure *failure)
{
	struct stale s = { .net = net, .backstop = true };
	struct route wanted = {
		.to = net->config->base,
		.prefix = net->config->prefix,
		.type = RTN_UNREACHABLE,
		.metric = BACKSTOP_METRIC,
		.table = RT_TABLE_MAIN,
	};

	return mend_routes(&s, &wanted, repaired, failure);
}

int route_range(struct net *net, unsigned int *repaired, struct failure *failure)
{
	struct stale s = { .net = net };
	struct route wanted = {
		.to = net->config->base,
		.prefix = net->config->prefix,
		.type = RTN_UNICAST,
		.oif = net->bridges[0].ifindex,
		.table = RT_TABLE_MAIN,
		.scope = RT_SCOPE_LINK,
	};

	return mend_routes(&s, &wanted, repaired, failure);
}

int route_down(struct net *net, struct failure *failure)
{
	unsigned int repaired = 0;
	struct stale ways = { .net = net, .everything = true };
	struct stale backstops = { .net = net, .everything = true, .backstop = true };
	int err = mend_routes(&ways, NULL, &repaired, failure);

	return err ? err : mend_routes(&backstops, NULL, &repaired, failure);
}

struct addresses {
	struct net *net;
	bool right[2];
	struct address stale[16];
	unsigned int count;
};

static void take_address(struct nlmsghdr *answer, void *arg)
{
	struct addresses *a = arg;
	struct address address;

	if (answer->nlmsg_type != RTM_NEWADDR)
		return;
	parse_address(&address, answer);
	if (!bridge_is_ours(a->net, address.ifindex))
		return;
	if (address.ifindex == a->net->bridges[0].ifindex && address.prefix == 32 &&
	    address.scope == RT_SCOPE_LINK && address.permanent)
		for (int i = 0; i < 2; i++)
			if (htonl(address.local) == a->net->config->address[i].s_addr) {
				a->right[i] = true;
				return;
			}
	if (a->count < sizeof(a->stale) / sizeof(*a->stale))
		a->stale[a->count++] = address;
}

static struct nl_msg *address_message(int type, int flags, const struct address *address)
{
	struct ifaddrmsg header = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)address->prefix,
		.ifa_scope = address->scope,
		.ifa_index = address->ifindex,
	};
	struct nl_msg *msg = rtnl_new(type, flags, &header, sizeof(header));

	rtnl_put_u32(msg, IFA_LOCAL, htonl(address->local));
	rtnl_put_u32(msg, IFA_ADDRESS, htonl(address->local));
	return msg;
}

/*
 * Scope link: so the kernel never takes it as the source of what the host says
 * elsewhere. Any other address on our bridges is one of an earlier
 * configuration, or a mistake.
 */
int route_addresses(struct net *net, unsigned int *repaired, struct failure *failure)
{
	struct mending m = { .net = net, .repaired = repaired, .failure = failure };
	struct addresses a = { .net = net };
	struct address wanted = {
		.ifindex = net->bridges[0].ifindex,
		.prefix = 32,
		.scope = RT_SCOPE_LINK,
	};
	int err = each_address(net, take_address, &a);

	if (err)
		return rtnl_failure(net, failure, err, "read addresses of", "this host");
	snprintf(m.name, sizeof(m.name), "%s", net->config->bridge);
	for (unsigned int i = 0; !err && i < a.count; i++)
		err = rtnl_mend(&m, "delete a stale address of",
				address_message(RTM_DELADDR, 0, &a.stale[i]));
	for (int i = 0; !err && i < 2; i++) {
		wanted.local = ntohl(net->config->address[i].s_addr);
		if (wanted.local && !a.right[i])
			err = rtnl_mend(&m, "add an address to",
					address_message(RTM_NEWADDR,
							NLM_F_CREATE | NLM_F_EXCL, &wanted));
	}
	return err;
}
