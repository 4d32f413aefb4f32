// SPDX-License-Identifier: GPL-2.0
// Promises of the API's rights: everybody may read, root and the admin group may change.

#include "rig.h"

#include <stdio.h>
#include <sys/stat.h>

#define OTHER_VM	"/v1/vms/c0ffee42-0000-4000-8000-00000000002b"

static const struct change {
	const char *method, *path, *body;
	int status;
} changes[] = {
	{ "PUT", "/v1/legacy", "{\"enabled\":true}", 200 },
	{ "PUT", OTHER_VM, "{\"tap\":\"tap1\"}", 201 },
	{ "DELETE", OTHER_VM, "", 204 },
};

static void need_refused(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < TAP_COUNT(changes); i++) {
		const struct change *c = &changes[i];
		struct rig_answer a = rig_ask_as(uid, gid, groups, count, c->method, c->path,
						 c->body);

		tap_need(strstr(a.message, "azattest-admin"));
		rig_need_answer(a, c->method, 403, "forbidden");
	}
	tap_need_eq(hostd->changes, 1);	/* the test's own */
	rig_need_answer(rig_ask_as(uid, gid, groups, count, "GET", "/v1/status", ""), "status", 200,
			"");
	rig_need_answer(rig_ask_as(uid, gid, groups, count, "GET", "/v1/vms", ""), "list", 200, "");
	rig_need_answer(rig_ask_as(uid, gid, groups, count, "GET", RIG_VM, ""), "VM", 200, "");
}

static void need_allowed(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < TAP_COUNT(changes); i++) {
		const struct change *c = &changes[i];

		rig_need_answer(rig_ask_as(uid, gid, groups, count, c->method, c->path, c->body),
				c->method, c->status, "");
	}
}

static void anybody_may_read_and_not_change(void)
{
	rig_need_root();
	rig_start();
	rig_enrol(RIG_VM);
	need_refused(RIG_NOBODY, RIG_NOBODY, NULL, 0);
	rig_stop();
}

/* Among them what would be group azattest, which may open the device and no more. */
static void members_of_other_groups_may_not_change(void)
{
	static const gid_t groups[] = { 0, 4, RIG_ADMIN_GID - 1, RIG_ADMIN_GID + 1 };

	rig_need_root();
	rig_start();
	rig_enrol(RIG_VM);
	need_refused(1000, RIG_ADMIN_GID - 1, groups, TAP_COUNT(groups));
	need_refused(1000, 0, NULL, 0);
	rig_stop();
}

static void root_may_change(void)
{
	rig_need_root();
	rig_start();
	need_allowed(0, 0, NULL, 0);
	need_allowed(0, 1000, NULL, 0);
	rig_stop();
}

static void the_admin_group_may_change_as_primary_one(void)
{
	rig_need_root();
	rig_start();
	need_allowed(1000, RIG_ADMIN_GID, NULL, 0);
	rig_stop();
}

static void the_admin_group_may_change_as_supplementary_one(void)
{
	gid_t many[1000];

	rig_need_root();
	rig_start();
	for (size_t i = 0; i < TAP_COUNT(many); i++)
		many[i] = (gid_t)(100000 + i);
	many[700] = RIG_ADMIN_GID;
	need_allowed(1000, 1000, many + 700, 1);
	need_allowed(1000, 1000, many, TAP_COUNT(many));
	rig_stop();
}

static void without_the_group_root_alone_may_change(void)
{
	static const gid_t groups[] = { RIG_ADMIN_GID };

	rig_need_root();
	rig_start();
	rig_restart_without_group();
	rig_enrol(RIG_VM);
	need_refused(1000, RIG_ADMIN_GID, groups, 1);
	rig_need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	rig_stop();
}

static void everybody_may_connect(void)
{
	char path[100];
	struct stat st;

	rig_start();
	snprintf(path, sizeof(path), "%s/" API_SOCKET, rig_run);
	tap_need(!stat(path, &st));
	tap_need_eq(st.st_mode & 07777, 0666);
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(anybody_may_read_and_not_change),
	TAP_TEST(members_of_other_groups_may_not_change),
	TAP_TEST(root_may_change),
	TAP_TEST(the_admin_group_may_change_as_primary_one),
	TAP_TEST(the_admin_group_may_change_as_supplementary_one),
	TAP_TEST(without_the_group_root_alone_may_change),
	TAP_TEST(everybody_may_connect),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
