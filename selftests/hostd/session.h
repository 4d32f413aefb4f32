/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The real rest.c, drain.c and slot.c of azattest-hostd, what they call as tests
 * want it, and the other side of the session: restd, which a test plays.
 */
#ifndef SELFTESTS_HOSTD_SESSION_H
#define SELFTESTS_HOSTD_SESSION_H

#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>

#define SESSION_SLOTS	8u

extern struct hostd hostd;
extern struct rest *rest;	/* hostd's */
extern struct failure failure;
extern char session_run[];	/* the folder of the socket */

/* What is called, and what it says. */
extern struct session_fake {
	int destroy;		/* what net_destroy_sockets() says */
	int withdraw;		/* what fence_withdraw() says */
	unsigned int destroyed, withdrawn, cleared, sockets;
	unsigned int peers;	/* of the last net_destroy_sockets(): a bit for each slot */
	int own_cgroup;
	uint64_t socket_cgroup;	/* 0: cannot be told; its process's is 5 */
	unsigned int factless;	/* slot of a VM without facts; 0: none */
} fake;

/* For main(), as root: tap_main(), and the folder is gone after it. */
int session_main(const struct tap_test *tests, size_t count, int argc, char **argv);

/* hostd listens, with a fence and without VMs. */
void session_open(void);
/* A connection of restd. */
int session_dial(void);
/* hostd does what there is to do. */
void session_turn(void);
/* A socket for HELLO. */
int session_tcp(int type, bool listens);
void session_hello(int fd, int sock);
void session_say(int fd, uint32_t kind, unsigned int slot, uint64_t generation);
/* The next message's kind; 0: end of file; negative: none. */
int session_hear(int fd, struct restlink *message);
void session_need_heard(int fd, int kind);
/* hostd hangs up, and tells why in its status. */
void session_need_refused(int fd, const char *why);
/* A bound VM that has that slot. */
struct vm session_vm(unsigned int slot);
/* A session that has been told of all VMs; its connection. */
int session_begin(void);

#endif
