/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of the bench of the REST door.
 *
 *   rest-main.c    which measurements, in which order
 *   rest-http.c    HTTP: fenced and open, restd and nginx, in turns
 *   rest-packets.c packets: programs, and the whole receive path
 *   rest-crowd.c   many enrolled taps: time and memory
 *   rest-flood.c   one VM floods, another one asks politely
 *   rest-site.c    a host's network of its own: namespace, bridge, taps
 *   rest-door.c    who answers there: fence, restd, and hostd's part for them
 *   rest-module.c  in place of the module: answers frames at once
 *   rest-nginx.c   what one would write: nginx, and a signer behind it
 *   rest-tap.c     a VM's network card: frames of TCP through a tap
 *   rest-client.c  a VM's HTTP client, on top of that
 *   stats.c        medians, percentiles
 *   table.c        goals, and whether they are met
 *
 * A VM is a tap and the little of TCP that a client needs, so that next to all
 * that is counted is the host's work: what a VM's kernel does is no host's.
 */
#ifndef SELFTESTS_SPEED_REST_H
#define SELFTESTS_SPEED_REST_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <selftests/speed/bench.h>

#define REST_SERVICE	0xa9fea9fdu	/* 169.254.169.253 */
#define REST_RANGE	0xc6120000u	/* 198.18.0.0/19 */
#define REST_SLOTS	8192
#define REST_PORT	80
#define REST_BRIDGE	"azbench"

/* ---- rest-tap.c ---- */

#define TAP_FIN	0x01
#define TAP_SYN	0x02
#define TAP_RST	0x04
#define TAP_PSH	0x08
#define TAP_ACK	0x10

struct tap {
	int fd;
	char name[IFNAMSIZ];
	uint8_t mac[6], bridge_mac[6];
	uint32_t ip;			/* the VM's own, host order */
};

/* A segment as it goes or came; addresses are the tap's. */
struct segment {
	uint16_t port;			/* the VM's */
	uint32_t seq, ack;
	uint8_t flags;
	const void *data;		/* received: valid until the next call */
	uint32_t length;
};

/* In the network namespace of the caller. */
void tap_open(struct tap *tap, const char *name);
void tap_send(const struct tap *tap, const struct segment *segment);
/* False: nothing is there. What is not TCP from the service is passed over. */
bool tap_receive(const struct tap *tap, struct segment *segment);
/* An Ethernet frame, as a VM would send it; returns its length. */
size_t tap_frame(const struct tap *tap, const struct segment *segment, void *frame);

/* ---- rest-site.c ---- */

struct site {
	int netns;
	unsigned int bridge;
	uint8_t bridge_mac[6];
};

/* Runs a command of ip or nft in the caller's namespace; ends the bench if it fails. */
void site_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* This process, and those that it starts, on one processor. */
void site_pin(void);
/* A network namespace with a bridge that has the service address. The caller is in it. */
void site_open(struct site *site);
void site_enter(const struct site *site);
/*
 * VM @number (from 1) on it. @fenced: an address that any VM may have; else
 * that of slot @number, which the bridge is told where to find.
 */
void site_add_vm(const struct site *site, struct tap *tap, unsigned int number, bool fenced);

/* ---- rest-door.c ---- */

struct fence;

struct door {
	const struct site *site;
	struct fence *fence;		/* NULL: none */
	int listener, session;
	int socket;			/* restd's, to be steered to */
};

/* Once, first of all: @run becomes a folder of the bench's own. */
void door_base(const char *programs, const char *tests, const char *run);
const char *door_tests(void);
const char *door_run(void);
void door_clean_up(void);
uint64_t door_softirq_ns(void);
/* Until somebody listens on port 80 of the caller's namespace. */
void door_wait_port(void);

/* The fence alone, around the site's bridge, with a limit that nobody reaches. */
struct fence *door_open_fence(const struct site *site);
void door_enrol(struct fence *fence, const struct tap *tap, unsigned int slot,
		const uint8_t uuid[16]);

/* restd on a site; @fenced: behind the fence. Then grants, then one sync. */
void door_open(struct door *door, const struct site *site, bool fenced);
/* The VM of that slot; @file: of /dev/azattest, or module_start()'s. */
void door_grant(struct door *door, const struct tap *tap, unsigned int slot, int file);
void door_sync(struct door *door);
/* Binds further VMs and attaches a file to each, as hostd does; @generations: NULL or theirs. */
void door_attach(int *files, unsigned long long *generations, unsigned int count);
/* Of fences that are opened from now on; else nobody reaches the limit. */
void door_limit_syns(uint32_t rate, uint32_t burst);

/* ---- rest-http.c ---- */

void http_native(unsigned int repeats);
void http_host(unsigned int repeats);
void http_sign(unsigned int repeats);

/* ---- rest-packets.c, rest-crowd.c ---- */

void packets_native(unsigned int rounds);
void crowd_native(unsigned int rounds);

/* ---- rest-flood.c ---- */

void flood_host(unsigned int rounds);

/* ---- rest-nginx.c ---- */

/* In the caller's namespace; @folder: for configuration and sockets. */
void nginx_start(const char *tests, const char *folder);

/* ---- rest-module.c ---- */

/* A process that answers @count files as the module would with a null signer. */
void module_start(int *files, unsigned int count);

/* ---- rest-client.c ---- */

#define CLIENT_CONNECTIONS_MAX	16
#define CLIENT_REQUEST_MAX	512
#define CLIENT_REPLY_MAX	16384

enum client_state { CLIENT_CLOSED, CLIENT_SYN_SENT, CLIENT_OPEN, CLIENT_CLOSING };

struct connection {
	enum client_state state;
	uint16_t port;
	uint32_t seq, ack;
	bool unacknowledged;
	bool asked;
	uint32_t have;
	uint64_t since;
	char reply[CLIENT_REPLY_MAX];
};

struct rest_client {
	struct tap tap;
	struct connection connection[CLIENT_CONNECTIONS_MAX];
	unsigned int connections;
	uint16_t last_port;
	uint32_t nonce;
	unsigned int left;		/* requests still to be sent in this block */
	unsigned int open;		/* sent and not answered */
};

/* What is asked; each %08x of @path becomes a nonce. */
struct ask {
	const char *path;
	bool keep;			/* one connection for many requests */
	const char *want;		/* a text that a good body has */
	unsigned int *refused;		/* 429 and 410 count here; NULL: they end the bench */
};

/*
 * All clients ask `each` times on each of `connections` connections; time from
 * the first question to the last answer. @latency: room for all of them.
 */
struct block rest_clients_run(struct rest_client *clients, unsigned int count,
			      unsigned int connections, unsigned int each,
			      const struct ask *ask, uint32_t *latency);

#endif
