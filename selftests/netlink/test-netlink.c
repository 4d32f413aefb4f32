// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of the netlink commands: answers, errors and their sentences. */
#include "client.h"

#include <selftests/lib/ask.h>

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NOBODY	65534

/* ---- STATUS_GET ---- */

static void status_tells_all_of_its_attributes(void)
{
	static struct client_status s;
	struct client c;
	struct fakesigner_options o = { .generation = 77 };

	client_need(&c);
	fakesigner_start(&o);
	rig_owner(1300);
	tap_need_eq(client_status(&c, &s), 0);
	for (int i = 1; i < AZATTEST_STATUS_A_PAD; i++)
		tap_need_msg(s.seen & 1u << i, "attribute %d is missing", i);
	tap_need(strlen(s.version) > 0);
	tap_need_eq(s.signer_protocol, AZATTEST_SIGNER_VERSION);
	tap_need(s.listener == 0 || s.listener == AZATTEST_VSOCK_PORT);
	tap_need_eq(s.host_state, AZATTEST_HOST_READY);
	tap_need_eq(s.signers, 1);
	tap_need_eq(s.signer_generation, 77);
	tap_need_eq(s.bindings, 1);
	tap_need_eq(s.queued, 0);
	tap_need_eq(s.inflight, 0);
	tap_need(s.counters >= 10);
}

static void status_lists_every_limit_as_the_parameters_do(void)
{
	static const char *const names[] = {
		"bindings", "grants", "queue", "queue_per_binding", "connections",
		"connections_per_cid", "accept_rate", "accept_burst", "request_rate",
		"request_burst", "replies", "deadline_ms", "attempt_ms", "frame_ms",
	};
	static struct client_status s;
	struct client c;

	client_need(&c);
	tap_need_eq(client_status(&c, &s), 0);
	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		unsigned int k = 0;

		while (k < s.limits && strcmp(s.limit[k].name, names[i]))
			k++;
		tap_need_msg(k < s.limits, "limit %s is missing", names[i]);
		tap_need_eq(s.limit[k].value, azbind_limit_get(names[i]));
		tap_need(s.limit[k].min <= s.limit[k].value);
		tap_need(s.limit[k].value <= s.limit[k].max);
	}
	for (unsigned int k = 0; k < s.limits; k++)
		for (unsigned int m = 0; m < k; m++)
			tap_need(strcmp(s.limit[k].name, s.limit[m].name));
}

static void status_counts_what_waits_and_what_is_held(void)
{
	static struct client_status s;
	char frame[AZATTEST_REQUEST_MAX];
	size_t n = frames_attest(frame, 1, "n", 1);
	struct azattest_signer_request r;
	int owner = rig_owner(1301), signer;
	struct client c;

	client_need(&c);
	for (int i = 0; i < 3; i++)
		tap_need_eq(write(owner, frame, n), n);
	tap_need_eq(client_status(&c, &s), 0);
	tap_need_eq(s.queued, 3);
	tap_need_eq(s.inflight, 0);
	tap_need_eq(s.host_state, AZATTEST_HOST_NO_SIGNER);
	tap_need_eq(s.signers, 0);
	signer = fakesigner_open();
	tap_need_eq(fakesigner_join(signer, 8, AZATTEST_HOST_EXPIRED, 5), 0);
	tap_need_eq(fakesigner_take(signer, &r, tap_patience_ms()), 1);
	tap_need_eq(client_status(&c, &s), 0);
	tap_need_eq(s.queued, 2);
	tap_need_eq(s.inflight, 1);
	tap_need_eq(s.host_state, AZATTEST_HOST_EXPIRED);
}

/* ---- LIMIT_SET ---- */

static void a_limit_is_set_within_its_range_only(void)
{
	static struct client_status s;
	struct client c;

	client_need(&c);
	tap_need_eq(client_status(&c, &s), 0);
	for (unsigned int k = 0; k < s.limits; k++) {
		const char *name = s.limit[k].name;

		tap_need_eq(client_limit_set(&c, name, s.limit[k].min), 0);
		tap_need_eq(azbind_limit_get(name), s.limit[k].min);
		tap_need_eq(client_limit_set(&c, name, s.limit[k].max), 0);
		tap_need_eq(azbind_limit_get(name), s.limit[k].max);
		if (s.limit[k].min) {
			tap_need_eq(client_limit_set(&c, name, s.limit[k].min - 1), -ERANGE);
			tap_need(c.sentence[0]);
		}
		if (s.limit[k].max != 0xffffffff)
			tap_need_eq(client_limit_set(&c, name, s.limit[k].max + 1), -ERANGE);
		tap_need_eq(azbind_limit_get(name), s.limit[k].max);
		tap_need(azbind_limit_set(name, s.limit[k].max + 1) < 0);
		tap_need_eq(client_limit_set(&c, name, s.limit[k].value), 0);
	}
}

static void a_limit_of_no_name_is_enoent(void)
{
	static const char *const names[] = { "", "x", "port", "binding", "bindings2" };
	struct client c;

	client_need(&c);
	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		tap_need_eq(client_limit_set(&c, names[i], 1), -ENOENT);
		tap_need_msg(c.sentence[0], "\"%s\": no sentence", names[i]);
	}
}

/* ---- grants ---- */

static void a_second_grant_of_a_uuid_is_eexist(void)
{
	struct client c;

	client_need(&c);
	tap_need_eq(client_grant_add(&c, 1302, NOBODY, "a", "p", 0), 0);
	tap_need_eq(client_grant_add(&c, 1302, 0, NULL, NULL, 0), -EEXIST);
	tap_need(c.sentence[0]);
	tap_need_eq(client_grant_del(&c, 1302), 0);
	tap_need_eq(client_grant_del(&c, 1302), -ENOENT);
	tap_need(c.sentence[0]);
}

static void the_limit_of_grants_is_enospc(void)
{
	static struct client_status s;
	struct client c;

	client_need(&c);
	tap_need_eq(client_status(&c, &s), 0);
	azbind_limit("grants", s.grants + 2);
	tap_need_eq(client_grant_add(&c, 1303, NOBODY, NULL, NULL, 0), 0);
	tap_need_eq(client_grant_add(&c, 1304, NOBODY, NULL, NULL, 0), 0);
	tap_need_eq(client_grant_add(&c, 1305, NOBODY, NULL, NULL, 0), -ENOSPC);
	tap_need(c.sentence[0]);
	tap_need_eq(client_status(&c, &s), 0);
	tap_need_eq(client_grant_del(&c, 1303), 0);
	tap_need_eq(client_grant_add(&c, 1305, NOBODY, NULL, NULL, 0), 0);
	tap_need_eq(client_grant_del(&c, 1304), 0);
	tap_need_eq(client_grant_del(&c, 1305), 0);
}

static void grant_values_obey_the_rules_of_bind(void)
{
	static const struct {
		const char *name, *profile;
		uint32_t cid;
		bool good;
	} rows[] = {
		{ "tab\tbed", NULL, 0, false }, { "\xff", NULL, 0, false },
		{ "\xc3", NULL, 0, false }, { "\xc2\x80", NULL, 0, false },
		{ NULL, "with space", 0, false }, { NULL, "a/b", 0, false },
		{ NULL, NULL, 1, false }, { NULL, NULL, 2, false },
		{ NULL, NULL, 0xffffffff, false },
		{ NULL, NULL, AZATTEST_CID_MIN, true }, { NULL, NULL, AZATTEST_CID_MAX, true },
		{ "Zo\xc3\xab", "Gold-1.2_x", 0, true },
		{ "123456789012345678901234567890123456789012345678901234567890123",
		  "1234567890123456789012345678901", 9, true },
		{ "1234567890123456789012345678901234567890123456789012345678901234", NULL, 0,
		  false },
		{ NULL, "12345678901234567890123456789012", 0, false },
	};
	struct client c;

	client_need(&c);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		int err = client_grant_add(&c, 1306, NOBODY, rows[i].name, rows[i].profile,
					   rows[i].cid);

		if (rows[i].good) {
			tap_need_msg(!err, "good row %zu: %d", i, err);
			tap_need_eq(client_grant_del(&c, 1306), 0);
			continue;
		}
		tap_need_msg(err == -EINVAL || err == -ERANGE, "row %zu: %d", i, err);
		tap_need_msg(c.sentence[0], "row %zu: no sentence", i);
	}
}

/* ---- wrong messages ---- */

struct attr {
	int type;
	const void *data;
	int len;
};

/* Every request below lacks something, or has it in a shape it may not have. */
static const struct {
	const char *what;
	int command;
	struct attr attrs[4];
} malformed[] = {
	{ "LIMIT_SET without anything", AZATTEST_CMD_LIMIT_SET, { { 0, 0, 0 } } },
	{ "LIMIT_SET without VALUE", AZATTEST_CMD_LIMIT_SET, { { 1, "queue", 6 } } },
	{ "LIMIT_SET without NAME", AZATTEST_CMD_LIMIT_SET, { { 2, "\1\0\0\0", 4 } } },
	{ "LIMIT_SET, NAME without NUL", AZATTEST_CMD_LIMIT_SET,
	  { { 1, "queue", 5 }, { 2, "\1\0\0\0", 4 } } },
	{ "LIMIT_SET, NAME of 4 KiB", AZATTEST_CMD_LIMIT_SET,
	  { { 1, NULL, 4096 }, { 2, "\1\0\0\0", 4 } } },
	{ "LIMIT_SET, VALUE of 2 bytes", AZATTEST_CMD_LIMIT_SET,
	  { { 1, "queue", 6 }, { 2, "\1\0", 2 } } },
	{ "LIMIT_SET, VALUE of 8 bytes", AZATTEST_CMD_LIMIT_SET,
	  { { 1, "queue", 6 }, { 2, "\1\0\0\0\0\0\0\0", 8 } } },
	{ "LIMIT_SET with an unknown attribute", AZATTEST_CMD_LIMIT_SET,
	  { { 1, "queue", 6 }, { 2, "\1\0\0\0", 4 }, { 9, "\1\0\0\0", 4 } } },
	{ "GRANT_ADD without anything", AZATTEST_CMD_GRANT_ADD, { { 0, 0, 0 } } },
	{ "GRANT_ADD without UID", AZATTEST_CMD_GRANT_ADD, { { 1, "0123456789abcdef", 16 } } },
	{ "GRANT_ADD without UUID", AZATTEST_CMD_GRANT_ADD, { { 2, "\0\0\0\0", 4 } } },
	{ "GRANT_ADD, UUID of 15 bytes", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcde", 15 }, { 2, "\0\0\0\0", 4 } } },
	{ "GRANT_ADD, UUID of 17 bytes", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdefg", 17 }, { 2, "\0\0\0\0", 4 } } },
	{ "GRANT_ADD, UUID of zeros", AZATTEST_CMD_GRANT_ADD,
	  { { 1, NULL, 16 }, { 2, "\0\0\0\0", 4 } } },
	{ "GRANT_ADD, UID of 1 byte", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\1", 1 } } },
	{ "GRANT_ADD, UID -1", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\xff\xff\xff\xff", 4 } } },
	{ "GRANT_ADD, NAME without NUL", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\0\0\0\0", 4 }, { 3, "name", 4 } } },
	{ "GRANT_ADD, NAME with a NUL inside", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\0\0\0\0", 4 }, { 3, "na\0me", 6 } } },
	{ "GRANT_ADD, CID of 8 bytes", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\0\0\0\0", 4 }, { 5, "\5\0\0\0\1\0\0\0", 8 } } },
	{ "GRANT_ADD, CID 0", AZATTEST_CMD_GRANT_ADD,
	  { { 1, "0123456789abcdef", 16 }, { 2, "\0\0\0\0", 4 }, { 5, "\0\0\0\0", 4 } } },
	{ "GRANT_DEL without UUID", AZATTEST_CMD_GRANT_DEL, { { 0, 0, 0 } } },
	{ "GRANT_DEL, UUID of 4 bytes", AZATTEST_CMD_GRANT_DEL, { { 1, "0123", 4 } } },
	{ "GRANT_DEL, UUID of 64 KiB less a page", AZATTEST_CMD_GRANT_DEL, { { 1, NULL, 61440 } } },
	{ "BINDING_GET without UUID", AZATTEST_CMD_BINDING_GET, { { 0, 0, 0 } } },
	{ "BINDING_GET, UUID of no bytes", AZATTEST_CMD_BINDING_GET, { { 1, "", 0 } } },
	{ "BINDING_END without UUID", AZATTEST_CMD_BINDING_END, { { 0, 0, 0 } } },
	{ "BINDING_END, UUID of 32 bytes", AZATTEST_CMD_BINDING_END,
	  { { 1, "0123456789abcdef0123456789abcdef", 32 } } },
};

static void a_malformed_message_is_refused_with_a_sentence(void)
{
	static char zeros[65536];
	struct client c;

	client_need(&c);
	for (size_t i = 0; i < TAP_COUNT(malformed); i++) {
		struct nl_msg *msg = client_msg(&c, malformed[i].command, 0);
		int err;

		for (const struct attr *a = malformed[i].attrs; a->type; a++)
			tap_need(!nla_put(msg, a->type, a->len, a->data ? a->data : zeros));
		err = client_call(&c, msg, 0, NULL, NULL);
		tap_need_msg(err == -EINVAL || err == -ERANGE, "%s: %d", malformed[i].what, err);
		tap_need_msg(c.sentence[0], "%s: no sentence", malformed[i].what);
	}
}

static void unknown_commands_are_refused(void)
{
	struct client c;

	client_need(&c);
	for (int command = 0; command < 256; command++) {
		int err;

		if (command >= AZATTEST_CMD_STATUS_GET && command <= AZATTEST_CMD_BINDING_END)
			continue;
		err = client_call(&c, client_msg(&c, command, 0), 0, NULL, NULL);
		tap_need_msg(err == -EOPNOTSUPP, "command %d: %d", command, err);
	}
}

static void do_and_dump_are_not_mixed_up(void)
{
	static const int no_dump[] = {
		AZATTEST_CMD_STATUS_GET, AZATTEST_CMD_LIMIT_SET, AZATTEST_CMD_GRANT_ADD,
		AZATTEST_CMD_GRANT_DEL, AZATTEST_CMD_BINDING_END,
	};
	struct client c;

	client_need(&c);
	for (size_t i = 0; i < TAP_COUNT(no_dump); i++)
		tap_need_eq(client_call(&c, client_msg(&c, no_dump[i], NLM_F_DUMP), 0, NULL,
					NULL), -EOPNOTSUPP);
	tap_need_eq(client_call(&c, client_msg(&c, AZATTEST_CMD_GRANT_GET, 0), 0, NULL, NULL),
		    -EOPNOTSUPP);
}

/* ---- bindings ---- */

static void a_binding_tells_all_of_its_attributes(void)
{
	struct azattest_bind bind;
	struct client_binding b;
	struct client c;
	struct stat netns;
	int vhost = rig_vhost(), fd = azbind_open();
	char doc[AZATTEST_FRAME_MAX];
	uint32_t len = sizeof(doc);
	struct fakesigner *s;

	client_need(&c);
	azbind_fill_cid(&bind, 1310, 41000, vhost);
	strcpy((char *)bind.profile, "gold");
	bind.life_fd = rig_pidfd(getpid());
	tap_need_eq(azbind_bind(fd, &bind), 0);
	rig_attached(1310, AZATTEST_TRANSPORT_REST);
	s = fakesigner_start(NULL);
	tap_need_eq(azbind_attest(fd, "n", 1, doc, &len), AZATTEST_STATUS_OK);
	s->options.status = AZATTEST_STATUS_DENIED;
	tap_need_eq(azbind_attest(fd, "n", 1, doc, &len), AZATTEST_STATUS_DENIED);
	tap_need_eq(client_binding(&c, 1310, &b), 0);
	tap_need(!stat("/proc/self/ns/net", &netns));
	tap_need(!memcmp(b.uuid, bind.uuid, sizeof(b.uuid)));
	tap_need_eq(b.generation, bind.generation);
	tap_need(!strcmp(b.name, "vm-1310") && !strcmp(b.profile, "gold"));
	tap_need_eq(b.cid, 41000);
	tap_need_eq(b.pid, getpid());
	tap_need_eq(b.netns, netns.st_ino);
	tap_need(b.seen & 1u << AZATTEST_BINDING_A_LIFE);
	tap_need_eq(b.connections, 0);
	tap_need_eq(b.attached, 1);
	tap_need_eq(b.requests, 2);
	tap_need_eq(b.answered, 1);
	tap_need_eq(b.refused, 1);
}

static void a_binding_without_cid_and_life_has_no_such_attributes(void)
{
	struct client_binding b;
	struct client c;

	client_need(&c);
	rig_owner(1311);
	tap_need_eq(client_binding(&c, 1311, &b), 0);
	tap_need(!(b.seen & 1u << AZATTEST_BINDING_A_CID));
	tap_need(!(b.seen & 1u << AZATTEST_BINDING_A_LIFE));
}

static void need_last(struct client *c, uint32_t number, uint32_t transport, time_t since)
{
	struct client_binding b;

	tap_need_eq(client_binding(c, number, &b), 0);
	tap_need_eq(b.last_transport, transport);
	tap_need(b.last_asked >= (uint64_t)since && b.last_asked <= (uint64_t)time(NULL));
}

static void the_last_path_is_the_door_of_the_last_request(void)
{
	time_t since = time(NULL);
	char doc[AZATTEST_FRAME_MAX];
	uint32_t len = sizeof(doc);
	struct client_binding b;
	struct client c;
	struct testvm *vm;
	int rest;

	client_need(&c);
	close(rig_vhost());
	fakesigner_start(NULL);
	vm = testvm_start(1314);
	rest = rig_attached(1314, AZATTEST_TRANSPORT_REST);
	tap_need_eq(client_binding(&c, 1314, &b), 0);
	tap_need(!(b.seen & 1u << AZATTEST_BINDING_A_LAST_TRANSPORT));
	tap_need(!(b.seen & 1u << AZATTEST_BINDING_A_LAST_ASKED));
	testvm_attest(vm, "vsock");
	need_last(&c, 1314, AZATTEST_TRANSPORT_VSOCK, since);
	tap_need_eq(azbind_attest(rest, "n", 1, doc, &len), AZATTEST_STATUS_OK);
	need_last(&c, 1314, AZATTEST_TRANSPORT_REST, since);
	len = sizeof(doc);
	tap_need_eq(azbind_attest(vm->fd, "n", 1, doc, &len), AZATTEST_STATUS_OK);
	need_last(&c, 1314, AZATTEST_TRANSPORT_VMM, since);
	testvm_attest(vm, "again");
	need_last(&c, 1314, AZATTEST_TRANSPORT_VSOCK, since);
	testvm_stop(vm);
}

static void no_live_binding_is_enoent(void)
{
	struct client_binding b;
	struct client c;

	client_need(&c);
	tap_need_eq(client_binding(&c, 1312, &b), -ENOENT);
	tap_need(c.sentence[0]);
	tap_need_eq(client_binding_end(&c, 1312), -ENOENT);
	tap_need(c.sentence[0]);
	close(rig_owner(1312));
	tap_need_eq(client_binding(&c, 1312, &b), -ENOENT);
}

static void binding_end_has_ended_it_when_it_answers(void)
{
	struct client_binding b;
	struct client c;
	int owner = rig_owner(1313), fd = rig_attached(1313, AZATTEST_TRANSPORT_REST);

	client_need(&c);
	tap_need_eq(client_binding_end(&c, 1313), 0);
	tap_need(rig_ended(owner));
	tap_need(rig_ended(fd));
	tap_need_eq(client_binding(&c, 1313, &b), -ENOENT);
	tap_need(rig_uuid_free(1313));
}

static const struct tap_test tests[] = {
	TAP_TEST(status_tells_all_of_its_attributes),
	TAP_TEST(status_lists_every_limit_as_the_parameters_do),
	TAP_TEST(status_counts_what_waits_and_what_is_held),
	TAP_TEST(a_limit_is_set_within_its_range_only),
	TAP_TEST(a_limit_of_no_name_is_enoent),
	TAP_TEST(a_second_grant_of_a_uuid_is_eexist),
	TAP_TEST(the_limit_of_grants_is_enospc),
	TAP_TEST(grant_values_obey_the_rules_of_bind),
	TAP_TEST(a_malformed_message_is_refused_with_a_sentence),
	TAP_TEST(unknown_commands_are_refused),
	TAP_TEST(do_and_dump_are_not_mixed_up),
	TAP_TEST(a_binding_tells_all_of_its_attributes),
	TAP_TEST(a_binding_without_cid_and_life_has_no_such_attributes),
	TAP_TEST(the_last_path_is_the_door_of_the_last_request),
	TAP_TEST(no_live_binding_is_enoent),
	TAP_TEST(binding_end_has_ended_it_when_it_answers),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
