// SPDX-License-Identifier: GPL-2.0
// Owns the name rule: equal, or ends at a label's border.
#include <string.h>
#include <strings.h>

#include "lib.h"

#define NAME_MAX_LEN	253

/* Letters, digits, hyphens, dots, no empty label: no NUL, no wildcard. */
bool name_valid(const char *name, size_t len)
{
	size_t i;

	if (len < 1 || len > NAME_MAX_LEN || name[len - 1] == '.')
		return false;
	for (i = 0; i < len; i++) {
		bool dot = name[i] == '.';
		bool alnum = (name[i] >= '0' && name[i] <= '9') ||
			     (name[i] >= 'a' && name[i] <= 'z') ||
			     (name[i] >= 'A' && name[i] <= 'Z');

		if (!dot && !alnum && name[i] != '-')
			return false;
		if (dot && (i == 0 || name[i - 1] == '.'))
			return false;
	}
	return true;
}

/*
 * ".example.net" fits "a.example.net" and "b.a.example.net", but neither
 * "example.net" nor "evilexample.net" nor "a.example.net.evil".
 */
bool name_match(const char *rule, const char *name, size_t len)
{
	size_t rule_len = strlen(rule);

	if (!name_valid(name, len))
		return false;
	if (rule[0] != '.')
		return len == rule_len && !strncasecmp(rule, name, len);
	return len > rule_len &&
	       !strncasecmp(rule, name + len - rule_len, rule_len);
}
