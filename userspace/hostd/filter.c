// SPDX-License-Identifier: GPL-2.0
// Owns the walk of one packet through a packet filter's chains.

#include <userspace/hostd/filter.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX	16	/* the kernel's own limit of jumps */
#define STEPS_MAX	10000000 /* rules looked at, should chains fan out */

static void *grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	list = reallocarray(list, count ? count * 2 : 1, size);
	if (!list)
		abort();
	return list;
}

size_t filter_chain(struct filter *filter, const char *name)
{
	struct filter_chain *chain;

	for (size_t i = 0; i < filter->chain_count; i++)
		if (!strcmp(filter->chains[i].name, name))
			return i;
	filter->chains = grow(filter->chains, filter->chain_count, sizeof(*filter->chains));
	chain = &filter->chains[filter->chain_count];
	memset(chain, 0, sizeof(*chain));
	snprintf(chain->name, sizeof(chain->name), "%s", name);
	return filter->chain_count++;
}

struct filter_rule *filter_add(struct filter *filter, size_t chain)
{
	struct filter_rule *rule;

	filter->rules = grow(filter->rules, filter->rule_count, sizeof(*filter->rules));
	rule = &filter->rules[filter->rule_count++];
	memset(rule, 0, sizeof(*rule));
	rule->chain = chain;
	rule->match = FILTER_YES;
	return rule;
}

void filter_free(struct filter *filter)
{
	free(filter->chains);
	free(filter->rules);
	memset(filter, 0, sizeof(*filter));
}

struct walk {
	const struct filter *filter;
	bool doubt;		/* something may have let it through already */
	unsigned int steps;
};

static enum filter_verdict walk_chain(struct walk *walk, size_t chain, unsigned int depth);

static enum filter_verdict walk_into(struct walk *walk, const struct filter_rule *rule,
				     unsigned int depth)
{
	const struct filter *filter = walk->filter;

	for (size_t i = 0; i < filter->chain_count; i++)
		if (!strcmp(filter->chains[i].name, rule->target))
			return walk_chain(walk, i, depth + 1);
	walk->doubt = true;
	return FILTER_NEXT;
}

/* What a rule that applies does; FILTER_NEXT: the next rule of the chain has the word. */
static enum filter_verdict apply(struct walk *walk, const struct filter_rule *rule,
				 unsigned int depth)
{
	enum filter_verdict verdict = rule->verdict;

	if (verdict != FILTER_JUMP && verdict != FILTER_GOTO)
		return verdict;
	verdict = walk_into(walk, rule, depth);
	if (verdict == FILTER_RETURN)
		verdict = FILTER_NEXT;
	return verdict == FILTER_NEXT && rule->verdict == FILTER_GOTO ? FILTER_RETURN : verdict;
}

/*
 * A rule that may apply can let the packet through, which is a doubt about any
 * drop that follows. If it drops, we go on as if it did not: such rules are
 * limits and lists of the banned.
 */
static enum filter_verdict walk_chain(struct walk *walk, size_t chain, unsigned int depth)
{
	const struct filter *filter = walk->filter;

	if (depth > DEPTH_MAX) {
		walk->doubt = true;
		return FILTER_NEXT;
	}
	for (size_t i = 0; i < filter->rule_count; i++) {
		const struct filter_rule *rule = &filter->rules[i];
		enum filter_verdict verdict;

		if (++walk->steps > STEPS_MAX) {
			walk->doubt = true;
			return FILTER_NEXT;
		}
		if (rule->chain != chain || rule->match == FILTER_NO)
			continue;
		verdict = apply(walk, rule, depth);
		if (rule->match == FILTER_YES && verdict != FILTER_NEXT)
			return verdict;
		if (verdict == FILTER_ACCEPT || verdict == FILTER_RETURN)
			walk->doubt = true;
	}
	return FILTER_NEXT;
}

int filter_walk(const struct filter *filter, size_t chain)
{
	struct walk walk = { .filter = filter };
	enum filter_verdict verdict = walk_chain(&walk, chain, 0);

	if (verdict != FILTER_ACCEPT && verdict != FILTER_DROP)
		verdict = filter->chains[chain].drops ? FILTER_DROP : FILTER_ACCEPT;
	if (verdict == FILTER_ACCEPT)
		return 0;
	return walk.doubt ? -EAGAIN : 1;
}

/* --- what the packet is --- */

enum filter_match filter_device(const struct filter_packet *packet, const char *pattern, char any)
{
	size_t length = strlen(pattern);

	if (length && pattern[length - 1] == any)
		return strncmp(packet->device, pattern, length - 1) ? FILTER_NO : FILTER_YES;
	return strcmp(packet->device, pattern) ? FILTER_NO : FILTER_YES;
}

enum filter_match filter_protocol(const char *name)
{
	return !strcmp(name, "tcp") || !strcmp(name, "6") || !strcmp(name, "all") ?
		FILTER_YES : FILTER_NO;
}

enum filter_match filter_port(const struct filter_packet *packet, unsigned long from,
			      unsigned long to)
{
	return packet->port >= from && packet->port <= to ? FILTER_YES : FILTER_NO;
}

static uint32_t mask(unsigned long prefix)
{
	return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

/* Whose address is in [address/prefix]: all, some, none of [base/length]. */
static enum filter_match contains(const char *address, unsigned long prefix, uint32_t base,
				  unsigned int length)
{
	struct in_addr in;

	if (prefix > 32 || inet_pton(AF_INET, address, &in) != 1)
		return FILTER_MAYBE;
	if ((ntohl(in.s_addr) ^ base) & mask(prefix < length ? prefix : length))
		return FILTER_NO;
	return prefix <= length ? FILTER_YES : FILTER_MAYBE;
}

enum filter_match filter_source(const struct filter_packet *packet, const char *address,
				unsigned long prefix)
{
	return contains(address, prefix, packet->config->base, packet->config->prefix);
}

enum filter_match filter_target(const struct filter_packet *packet, const char *address,
				unsigned long prefix)
{
	const struct in_addr *ours = packet->config->address;
	enum filter_match first = contains(address, prefix, ntohl(ours[0].s_addr), 32);

	if (!ours[1].s_addr || contains(address, prefix, ntohl(ours[1].s_addr), 32) == first)
		return first;
	return FILTER_MAYBE;
}

enum filter_match filter_state(const char *name)
{
	return strcasecmp(name, "new") ? FILTER_NO : FILTER_YES;
}
