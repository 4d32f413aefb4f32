// SPDX-License-Identifier: GPL-2.0
// Owns the end of connections that nobody may serve any more (SOCK_DESTROY).

#include <userspace/hostd/netparts.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_STATES	UINT32_MAX
#define STEP		64

struct victims {
	const struct net_peers *peers;
	uint8_t family;
	struct inet_diag_msg *list;
	unsigned int count, room;
};

static bool is_over(const struct victims *v, const struct inet_diag_msg *socket)
{
	const uint32_t mapped[3] = { 0, 0, htonl(0xffff) };
	const uint32_t *to = socket->id.idiag_dst;
	unsigned int number;

	if (v->family != AF_INET && memcmp(to, mapped, sizeof(mapped)))
		return false;
	number = ntohl(to[v->family == AF_INET ? 0 : 3]) - v->peers->base;
	return number < v->peers->count && v->peers->over(number, v->peers->arg);
}

static void take_socket(struct nlmsghdr *answer, void *arg)
{
	struct inet_diag_msg *socket = nlmsg_data(answer);
	struct victims *v = arg;

	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(answer) < (int)sizeof(*socket) || !is_over(v, socket))
		return;
	if (v->count == v->room) {
		v->room += STEP;
		v->list = reallocarray(v->list, v->room, sizeof(*v->list));
		if (!v->list)
			abort();
	}
	v->list[v->count++] = *socket;
}

/*
 * The kernel is to show those of the range only: a host may have very many
 * others. An AF_INET condition holds for addresses that IPv6 has mapped too.
 */
static void put_filter(struct nl_msg *msg, const struct net_peers *peers)
{
	struct {
		struct inet_diag_bc_op op;
		struct inet_diag_hostcond to;
		uint32_t address;
	} filter = {
		.op = { INET_DIAG_BC_D_COND, sizeof(filter), sizeof(filter) + 4 },	/* beyond: no */
		.to = {
			.family = AF_INET, .port = -1,	/* any */
			.prefix_len = (uint8_t)(32 - __builtin_ctz(peers->count)),
		},
		.address = htonl(peers->base),
	};

	rtnl_put(msg, INET_DIAG_REQ_BYTECODE, &filter, sizeof(filter));
}

static int each_socket(struct net *net, struct nl_sock *sock, struct victims *v)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = v->family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ALL_STATES,
	};
	struct nl_msg *msg = rtnl_new(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request));

	put_filter(msg, v->peers);
	return rtnl_ask_on(net, sock, msg, take_socket, v);
}

/*
 * Gone meanwhile is fine. Kernels before 6.5 cannot end what is in TIME-WAIT
 * (or has only FIN-WAIT-2 left of it): that has no data, and sends nothing by itself.
 */
static int destroy(struct net *net, struct nl_sock *sock, const struct inet_diag_msg *socket)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = socket->idiag_family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ALL_STATES,
		.id = socket->id,
	};
	int err = rtnl_ask_on(net, sock,
			      rtnl_new(SOCK_DESTROY, 0, &request, sizeof(request)), NULL, NULL);

	if (err == -ENOENT)
		return 0;
	if (err == -EOPNOTSUPP && (socket->idiag_state == TCP_TIME_WAIT ||
				   socket->idiag_state == TCP_FIN_WAIT2))
		return 0;
	return err;
}

static int destroy_family(struct net *net, struct nl_sock *sock, const struct net_peers *peers,
			  uint8_t family)
{
	struct victims v = { .peers = peers, .family = family };
	int err = each_socket(net, sock, &v);

	/* No handler: TCP over this family, or the module that shows it, is not there. */
	if (err == -ENOENT)
		err = family == AF_INET ? -EOPNOTSUPP : 0;
	for (unsigned int i = 0; !err && i < v.count; i++)
		err = destroy(net, sock, &v.list[i]);
	free(v.list);
	return err;
}

int net_destroy_sockets(struct net *net, const struct net_peers *peers, struct failure *failure)
{
	struct in_addr base = { htonl(peers->base) };
	char name[INET_ADDRSTRLEN + 4];
	struct nl_sock *sock;
	int err = rtnl_open(&sock, NETLINK_SOCK_DIAG);

	if (!err) {
		err = destroy_family(net, sock, peers, AF_INET);
		if (!err)
			err = destroy_family(net, sock, peers, AF_INET6);
		nl_socket_free(sock);
	}
	if (err == -EPROTONOSUPPORT)
		err = -EOPNOTSUPP;
	inet_ntop(AF_INET, &base, name, INET_ADDRSTRLEN);
	snprintf(name + strlen(name), 4, "/%d", 32 - __builtin_ctz(peers->count));
	return err ? rtnl_failure(net, failure, err, "end the connections of", name) : 0;
}
