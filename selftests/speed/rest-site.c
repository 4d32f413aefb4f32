// SPDX-License-Identifier: GPL-2.0
// Owns a host's network of its own: a namespace with the bridge and the VMs' taps.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/speed/rest.h>

#define BRIDGE_MAC	"02:61:7a:00:00:01"

/* What runs elsewhere at the same time would be a matter of other load. */
void site_pin(void)
{
	cpu_set_t all, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			break;
		}
	sched_setaffinity(0, sizeof(one), &one);
}

void site_run(const char *format, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (system(command))
		bench_die("failed: %s", command);
}

/*
 * As hostd makes it, as far as speed can tell: fixed MAC, no ARP, no STP, no snooping,
 * no IPv6.
 */
void site_open(struct site *site)
{
	if (unshare(CLONE_NEWNET))
		bench_die("network namespace: %s", strerror(errno));
	site->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	site_run("for c in all default; do echo 1 > /proc/sys/net/ipv6/conf/$c/disable_ipv6; done");
	site_run("ip link set lo up");
	site_run("ip link add " REST_BRIDGE " address " BRIDGE_MAC
		 " type bridge stp_state 0 mcast_snooping 0");
	site_run("ip addr add 169.254.169.253/32 dev " REST_BRIDGE);
	site_run("ip link set " REST_BRIDGE " arp off up");
	site_run("ip route add 198.18.0.0/19 dev " REST_BRIDGE);
	site->bridge = if_nametoindex(REST_BRIDGE);
	sscanf(BRIDGE_MAC, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &site->bridge_mac[0],
	       &site->bridge_mac[1], &site->bridge_mac[2], &site->bridge_mac[3],
	       &site->bridge_mac[4], &site->bridge_mac[5]);
}

void site_enter(const struct site *site)
{
	if (setns(site->netns, CLONE_NEWNET))
		bench_die("network namespace: %s", strerror(errno));
}

void site_add_vm(const struct site *site, struct tap *tap, unsigned int number, bool fenced)
{
	const uint8_t mac[6] = { 0x52, 0x54, 0, 0, (uint8_t)(number >> 8), (uint8_t)number };
	char name[IFNAMSIZ];

	site_enter(site);
	snprintf(name, sizeof(name), "tap%u", number);
	tap_open(tap, name);
	memcpy(tap->mac, mac, 6);
	memcpy(tap->bridge_mac, site->bridge_mac, 6);
	tap->ip = fenced ? 0xa9fe0a0au : REST_RANGE + number;
	site_run("ip link set %s master " REST_BRIDGE " up", name);
	if (fenced)
		return;
	site_run("ip link set " REST_BRIDGE " arp on");
	site_run("ip neigh replace %u.%u.%u.%u lladdr 52:54:00:00:%02x:%02x dev " REST_BRIDGE,
		 tap->ip >> 24, (tap->ip >> 16) & 255, (tap->ip >> 8) & 255, tap->ip & 255,
		 mac[4], mac[5]);
}
