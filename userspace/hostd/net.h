/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's network as the REST door needs it: bridge, address, routes, taps.
 *
 *   net.c       bring up, take down, audit: one idempotent pass
 *   bridge.c    the bridge device and its settings
 *   route.c     address, route of the range, backstop route, overlap
 *   port.c      taps as ports of the bridge
 *   linkwatch.c rtnetlink groups LINK, ADDR, ROUTE, TC
 *   firewall.c  whether the host's own rules drop what the fence lets through
 *   destroy.c   SOCK_DESTROY of what is left of a slot's connections
 *   sockowner.c the cgroup of a listening socket
 *
 * and below them, in netparts.h and filter.h:
 *
 *   rtnl.c, link.c  one question to the kernel; what it says of a device
 *   filter*.c       a packet filter's rules as one packet meets them
 *
 * libnl carries the messages; their attributes are the kernel's own (libnl-route
 * 3.7 has no altnames and no vlan_filtering).
 * Works in the network namespace of the process. Results: 0 or a negative errno
 * with failure->text set.
 */
#ifndef AZATTEST_HOSTD_NET_H
#define AZATTEST_HOSTD_NET_H

#include <net/if.h>
#include <netinet/in.h>

#include <userspace/daemon/daemon.h>

#define NET_BRIDGE_NAME		"azhost-imds"
#define NET_BRIDGE_ALTNAME	"AZSHCI_HOST-IMDS_DO_NOT_MODIFY"
#define NET_TAP_ALIAS		"AZSHCI_GUEST-IMDS_DO_NOT_MODIFY"
#define NET_PORTS_MAX		1023	/* of one bridge, by the kernel */
#define NET_BRIDGES_MAX		8	/* further ones are NAME-1, NAME-2 ... */

struct net_config {
	char bridge[IFNAMSIZ - 2];	/* NET_BRIDGE_NAME */
	struct in_addr address[2];	/* /32 on the bridge; [1] INADDR_ANY: none */
	uint32_t base;			/* internal range, host order */
	unsigned int prefix;		/* its length: 19 */
	unsigned int mtu;		/* 1500 */
};

struct net_bridge {
	unsigned int ifindex;		/* 0: not there */
	uint8_t mac[6];
	unsigned int ports;
	bool filters_vlans;		/* false: this kernel's bridges do not */
};

struct net;

/*
 * Sockets only; changes nothing. @config must outlive it.
 *   -EINVAL  a bad name, range, address or MTU
 */
int net_open(struct net **net, const struct net_config *config, struct failure *failure);
void net_close(struct net *net);

/*
 * Makes what is missing and mends what is wrong: first bridge, switches,
 * address, routes; further bridges when ports need them. Changes nothing where
 * all is well. *@repaired counts what it had to do.
 *   -EEXIST    a device of that name is there and is not ours: no bridge, or
 *              neither our altname nor the MAC that comes from its name
 *   -EADDRINUSE the range or a service address overlaps what this host uses
 *              already: names it
 */
int net_up(struct net *net, unsigned int *repaired, struct failure *failure);
/* Removes every trace: bridges, routes, aliases of taps. Missing is fine. */
int net_down(struct net *net, struct failure *failure);
/* As net_up() saw it last; bridge 0 is the first. */
const struct net_bridge *net_bridge(const struct net *net, unsigned int number);
unsigned int net_bridges(const struct net *net);

/* ifindex of a tap or other Ethernet device by name; 0: there is none. */
unsigned int net_tap_find(struct net *net, const char *name);
/*
 * Makes @ifindex a port of a bridge with room: alias, IPv6 off, isolated, up.
 *   -ENODEV   it is gone
 *   -EBUSY    it is a port of somebody else's bridge: names it
 *   -EINVAL   not an Ethernet device, or a bridge itself
 *   -ENOSPC   all bridges are full
 */
int net_port_join(struct net *net, unsigned int ifindex, unsigned int *repaired,
		  struct failure *failure);
/* Out of the bridge, alias away, down; the device stays. Gone is fine. */
int net_port_leave(struct net *net, unsigned int ifindex, struct failure *failure);

/*
 * Events: poll net_watch_fd(); net_watch_read() reads what has come and returns
 * NET_CHANGED_* or'ed, of what may concern us. After an overrun (ENOBUFS) all
 * bits are set: look at everything. Our own changes are told too. The kernel
 * tells not everything (a new alias of a device that is down, IPv6 switches):
 * hence the audit.
 */
#define NET_CHANGED_LINK	(1u << 0)
#define NET_CHANGED_ADDRESS	(1u << 1)
#define NET_CHANGED_ROUTE	(1u << 2)
#define NET_CHANGED_TC		(1u << 3)

int net_watch_fd(struct net *net);
unsigned int net_watch_read(struct net *net);

/*
 * Whether a packet filter of this host would drop TCP to the port on the
 * bridge. 0: none seen, 1: yes, and @advice is one line with the one rule to
 * add (nft or iptables, as the host uses); negative: could not be told.
 */
int net_firewall_check(struct net *net, uint16_t port, char *advice, size_t size);

/* Of the @count (a power of two) addresses from @base (host order) on, those that are over. */
struct net_peers {
	uint32_t base;
	unsigned int count;
	bool (*over)(unsigned int number, const void *arg);
	const void *arg;
};

/*
 * Ends all TCP sockets of this host to those peers: nothing of them is sent any
 * more. It looks at the host's sockets once, whatever the number of peers.
 * -EOPNOTSUPP: the kernel cannot. What is in TIME-WAIT stays on kernels before
 * 6.5; it holds no data.
 */
int net_destroy_sockets(struct net *net, const struct net_peers *peers, struct failure *failure);

/*
 * The id of the cgroup in which a listening TCP socket of this namespace was made.
 * Any failure: the kernel cannot tell.
 */
int net_socket_cgroup(struct net *net, int listening, uint64_t *cgroup);

#endif
