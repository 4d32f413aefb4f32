// SPDX-License-Identifier: GPL-2.0
// Owns one pass over the host's network: what must be there, in which order.

#include <userspace/hostd/netparts.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES		10	/* when lists change while they are read */
#define RANGE_PREFIX_MIN	8
#define RANGE_PREFIX_MAX	30
#define MTU_MIN		1280
#define MTU_MAX		65535

static bool is_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || *name == '/' || *name == ':' ||
		    *name == '%')
			return false;
	return true;
}

/* An address that a host may own: not 0/8, not loopback, not multicast or above. */
static bool is_unicast(uint32_t address)
{
	return address >> 24 && address >> 24 != 127 && address >> 24 < 224;
}

static bool is_range(const struct net_config *config)
{
	uint32_t size;

	if (config->prefix < RANGE_PREFIX_MIN || config->prefix > RANGE_PREFIX_MAX)
		return false;
	size = 1u << (32 - config->prefix);
	return !(config->base & (size - 1)) && is_unicast(config->base);
}

static int check_addresses(const struct net_config *config, struct failure *failure)
{
	for (int i = 0; i < 2; i++) {
		uint32_t address = ntohl(config->address[i].s_addr);

		if (i && !address)
			continue;
		if (!is_unicast(address) ||
		    !((address ^ config->base) >> (32 - config->prefix)) ||
		    (i && address == ntohl(config->address[0].s_addr)))
			return failure_set(failure, EXIT_CONFIG, -EINVAL,
					   "%s is no unicast address outside of the range: see [network] in %s",
					   i ? "second-address" : "address", CONFIG_PATH);
	}
	return 0;
}

static int check_config(const struct net_config *config, struct failure *failure)
{
	if (!is_name(config->bridge))
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "bridge \"%s\" is no name for a device: see [network] in %s",
				   config->bridge, CONFIG_PATH);
	if (!is_range(config))
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "range must be a unicast network of /%d to /%d that begins at its base: see [network] in %s",
				   RANGE_PREFIX_MIN, RANGE_PREFIX_MAX, CONFIG_PATH);
	if (config->mtu < MTU_MIN || config->mtu > MTU_MAX)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "mtu %u is not in %d to %d: see [network] in %s", config->mtu,
				   MTU_MIN, MTU_MAX, CONFIG_PATH);
	return check_addresses(config, failure);
}

int net_open(struct net **opened, const struct net_config *config, struct failure *failure)
{
	struct net *net;
	int err = check_config(config, failure);

	if (err)
		return err;
	net = calloc(1, sizeof(*net));
	if (!net)
		abort();
	net->config = config;
	err = rtnl_open(&net->sock, NETLINK_ROUTE);
	if (!err)
		err = linkwatch_open(net);
	if (err) {
		net_close(net);
		return failure_set(failure, EXIT_NETWORK, err, "no netlink socket: %s",
				   strerror(-err));
	}
	*opened = net;
	return 0;
}

void net_close(struct net *net)
{
	if (!net)
		return;
	if (net->watch)
		nl_socket_free(net->watch);
	if (net->sock)
		nl_socket_free(net->sock);
	free(net);
}

static int mend_further(struct net *net, unsigned int *repaired, struct failure *failure)
{
	int err = 0;

	for (unsigned int i = 1; !err && i < net->count; i++)
		if (net->bridges[i].ifindex)
			err = bridge_up(net, i, repaired, failure);
	return err;
}

/*
 * The backstop comes before there is an address to answer from; the range's
 * route last, because it needs the bridge up.
 */
static int one_pass(struct net *net, unsigned int *repaired, struct failure *failure)
{
	int err = bridge_look(net, failure);

	if (!err)
		err = route_check_overlap(net, failure);
	if (!err)
		err = route_backstop(net, repaired, failure);
	if (!err)
		err = bridge_up(net, 0, repaired, failure);
	if (!err)
		err = mend_further(net, repaired, failure);
	if (!err)
		err = route_addresses(net, repaired, failure);
	return err ? err : route_range(net, repaired, failure);
}

/* What was missing when it was listed may be gone, or there, by now: again. */
static bool is_race(int err)
{
	return err == -EAGAIN || err == -ENODEV || err == -ESRCH || err == -EADDRNOTAVAIL;
}

int net_up(struct net *net, unsigned int *repaired, struct failure *failure)
{
	int err, tries = TRIES;

	*repaired = 0;
	do {
		err = one_pass(net, repaired, failure);
	} while (is_race(err) && --tries);
	return err;
}

static int one_pass_down(struct net *net, struct failure *failure)
{
	int err = bridge_look(net, failure);

	/* A first bridge that is not ours stays; our routes and taps go. */
	if (err == -EEXIST)
		err = 0;
	if (!err)
		err = port_leave_all(net, failure);
	if (!err)
		err = route_down(net, failure);
	for (unsigned int i = 0; !err && i < net->count; i++)
		err = bridge_down(net, i, failure);
	return err;
}

int net_down(struct net *net, struct failure *failure)
{
	int err, tries = TRIES;

	do {
		err = one_pass_down(net, failure);
	} while (is_race(err) && --tries);
	if (!err) {
		memset(net->bridges, 0, sizeof(net->bridges));
		net->count = 0;
	}
	return err;
}

const struct net_bridge *net_bridge(const struct net *net, unsigned int number)
{
	static const struct net_bridge none;

	return number < net->count ? &net->bridges[number] : &none;
}

unsigned int net_bridges(const struct net *net)
{
	return net->count;
}
