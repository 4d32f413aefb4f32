// SPDX-License-Identifier: GPL-2.0
// Owns what iptables-save says as chains and rules of one packet's concern.

#include <userspace/hostd/filter.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct filter *filter;
	const struct filter_packet *packet;
	bool table;		/* in table filter */
};

/* The next word, a quoted one without its quotes; NULL at the end of the line. */
static char *next_word(char **at)
{
	char *word, *out;
	bool quoted;

	while (**at == ' ')
		++*at;
	if (!**at)
		return NULL;
	quoted = **at == '"';
	*at += quoted;
	for (word = out = *at; **at && **at != (quoted ? '"' : ' '); ++*at) {
		if (quoted && **at == '\\' && (*at)[1])
			++*at;
		*out++ = **at;
	}
	if (**at)
		++*at;
	*out = '\0';
	return word;
}

static enum filter_match match_address(const struct filter_packet *packet, char *value,
				       bool source)
{
	char *slash = strchr(value, '/'), *end = NULL;
	unsigned long prefix = 32;

	if (slash) {
		*slash = '\0';
		prefix = strtoul(slash + 1, &end, 10);
		if (!isdigit((unsigned char)slash[1]) || *end)
			return FILTER_MAYBE;
	}
	return source ? filter_source(packet, value, prefix) :
			filter_target(packet, value, prefix);
}

/* "80", "80:90", "22,80:90" */
static enum filter_match match_ports(const struct filter_packet *packet, char *value)
{
	enum filter_match best = FILTER_NO;
	char *save, *each;

	for (each = strtok_r(value, ",", &save); each; each = strtok_r(NULL, ",", &save)) {
		char *end;
		unsigned long from = strtoul(each, &end, 10), to = from;

		if (*end == ':')
			to = strtoul(end + 1, &end, 10);
		if (*end)
			return FILTER_MAYBE;
		if (filter_port(packet, from, to) > best)
			best = FILTER_YES;
	}
	return best;
}

static enum filter_match match_states(char *value)
{
	enum filter_match best = FILTER_NO;
	char *save, *each;

	for (each = strtok_r(value, ",", &save); each; each = strtok_r(NULL, ",", &save))
		if (filter_state(each) > best)
			best = filter_state(each);
	return best;
}

/* Options that say nothing of the packet. */
static bool is_silent(const char *option)
{
	return !strcmp(option, "-m") || !strcmp(option, "--comment") ||
	       !strcmp(option, "--reject-with") || !strcmp(option, "--log-prefix") ||
	       !strcmp(option, "--log-level");
}

static enum filter_match match_option(const struct filter_packet *packet, const char *option,
				      char *value)
{
	if (!strcmp(option, "-i"))
		return filter_device(packet, value, '+');
	if (!strcmp(option, "-p"))
		return filter_protocol(value);
	if (!strcmp(option, "-s"))
		return match_address(packet, value, true);
	if (!strcmp(option, "-d"))
		return match_address(packet, value, false);
	if (!strcmp(option, "--dport") || !strcmp(option, "--dports"))
		return match_ports(packet, value);
	if (!strcmp(option, "--ctstate") || !strcmp(option, "--state"))
		return match_states(value);
	if (!strcmp(option, "--dst-type"))
		return strcmp(value, "LOCAL") ? FILTER_NO : FILTER_YES;
	return FILTER_MAYBE;
}

static void set_verdict(struct filter_rule *rule, const char *target, bool go)
{
	static const char *const passing[] = {
		"LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "CT", "NOTRACK",
	};

	for (size_t i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		if (!strcmp(target, passing[i]))
			return;
	if (!strcmp(target, "ACCEPT"))
		rule->verdict = FILTER_ACCEPT;
	else if (!strcmp(target, "DROP") || !strcmp(target, "REJECT"))
		rule->verdict = FILTER_DROP;
	else if (!strcmp(target, "RETURN"))
		rule->verdict = FILTER_RETURN;
	else
		rule->verdict = go ? FILTER_GOTO : FILTER_JUMP;
	snprintf(rule->target, sizeof(rule->target), "ip filter %.200s", target);
}

/* Words that are no option are values of one that is not known here. */
static void read_rule(struct reading *r, char *line)
{
	const struct filter_packet *packet = r->packet;
	struct filter_rule *rule;
	char name[280], *word;
	bool not = false;

	word = next_word(&line);
	snprintf(name, sizeof(name), "ip filter %.200s", word ? word : "");
	rule = filter_add(r->filter, filter_chain(r->filter, name));
	while ((word = next_word(&line))) {
		enum filter_match match = FILTER_MAYBE;
		char *value = NULL;

		if (!strcmp(word, "!")) {
			not = true;
			continue;
		}
		if (*word == '-' && line[strspn(line, " ")] != '-')
			value = next_word(&line);
		if (value && (!strcmp(word, "-j") || !strcmp(word, "-g"))) {
			set_verdict(rule, value, word[1] == 'g');
			match = FILTER_YES;
		} else if (is_silent(word)) {
			match = FILTER_YES;
		} else if (value) {
			match = match_option(packet, word, value);
			match = not ? FILTER_YES - match : match;
		}
		not = false;
		if (match < rule->match)
			rule->match = match;
	}
}

/* ":INPUT DROP [0:0]" */
static void read_chain(struct reading *r, char *line)
{
	char name[280], *word = next_word(&line), *policy = next_word(&line);
	struct filter_chain *chain;
	size_t number;

	if (!word || !policy)
		return;
	snprintf(name, sizeof(name), "ip filter %.200s", word);
	number = filter_chain(r->filter, name);
	chain = &r->filter->chains[number];
	chain->input = !strcmp(word, "INPUT");
	chain->drops = !strcmp(policy, "DROP");
}

int filter_read_iptables(struct filter *filter, const struct filter_packet *packet, char *text)
{
	struct reading r = { .filter = filter, .packet = packet };
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (*line == '*')
			r.table = !strcmp(line, "*filter");
		else if (strstr(line, "incompatible"))
			return -EINVAL;
		else if (r.table && *line == ':')
			read_chain(&r, line + 1);
		else if (r.table && !strncmp(line, "-A ", 3))
			read_rule(&r, line + 3);
	}
	return 0;
}
