/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host and its guests, all network namespaces of one test: a bridge, taps
 * (veth), guests that all have the same address and the same MAC, a fence, and
 * a server in a cgroup of its own. All of it ends with the process.
 */
#ifndef SELFTESTS_FENCE_WORLD_H
#define SELFTESTS_FENCE_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <selftests/lib/tap.h>
#include <userspace/fence/fence.h>

#define WORLD_SERVICE	"169.254.169.253"
#define WORLD_GUEST	"169.254.7.7"
#define WORLD_BASE	0xc6120000u	/* 198.18.0.0 */
#define WORLD_SLOTS	8192
#define WORLD_PORT	80

struct guest {
	unsigned int number;	/* tap1 and slot 1 for guest 1 */
	int netns;
};

extern struct fence *world;

/* Once for the program, before the promises: own mounts. Skips if it cannot be. */
void world_prepare(void);
void world_end(void);

/* A new host: network namespace, bridge br0 with the fence, cgroup; no server. */
void world_open(void);
/* fence_open() with the world's configuration. */
bool world_adopt(void);
void world_bridge(void);
void world_bridge_make(void);
unsigned int world_ifindex(const char *name);

struct guest guest_make(unsigned int number);
/* Its tap, anew: after it was deleted, too. */
void guest_plug(const struct guest *guest);
int guest_enrol(const struct guest *guest);
/* A command in the guest's namespace. */
void guest_sh(const struct guest *guest, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A socket of the guest's, in the test's own hands. */
int guest_socket(const struct guest *guest, int domain, int type, int protocol);

/* A shell command; must succeed. */
void sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Listens on @address:@port in the cgroup; tells each client what its address
 * seems to be (4 bytes), then sends back what it gets. The fence has its socket.
 */
pid_t server_start(const char *address, uint16_t port);

/* Connects without waiting; the socket. */
int client_begin(int sock);
/* A socket that has got through, and what the server calls it. */
int client_need(const struct guest *guest, uint32_t *seen);
/* Sends a byte, and gets it back. */
void client_echo(int sock);
/* Sends several segments at once, and gets them back. */
void client_bulk(int sock);
/* 0: connected, else the errno with which it ended, refused or given up. */
int client_end(int sock);
/* Through, seen as its slot. */
void need_through(const struct guest *guest);
/* A SYN and its repetition: no answer to either. */
void need_silence(const struct guest *guest);

uint64_t world_drops(unsigned int reason);
uint64_t slot_drops(unsigned int slot, unsigned int reason);

#endif
