// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl grant", "grants" and "revoke": who without rights may bind which VM.

#include "module.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <uuid/uuid.h>

struct wish {
	const char *uuid_text, *uid_text, *name, *profile, *cid_text;
	uuid_t uuid;
	uint32_t uid, cid;
};

static const struct field fields[] = {
	{ AZATTEST_GRANT_A_UUID, FIELD_UUID, "uuid" },
	{ AZATTEST_GRANT_A_UID, FIELD_NUMBER, "uid" },
	{ AZATTEST_GRANT_A_NAME, FIELD_TEXT, "name" },
	{ AZATTEST_GRANT_A_PROFILE, FIELD_TEXT, "profile" },
	{ AZATTEST_GRANT_A_CID, FIELD_NUMBER, "cid" },
};

static const struct column columns[] = {
	{ "uuid", "UUID", false },
	{ "uid", "UID", true },
	{ "name", "NAME", false },
	{ "profile", "PROFILE", false },
	{ "cid", "CID", true },
};

static const struct advice grant_advice[] = {
	{ EEXIST, "take it back first: azattestctl revoke" },
	{ ENOSPC, "revoke unused ones, or raise it: azattestctl limit grants" },
	{ EINVAL, "change that value" },
	{ ERANGE, "change that value" },
	{ EMSGSIZE, "shorten name or profile" },
	{ 0 }
};

static const struct advice revoke_advice[] = {
	{ ENOENT, "azattestctl grants lists those that there are" },
	{ EBUSY, "try again; if it was used up, azattestctl unbind ends the binding" },
	{ 0 }
};

static void add(struct nlmsghdr *answer, json_t *rows)
{
	struct nlattr *attrs[FIELDS_TYPE_MAX + 1];

	fields_of_message(answer, attrs);
	json_array_append_new(rows, fields_json(fields, COUNT(fields), attrs));
}

int grants_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct listing listing = { AZATTEST_CMD_GRANT_GET, add, columns,
						COUNT(columns) };

	(void)ctl;
	return output_listing(&listing, argc, argv);
}

int revoke_command(const struct ctl *ctl, int argc, char **argv)
{
	struct about about = { argv[0], NULL, revoke_advice, 0 };
	uuid_t uuid;

	(void)ctl;
	if (!arguments_words(argc, argv, 1, "one UUID") || !arguments_uuid(argv[0], argv[optind], uuid))
		return EXIT_USAGE;
	about.object = argv[optind];
	return question_of_uuid(AZATTEST_CMD_GRANT_DEL, AZATTEST_GRANT_A_UUID, uuid, &about);
}

/* A number stands for itself even if a user is called so. */
static bool read_uid(const char *text, uint32_t *uid)
{
	const struct passwd *user;

	if (isdigit((unsigned char)*text))
		return arguments_u32("grant", "--uid", text, uid);
	user = getpwnam(text);
	if (user)
		*uid = user->pw_uid;
	else
		say("grant: --uid \"%s\": no such user: give a name or a number", text);
	return user;
}

static bool read_cid(const char *text, uint32_t *cid)
{
	if (!text)
		return true;
	if (!arguments_u32("grant", "--cid", text, cid))
		return false;
	if (*cid >= AZATTEST_CID_MIN && *cid <= AZATTEST_CID_MAX)
		return true;
	say("grant: --cid %s: no VM can have it: take %u to %u", text, AZATTEST_CID_MIN,
	    AZATTEST_CID_MAX);
	return false;
}

static bool read_options(int argc, char **argv, struct wish *w)
{
	static const struct option table[] = {
		{ "uuid", required_argument, NULL, 'u' },
		{ "uid", required_argument, NULL, 'i' },
		{ "name", required_argument, NULL, 'n' },
		{ "profile", required_argument, NULL, 'p' },
		{ "cid", required_argument, NULL, 'c' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'u')
			w->uuid_text = optarg;
		else if (c == 'i')
			w->uid_text = optarg;
		else if (c == 'n')
			w->name = optarg;
		else if (c == 'p')
			w->profile = optarg;
		else if (c == 'c')
			w->cid_text = optarg;
		else
			return false;
	}
	return arguments_none_left(argc, argv);
}

static bool read_wish(int argc, char **argv, struct wish *w)
{
	if (!read_options(argc, argv, w))
		return false;
	if (!w->uuid_text || !w->uid_text) {
		say("grant: needs --uuid and --uid: see azattestctl help");
		return false;
	}
	return arguments_uuid("grant", w->uuid_text, w->uuid) &&
	       read_uid(w->uid_text, &w->uid) && read_cid(w->cid_text, &w->cid);
}

int grant_command(const struct ctl *ctl, int argc, char **argv)
{
	struct about about = { argv[0], NULL, grant_advice, 0 };
	struct wish w = { 0 };
	struct question q;
	int exit;

	(void)ctl;
	if (!read_wish(argc, argv, &w))
		return EXIT_USAGE;
	about.object = w.uuid_text;
	exit = question_begin(&q, AZATTEST_CMD_GRANT_ADD, 0);
	if (exit)
		return exit;
	question_put(&q, AZATTEST_GRANT_A_UUID, w.uuid, sizeof(w.uuid));
	question_put_u32(&q, AZATTEST_GRANT_A_UID, w.uid);
	if (w.name)
		question_put_text(&q, AZATTEST_GRANT_A_NAME, w.name);
	if (w.profile)
		question_put_text(&q, AZATTEST_GRANT_A_PROFILE, w.profile);
	if (w.cid_text)
		question_put_u32(&q, AZATTEST_GRANT_A_CID, w.cid);
	return question_finish(&q, &about, NULL, NULL);
}
