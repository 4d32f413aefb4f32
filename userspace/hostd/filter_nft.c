// SPDX-License-Identifier: GPL-2.0
// Owns what nft says, in JSON, as chains and rules of one packet's concern.

#include <userspace/hostd/filter.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* What a rule asks of the packet. */
enum asks { DEVICE, PROTOCOL, PORT, SOURCE, TARGET, STATE, STATUS, FAMILY, KIND, OTHER, NEVER };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static enum asks asks_meta(const char *key)
{
	if (!strcmp(key, "iifname") || !strcmp(key, "iif"))
		return DEVICE;
	if (!strcmp(key, "l4proto"))
		return PROTOCOL;
	return !strcmp(key, "nfproto") || !strcmp(key, "protocol") ? FAMILY : OTHER;
}

/* A field of another protocol is one that our packet does not have. */
static enum asks asks_payload(const char *protocol, const char *field)
{
	if (!strcmp(protocol, "tcp") || !strcmp(protocol, "th"))
		return !strcmp(field, "dport") ? PORT : OTHER;
	if (strcmp(protocol, "ip"))
		return *protocol && strcmp(protocol, "ether") ? NEVER : OTHER;
	if (!strcmp(field, "saddr"))
		return SOURCE;
	if (!strcmp(field, "daddr"))
		return TARGET;
	return !strcmp(field, "protocol") ? PROTOCOL : OTHER;
}

static enum asks what_asks(const json_t *left)
{
	const json_t *part;

	part = json_object_get(left, "meta");
	if (part)
		return asks_meta(text_of(part, "key"));
	part = json_object_get(left, "payload");
	if (part)
		return asks_payload(text_of(part, "protocol"), text_of(part, "field"));
	part = json_object_get(left, "ct");
	if (part && !strcmp(text_of(part, "key"), "state"))
		return STATE;
	if (part && !strcmp(text_of(part, "key"), "status"))
		return STATUS;
	part = json_object_get(left, "fib");
	return part && !strcmp(text_of(part, "result"), "type") ? KIND : OTHER;
}

/* One number or word, as nft has it. */
static enum filter_match match_word(const struct filter_packet *packet, enum asks asks,
				    const char *word)
{
	if (*word == '@')
		return FILTER_MAYBE;
	switch (asks) {
	case DEVICE:
		return filter_device(packet, word, '*');
	case PROTOCOL:
		return filter_protocol(word);
	case SOURCE:
		return filter_source(packet, word, 32);
	case TARGET:
		return filter_target(packet, word, 32);
	case STATE:
		return filter_state(word);
	case STATUS:
		return !strcmp(word, "dnat") || !strcmp(word, "snat") ? FILTER_NO : FILTER_MAYBE;
	case FAMILY:
		return !strcmp(word, "ipv4") || !strcmp(word, "ip") ? FILTER_YES : FILTER_NO;
	case KIND:
		return !strcmp(word, "local") ? FILTER_YES : FILTER_NO;
	default:
		return FILTER_MAYBE;
	}
}

static enum filter_match match_number(const struct filter_packet *packet, enum asks asks,
				      unsigned long from, unsigned long to)
{
	if (asks == PORT)
		return filter_port(packet, from, to);
	if (asks == PROTOCOL)
		return from <= 6 && to >= 6 ? FILTER_YES : FILTER_NO;
	return FILTER_MAYBE;
}

static enum filter_match match_prefix(const struct filter_packet *packet, enum asks asks,
				      const json_t *prefix)
{
	json_int_t length = json_integer_value(json_object_get(prefix, "len"));

	if (length < 0 || length > 32)
		return FILTER_MAYBE;
	if (asks == SOURCE)
		return filter_source(packet, text_of(prefix, "addr"), (unsigned long)length);
	if (asks == TARGET)
		return filter_target(packet, text_of(prefix, "addr"), (unsigned long)length);
	return FILTER_MAYBE;
}

static enum filter_match match_value(const struct filter_packet *packet, enum asks asks,
				     const json_t *right);

static enum filter_match match_any(const struct filter_packet *packet, enum asks asks,
				   const json_t *list)
{
	enum filter_match best = FILTER_NO;
	json_t *each;
	size_t i;

	json_array_foreach(list, i, each) {
		enum filter_match match = match_value(packet, asks, each);

		if (match > best)
			best = match;
	}
	return best;
}

static enum filter_match match_value(const struct filter_packet *packet, enum asks asks,
				     const json_t *right)
{
	const json_t *part;

	if (asks == NEVER)
		return FILTER_NO;
	if (json_is_string(right))
		return match_word(packet, asks, json_string_value(right));
	if (json_is_integer(right))
		return match_number(packet, asks, (unsigned long)json_integer_value(right),
				    (unsigned long)json_integer_value(right));
	if (json_is_array(right))
		return match_any(packet, asks, right);
	part = json_object_get(right, "set");
	if (part)
		return json_is_array(part) ? match_any(packet, asks, part) :
					     match_value(packet, asks, part);
	part = json_object_get(right, "range");
	if (json_is_integer(json_array_get(part, 0)) && json_is_integer(json_array_get(part, 1)))
		return match_number(packet, asks,
				    (unsigned long)json_integer_value(json_array_get(part, 0)),
				    (unsigned long)json_integer_value(json_array_get(part, 1)));
	part = json_object_get(right, "prefix");
	return part ? match_prefix(packet, asks, part) : FILTER_MAYBE;
}

static enum filter_match match_statement(const struct filter_packet *packet, const json_t *match)
{
	enum asks asks = what_asks(json_object_get(match, "left"));
	enum filter_match answer = match_value(packet, asks, json_object_get(match, "right"));
	const char *op = text_of(match, "op");

	if (asks == NEVER || !strcmp(op, "==") || !strcmp(op, "in"))
		return answer;
	return !strcmp(op, "!=") ? FILTER_YES - answer : FILTER_MAYBE;
}

struct reading {
	struct filter *filter;
	const struct filter_packet *packet;
	size_t chain;
	char table[140];		/* "inet filter" */
	enum filter_match match;	/* of this rule so far */
};

static void add(struct reading *r, enum filter_match match, enum filter_verdict verdict,
		const char *target)
{
	struct filter_rule *rule = filter_add(r->filter, r->chain);

	rule->match = match < r->match ? match : r->match;
	rule->verdict = verdict;
	snprintf(rule->target, sizeof(rule->target), "%s %.130s", r->table, target);
}

/* True if the statement is a verdict. */
static bool take_verdict(struct reading *r, const json_t *statement, enum filter_match match)
{
	const json_t *jump = json_object_get(statement, "jump");
	const json_t *go = json_object_get(statement, "goto");

	if (json_object_get(statement, "accept"))
		add(r, match, FILTER_ACCEPT, "");
	else if (json_object_get(statement, "drop") || json_object_get(statement, "reject"))
		add(r, match, FILTER_DROP, "");
	else if (json_object_get(statement, "return"))
		add(r, match, FILTER_RETURN, "");
	else if (jump)
		add(r, match, FILTER_JUMP, text_of(jump, "target"));
	else if (go)
		add(r, match, FILTER_GOTO, text_of(go, "target"));
	else
		return false;
	return true;
}

/* A rule for each pair; a map by name cannot be read here, and may do anything. */
static void take_map(struct reading *r, const json_t *map)
{
	const json_t *set = json_object_get(json_object_get(map, "data"), "set");
	enum asks asks = what_asks(json_object_get(map, "key"));
	json_t *pair;
	size_t i;

	if (!json_is_array(set))
		add(r, FILTER_MAYBE, FILTER_ACCEPT, "");
	json_array_foreach(set, i, pair) {
		enum filter_match match = match_value(r->packet, asks, json_array_get(pair, 0));

		take_verdict(r, json_array_get(pair, 1), match);
	}
}

static bool changes_nothing(const json_t *statement)
{
	static const char *const known[] = { "counter", "log", "comment", "mangle", "notrack" };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (json_object_get(statement, known[i]))
			return true;
	return false;
}

static void take_statement(struct reading *r, const json_t *statement)
{
	const json_t *match = json_object_get(statement, "match");
	const json_t *map = json_object_get(statement, "vmap");
	enum filter_match answer = FILTER_MAYBE;

	if (map) {
		take_map(r, map);
		return;
	}
	if (json_object_get(statement, "xt"))
		r->filter->chains[r->chain].unread = true;
	else if (take_verdict(r, statement, FILTER_YES) || changes_nothing(statement))
		return;
	if (match)
		answer = match_statement(r->packet, match);
	if (answer < r->match)
		r->match = answer;
}

static size_t name_chain(struct reading *r, const json_t *object, const char *key)
{
	char name[280];

	snprintf(r->table, sizeof(r->table), "%.8s %.130s", text_of(object, "family"),
		 text_of(object, "table"));
	snprintf(name, sizeof(name), "%s %.130s", r->table, text_of(object, key));
	return filter_chain(r->filter, name);
}

static void take_rule(struct reading *r, const json_t *rule)
{
	json_t *statement;
	size_t i;

	r->chain = name_chain(r, rule, "chain");
	r->match = FILTER_YES;
	json_array_foreach(json_object_get(rule, "expr"), i, statement)
		take_statement(r, statement);
}

static void take_chain(struct reading *r, const json_t *object)
{
	size_t number = name_chain(r, object, "name");
	struct filter_chain *chain = &r->filter->chains[number];
	const char *family = text_of(object, "family");

	chain->input = !strcmp(text_of(object, "hook"), "input") &&
		       (!strcmp(family, "ip") || !strcmp(family, "inet"));
	chain->drops = !strcmp(text_of(object, "policy"), "drop");
}

int filter_read_nft(struct filter *filter, const struct filter_packet *packet,
		    const char *text, size_t size)
{
	struct reading r = { .filter = filter, .packet = packet };
	json_t *root = json_loadb(text, size, 0, NULL), *list, *each;
	size_t i;

	list = json_object_get(root, "nftables");
	if (!json_is_array(list)) {
		json_decref(root);
		return -EINVAL;
	}
	json_array_foreach(list, i, each) {
		if (json_object_get(each, "chain"))
			take_chain(&r, json_object_get(each, "chain"));
		if (json_object_get(each, "rule"))
			take_rule(&r, json_object_get(each, "rule"));
	}
	json_decref(root);
	return 0;
}
