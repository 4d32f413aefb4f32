/* SPDX-License-Identifier: GPL-2.0 */
/* Generic netlink family "azattest" from a test's side: raw messages and answers. */
#ifndef SELFTESTS_NETLINK_CLIENT_H
#define SELFTESTS_NETLINK_CLIENT_H

#include <linux/azattest_netlink.h>
#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <selftests/device/rig.h>

struct client {
	struct nl_sock *sock;
	int family;
	int group;		/* of events */
	char sentence[256];	/* extended ack of the last call, or "" */
};

/* 0, -ENOENT if there is no such family here, or another -errno. */
int client_open(struct client *c);
void client_close(struct client *c);

/* Breaks the promise if it cannot. */
void client_need(struct client *c);

/* A request under way: attributes are added to it with libnl's nla_put. */
struct nl_msg *client_msg(struct client *c, int command, int flags);

typedef void (*client_fn)(struct nlattr **attrs, void *arg);

/*
 * Sends (and frees) the request; calls fn for each message of the answer, with
 * the attributes 1..max that it has. 0 when all has come, or what the kernel
 * said as -errno.
 */
int client_call(struct client *c, struct nl_msg *msg, int max, client_fn fn, void *arg);

/* ---- the commands ---- */

struct client_status {
	char version[32];
	uint32_t signer_protocol, listener, host_state, signers, bindings, grants;
	uint32_t connections, queued, inflight;
	uint64_t signer_generation;
	unsigned int seen;	/* bit n: attribute n was there */
	unsigned int counters, limits;
	struct {
		char name[48];
		uint64_t value;
	} counter[128];
	struct {
		char name[48];
		uint32_t value, min, max;
	} limit[64];
};

int client_status(struct client *c, struct client_status *s);

/* A counter's value; breaks the promise if there is none of that name. */
uint64_t client_counter(struct client *c, const char *name);

int client_limit_set(struct client *c, const char *name, uint32_t value);

/* NULL and 0 leave the optional attributes out. */
int client_grant_add(struct client *c, uint32_t number, uint32_t uid, const char *name,
		     const char *profile, uint32_t cid);
int client_grant_del(struct client *c, uint32_t number);
int client_binding_end(struct client *c, uint32_t number);

struct client_binding {
	unsigned int seen;	/* bit n: attribute n was there */
	uint8_t uuid[16];
	uint64_t generation, netns, requests, answered, refused;
	char name[AZATTEST_NAME_LEN], profile[AZATTEST_PROFILE_LEN];
	uint32_t cid, pid, connections, attached, last_transport;
	uint64_t last_asked;
};

int client_binding(struct client *c, uint32_t number, struct client_binding *b);
void client_binding_from(struct nlattr **attrs, void *binding);

/* ---- events ---- */

struct client_event {
	unsigned int seen;	/* bit n: attribute n was there */
	uint32_t kind, cid, pid, uid;
	uint8_t uuid[16];
	uint64_t generation;
	char reason[64];
};

/* Joins the group; -errno. */
int client_listen(struct client *c);

/* The next event of that kind and, unless number is 0, of that VM. */
void client_need_event(struct client *c, uint32_t kind, uint32_t number,
		       struct client_event *e);

/* Any event within the time? */
bool client_event(struct client *c, struct client_event *e, int timeout_ms);

#endif /* SELFTESTS_NETLINK_CLIENT_H */
