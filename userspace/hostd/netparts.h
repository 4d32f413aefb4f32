/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files behind net.h share, under the name of the file that owns it.
 */
#ifndef AZATTEST_HOSTD_NETPARTS_H
#define AZATTEST_HOSTD_NETPARTS_H

#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <userspace/hostd/hostd.h>
#include <userspace/hostd/net.h>

/*
 * Marks our routes, so that those of an earlier configuration are known as ours.
 * No routing daemon uses it (/etc/iproute2/rt_protos).
 */
#define NET_ROUTE_PROTOCOL	169
#define NET_ALTNAME_SIZE	(sizeof(NET_BRIDGE_ALTNAME) + 2)
#define NET_LINKS_STEP		256

struct net {
	const struct net_config *config;
	struct nl_sock *sock;		/* questions and their answers */
	struct nl_sock *watch;		/* what the kernel tells by itself */
	struct net_bridge bridges[NET_BRIDGES_MAX];
	unsigned int count;		/* of them, as net_up() saw it last */
	char sentence[200];		/* the kernel's words on the last refusal, or "" */
};

/* One pass over what should be: where it works, what it counts. */
struct mending {
	struct net *net;
	unsigned int ifindex;
	char name[IFNAMSIZ];		/* for people */
	unsigned int *repaired;
	struct failure *failure;
};

/* rtnl.c: one question, its answers, its refusal. Messages are freed by asking. */

typedef void (*rtnl_fn)(struct nlmsghdr *answer, void *arg);

int rtnl_open(struct nl_sock **sock, int protocol);
struct nl_msg *rtnl_new(int type, int flags, const void *header, size_t size);
struct nl_msg *rtnl_new_link(int type, int flags, unsigned int ifindex);
/* No message here comes near a page, so putting cannot fail. */
void rtnl_put(struct nl_msg *msg, int type, const void *data, size_t size);
void rtnl_put_u8(struct nl_msg *msg, int type, uint8_t value);
void rtnl_put_u16(struct nl_msg *msg, int type, uint16_t value);
void rtnl_put_u32(struct nl_msg *msg, int type, uint32_t value);
void rtnl_put_text(struct nl_msg *msg, int type, const char *text);
struct nlattr *rtnl_nest(struct nl_msg *msg, int type);
/*
 * 0 or the kernel's errno. -EAGAIN: what was listed changed meanwhile, and the
 * list may be wrong.
 */
int rtnl_ask(struct net *net, struct nl_msg *msg, rtnl_fn fn, void *arg);
/* The same on another socket than the one for rtnetlink. */
int rtnl_ask_on(struct net *net, struct nl_sock *sock, struct nl_msg *msg, rtnl_fn fn, void *arg);
/* "cannot <what> <name>: <why>"; returns @error. */
int rtnl_failure(struct net *net, struct failure *failure, int error, const char *what,
		 const char *name);
/* Asks, and counts it as one repair. */
int rtnl_mend(struct mending *m, const char *what, struct nl_msg *msg);

/* link.c: what the kernel knows of a device. */

struct link {
	unsigned int ifindex, master, flags, type, mtu;
	char name[IFNAMSIZ];
	char kind[16];
	char alias[64];			/* its beginning */
	uint8_t mac[6];
	bool named;			/* has the altname that was asked for */
	bool vlans;			/* kernel and device know VLAN filtering */
	bool inet6;			/* kernel and device know IPv6 */
	bool ipv6_off;
	uint8_t stp, snooping, filtering, isolated;
	uint16_t pvid;
	uint8_t address_mode;		/* IN6_ADDR_GEN_MODE_* */
	int32_t inet[IPV4_DEVCONF_MAX];	/* by IPV4_DEVCONF_* - 1 */
};

void link_parse(struct link *link, struct nlmsghdr *answer, const char *altname);
/* By index, or by name or altname if @ifindex is 0. -ENODEV: there is none. */
int link_read(struct net *net, struct link *link, unsigned int ifindex, const char *name,
	      const char *altname);
/* Calls for every device; with @master only its ports. */
int link_each(struct net *net, unsigned int master, rtnl_fn fn, void *arg);
int link_mend_flags(struct mending *m, const char *what, unsigned int flags, unsigned int mask);
int link_mend_master(struct mending *m, unsigned int master);
int link_set_alias(struct mending *m, const char *alias);
int link_ipv6_off(struct mending *m, bool off);

/* bridge.c */

/* Makes or mends bridge @number but for its addresses, and leaves it up. */
int bridge_up(struct net *net, unsigned int number, unsigned int *repaired,
	      struct failure *failure);
/* Brings net->bridges up to date; changes nothing. */
int bridge_look(struct net *net, struct failure *failure);
int bridge_down(struct net *net, unsigned int number, struct failure *failure);
bool bridge_is_ours(const struct net *net, unsigned int ifindex);

/* route.c */

int route_check_overlap(struct net *net, struct failure *failure);
int route_backstop(struct net *net, unsigned int *repaired, struct failure *failure);
int route_addresses(struct net *net, unsigned int *repaired, struct failure *failure);
int route_range(struct net *net, unsigned int *repaired, struct failure *failure);
int route_down(struct net *net, struct failure *failure);
/* Whether a prefix that somebody uses meets the range or a service address. */
bool route_meets(const struct net_config *config, uint32_t address, unsigned int prefix);

/* port.c */

int port_leave_all(struct net *net, struct failure *failure);

/* linkwatch.c */

int linkwatch_open(struct net *net);

#endif
