// SPDX-License-Identifier: GPL-2.0
/* Family "azattest" without memory: commands happen or not, dumps are whole or an error. */
#include <selftests/faults/fault.h>

#include <linux/genetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/netlink/client.h>

#define MANY	40	/* grants or bindings: more than one message of a dump */

/* What came back on a raw call: an errno, the end of a dump, how many messages. */
struct raw {
	int error;
	unsigned int messages;
};

/* True: this was the last message. */
static bool look(const struct nlmsghdr *h, struct raw *r)
{
	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		r->error = ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		return true;
	case NLMSG_DONE:
		r->error = *(const int *)NLMSG_DATA(h);
		return true;
	default:
		r->messages++;
		return false;
	}
}

/*
 * Sends and receives until the end, libnl's own calls being no good with a
 * socket that fails. Frees the message. What is late of it dies with the client.
 */
static struct raw raw_call(struct client *c, struct fault *f, struct nl_msg *msg)
{
	static char buf[1 << 17];
	int fd = nl_socket_get_fd(c->sock);
	struct raw r = { 0 };
	struct nlmsghdr *h;
	bool end = false;
	int n;

	nl_complete_msg(c->sock, msg);
	fault_arm(f);
	h = nlmsg_hdr(msg);
	if (send(fd, h, h->nlmsg_len, 0) < 0)
		r.error = -errno;
	while (!r.error && !end) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0)
			r.error = -errno;
		for (h = (struct nlmsghdr *)buf; n > 0 && !end && NLMSG_OK(h, (unsigned int)n);
		     h = NLMSG_NEXT(h, n))
			end = look(h, &r);
	}
	fault_disarm(f);
	nlmsg_free(msg);
	return r;
}

static bool no_memory(int error)
{
	return error == -ENOMEM || error == -ENOBUFS;
}

static struct nl_msg *named(struct client *c, int command, int attribute, uint32_t number)
{
	struct nl_msg *msg = client_msg(c, command, NLM_F_ACK);
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	nla_put(msg, attribute, sizeof(uuid), uuid);
	return msg;
}

/* A new client for each turn: an error that came late must not be the next one's. */
static struct raw turn(struct fault *f, struct nl_msg *(*make)(struct client *c, uint32_t number),
		       uint32_t number)
{
	struct client c;
	struct raw r;

	client_need(&c);
	r = raw_call(&c, f, make(&c, number));
	client_close(&c);
	return r;
}

static struct nl_msg *make_grant(struct client *c, uint32_t number)
{
	struct nl_msg *msg = named(c, AZATTEST_CMD_GRANT_ADD, AZATTEST_GRANT_A_UUID, number);

	nla_put_u32(msg, AZATTEST_GRANT_A_UID, RIG_NOBODY);
	nla_put_string(msg, AZATTEST_GRANT_A_NAME, "name");
	return msg;
}

/* With the acknowledgement lost it may have happened; but then as a whole. */
static void grant_add_happens_or_not(void)
{
	struct client c;
	struct fault f;
	struct raw r;
	int err;

	client_need(&c);
	for (fault_begin(&f, "GRANT_ADD"); fault_next(&f);) {
		r = turn(&f, make_grant, 1);
		tap_need_msg(!r.error || no_memory(r.error), "GRANT_ADD: %d", r.error);
		err = client_grant_del(&c, 1);
		tap_need_msg(!err || (r.error && err == -ENOENT), "GRANT_DEL: %d", err);
	}
}

static struct nl_msg *make_grant_del(struct client *c, uint32_t number)
{
	return named(c, AZATTEST_CMD_GRANT_DEL, AZATTEST_GRANT_A_UUID, number);
}

static void grant_del_happens_or_not(void)
{
	struct client c;
	struct fault f;
	struct raw r;
	int err;

	client_need(&c);
	for (fault_begin(&f, "GRANT_DEL"); fault_next(&f);) {
		tap_need_eq(client_grant_add(&c, 1, RIG_NOBODY, NULL, NULL, 0), 0);
		r = turn(&f, make_grant_del, 1);
		tap_need_msg(!r.error || no_memory(r.error), "GRANT_DEL: %d", r.error);
		err = client_grant_del(&c, 1);
		tap_need_msg(err == -ENOENT || (r.error && !err), "GRANT_DEL again: %d", err);
	}
}

static struct nl_msg *make_limit(struct client *c, uint32_t value)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_LIMIT_SET, NLM_F_ACK);

	nla_put_string(msg, AZATTEST_LIMIT_A_NAME, "grants");
	nla_put_u32(msg, AZATTEST_LIMIT_A_VALUE, value);
	return msg;
}

static void limit_is_set_or_not(void)
{
	int64_t before = azbind_limit_get("grants"), now;
	struct fault f;
	struct raw r;

	azbind_limit("grants", before);
	for (fault_begin(&f, "LIMIT_SET"); fault_next(&f);) {
		r = turn(&f, make_limit, 100 + f.nth);
		tap_need_msg(!r.error || no_memory(r.error), "LIMIT_SET: %d", r.error);
		now = azbind_limit_get("grants");
		tap_need(now == 100 + f.nth || (r.error && now == before));
		before = now;
	}
}

static struct nl_msg *make_status(struct client *c, uint32_t number)
{
	(void)number;
	return client_msg(c, AZATTEST_CMD_STATUS_GET, NLM_F_ACK);
}

static struct nl_msg *make_binding_get(struct client *c, uint32_t number)
{
	return named(c, AZATTEST_CMD_BINDING_GET, AZATTEST_BINDING_A_UUID, number);
}

static void single_answers_are_whole_or_an_error(void)
{
	int owner = rig_owner(1);
	struct fault f;
	struct raw r;

	for (fault_begin(&f, "STATUS_GET"); fault_next(&f);) {
		r = turn(&f, make_status, 0);
		tap_need_msg(no_memory(r.error) || (!r.error && r.messages == 1),
			     "STATUS_GET: %d, %u messages", r.error, r.messages);
	}
	for (fault_begin(&f, "BINDING_GET"); fault_next(&f);) {
		r = turn(&f, make_binding_get, 1);
		tap_need_msg(no_memory(r.error) || (!r.error && r.messages == 1),
			     "BINDING_GET: %d, %u messages", r.error, r.messages);
	}
	close(owner);
}

static struct nl_msg *make_grant_dump(struct client *c, uint32_t number)
{
	(void)number;
	return client_msg(c, AZATTEST_CMD_GRANT_GET, NLM_F_DUMP);
}

static struct nl_msg *make_binding_dump(struct client *c, uint32_t number)
{
	(void)number;
	return client_msg(c, AZATTEST_CMD_BINDING_GET, NLM_F_DUMP);
}

static void dump_is_whole_or_an_error(const char *what,
				      struct nl_msg *(*make)(struct client *c, uint32_t number))
{
	struct raw r, whole;
	struct fault f;

	fault_begin(&f, what);
	whole = turn(&f, make, 0);
	tap_need(!whole.error && whole.messages >= MANY);
	for (fault_begin(&f, what); fault_next(&f);) {
		r = turn(&f, make, 0);
		tap_need_msg(no_memory(r.error) || (!r.error && r.messages == whole.messages),
			     "%s: %d, %u messages of %u", what, r.error, r.messages,
			     whole.messages);
	}
	/* A dump that broke off holds nothing: the next one is whole. */
	fault_begin(&f, what);
	r = turn(&f, make, 0);
	tap_need(!r.error && r.messages == whole.messages);
}

static void dumps_are_whole_or_an_error(void)
{
	struct client c;
	int owner[MANY];

	client_need(&c);
	for (uint32_t i = 0; i < MANY; i++) {
		tap_need_eq(client_grant_add(&c, 1 + i, RIG_NOBODY, "name", NULL, 0), 0);
		owner[i] = rig_owner(1 + i);
	}
	dump_is_whole_or_an_error("dump of grants", make_grant_dump);
	dump_is_whole_or_an_error("dump of bindings", make_binding_dump);
	for (uint32_t i = 0; i < MANY; i++) {
		tap_need_eq(client_grant_del(&c, 1 + i), 0);
		close(owner[i]);
	}
}

static struct nl_msg *make_end(struct client *c, uint32_t number)
{
	return named(c, AZATTEST_CMD_BINDING_END, AZATTEST_BINDING_A_UUID, number);
}

static void binding_ends_or_not(void)
{
	struct fault f;
	struct raw r;
	int owner;

	for (fault_begin(&f, "BINDING_END"); fault_next(&f);) {
		owner = rig_owner(1);
		r = turn(&f, make_end, 1);
		tap_need_msg(!r.error || no_memory(r.error), "BINDING_END: %d", r.error);
		tap_need(r.error || rig_ended(owner));
		close(owner);
		tap_need(rig_uuid_free(1));
	}
}

/*
 * Who listens hears of a binding's begin, or that something was lost: else it
 * would believe for ever what is not so.
 */
static void an_event_that_is_lost_is_said_to_be(void)
{
	struct client_event e;
	struct azattest_bind b;
	unsigned int lost = 0;
	struct client ear;
	struct fault f;
	int fd, err;
	char byte;

	for (fault_begin(&f, "BIND with a listener"); fault_next(&f);) {
		client_need(&ear);
		tap_need_eq(client_listen(&ear), 0);
		fd = azbind_open();
		azbind_fill(&b, 1);
		fault_arm(&f);
		err = azbind_bind(fd, &b);
		fault_disarm(&f);
		if (err) {
			tap_need_eq(err, -ENOMEM);
		} else if (recv(nl_socket_get_fd(ear.sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
			tap_need_eq(errno, ENOBUFS);
			lost++;
		} else {
			client_need_event(&ear, AZATTEST_EVENT_BOUND, 1, &e);
		}
		client_close(&ear);
		close(fd);
	}
	tap_need(lost);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(grant_add_happens_or_not, 300),
	TAP_TEST_SLOW(grant_del_happens_or_not, 300),
	TAP_TEST_SLOW(limit_is_set_or_not, 300),
	TAP_TEST_SLOW(single_answers_are_whole_or_an_error, 300),
	TAP_TEST_SLOW(dumps_are_whole_or_an_error, 600),
	TAP_TEST_SLOW(binding_ends_or_not, 300),
	TAP_TEST_SLOW(an_event_that_is_lost_is_said_to_be, 300),
};

int main(int argc, char **argv)
{
	fault_need();
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
