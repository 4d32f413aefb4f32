// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of grants: who may BIND which VM, once (T33 of the threats). */
#include "client.h"

#include <unistd.h>

#define NOBODY	65534

static struct client netlink, listener;

/* What a process without rights tries, on files that root gave it. */
struct attempt {
	int fd;
	uint32_t number;
	const char *name, *profile;
	uint32_t cid;
	int vhost;
	int life;
};

static int try_bind(void *arg)
{
	struct attempt *t = arg;
	struct azattest_bind b;

	azbind_fill(&b, t->number);
	if (t->cid)
		azbind_fill_cid(&b, t->number, t->cid, t->vhost);
	memset(b.name, 0, sizeof(b.name));
	if (t->name)
		strcpy((char *)b.name, t->name);
	if (t->profile)
		strcpy((char *)b.profile, t->profile);
	if (t->life)
		b.life_fd = t->life;
	return -azbind_bind(t->fd, &b);
}

/* BIND by uid 65534: 0 or errno; the file is `*fd`. */
static int bind_as_nobody(struct attempt t, int *fd)
{
	int err;

	t.fd = azbind_open();
	tap_need(t.fd >= 0);
	err = rig_as(RIG_NOBODY_USER, try_bind, &t, TAP_KEEP_ALL);
	if (fd)
		*fd = t.fd;
	else
		close(t.fd);
	return err;
}

static void grant(uint32_t number, uint32_t uid, const char *name, const char *profile,
		  uint32_t cid)
{
	if (!netlink.sock)
		client_need(&netlink);
	client_grant_del(&netlink, number);
	tap_need_eq(client_grant_add(&netlink, number, uid, name, profile, cid), 0);
}

static bool grant_left(uint32_t number)
{
	if (!netlink.sock)
		client_need(&netlink);
	return client_grant_del(&netlink, number) == 0;
}

static void need_told(uint32_t number)
{
	struct client_event e;

	client_need_event(&listener, AZATTEST_EVENT_REFUSED, number, &e);
	tap_need_eq(e.uid, NOBODY);
	tap_need(e.reason[0]);
}

static void listen_now(void)
{
	client_need(&listener);
	tap_need_eq(client_listen(&listener), 0);
}

static void without_a_grant_it_is_eperm_and_told(void)
{
	listen_now();
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1600 }, NULL), EPERM);
	need_told(1600);
}

static void a_stopped_vms_uuid_is_not_for_taking(void)
{
	listen_now();
	close(rig_owner(1601));
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1601 }, NULL), EPERM);
	need_told(1601);
}

static void a_grant_gives_name_and_profile(void)
{
	struct azattest_info info;
	int fd;

	grant(1602, NOBODY, "granted name", "gold", 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1602 }, &fd), 0);
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need(!strcmp((char *)info.name, "granted name"));
	tap_need(!strcmp((char *)info.profile, "gold"));
	tap_need_eq(info.flags, AZATTEST_INFO_OWNER);
}

static void what_equals_the_grant_may_be_said(void)
{
	struct attempt t = { .number = 1603, .name = "granted name", .profile = "gold" };

	grant(1603, NOBODY, "granted name", "gold", 0);
	tap_need_eq(bind_as_nobody(t, NULL), 0);
}

static void what_differs_from_the_grant_is_eperm_and_told(void)
{
	static const struct attempt tries[] = {
		{ .number = 1604, .name = "other" }, { .number = 1604, .profile = "silver" },
		{ .number = 1604, .name = "granted nam" }, { .number = 1604, .profile = "gol" },
		{ .number = 1604, .name = "granted name2" }, { .number = 1604, .profile = "Gold" },
		{ .number = 1604, .name = "granted name", .profile = "golden" },
	};

	listen_now();
	grant(1604, NOBODY, "granted name", "gold", 0);
	for (size_t i = 0; i < TAP_COUNT(tries); i++) {
		tap_need_msg(bind_as_nobody(tries[i], NULL) == EPERM, "try %zu", i);
		need_told(1604);
	}
	tap_need(grant_left(1604));
}

static void an_empty_grant_lets_no_name_be_chosen(void)
{
	grant(1605, NOBODY, NULL, NULL, 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1605, .name = "x" }, NULL), EPERM);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1605, .profile = "x" }, NULL),
		    EPERM);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1605 }, NULL), 0);
}

static void another_uids_grant_is_eperm(void)
{
	listen_now();
	grant(1606, NOBODY - 1, NULL, NULL, 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1606 }, NULL), EPERM);
	need_told(1606);
	grant(1606, 0, NULL, NULL, 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1606 }, NULL), EPERM);
	tap_need(grant_left(1606));
}

static void a_grant_is_for_its_uuid_alone(void)
{
	grant(1607, NOBODY, NULL, NULL, 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1608 }, NULL), EPERM);
	tap_need(grant_left(1607));
}

static void a_grant_is_used_up_by_success(void)
{
	static struct client_status before, after;
	int fd;

	grant(1609, NOBODY, NULL, NULL, 0);
	tap_need_eq(client_status(&netlink, &before), 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1609 }, &fd), 0);
	tap_need_eq(client_status(&netlink, &after), 0);
	tap_need_eq(after.grants, before.grants - 1);
	close(fd);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1609 }, NULL), EPERM);
	tap_need(!grant_left(1609));
}

static void a_failed_bind_does_not_use_it_up(void)
{
	int theirs = rig_vhost(), mine = rig_vhost(), twin;
	struct attempt t = { .number = 1610, .cid = 43000, .vhost = mine };

	grant(1610, NOBODY, NULL, NULL, 0);
	tap_need_eq(rig_set_cid(theirs, 43000), 0);
	tap_need_eq(bind_as_nobody(t, NULL), EADDRINUSE);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1610, .life = 9999 }, NULL), EBADF);
	twin = rig_owner(1610);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1610 }, NULL), EBUSY);
	close(twin);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1610 }, NULL), 0);
}

static void a_grant_of_a_cid_is_for_that_cid(void)
{
	struct attempt t = { .number = 1611, .vhost = rig_vhost() };
	struct azattest_info info;
	int fd;

	listen_now();
	grant(1611, NOBODY, NULL, NULL, 43001);
	tap_need_eq(bind_as_nobody(t, NULL), EPERM);	/* none */
	need_told(1611);
	t.cid = 43002;
	tap_need_eq(bind_as_nobody(t, NULL), EPERM);	/* another */
	need_told(1611);
	tap_need(!rig_cid_owned(43002));
	t.cid = 43001;
	tap_need_eq(bind_as_nobody(t, &fd), 0);
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.cid, 43001);
}

static void a_grant_without_cid_takes_any_that_is_proved(void)
{
	struct attempt t = { .number = 1612, .cid = 43003, .vhost = rig_vhost() };
	int fd;

	grant(1612, NOBODY, NULL, NULL, 0);
	tap_need_eq(bind_as_nobody(t, &fd), 0);
	tap_need(rig_cid_owned(43003));
}

static void a_deleted_grant_is_eperm(void)
{
	grant(1613, NOBODY, NULL, NULL, 0);
	tap_need_eq(client_grant_del(&netlink, 1613), 0);
	tap_need_eq(bind_as_nobody((struct attempt) { .number = 1613 }, NULL), EPERM);
}

/* uid 65534 of this host, whatever it calls itself in there. */
static void the_uid_of_a_grant_is_the_hosts(void)
{
	struct attempt t = { .number = 1614, .fd = azbind_open() };

	grant(1614, 0, NULL, NULL, 0);
	tap_need_eq(rig_as(RIG_USERNS_ROOT, try_bind, &t, TAP_KEEP_ALL), EPERM);
	grant(1614, NOBODY, NULL, NULL, 0);
	tap_need_eq(rig_as(RIG_USERNS_ROOT, try_bind, &t, TAP_KEEP_ALL), 0);
}

static void no_right_beats_no_grant(void)
{
	struct attempt t = { .number = 1615, .fd = azbind_open() };

	tap_need_eq(rig_as(RIG_ROOT_WITHOUT, try_bind, &t, TAP_KEEP_ALL), EPERM);
	tap_need_eq(rig_as(RIG_NET_ADMIN_ONLY, try_bind, &t, TAP_KEEP_ALL), 0);
}

/* ---- the node ---- */

static int open_nodes(void *arg)
{
	(void)arg;
	tap_need_eq(azbind_open(), -EACCES);
	tap_need_eq(fakesigner_open(), -EACCES);
	return 0;
}

static void nobody_opens_neither_node(void)
{
	tap_need_eq(rig_as(RIG_NOBODY_USER, open_nodes, NULL, -1), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(without_a_grant_it_is_eperm_and_told),
	TAP_TEST(a_stopped_vms_uuid_is_not_for_taking),
	TAP_TEST(a_grant_gives_name_and_profile),
	TAP_TEST(what_equals_the_grant_may_be_said),
	TAP_TEST(what_differs_from_the_grant_is_eperm_and_told),
	TAP_TEST(an_empty_grant_lets_no_name_be_chosen),
	TAP_TEST(another_uids_grant_is_eperm),
	TAP_TEST(a_grant_is_for_its_uuid_alone),
	TAP_TEST(a_grant_is_used_up_by_success),
	TAP_TEST(a_failed_bind_does_not_use_it_up),
	TAP_TEST(a_grant_of_a_cid_is_for_that_cid),
	TAP_TEST(a_grant_without_cid_takes_any_that_is_proved),
	TAP_TEST(a_deleted_grant_is_eperm),
	TAP_TEST(the_uid_of_a_grant_is_the_hosts),
	TAP_TEST(no_right_beats_no_grant),
	TAP_TEST(nobody_opens_neither_node),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
