// SPDX-License-Identifier: GPL-2.0
// Owns the end of connections that nobody may serve any more (SOCK_DESTROY).

#include <userspace/hostd/netparts.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define ALL_STATES	UINT32_MAX
#define STEP		64

struct victims {
	struct in_addr peer;
	uint8_t family;
	struct inet_diag_msg *list;
	unsigned int count, room;
};

static bool is_peer(const struct victims *v, const struct inet_diag_msg *socket)
{
	const uint32_t mapped[3] = { 0, 0, htonl(0xffff) };
	const uint32_t *to = socket->id.idiag_dst;

	if (v->family == AF_INET)
		return to[0] == v->peer.s_addr;
	return !memcmp(to, mapped, sizeof(mapped)) && to[3] == v->peer.s_addr;
}

static void take_socket(struct nlmsghdr *answer, void *arg)
{
	struct inet_diag_msg *socket = nlmsg_data(answer);
	struct victims *v = arg;

	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(answer) < (int)sizeof(*socket) || !is_peer(v, socket))
		return;
	if (v->count == v->room) {
		v->room += STEP;
		v->list = reallocarray(v->list, v->room, sizeof(*v->list));
		if (!v->list)
			abort();
	}
	v->list[v->count++] = *socket;
}

static int each_socket(struct net *net, struct nl_sock *sock, struct victims *v)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = v->family,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = ALL_STATES,
	};

	return rtnl_ask_on(net, sock,
			   rtnl_new(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request)),
			   take_socket, v);
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

static int destroy_family(struct net *net, struct nl_sock *sock, struct in_addr peer,
			  uint8_t family)
{
	struct victims v = { .peer = peer, .family = family };
	int err = each_socket(net, sock, &v);

	/* No handler: TCP over this family, or the module that shows it, is not there. */
	if (err == -ENOENT)
		err = family == AF_INET ? -EOPNOTSUPP : 0;
	for (unsigned int i = 0; !err && i < v.count; i++)
		err = destroy(net, sock, &v.list[i]);
	free(v.list);
	return err;
}

int net_destroy_sockets(struct net *net, struct in_addr peer, struct failure *failure)
{
	char name[INET_ADDRSTRLEN];
	struct nl_sock *sock;
	int err = rtnl_open(&sock, NETLINK_SOCK_DIAG);

	if (!err) {
		err = destroy_family(net, sock, peer, AF_INET);
		if (!err)
			err = destroy_family(net, sock, peer, AF_INET6);
		nl_socket_free(sock);
	}
	if (err == -EPROTONOSUPPORT)
		err = -EOPNOTSUPP;
	inet_ntop(AF_INET, &peer, name, sizeof(name));
	return err ? rtnl_failure(net, failure, err, "end the connections of", name) : 0;
}
