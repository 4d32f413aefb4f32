// SPDX-License-Identifier: GPL-2.0
// Owns what azattest-restd's listening socket must be before guests reach it.

#include "core.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE	71
#endif

static int option(int sock, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(sock, level, name, &value, &size) ? -1 : value;
}

static uint64_t netns_of(int sock)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
	return cookie;
}

/* NULL, or what makes it no socket of a REST door. */
static const char *wrong_with(const struct rest *rest, int sock)
{
	if (sock < 0)
		return "HELLO without a socket";
	if (option(sock, SOL_SOCKET, SO_DOMAIN) != AF_INET ||
	    option(sock, SOL_SOCKET, SO_PROTOCOL) != IPPROTO_TCP)
		return "its socket is not TCP over IPv4";
	if (option(sock, SOL_SOCKET, SO_ACCEPTCONN) != 1)
		return "its socket does not listen";
	if (netns_of(sock) != netns_of(rest->session.fd))
		return "its socket is of another network namespace: start it in this one";
	return NULL;
}

/* cg_in guards sockets that were made in the cgroup, whoever is in it now. */
static int check_cgroup(struct rest *rest, int sock, struct failure *failure)
{
	uint64_t own, of_socket;
	int ret = process_own_cgroup(rest->pid, rest->cgroup, sizeof(rest->cgroup), &own, failure);

	if (ret || net_socket_cgroup(rest->hostd->net, sock, &of_socket) || of_socket == own)
		return ret;
	return failure_set(failure, EXIT_FAILURE, -EPERM,
			   "its socket was made in another cgroup than %s, where it is now: start it "
			   "there", rest->cgroup);
}

int rest_check_socket(struct rest *rest, int sock, struct failure *failure)
{
	const char *wrong = wrong_with(rest, sock);

	if (wrong)
		return failure_set(failure, EXIT_FAILURE, -EINVAL, "%s", wrong);
	return check_cgroup(rest, sock, failure);
}
