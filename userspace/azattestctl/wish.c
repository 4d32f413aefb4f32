// SPDX-License-Identifier: GPL-2.0
// Owns what "vm add" and "vm bind" are asked to do for one VM: options that become a body of JSON.

#include "vm.h"

#include <getopt.h>

/* False after one line: only UTF-8 can travel. */
static bool add_text(struct vm_wish *w, const char *key, const char *text)
{
	if (!json_object_set_new(w->body, key, json_string(text)))
		return true;
	say("%s: --%s: is no UTF-8", w->command, key);
	return false;
}

static bool add_number(struct vm_wish *w, const char *key, const char *option, const char *text)
{
	uint32_t number;

	if (!arguments_u32(w->command, option, text, &number))
		return false;
	json_object_set_new(w->body, key, json_integer(number));
	return true;
}

static bool take(struct vm_wish *w, int option)
{
	switch (option) {
	case 'u':
		w->uuid = optarg;
		return true;
	case 't':
		return add_text(w, "tap", optarg);
	case 'n':
		return add_text(w, "name", optarg);
	case 'p':
		return add_text(w, "profile", optarg);
	case 'i':
		return add_number(w, "pid", "--pid", optarg);
	case 'c':
		return add_number(w, "cid", "--cid", optarg);
	case 'j':
		w->as_json = true;
		return true;
	case 'a':
		w->all = true;
		return true;
	default:
		return false;
	}
}

bool wish_read(struct vm_wish *w, int argc, char **argv, const struct option *table)
{
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1)
		if (!take(w, c))
			return false;
	return true;
}
