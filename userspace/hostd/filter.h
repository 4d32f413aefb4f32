/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet filter as far as one packet sees it: a guest's first one, TCP, to the
 * port, by way of the bridge.
 *
 *   filter.c           chains and rules, the walk, what the packet is
 *   filter_nft.c       from "nft -j -t list ruleset"
 *   filter_iptables.c  from "iptables-save"
 *   firewall.c         runs these programs; advice
 */
#ifndef AZATTEST_HOSTD_FILTER_H
#define AZATTEST_HOSTD_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <userspace/hostd/net.h>

/* In this order: both of two is the smaller one, either is the larger. */
enum filter_match { FILTER_NO, FILTER_MAYBE, FILTER_YES };

enum filter_verdict {
	FILTER_NEXT, FILTER_ACCEPT, FILTER_DROP, FILTER_RETURN, FILTER_JUMP, FILTER_GOTO,
};

struct filter_packet {
	const char *device;
	uint16_t port;
	const struct net_config *config;
};

struct filter_rule {
	size_t chain;
	enum filter_match match;
	enum filter_verdict verdict;
	char target[280];	/* of JUMP and GOTO: a chain's name */
};

struct filter_chain {
	char name[280];		/* "inet filter input" */
	bool input;		/* the kernel begins here with what comes in */
	bool drops;		/* its policy */
	bool unread;		/* has rules in another program's language */
};

struct filter {
	struct filter_chain *chains;
	size_t chain_count;
	struct filter_rule *rules;
	size_t rule_count;
};

/* The chain of that name, made if it is new. */
size_t filter_chain(struct filter *filter, const char *name);
struct filter_rule *filter_add(struct filter *filter, size_t chain);
void filter_free(struct filter *filter);

/*
 * From one chain that is input: 0 the packet gets through, 1 it is dropped,
 * -EAGAIN: that hangs on what is not known here.
 */
int filter_walk(const struct filter *filter, size_t chain);

enum filter_match filter_device(const struct filter_packet *packet, const char *pattern,
				char any);
enum filter_match filter_protocol(const char *name);
enum filter_match filter_port(const struct filter_packet *packet, unsigned long from,
			      unsigned long to);
enum filter_match filter_source(const struct filter_packet *packet, const char *address,
				unsigned long prefix);
enum filter_match filter_target(const struct filter_packet *packet, const char *address,
				unsigned long prefix);
/* A state of connection tracking: ours is new. */
enum filter_match filter_state(const char *name);

/* 0, or -EINVAL: it is not what such a program prints. */
int filter_read_nft(struct filter *filter, const struct filter_packet *packet,
		    const char *text, size_t size);
/* Table filter alone; its chains are named "ip filter NAME". */
int filter_read_iptables(struct filter *filter, const struct filter_packet *packet, char *text);

#endif
