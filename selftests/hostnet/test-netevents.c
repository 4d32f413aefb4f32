// SPDX-License-Identifier: GPL-2.0
// Owns the promises of the watch, and of ending what is left of a slot's connections.

#include <selftests/hostnet/hostnet.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALL (NET_CHANGED_LINK | NET_CHANGED_ADDRESS | NET_CHANGED_ROUTE | NET_CHANGED_TC)

static struct hostnet host;

static bool is_ready(void)
{
	struct pollfd ready = { .fd = net_watch_fd(host.net), .events = POLLIN };

	return poll(&ready, 1, 0) == 1;
}

/*
 * What the watch says of a command, which is all there is but for links: what a
 * device tells of its carrier comes when it likes.
 */
static void told(const char *command, unsigned int want)
{
	unsigned int got;

	net_watch_read(host.net);
	hostnet_sh("%s", command);
	got = net_watch_read(host.net);
	tap_need_msg((got & want) == want && !(got & ~want & ~NET_CHANGED_LINK),
		     "told %#x, not %#x: %s", got, want, command);
}

static void each_kind_of_change_is_told(void)
{
	hostnet_enter_up(&host);
	hostnet_tap(&host, "tap0");
	/* Of a device that is down the kernel does not tell everything. */
	told("ip link set tap0 up", NET_CHANGED_LINK);
	told("ip link set tap0 alias x", NET_CHANGED_LINK);
	told("ip link set " NET_BRIDGE_NAME " arp on", NET_CHANGED_LINK);
	told("ip tuntap add tap1 mode tap", NET_CHANGED_LINK);
	told("ip link del tap1", NET_CHANGED_LINK);
	told("echo 1 >/proc/sys/net/ipv4/conf/" NET_BRIDGE_NAME "/forwarding", NET_CHANGED_LINK);
	told("ip addr add 192.0.2.1/32 dev tap0", NET_CHANGED_ADDRESS);
	told("ip route add 198.18.7.0/24 dev " NET_BRIDGE_NAME, NET_CHANGED_ROUTE);
	told("ip route add 203.0.113.0/24 dev " NET_BRIDGE_NAME, NET_CHANGED_ROUTE);
	told("ip route del unreachable 198.18.0.0/19 metric 4294967295", NET_CHANGED_ROUTE);
	told("ip route add unreachable 169.254.169.253", NET_CHANGED_ROUTE);
}

static void a_change_of_tc_is_told(void)
{
	hostnet_enter_up(&host);
	hostnet_tap(&host, "tap0");
	told("tc qdisc add dev tap0 clsact", NET_CHANGED_TC);
	if (hostnet_can("tc filter add dev tap0 ingress matchall action pass 2>/dev/null"))
		told("tc filter del dev tap0 ingress", NET_CHANGED_TC);
	told("tc qdisc del dev tap0 clsact", NET_CHANGED_TC);
}

static void routes_of_others_are_no_concern(void)
{
	hostnet_enter_up(&host);
	hostnet_sh("ip link add up0 type veth peer name up1 && ip link set up0 up");
	told("ip route add 203.0.113.0/24 dev up0", 0);
	told("ip route add default dev up0", 0);
	told("ip route add 198.18.1.0/24 dev up0", NET_CHANGED_ROUTE);
}

/* A message that no file of ours sent: netlink knows who did. */
static void what_another_process_sends_is_not_believed(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nlmsghdr header = { .nlmsg_len = sizeof(header), .nlmsg_type = RTM_DELQDISC };
	socklen_t size = sizeof(to);
	int fd;

	hostnet_enter_up(&host);
	net_watch_read(host.net);
	tap_need(!getsockname(net_watch_fd(host.net), (struct sockaddr *)&to, &size));
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	tap_need(fd >= 0);
	to.nl_groups = 0;
	tap_need(sendto(fd, &header, sizeof(header), 0, (struct sockaddr *)&to, sizeof(to)) > 0);
	tap_need(is_ready());
	tap_need(!(net_watch_read(host.net) & NET_CHANGED_TC));
}

static void after_an_overrun_everything_may_have_changed(void)
{
	int small = 1, enough = 1 << 20;

	hostnet_enter_up(&host);
	hostnet_tap(&host, "tap0");
	hostnet_sh("ip link set tap0 up");
	net_watch_read(host.net);
	tap_need(!setsockopt(net_watch_fd(host.net), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	hostnet_sh("for i in $(seq 100); do echo link set tap0 alias x$i; done | ip -batch -");
	tap_need_eq(net_watch_read(host.net), ALL);
	/* And then it goes on as before, where one change may be more messages than the small one holds. */
	tap_need(!setsockopt(net_watch_fd(host.net), SOL_SOCKET, SO_RCVBUF, &enough, sizeof(enough)));
	tap_need(net_watch_read(host.net) != ALL);
	told("ip link set tap0 alias x", NET_CHANGED_LINK);
}

/* --- connections --- */

struct pair {
	int client, server;
};

static int listen_at(int family)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(80) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(80) };
	int fd = socket(family, SOCK_STREAM, 0), on = 1;

	tap_need(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET)
		tap_need(!bind(fd, (struct sockaddr *)&four, sizeof(four)));
	else
		tap_need(!bind(fd, (struct sockaddr *)&six, sizeof(six)));
	tap_need(!listen(fd, 8));
	return fd;
}

static struct pair connect_from(int listener, const char *address)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct pair pair = { .client = socket(AF_INET, SOCK_STREAM, 0) };

	from.sin_addr.s_addr = inet_addr(address);
	to.sin_addr.s_addr = inet_addr("127.0.0.1");
	tap_need(!bind(pair.client, (struct sockaddr *)&from, sizeof(from)));
	tap_need(!connect(pair.client, (struct sockaddr *)&to, sizeof(to)));
	pair.server = accept(listener, NULL, NULL);
	tap_need(pair.server >= 0);
	return pair;
}

static bool any(unsigned int number, const void *arg)
{
	return !arg || *(const unsigned int *)arg == number;
}

static int destroy(const char *address)
{
	struct net_peers peers = {
		.base = ntohl(inet_addr(address)), .count = 1, .over = any,
	};

	return net_destroy_sockets(host.net, &peers, &host.failure);
}

static void need_destroy(const char *address)
{
	int err = destroy(address);

	if (err == -EOPNOTSUPP)
		tap_skip("this kernel cannot end sockets: %s", host.failure.text);
	tap_need_msg(!err, "%d: %s", err, host.failure.text);
}

static void need_dead(int fd)
{
	char byte;

	tap_need_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	tap_need_eq(errno, ECONNABORTED);
	tap_need_eq(send(fd, "x", 1, MSG_NOSIGNAL), -1);
}

static void need_alive(struct pair pair)
{
	char byte = 0;

	tap_need_eq(send(pair.server, "x", 1, 0), 1);
	tap_need_eq(recv(pair.client, &byte, 1, 0), 1);
	tap_need_eq(byte, 'x');
}

static void connections(int family)
{
	struct pair gone, also, other;
	int listener;

	hostnet_enter(&host);
	listener = listen_at(family);
	gone = connect_from(listener, "127.0.0.5");
	also = connect_from(listener, "127.0.0.5");
	other = connect_from(listener, "127.0.0.50");
	need_destroy("127.0.0.5");
	need_dead(gone.server);
	need_dead(also.server);
	need_alive(other);
	need_alive(connect_from(listener, "127.0.0.5"));
}

/* Those of a range, but for one that is in use. */
static void of_a_range_those_that_are_over_end(int family)
{
	static const char *const names[] = { "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.8" };
	struct net_peers peers = { .base = 0x7f000004, .count = 4, .over = any };
	static const unsigned int number = 1;
	struct pair pair[TAP_COUNT(names)];
	int listener, err;

	hostnet_enter(&host);
	listener = listen_at(family);
	for (size_t i = 0; i < TAP_COUNT(names); i++)
		pair[i] = connect_from(listener, names[i]);
	peers.arg = &number;
	err = net_destroy_sockets(host.net, &peers, &host.failure);
	if (err == -EOPNOTSUPP)
		tap_skip("this kernel cannot end sockets: %s", host.failure.text);
	tap_need_msg(!err, "%d: %s", err, host.failure.text);
	need_alive(pair[0]);
	need_alive(pair[1]);
	need_dead(pair[2].server);
	need_alive(pair[3]);
	peers.arg = NULL;
	tap_need_eq(net_destroy_sockets(host.net, &peers, &host.failure), 0);
	need_alive(pair[0]);
	need_dead(pair[1].server);
	need_alive(pair[3]);
}

static void of_a_range_ipv4_connections_that_are_over_end(void)
{
	of_a_range_those_that_are_over_end(AF_INET);
}

static void of_a_range_those_of_an_ipv6_socket_end_too(void)
{
	of_a_range_those_that_are_over_end(AF_INET6);
}

static void connections_of_a_peer_end_and_others_do_not(void)
{
	connections(AF_INET);
}

static void connections_of_an_ipv6_socket_end_too(void)
{
	connections(AF_INET6);
}

/* Data that waits for a guest must not reach the next owner of its address. */
static void what_was_closed_with_data_unsent_is_gone(void)
{
	static char data[1 << 20];
	struct pair pair;
	int listener;

	hostnet_enter(&host);
	listener = listen_at(AF_INET);
	pair = connect_from(listener, "127.0.0.5");
	while (send(pair.server, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	close(pair.server);
	tap_need(hostnet_can("grep -q ' 0500007F:[0-9A-F]* 04 ' /proc/net/tcp"));
	need_destroy("127.0.0.5");
	tap_need(!hostnet_can("grep -q ' 0500007F:[0-9A-F]* 04 ' /proc/net/tcp"));
}

static void what_waits_to_be_accepted_is_gone(void)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	int listener, client, server;
	char byte;

	hostnet_enter(&host);
	listener = listen_at(AF_INET);
	client = socket(AF_INET, SOCK_STREAM, 0);
	from.sin_addr.s_addr = inet_addr("127.0.0.5");
	to.sin_addr.s_addr = inet_addr("127.0.0.1");
	tap_need(!bind(client, (struct sockaddr *)&from, sizeof(from)));
	tap_need(!connect(client, (struct sockaddr *)&to, sizeof(to)));
	need_destroy("127.0.0.5");
	tap_need_wait(recv(client, &byte, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET);
	server = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	tap_need(server < 0 || recv(server, &byte, 1, 0) == -1);
}

static void what_is_only_remembered_is_no_failure(void)
{
	struct pair pair;
	int listener;

	hostnet_enter(&host);
	listener = listen_at(AF_INET);
	pair = connect_from(listener, "127.0.0.5");
	shutdown(pair.server, SHUT_WR);
	close(pair.server);
	close(pair.client);
	tap_need_wait(hostnet_can("grep -q ' 0500007F:[0-9A-F]* 06 ' /proc/net/tcp"));
	need_destroy("127.0.0.5");
}

static uint64_t enter_cgroup(const char *mount, const char *name)
{
	struct stat st;
	char path[200];

	snprintf(path, sizeof(path), "%s/%s-%d", mount, name, getpid());
	hostnet_sh("mkdir %s && echo %d >%s/cgroup.procs", path, getpid(), path);
	tap_need(!stat(path, &st));
	return st.st_ino;
}

/* Wherever its process is by then. */
static void a_socket_is_of_the_cgroup_where_it_was_made(void)
{
	uint64_t first, second, seen = 0;
	int one, other, err;
	char *mount;

	hostnet_enter(&host);
	if (!hostnet_can("grep -q ' cgroup2 ' /proc/mounts"))
		tap_skip("no cgroup2");
	mount = hostnet_read("awk '$3 == \"cgroup2\" { printf \"%%s\", $2; exit }' /proc/mounts");
	first = enter_cgroup(mount, "az-one");
	one = listen_at(AF_INET);
	second = enter_cgroup(mount, "az-other");
	other = socket(AF_INET, SOCK_STREAM, 0);
	err = net_socket_cgroup(host.net, one, &seen);
	tap_need(!listen(other, 1));
	/* The shell too: it began where we are. */
	hostnet_sh("cd %s && echo %d >cgroup.procs && echo $$ >cgroup.procs && "
		   "rmdir az-one-%d az-other-%d", mount, getpid(), getpid(), getpid());
	free(mount);
	if (err == -ENOENT)
		tap_skip("this kernel does not tell it");
	tap_need_eq(err, 0);
	tap_need(first != second);
	tap_need_eq(seen, first);
	tap_need_eq(net_socket_cgroup(host.net, other, &seen), 0);
	tap_need_eq(seen, second);
	tap_need(net_socket_cgroup(host.net, socket(AF_INET, SOCK_STREAM, 0), &seen) < 0);
}

static void a_peer_without_connections_is_fine(void)
{
	hostnet_enter(&host);
	need_destroy("192.0.2.1");
}

static void without_rights_nothing_ends(void)
{
	struct pair pair;

	hostnet_enter(&host);
	pair = connect_from(listen_at(AF_INET), "127.0.0.5");
	tap_need(!seteuid(65534));
	tap_need_eq(destroy("127.0.0.5"), -EPERM);
	tap_need(strstr(host.failure.text, "127.0.0.5"));
	need_alive(pair);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(each_kind_of_change_is_told, 300),
	TAP_TEST(a_change_of_tc_is_told),
	TAP_TEST(routes_of_others_are_no_concern),
	TAP_TEST(what_another_process_sends_is_not_believed),
	TAP_TEST(after_an_overrun_everything_may_have_changed),
	TAP_TEST(connections_of_a_peer_end_and_others_do_not),
	TAP_TEST(connections_of_an_ipv6_socket_end_too),
	TAP_TEST(of_a_range_ipv4_connections_that_are_over_end),
	TAP_TEST(of_a_range_those_of_an_ipv6_socket_end_too),
	TAP_TEST(what_was_closed_with_data_unsent_is_gone),
	TAP_TEST(what_waits_to_be_accepted_is_gone),
	TAP_TEST(what_is_only_remembered_is_no_failure),
	TAP_TEST(a_socket_is_of_the_cgroup_where_it_was_made),
	TAP_TEST(a_peer_without_connections_is_fine),
	TAP_TEST(without_rights_nothing_ends),
};

int main(int argc, char **argv)
{
	hostnet_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
