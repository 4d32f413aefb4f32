// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl bindings" and "unbind": which VMs have an identity now.

#include "module.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
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

/* ---- unbind ---- */

/* What azattest-hostd tries again and again has no binding yet that the module could end: *@waited. */
static int end_wish(const struct ctl *ctl, const char *command, const char *word, uuid_t uuid, bool *waited)
{
	struct hostd_answer answer;
	char text[37], path[64];

	uuid_unparse_lower(uuid, text);
	snprintf(path, sizeof(path), "/v1/bindings/%s", text);
	hostd_call(ctl, "GET", path, NULL, &answer);
	*waited = answer.status == 200 && bound_waits(answer.json);
	json_decref(answer.json);
	return *waited ? hostd_ask_unless(ctl, command, word, "DELETE", path, 404, &answer) : 0;
}

static int end_binding(const struct ctl *ctl, const char *command, const char *word, uuid_t uuid)
{
	const struct about about = { command, word, NULL, ENOENT };
	bool waited;
	int exit = end_wish(ctl, command, word, uuid, &waited);

	/* Somebody else may have it bound besides, if there is a module. */
	if (exit || (waited && access(AZATTEST_DEVICE, F_OK)))
		return exit;
	exit = question_of_uuid(AZATTEST_CMD_BINDING_END, AZATTEST_BINDING_A_UUID, uuid, &about);
	if (exit != QUESTION_UNLESS || waited)
		return exit == QUESTION_UNLESS ? 0 : exit;
	say("%s %s: no live binding has this UUID: azattestctl bindings lists those that there are",
	    command, word);
	return EXIT_REFUSED;
}

int unbind_command(const struct ctl *ctl, int argc, char **argv)
{
	uuid_t uuid;

	if (!arguments_words(argc, argv, 1, "one UUID") || !arguments_uuid(argv[0], argv[optind], uuid))
		return EXIT_USAGE;
	if (!ctl->dry_run)
		return end_binding(ctl, argv[0], argv[optind], uuid);
	printf("would end the binding of %s\n", argv[optind]);
	return output_end(argv[0]);
}
