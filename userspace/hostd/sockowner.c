// SPDX-License-Identifier: GPL-2.0
// Owns which cgroup a listening socket belongs to: the kernel's word, not its process's.

#include <userspace/hostd/netparts.h>

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

struct wanted {
	uint32_t cookie[2];
	uint64_t cgroup;	/* 0: not found */
};

static void take_socket(struct nlmsghdr *answer, void *arg)
{
	struct inet_diag_msg *socket = nlmsg_data(answer);
	struct wanted *w = arg;
	struct nlattr *cgroup;

	if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(answer) < (int)sizeof(*socket) ||
	    memcmp(socket->id.idiag_cookie, w->cookie, sizeof(w->cookie)))
		return;
	cgroup = nlmsg_find_attr(answer, sizeof(*socket), INET_DIAG_CGROUP_ID);
	if (cgroup && nla_len(cgroup) == sizeof(w->cgroup))
		w->cgroup = nla_get_u64(cgroup);
}

int net_socket_cgroup(struct net *net, int listening, uint64_t *cgroup)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = AF_INET,
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = 1u << TCP_LISTEN,
	};
	struct wanted w = { 0 };
	socklen_t size = sizeof(w.cookie);
	struct nl_sock *sock;
	int err;

	if (getsockopt(listening, SOL_SOCKET, SO_COOKIE, w.cookie, &size))
		return -errno;
	err = rtnl_open(&sock, NETLINK_SOCK_DIAG);
	if (err)
		return err;
	err = rtnl_ask_on(net, sock,
			  rtnl_new(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof(request)),
			  take_socket, &w);
	nl_socket_free(sock);
	*cgroup = w.cgroup;
	return err ? err : w.cgroup ? 0 : -ENOENT;
}
