// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl bindings" and "unbind": which VMs have an identity now.

#include "module.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <uuid/uuid.h>

static const struct field fields[] = {
	{ AZATTEST_BINDING_A_UUID, FIELD_UUID, "uuid" },
	{ AZATTEST_BINDING_A_NAME, FIELD_TEXT, "name" },
	{ AZATTEST_BINDING_A_CID, FIELD_NUMBER, "cid" },
	{ AZATTEST_BINDING_A_GENERATION, FIELD_NUMBER, "generation" },
	{ AZATTEST_BINDING_A_PID, FIELD_NUMBER, "pid" },
	{ AZATTEST_BINDING_A_PROFILE, FIELD_TEXT, "profile" },
	{ AZATTEST_BINDING_A_NETNS, FIELD_NUMBER, "netns" },
	{ AZATTEST_BINDING_A_LIFE, FIELD_FLAG, "life" },
	{ AZATTEST_BINDING_A_CONNECTIONS, FIELD_NUMBER, "connections" },
	{ AZATTEST_BINDING_A_ATTACHED, FIELD_NUMBER, "attached" },
	{ AZATTEST_BINDING_A_REQUESTS, FIELD_NUMBER, "requests" },
	{ AZATTEST_BINDING_A_ANSWERED, FIELD_NUMBER, "answered" },
	{ AZATTEST_BINDING_A_REFUSED, FIELD_NUMBER, "refused" },
	{ AZATTEST_BINDING_A_LAST_TRANSPORT, FIELD_TRANSPORT, "lastPath" },
	{ AZATTEST_BINDING_A_LAST_ASKED, FIELD_NUMBER, "lastAsked" },
};

static const struct column columns[] = {
	{ "uuid", "UUID", false },
	{ "name", "NAME", false },
	{ "cid", "CID", true },
	{ "generation", "GENERATION", true },
	{ "pid", "PID", true },
	{ "profile", "PROFILE", false },
	{ "connections", "CONNECTIONS", true },
	{ "requests", "REQUESTS", true },
	{ "answered", "ANSWERED", true },
	{ "refused", "REFUSED", true },
	{ "lastPath", "LAST", false },
};

static const struct advice unbind_advice[] = {
	{ ENOENT, "azattestctl bindings lists those that there are" },
	{ 0 }
};

static void add(struct nlmsghdr *answer, json_t *rows)
{
	struct nlattr *attrs[FIELDS_TYPE_MAX + 1];

	fields_of_message(answer, attrs);
	json_array_append_new(rows, fields_json(fields, COUNT(fields), attrs));
}

static const struct listing listing = { AZATTEST_CMD_BINDING_GET, add, columns, COUNT(columns) };

json_t *bindings_list(const char *command, int *exit)
{
	return listing_rows(&listing, command, exit);
}

int bindings_command(const struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	return output_listing(&listing, argc, argv);
}

int unbind_command(const struct ctl *ctl, int argc, char **argv)
{
	uuid_t uuid;

	if (ctl->dry_run) {
		if (!arguments_words(argc, argv, 1, "one UUID") ||
		    !arguments_uuid(argv[0], argv[optind], uuid))
			return EXIT_USAGE;
		printf("would end the binding of %s\n", argv[optind]);
		return output_end(argv[0]);
	}
	return question_by_uuid(AZATTEST_CMD_BINDING_END, AZATTEST_BINDING_A_UUID, unbind_advice,
				argc, argv);
}
