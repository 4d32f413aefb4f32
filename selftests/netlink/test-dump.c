// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of dumps that do not fit into one message page. */
#include "client.h"

#include <unistd.h>

#define MANY	500
#define FIRST	20000

/* How often each of ours was shown; numbers are the UUID's last bytes. */
struct census {
	unsigned int shown[2 * MANY];
	unsigned int all;
	uint64_t generation;	/* of the last binding */
};

static int number_of(const uint8_t uuid[AZATTEST_UUID_LEN])
{
	uint8_t base[AZATTEST_UUID_LEN];
	int n = uuid[12] << 24 | uuid[13] << 16 | uuid[14] << 8 | uuid[15];

	azbind_uuid(base, n);
	if (memcmp(base, uuid, sizeof(base)) || n < FIRST || n >= FIRST + 2 * MANY)
		return -1;
	return n - FIRST;
}

static void count(struct census *s, const uint8_t *uuid)
{
	int n = number_of(uuid);

	s->all++;
	if (n >= 0)
		s->shown[n]++;
}

static void on_grant(struct nlattr **a, void *arg)
{
	tap_need(a[AZATTEST_GRANT_A_UUID] && a[AZATTEST_GRANT_A_UID]);
	tap_need_eq(nla_len(a[AZATTEST_GRANT_A_UUID]), AZATTEST_UUID_LEN);
	count(arg, nla_data(a[AZATTEST_GRANT_A_UUID]));
}

static void on_binding(struct nlattr **a, void *arg)
{
	struct census *s = arg;
	struct client_binding b;

	client_binding_from(a, &b);
	tap_need_msg(b.generation != s->generation, "the same binding twice");
	s->generation = b.generation;
	count(s, b.uuid);
}

static void dump(struct client *c, int command, client_fn fn, struct census *s)
{
	memset(s, 0, sizeof(*s));
	tap_need_eq(client_call(c, client_msg(c, command, NLM_F_DUMP), AZATTEST_BINDING_A_MAX,
				fn, s), 0);
}

/* The first MANY stay for the whole dump: each must be there, once. */
static void need_each_once(const struct census *s)
{
	for (int i = 0; i < MANY; i++)
		tap_need_msg(s->shown[i] == 1, "number %d was shown %u times", i, s->shown[i]);
	for (int i = MANY; i < 2 * MANY; i++)
		tap_need_msg(s->shown[i] <= 1, "number %d was shown %u times", i, s->shown[i]);
}

static void with_nothing_there_a_dump_is_empty(void)
{
	static struct census s;
	struct client c;

	client_need(&c);
	dump(&c, AZATTEST_CMD_BINDING_GET, on_binding, &s);
	tap_need_eq(s.all, 0);
}

static void all_grants_are_shown_once(void)
{
	static struct census s;
	struct client c;

	client_need(&c);
	for (int i = 0; i < MANY; i++)
		tap_need_eq(client_grant_add(&c, FIRST + i, i, "a name of some length", "profile",
					     3 + i), 0);
	dump(&c, AZATTEST_CMD_GRANT_GET, on_grant, &s);
	need_each_once(&s);
	tap_need_eq(s.all, MANY);
	for (int i = 0; i < MANY; i++)
		tap_need_eq(client_grant_del(&c, FIRST + i), 0);
	dump(&c, AZATTEST_CMD_GRANT_GET, on_grant, &s);
	tap_need_eq(s.all, 0);
}

static void look(struct nlattr **a, void *arg)
{
	(*(int *)arg)++;
	tap_need_eq(nla_get_u32(a[AZATTEST_GRANT_A_UID]), 1234);
	tap_need(!strcmp(nla_get_string(a[AZATTEST_GRANT_A_NAME]), "a name"));
	tap_need(!strcmp(nla_get_string(a[AZATTEST_GRANT_A_PROFILE]), "gold"));
	tap_need_eq(nla_get_u32(a[AZATTEST_GRANT_A_CID]), 77);
}

static void grant_attributes_come_back(void)
{
	struct client c;
	int seen = 0;

	client_need(&c);
	tap_need_eq(client_grant_add(&c, FIRST, 1234, "a name", "gold", 77), 0);
	tap_need_eq(client_call(&c, client_msg(&c, AZATTEST_CMD_GRANT_GET, NLM_F_DUMP),
				AZATTEST_GRANT_A_MAX, look, &seen), 0);
	tap_need_eq(seen, 1);
	tap_need_eq(client_grant_del(&c, FIRST), 0);
}

static void all_bindings_are_shown_once(void)
{
	static struct census s;
	struct client c;

	tap_raise_nofile();
	client_need(&c);
	for (int i = 0; i < MANY; i++)
		rig_owner(FIRST + i);
	dump(&c, AZATTEST_CMD_BINDING_GET, on_binding, &s);
	need_each_once(&s);
	tap_need_eq(s.all, MANY);
}

/* Beside the dump, others come and go. */
static int come_and_go(void *arg)
{
	volatile int *rounds = arg;

	for (;;) {
		for (int i = 0; i < 8; i++)
			close(rig_owner(FIRST + MANY + i * 7));
		(*rounds)++;
	}
	return 0;
}

static void bindings_that_stay_are_shown_beside_others_that_do_not(void)
{
	static struct census s;
	volatile int *rounds = tap_shared(sizeof(*rounds));
	struct client c;
	pid_t pid;

	tap_raise_nofile();
	client_need(&c);
	for (int i = 0; i < MANY; i++)
		rig_owner(FIRST + i);
	pid = tap_spawn(come_and_go, (void *)rounds, -1);
	for (int i = 0; i < 8; i++) {
		int now = *rounds;

		tap_need_wait(*rounds > now);
		dump(&c, AZATTEST_CMD_BINDING_GET, on_binding, &s);
		for (int k = 0; k < MANY; k++)
			tap_need_msg(s.shown[k] == 1, "number %d: %u times", k, s.shown[k]);
	}
	tap_kill(pid);
}

/* A reader that stops in the middle must cost nothing and hold up nobody. */
static void a_dump_that_is_not_read_to_its_end_is_harmless(void)
{
	struct client half, c;
	struct nl_msg *msg;

	tap_raise_nofile();
	client_need(&c);
	for (int i = 0; i < MANY; i++)
		rig_owner(FIRST + i);
	for (int i = 0; i < 20; i++) {
		client_need(&half);
		msg = client_msg(&half, AZATTEST_CMD_BINDING_GET, NLM_F_DUMP);
		tap_need(nl_send_auto(half.sock, msg) > 0);
		nlmsg_free(msg);
		client_close(&half);
	}
	client_need(&half);
	msg = client_msg(&half, AZATTEST_CMD_BINDING_GET, NLM_F_DUMP);
	tap_need(nl_send_auto(half.sock, msg) > 0);
	nlmsg_free(msg);
	tap_need_eq(client_binding_end(&c, FIRST + 499), 0);
	tap_need_eq(client_grant_add(&c, FIRST, 1, NULL, NULL, 0), 0);
	tap_need_eq(client_grant_del(&c, FIRST), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(with_nothing_there_a_dump_is_empty),
	TAP_TEST(all_grants_are_shown_once),
	TAP_TEST(grant_attributes_come_back),
	TAP_TEST(all_bindings_are_shown_once),
	TAP_TEST(bindings_that_stay_are_shown_beside_others_that_do_not),
	TAP_TEST(a_dump_that_is_not_read_to_its_end_is_harmless),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
