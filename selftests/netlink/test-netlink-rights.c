// SPDX-License-Identifier: GPL-2.0
/* Owns who may do what over netlink: T21 of the threats. */
#include "client.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask_binding(struct client *c)
{
	struct client_binding b;

	return client_binding(c, 1400, &b);
}

static int ask_limit(struct client *c)
{
	return client_limit_set(c, "queue", 4000);
}

static int ask_grant(struct client *c)
{
	return client_grant_add(c, 1401, 65534, NULL, NULL, 0);
}

static int ask_grant_del(struct client *c)
{
	return client_grant_del(c, 1402);
}

static int ask_end(struct client *c)
{
	return client_binding_end(c, 1400);
}

static int ask_grants(struct client *c)
{
	return client_call(c, client_msg(c, AZATTEST_CMD_GRANT_GET, NLM_F_DUMP),
			   AZATTEST_GRANT_A_MAX, NULL, NULL);
}

static int ask_bindings(struct client *c)
{
	return client_call(c, client_msg(c, AZATTEST_CMD_BINDING_GET, NLM_F_DUMP),
			   AZATTEST_BINDING_A_MAX, NULL, NULL);
}

static int ask_events(struct client *c)
{
	return client_listen(c);
}

/* The old way to join: a mask in the address. */
static int ask_events_by_bind(struct client *c)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	if (c->group > 32)
		return -EPERM;
	a.nl_groups = 1u << (c->group - 1);
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : 0;
}

static const struct {
	const char *what;
	int (*ask)(struct client *c);
} admin[] = {
	{ "LIMIT_SET", ask_limit }, { "GRANT_ADD", ask_grant }, { "GRANT_DEL", ask_grant_del },
	{ "BINDING_GET", ask_binding }, { "BINDING_END", ask_end },
	{ "GRANT_GET dump", ask_grants }, { "BINDING_GET dump", ask_bindings },
	{ "events", ask_events }, { "events by bind", ask_events_by_bind },
};

static int all_are_eperm(void *arg)
{
	struct client mine, *c = arg;

	if (!c) {
		c = &mine;
		client_need(c);
	}
	for (size_t i = 0; i < TAP_COUNT(admin); i++) {
		int err = admin[i].ask(c);

		tap_need_msg(err == -EPERM, "%s: %d", admin[i].what, err);
	}
	return 0;
}

static int all_are_allowed(void *arg)
{
	struct client c;

	(void)arg;
	client_need(&c);
	for (size_t i = 0; i < TAP_COUNT(admin); i++) {
		int err = admin[i].ask(&c);

		tap_need_msg(!err, "%s: %d", admin[i].what, err);
	}
	client_grant_del(&c, 1401);
	return 0;
}

/* What there is to touch, so that no error has another cause. */
static void populate(void)
{
	struct client c;

	client_need(&c);
	rig_owner(1400);
	client_grant_del(&c, 1402);
	tap_need_eq(client_grant_add(&c, 1402, 65534, NULL, NULL, 0), 0);
	azbind_limit("queue", 4096);
}

/* Nothing of what was refused has happened. */
static void need_untouched(void)
{
	struct client_binding b;
	struct client c;

	client_need(&c);
	tap_need_eq(client_binding(&c, 1400, &b), 0);
	tap_need_eq(client_grant_del(&c, 1401), -ENOENT);
	tap_need_eq(client_grant_del(&c, 1402), 0);
	tap_need_eq(azbind_limit_get("queue"), 4096);
}

static void refuse(enum rig_who who)
{
	populate();
	tap_need_eq(rig_as(who, all_are_eperm, NULL, -1), 0);
	need_untouched();
}

static void admin_commands_of_nobody_are_eperm(void)
{
	refuse(RIG_NOBODY_USER);
}

static void admin_commands_of_a_group_member_are_eperm(void)
{
	refuse(RIG_GROUP_MEMBER);
}

static void admin_commands_of_root_in_a_user_namespace_are_eperm(void)
{
	refuse(RIG_USERNS_ROOT);
}

static void admin_commands_of_root_without_the_capability_are_eperm(void)
{
	refuse(RIG_ROOT_WITHOUT);
}

static void the_capability_alone_is_enough(void)
{
	populate();
	tap_need_eq(rig_as(RIG_NET_ADMIN_ONLY, all_are_allowed, NULL, -1), 0);
}

/* Root's socket does not lend root's rights. */
static void a_socket_that_root_opened_is_eperm_for_nobody(void)
{
	struct client c;

	populate();
	client_need(&c);
	tap_need_eq(rig_as(RIG_NOBODY_USER, all_are_eperm, &c, TAP_KEEP_ALL), 0);
	need_untouched();
}

static int has_no_family(void *arg)
{
	struct client c;

	(void)arg;
	return -client_open(&c);
}

static void another_network_namespace_has_no_family(void)
{
	tap_need_eq(rig_as(RIG_CONTAINER_ROOT, has_no_family, NULL, -1), ENOENT);
}

static int may_ask_status(void *arg)
{
	static struct client_status s;
	struct client c;

	(void)arg;
	client_need(&c);
	tap_need_eq(client_status(&c, &s), 0);
	return s.counters && s.limits ? 0 : 1;
}

static void status_is_for_everybody(void)
{
	tap_need_eq(rig_as(RIG_NOBODY_USER, may_ask_status, NULL, -1), 0);
	tap_need_eq(rig_as(RIG_USERNS_ROOT, may_ask_status, NULL, -1), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(admin_commands_of_nobody_are_eperm),
	TAP_TEST(admin_commands_of_a_group_member_are_eperm),
	TAP_TEST(admin_commands_of_root_in_a_user_namespace_are_eperm),
	TAP_TEST(admin_commands_of_root_without_the_capability_are_eperm),
	TAP_TEST(the_capability_alone_is_enough),
	TAP_TEST(a_socket_that_root_opened_is_eperm_for_nobody),
	TAP_TEST(another_network_namespace_has_no_family),
	TAP_TEST(status_is_for_everybody),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
