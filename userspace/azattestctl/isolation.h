/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of "azattestctl selftest isolation": attempts to get what only a VM may
 * get, made by who is none. Nothing on the host is changed but for a pair of
 * interfaces that live in a namespace of this process, and die with it.
 *
 *   isolation.c        the command: the attempts, and whether the host is as before
 *   isolation_vsock.c  attempts at the vsock door and at /dev/azattest
 *   isolation_rest.c   attempts at the REST door
 *   isolation_wire.c   a namespace with a cable to the bridge
 */
#ifndef AZATTESTCTL_ISOLATION_H
#define AZATTESTCTL_ISOLATION_H

#include "ctl.h"

#include <netinet/in.h>

/* How long an attempt waits to hear something. */
#define ISOLATION_PATIENCE_MS	2000

/* What is known of this host before the first attempt. */
struct isolation {
	const char *device;		/* /dev/azattest */
	unsigned int port;		/* of vsock */
	bool rest;			/* the REST door is open, here: */
	char bridge[16];
	struct sockaddr_in door;
	struct in_addr slot;		/* the first slot's address */
};

enum outcome {
	OUTCOME_PASS,	/* got nothing */
	OUTCOME_FAIL,	/* got something */
	OUTCOME_SKIP,	/* could not be tried */
};

/* One line: what happened. */
struct said {
	char text[300];
};

enum outcome said(struct said *said, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* isolation_vsock.c */
enum outcome isolation_loopback(const struct isolation *host, struct said *line);
enum outcome isolation_forged_cid(const struct isolation *host, struct said *line);
enum outcome isolation_device(const struct isolation *host, struct said *line);

/* isolation_rest.c */
enum outcome isolation_process(const struct isolation *host, struct said *line);
enum outcome isolation_foreign_port(const struct isolation *host, struct said *line);
enum outcome isolation_stolen_slot(const struct isolation *host, struct said *line);

/*
 * isolation_wire.c: moves this process into a namespace of its own with an interface that has
 * @address; its other end is a port of @bridge, and there is an entry for @peer
 * with the bridge's MAC. 0, or -errno and *@what was tried.
 */
struct wire {
	struct nl_sock *host;	/* a socket of the host's namespace */
	char port[16];		/* the host's end */
};

int wire_open(struct wire *wire, const char *bridge, struct in_addr address, struct in_addr peer,
	      const char **what);
void wire_close(struct wire *wire);
/* Packets that arrived at the host's end; -1: it cannot be told. */
long long wire_received(const struct wire *wire);

#endif
