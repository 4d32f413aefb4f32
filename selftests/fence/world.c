// SPDX-License-Identifier: GPL-2.0
// Owns a host with guests, made of network namespaces, for tests of the whole fence.

#include <selftests/fence/world.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define BRIDGE_MAC	"02:a7:7e:00:00:01"
#define GUEST_MAC	"52:54:00:12:34:56"
#define CLIENTS_MAX	32
#define BULK		12000	/* several segments, and less than any send buffer */

#define CGROUPS		"/sys/fs/cgroup"
#define CGROUP_PREFIX	"az-fence-"

struct fence *world;

static const uint8_t bridge_mac[6] = { 0x02, 0xa7, 0x7e, 0, 0, 1 };
static int host_netns;
static const char *world_cgroup;

void world_prepare(void)
{
	if (geteuid())
		tap_skip_all("not root: no network namespaces, no BPF");
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		tap_skip_all("no mount namespace of its own: %s", strerror(errno));
	if (mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		tap_skip_all("no bpf file system: %s", strerror(errno));
	/* Busy: it is there already. */
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL) && errno != EBUSY)
		tap_skip_all("no cgroup2: %s", strerror(errno));
}

/* The server of the last promise may be dying still. */
void world_end(void)
{
	tap_wait(!system("rmdir " CGROUPS "/" CGROUP_PREFIX "* 2>/dev/null; "
			 "! ls -d " CGROUPS "/" CGROUP_PREFIX "* >/dev/null 2>&1"));
}

/* Each promise its own: links of others are pinned as long as the program runs. */
static const char *cgroup_make(void)
{
	static char name[64];

	snprintf(name, sizeof(name), CGROUP_PREFIX "%d", getpid());
	sh("mkdir -p " CGROUPS "/%s", name);
	return name;
}

static void run(const char *format, va_list args)
{
	char command[1024];

	vsnprintf(command, sizeof(command), format, args);
	tap_need_msg(!system(command), "command failed: %s", command);
}

void sh(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	run(format, args);
	va_end(args);
}

static void enter(int netns)
{
	tap_need_eq(setns(netns, CLONE_NEWNET), 0);
}

void guest_sh(const struct guest *guest, const char *format, ...)
{
	va_list args;

	enter(guest->netns);
	va_start(args, format);
	run(format, args);
	va_end(args);
	enter(host_netns);
}

int guest_socket(const struct guest *guest, int domain, int type, int protocol)
{
	int sock;

	enter(guest->netns);
	sock = socket(domain, type | SOCK_CLOEXEC, protocol);
	enter(host_netns);
	tap_need(sock >= 0);
	return sock;
}

static int netns_make(void)
{
	int fd;

	tap_need_eq(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	tap_need(fd >= 0);
	/* Neighbour discovery would be counted among the refusals. */
	sh("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up");
	return fd;
}

unsigned int world_ifindex(const char *name)
{
	unsigned int ifindex = if_nametoindex(name);

	tap_need_msg(ifindex, "no interface %s", name);
	return ifindex;
}

/* A kernel without VLAN filtering on bridges takes isolated ports as well. */
void world_bridge_make(void)
{
	sh("ip link add br0 address " BRIDGE_MAC " type bridge; "
	   "ip link set br0 type bridge vlan_filtering 1 vlan_default_pvid 0 2>/dev/null; "
	   "ip link set br0 arp off up && ip addr add " WORLD_SERVICE "/32 dev br0 && "
	   "ip route add 198.18.0.0/19 dev br0");
}

void world_bridge(void)
{
	struct failure failure = { 0 };

	tap_need_msg(!fence_set_bridge(world, world_ifindex("br0"), bridge_mac, true, &failure),
		     "%s", failure.text);
}

bool world_adopt(void)
{
	struct failure failure = { 0 };
	char pins[64];
	bool adopted;
	struct fence_config config = {
		.pin_dir = pins,
		.address = { { inet_addr(WORLD_SERVICE) } },
		.port = WORLD_PORT,
		.base = WORLD_BASE,
		.slots = WORLD_SLOTS,
		.syn_rate = 1000,
		.syn_burst = 1000,
	};

	snprintf(pins, sizeof(pins), "/sys/fs/bpf/az-%d", getpid());
	tap_need_msg(!fence_open(&world, &config, &adopted, &failure), "%s", failure.text);
	return adopted;
}

void world_open(void)
{
	struct failure failure = { 0 };

	host_netns = netns_make();
	world_cgroup = cgroup_make();
	world_bridge_make();
	tap_need(!world_adopt());
	world_bridge();
	tap_need_msg(!fence_set_cgroup(world, world_cgroup, &failure), "%s", failure.text);
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(fence_audit_bridge(world, world_ifindex("br0"), true), 0);
}

void guest_plug(const struct guest *g)
{
	sh("ip link add tap%u type veth peer name eth0 netns /proc/%d/fd/%d && "
	   "ip link set tap%u master br0 up && ip link set tap%u type bridge_slave isolated on",
	   g->number, getpid(), g->netns, g->number, g->number);
	/* Neighbours are fixed, so that a SYN is sent where nobody answers ARP. */
	guest_sh(g, "ip link set eth0 address " GUEST_MAC " up && "
		 "ip addr add " WORLD_GUEST "/16 dev eth0 && "
		 "ip neigh replace " WORLD_SERVICE " lladdr " BRIDGE_MAC " dev eth0");
}

struct guest guest_make(unsigned int number)
{
	struct guest guest = { .number = number, .netns = netns_make() };

	enter(host_netns);
	guest_plug(&guest);
	return guest;
}

int guest_enrol(const struct guest *guest)
{
	const uint8_t uuid[16] = { (uint8_t)guest->number };
	struct failure failure = { 0 };
	char tap[IFNAMSIZ];
	int ret;

	snprintf(tap, sizeof(tap), "tap%u", guest->number);
	ret = fence_enrol(world, guest->number, world_ifindex(tap), uuid, 7, &failure);
	if (ret)
		tap_diag("%s", failure.text);
	return ret;
}

struct listening {
	const char *address;
	uint16_t port;
	int pass;	/* where its socket goes */
};

static void serve_client(struct pollfd *client)
{
	static char bytes[65536];
	ssize_t n = read(client->fd, bytes, sizeof(bytes));

	if (n > 0 && write(client->fd, bytes, (size_t)n) == n)
		return;
	close(client->fd);
	client->fd = -1;
}

static void accept_client(struct pollfd *clients, int listener)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	int i, fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);

	for (i = 1; fd >= 0 && i < CLIENTS_MAX; i++)
		if (clients[i].fd < 0) {
			clients[i].fd = fd;
			if (write(fd, &peer.sin_addr, 4) != 4)
				return;
			return;
		}
	if (fd >= 0)
		close(fd);
}

static int serve(void *arg)
{
	struct listening *where = arg;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(where->port),
		.sin_addr.s_addr = inet_addr(where->address),
	};
	struct pollfd clients[CLIENTS_MAX];
	int i, fd, one = 1;

	sh("echo $PPID >" CGROUPS "/%s/cgroup.procs", world_cgroup);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64) ||
	    tap_send_fd(where->pass, fd))
		return 1;
	for (i = 0; i < CLIENTS_MAX; i++)
		clients[i] = (struct pollfd) { .fd = i ? -1 : fd, .events = POLLIN };
	while (poll(clients, CLIENTS_MAX, -1) > 0) {
		if (clients[0].revents)
			accept_client(clients, fd);
		for (i = 1; i < CLIENTS_MAX; i++)
			if (clients[i].fd >= 0 && clients[i].revents)
				serve_client(&clients[i]);
	}
	return 0;
}

pid_t server_start(const char *address, uint16_t port)
{
	struct failure failure = { 0 };
	struct listening where = { .address = address, .port = port };
	int pair[2], fd;
	pid_t pid;

	tap_need_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	where.pass = pair[1];
	pid = tap_spawn(serve, &where, pair[1]);
	close(pair[1]);
	fd = tap_recv_fd(pair[0]);
	tap_need_msg(fd >= 0, "the server did not start");
	tap_need_msg(!fence_set_socket(world, fd, &failure), "%s", failure.text);
	close(fd);
	close(pair[0]);
	return pid;
}

int client_begin(int sock)
{
	struct sockaddr_in service = {
		.sin_family = AF_INET,
		.sin_port = htons(WORLD_PORT),
		.sin_addr.s_addr = inet_addr(WORLD_SERVICE),
	};

	fcntl(sock, F_SETFL, O_NONBLOCK);
	tap_need(!connect(sock, (struct sockaddr *)&service, sizeof(service)) ||
		 errno == EINPROGRESS || errno == ECONNREFUSED);
	return sock;
}

int client_end(int sock)
{
	struct pollfd wait = { .fd = sock, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error;

	tap_need_eq(poll(&wait, 1, tap_patience_ms()), 1);
	tap_need_eq(getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	return error;
}

static void receive(int sock, void *bytes, size_t size)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		tap_need_msg(poll(&wait, 1, tap_patience_ms()) == 1, "the server says nothing");
		n = read(sock, (char *)bytes + got, size - got);
		tap_need(n > 0);
		got += (size_t)n;
	}
}

int client_need(const struct guest *guest, uint32_t *seen)
{
	int sock = client_begin(guest_socket(guest, AF_INET, SOCK_STREAM, 0));

	tap_need_eq(client_end(sock), 0);
	receive(sock, seen, sizeof(*seen));
	return sock;
}

void client_echo(int sock)
{
	char byte = 'x';

	tap_need_eq(write(sock, &byte, 1), 1);
	byte = 0;
	receive(sock, &byte, 1);
	tap_need_eq(byte, 'x');
}

void client_bulk(int sock)
{
	static char sent[BULK], got[BULK];
	unsigned int i;

	for (i = 0; i < BULK; i++)
		sent[i] = (char)(i * 31 + i / 256);
	tap_need_eq(write(sock, sent, BULK), BULK);
	receive(sock, got, BULK);
	tap_need(!memcmp(sent, got, BULK));
}

/* Until the server has closed too: nothing of it comes later, into a silence. */
static void client_finish(int sock)
{
	struct pollfd wait = { .fd = sock, .events = POLLIN };
	char byte;

	tap_need_eq(shutdown(sock, SHUT_WR), 0);
	tap_need_eq(poll(&wait, 1, tap_patience_ms()), 1);
	tap_need_eq(read(sock, &byte, 1), 0);
	close(sock);
}

void need_through(const struct guest *guest)
{
	uint32_t seen;
	int sock = client_need(guest, &seen);

	tap_need_eq(ntohl(seen), WORLD_BASE + guest->number);
	client_echo(sock);
	client_finish(sock);
}

/* The guest's own kernel sends the SYN again after a second without answer. */
static bool repeated(int sock)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	tap_need_eq(getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	tap_need_msg(info.tcpi_state == TCP_SYN_SENT, "the guest got an answer: state %u",
		     info.tcpi_state);
	return info.tcpi_total_retrans > 0;
}

/* What its interface has received so far. */
static unsigned long long bytes_to(const struct guest *guest)
{
	unsigned long long bytes = 0;
	char line[512];
	FILE *file;

	enter(guest->netns);
	file = fopen("/proc/self/net/dev", "re");
	enter(host_netns);
	tap_need(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, " eth0: %llu", &bytes);
	fclose(file);
	return bytes;
}

void need_silence(const struct guest *guest)
{
	unsigned long long before = bytes_to(guest);
	int sock = client_begin(guest_socket(guest, AF_INET, SOCK_STREAM, 0));

	tap_need_wait(repeated(sock));
	tap_need_eq(bytes_to(guest), before);
	close(sock);
}

uint64_t world_drops(unsigned int reason)
{
	uint64_t drops[FENCE_REASON_COUNT];

	tap_need_eq(fence_drops_read(world, drops), 0);
	return drops[reason];
}

uint64_t slot_drops(unsigned int slot, unsigned int reason)
{
	struct fence_slot record;

	tap_need_eq(fence_slot_read(world, slot, &record), 0);
	return record.drops[reason];
}
