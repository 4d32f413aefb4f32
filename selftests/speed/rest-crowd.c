// SPDX-License-Identifier: GPL-2.0
// Owns the crowd of taps: what an enrolment takes, in time and kernel memory, and that all work.

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/speed/rest.h>
#include <userspace/fence/fence.h>
#include <userspace/hostd/net.h>

#define TAPS		1000
#define TAPS_TWO	2000	/* more than one bridge has ports */
#define NS_PER_MS	1000000.0

/* As hostd does it, with its own parts: network, fence, enrolment. */
struct crowd {
	struct net_config config;
	struct net *net;
	struct fence *fence;
	struct tap *tap;
	unsigned int taps, bridges;
};

static void must(int ret, const struct failure *failure)
{
	if (ret)
		bench_die("%s", failure->text);
}

static void open_network(struct crowd *crowd)
{
	struct failure failure;
	unsigned int repaired;

	if (unshare(CLONE_NEWNET))
		bench_die("network namespace: %s", strerror(errno));
	site_run("ip link set lo up");
	crowd->config = (struct net_config) {
		.bridge = NET_BRIDGE_NAME, .address = { { htonl(REST_SERVICE) } },
		.base = REST_RANGE, .prefix = 19, .mtu = 1500,
	};
	must(net_open(&crowd->net, &crowd->config, &failure), &failure);
	must(net_up(crowd->net, &repaired, &failure), &failure);
}

static void open_fence(struct crowd *crowd)
{
	const struct net_bridge *first = net_bridge(crowd->net, 0);
	struct site site = { .bridge = first->ifindex };

	memcpy(site.bridge_mac, first->mac, sizeof(first->mac));
	crowd->fence = door_open_fence(&site);
	crowd->bridges = 1;
}

/* A device's own queue comes with its first use, which is its VM's. */
static void set_up(const struct tap *tap)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(ifr.ifr_name, tap->name, IFNAMSIZ);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr))
		bench_die("%s: up: %s", tap->name, strerror(errno));
	close(fd);
}

static void make_taps(struct crowd *crowd, unsigned int count)
{
	char name[IFNAMSIZ];

	crowd->tap = calloc(count, sizeof(*crowd->tap));
	if (!crowd->tap)
		bench_die("memory");
	for (crowd->taps = 0; crowd->taps < count; crowd->taps++) {
		snprintf(name, sizeof(name), "vm%u", crowd->taps + 1);
		tap_open(&crowd->tap[crowd->taps], name);
		set_up(&crowd->tap[crowd->taps]);
	}
}

static void enrol(struct crowd *crowd, unsigned int number)
{
	unsigned int ifindex = net_tap_find(crowd->net, crowd->tap[number].name), repaired;
	uint8_t uuid[AZATTEST_UUID_LEN];
	struct failure failure;

	azbind_uuid(uuid, number + 1);
	must(net_port_join(crowd->net, ifindex, &repaired, &failure), &failure);
	for (; crowd->bridges < net_bridges(crowd->net); crowd->bridges++) {
		const struct net_bridge *bridge = net_bridge(crowd->net, crowd->bridges);

		must(fence_set_bridge(crowd->fence, bridge->ifindex, bridge->mac, false, &failure),
		     &failure);
	}
	must(fence_enrol(crowd->fence, number + 1, ifindex, uuid, number + 1, &failure), &failure);
}

static void leave(struct crowd *crowd)
{
	struct failure failure;

	for (unsigned int i = 0; i < crowd->taps; i++) {
		must(fence_withdraw(crowd->fence, i + 1, &failure), &failure);
		must(net_port_leave(crowd->net, net_tap_find(crowd->net, crowd->tap[i].name),
				    &failure), &failure);
	}
}

/* What slabs and processors hold: nothing of an enrolment has pages of its own. */
static double kernel_bytes(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	double kb, sum = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %lf", &kb) == 1 ||
		    sscanf(line, "Percpu: %lf", &kb) == 1)
			sum += kb * 1024;
	if (f)
		fclose(f);
	return sum;
}

struct round {
	double ms, cpu_ms, bytes;
};

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / NS_PER_MS;
}

static struct round enrol_all(struct crowd *crowd)
{
	double before = kernel_bytes(), cpu = cpu_ms();
	uint64_t start = exchange_now_ns();

	for (unsigned int i = 0; i < crowd->taps; i++)
		enrol(crowd, i);
	return (struct round) {
		.ms = (double)(exchange_now_ns() - start) / NS_PER_MS / crowd->taps,
		.cpu_ms = (cpu_ms() - cpu) / crowd->taps,
		.bytes = (kernel_bytes() - before) / crowd->taps,
	};
}

/* Each VM sends one SYN, and hears the answer before the next one does. */
static unsigned int answered(struct crowd *crowd)
{
	const struct segment syn = { .port = 40000, .seq = 1, .flags = TAP_SYN };
	unsigned int count = 0;
	struct segment s;

	for (unsigned int i = 0; i < crowd->taps; i++) {
		struct tap *tap = &crowd->tap[i];

		memcpy(tap->mac, (uint8_t[6]) { 0x52, 0x54, 0, 1, 2, 3 }, 6);
		memcpy(tap->bridge_mac, net_bridge(crowd->net, 0)->mac, 6);
		tap->ip = 0xa9fe0a0au;
		tap_send(tap, &syn);
		count += tap_receive(tap, &s) && s.flags & TAP_SYN && s.flags & TAP_ACK &&
			 s.ack == syn.seq + 1;
	}
	return count;
}

static int listen_there(struct crowd *crowd)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct failure failure;

	if (fd < 0 || bind(fd, (void *)&any, sizeof(any)) || listen(fd, TAPS_TWO))
		bench_die("listening socket: %s", strerror(errno));
	must(fence_set_socket(crowd->fence, fd, &failure), &failure);
	return fd;
}

static void measure(unsigned int rounds)
{
	double ms[BENCH_REPEATS_MAX], cpu[BENCH_REPEATS_MAX], bytes[BENCH_REPEATS_MAX];
	struct crowd crowd = { 0 };
	struct failure failure;

	open_network(&crowd);
	make_taps(&crowd, TAPS);
	open_fence(&crowd);
	for (unsigned int r = 0; r < rounds; r++) {
		struct round round = enrol_all(&crowd);

		ms[r] = round.ms;
		cpu[r] = round.cpu_ms;
		bytes[r] = round.bytes;
		leave(&crowd);
	}
	printf("1000 taps: %.2f ms for an enrolment by the clock, on this machine just now\n",
	       stats_median(ms, rounds));
	table_at_most("1000 taps, ms of a processor for an enrolment", stats_median(cpu, rounds),
		      1);
	table_limit("1000 taps, bytes of kernel memory for each", stats_median(bytes, rounds),
		    16384);
	must(fence_remove(crowd.fence, &failure), &failure);
	must(net_down(crowd.net, &failure), &failure);
}

static void check_two_bridges(void)
{
	struct crowd crowd = { 0 };
	struct round round;

	open_network(&crowd);
	make_taps(&crowd, TAPS_TWO);
	open_fence(&crowd);
	round = enrol_all(&crowd);
	listen_there(&crowd);
	printf("%u taps on %u bridges: %.2f ms for an enrolment\n", crowd.taps, crowd.bridges,
	       round.ms);
	table_limit("2000 taps, VMs whose SYN is not answered", crowd.taps - answered(&crowd), 0);
}

void crowd_native(unsigned int rounds)
{
	table_goals_head();
	measure(rounds);
	check_two_bridges();
}
