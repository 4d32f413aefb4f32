/* SPDX-License-Identifier: GPL-2.0 */
/* A host's network to try things on: a namespace of the promise's own. */
#ifndef SELFTESTS_HOSTNET_H
#define SELFTESTS_HOSTNET_H

#include <selftests/lib/tap.h>
#include <userspace/hostd/net.h>

#define BASE	0xc6120000	/* 198.18.0.0 */

struct hostnet {
	struct net *net;
	struct net_config config;
	struct failure failure;
	unsigned int repaired;
};

/* For main(): modules, and what the whole program needs. */
void hostnet_begin(void);
/* An empty namespace; net_open() with what a host has by default. */
void hostnet_enter(struct hostnet *host);
/* The same, and net_up(). */
void hostnet_enter_up(struct hostnet *host);
/* Shell: must succeed; whether it does; its output, to be freed. */
void hostnet_sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool hostnet_can(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *hostnet_read(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* net_up() that must succeed; what it repaired. */
unsigned int hostnet_up(struct hostnet *host);
/* A new tap; its ifindex. */
unsigned int hostnet_tap(struct hostnet *host, const char *name);
/* net_port_join() that must succeed; what it repaired. */
unsigned int hostnet_join(struct hostnet *host, unsigned int ifindex);
/* All that `ip` and sysctl say, but for counters and indexes. To be freed. */
char *hostnet_picture(void);
/* Whether they are the same; says where not. */
bool hostnet_same(const char *before, const char *after);

#endif
