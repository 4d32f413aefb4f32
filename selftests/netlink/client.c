// SPDX-License-Identifier: GPL-2.0
/* Owns talking to family "azattest" with libnl, and taking its answers apart. */
#include "client.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HAS(p, n)	((p)->seen |= 1u << (n))

/*
 * libnl folds errnos into its own numbers, several into one; the callback sees
 * the kernel's, so calls return that one.
 */
struct call {
	struct client *client;
	int max;
	client_fn fn;
	void *arg;
	int error;
	bool done;
};

static void read_sentence(struct client *c, struct nlmsgerr *err)
{
	struct nlmsghdr *outer = (struct nlmsghdr *)err - 1;
	size_t skip = sizeof(*err);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];

	if (!(outer->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(outer->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	skip = NLMSG_ALIGN(skip);
	if (outer->nlmsg_len < sizeof(*outer) + skip)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)err + skip),
		      outer->nlmsg_len - sizeof(*outer) - skip, NULL))
		return;
	if (attrs[NLMSGERR_ATTR_MSG])
		snprintf(c->sentence, sizeof(c->sentence), "%s",
			 nla_get_string(attrs[NLMSGERR_ATTR_MSG]));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct call *call = arg;

	(void)from;
	read_sentence(call->client, err);
	call->error = err->error;
	call->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	(void)msg;
	call->done = true;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;
	int *error = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(*error) && *error < 0)
		call->error = *error;
	call->done = true;
	return NL_STOP;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[64] = { NULL };
	struct call *call = arg;

	if (nlmsg_hdr(msg)->nlmsg_type != call->client->family)
		return NL_SKIP;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, call->max, NULL))
		call->error = -EBADMSG;
	else if (call->fn)
		call->fn(attrs, call->arg);
	return NL_OK;
}

int client_open(struct client *c)
{
	int on = 1, err;

	memset(c, 0, sizeof(*c));
	c->sock = nl_socket_alloc();
	tap_need(c->sock);
	err = genl_connect(c->sock);
	if (err)
		return -EPERM;
	setsockopt(nl_socket_get_fd(c->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	nl_socket_set_buffer_size(c->sock, 1 << 20, 0);
	c->family = genl_ctrl_resolve(c->sock, AZATTEST_GENL_NAME);
	if (c->family < 0)
		return -ENOENT;
	c->group = genl_ctrl_resolve_grp(c->sock, AZATTEST_GENL_NAME,
					 AZATTEST_GENL_GROUP_EVENTS);
	return 0;
}

void client_close(struct client *c)
{
	nl_socket_free(c->sock);
}

void client_need(struct client *c)
{
	int err = client_open(c);

	tap_need_msg(!err, "no family \"%s\": %d", AZATTEST_GENL_NAME, err);
}

struct nl_msg *client_msg(struct client *c, int command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	tap_need(msg);
	tap_need(genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0,
			     NLM_F_REQUEST | flags, command, AZATTEST_GENL_VERSION));
	return msg;
}

int client_call(struct client *c, struct nl_msg *msg, int max, client_fn fn, void *arg)
{
	struct call call = { .client = c, .max = max, .fn = fn, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int n;

	tap_need(cb);
	c->sentence[0] = 0;
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &call);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, &call);
	n = nl_send_auto(c->sock, msg);	/* asks for an ack */
	nlmsg_free(msg);
	tap_need_msg(n > 0, "send: %d", n);
	while (!call.done) {
		n = nl_recvmsgs(c->sock, cb);
		tap_need_msg(n >= 0 || call.done, "receive: %s", nl_geterror(n));
	}
	nl_cb_put(cb);
	return call.error;
}

/* ---- status ---- */

static void text(char *to, size_t size, struct nlattr *a)
{
	tap_need(a);
	tap_need(nla_len(a) >= 1 && !((char *)nla_data(a))[nla_len(a) - 1]);
	snprintf(to, size, "%s", nla_get_string(a));
}

static uint32_t u32(struct nlattr *a)
{
	tap_need(a);
	tap_need_eq(nla_len(a), 4);
	return nla_get_u32(a);
}

static uint64_t u64(struct nlattr *a)
{
	tap_need(a);
	tap_need_eq(nla_len(a), 8);
	return nla_get_u64(a);
}

static void add_counter(struct client_status *s, struct nlattr *nest)
{
	struct nlattr *a[AZATTEST_COUNTER_A_MAX + 1];

	tap_need(!nla_parse_nested(a, AZATTEST_COUNTER_A_MAX, nest, NULL));
	tap_need(s->counters < TAP_COUNT(s->counter));
	text(s->counter[s->counters].name, 48, a[AZATTEST_COUNTER_A_NAME]);
	s->counter[s->counters++].value = u64(a[AZATTEST_COUNTER_A_VALUE]);
}

static void add_limit(struct client_status *s, struct nlattr *nest)
{
	struct nlattr *a[AZATTEST_LIMIT_A_MAX + 1];

	tap_need(!nla_parse_nested(a, AZATTEST_LIMIT_A_MAX, nest, NULL));
	tap_need(s->limits < TAP_COUNT(s->limit));
	text(s->limit[s->limits].name, 48, a[AZATTEST_LIMIT_A_NAME]);
	s->limit[s->limits].value = u32(a[AZATTEST_LIMIT_A_VALUE]);
	s->limit[s->limits].min = u32(a[AZATTEST_LIMIT_A_MIN]);
	s->limit[s->limits++].max = u32(a[AZATTEST_LIMIT_A_MAX_VALUE]);
}

static void status_number(struct client_status *s, struct nlattr *a)
{
	uint32_t *const fields[] = {
		[AZATTEST_STATUS_A_SIGNER_PROTOCOL] = &s->signer_protocol,
		[AZATTEST_STATUS_A_LISTENER] = &s->listener,
		[AZATTEST_STATUS_A_HOST_STATE] = &s->host_state,
		[AZATTEST_STATUS_A_SIGNERS] = &s->signers,
		[AZATTEST_STATUS_A_BINDINGS] = &s->bindings,
		[AZATTEST_STATUS_A_GRANTS] = &s->grants,
		[AZATTEST_STATUS_A_CONNECTIONS] = &s->connections,
		[AZATTEST_STATUS_A_QUEUED] = &s->queued,
		[AZATTEST_STATUS_A_INFLIGHT] = &s->inflight,
	};
	size_t type = nla_type(a);

	if (type < TAP_COUNT(fields) && fields[type])
		*fields[type] = u32(a);
}

/* Counters and limits come many times: no table of attributes can hold them. */
static int on_status(struct nl_msg *msg, void *arg)
{
	struct client_status *s = arg;
	struct nlattr *a;
	int rest;

	nlmsg_for_each_attr(a, nlmsg_hdr(msg), GENL_HDRLEN, rest) {
		HAS(s, nla_type(a));
		switch (nla_type(a)) {
		case AZATTEST_STATUS_A_COUNTER:
			add_counter(s, a);
			break;
		case AZATTEST_STATUS_A_LIMIT:
			add_limit(s, a);
			break;
		case AZATTEST_STATUS_A_VERSION:
			text(s->version, sizeof(s->version), a);
			break;
		case AZATTEST_STATUS_A_SIGNER_GENERATION:
			s->signer_generation = u64(a);
			break;
		default:
			status_number(s, a);
		}
	}
	return NL_OK;
}

int client_status(struct client *c, struct client_status *s)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_STATUS_GET, 0);
	struct call call = { .client = c };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	memset(s, 0, sizeof(*s));
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &call);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_status, s);
	tap_need(nl_send_auto(c->sock, msg) > 0);
	nlmsg_free(msg);
	while (!call.done)
		tap_need(nl_recvmsgs(c->sock, cb) >= 0 || call.done);
	nl_cb_put(cb);
	return call.error;
}

uint64_t client_counter(struct client *c, const char *name)
{
	static struct client_status s;

	tap_need_eq(client_status(c, &s), 0);
	for (unsigned int i = 0; i < s.counters; i++)
		if (!strcmp(s.counter[i].name, name))
			return s.counter[i].value;
	tap_need_msg(false, "no counter \"%s\"", name);
	return 0;
}

/* ---- the other commands ---- */

static void put_uuid(struct nl_msg *msg, int type, uint32_t number)
{
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	tap_need(!nla_put(msg, type, sizeof(uuid), uuid));
}

int client_limit_set(struct client *c, const char *name, uint32_t value)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_LIMIT_SET, 0);

	nla_put_string(msg, AZATTEST_LIMIT_A_NAME, name);
	nla_put_u32(msg, AZATTEST_LIMIT_A_VALUE, value);
	return client_call(c, msg, 0, NULL, NULL);
}

int client_grant_add(struct client *c, uint32_t number, uint32_t uid, const char *name,
		     const char *profile, uint32_t cid)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_GRANT_ADD, 0);

	put_uuid(msg, AZATTEST_GRANT_A_UUID, number);
	nla_put_u32(msg, AZATTEST_GRANT_A_UID, uid);
	if (name)
		nla_put_string(msg, AZATTEST_GRANT_A_NAME, name);
	if (profile)
		nla_put_string(msg, AZATTEST_GRANT_A_PROFILE, profile);
	if (cid)
		nla_put_u32(msg, AZATTEST_GRANT_A_CID, cid);
	return client_call(c, msg, 0, NULL, NULL);
}

int client_grant_del(struct client *c, uint32_t number)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_GRANT_DEL, 0);

	put_uuid(msg, AZATTEST_GRANT_A_UUID, number);
	return client_call(c, msg, 0, NULL, NULL);
}

int client_binding_end(struct client *c, uint32_t number)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_BINDING_END, 0);

	put_uuid(msg, AZATTEST_BINDING_A_UUID, number);
	return client_call(c, msg, 0, NULL, NULL);
}

void client_binding_from(struct nlattr **a, void *binding)
{
	struct client_binding *b = binding;

	memset(b, 0, sizeof(*b));
	for (int i = 1; i <= AZATTEST_BINDING_A_MAX; i++)
		if (a[i])
			HAS(b, i);
	tap_need(a[AZATTEST_BINDING_A_UUID]);
	tap_need_eq(nla_len(a[AZATTEST_BINDING_A_UUID]), AZATTEST_UUID_LEN);
	memcpy(b->uuid, nla_data(a[AZATTEST_BINDING_A_UUID]), AZATTEST_UUID_LEN);
	b->generation = u64(a[AZATTEST_BINDING_A_GENERATION]);
	text(b->name, sizeof(b->name), a[AZATTEST_BINDING_A_NAME]);
	text(b->profile, sizeof(b->profile), a[AZATTEST_BINDING_A_PROFILE]);
	if (a[AZATTEST_BINDING_A_CID])
		b->cid = u32(a[AZATTEST_BINDING_A_CID]);
	b->pid = u32(a[AZATTEST_BINDING_A_PID]);
	b->netns = u64(a[AZATTEST_BINDING_A_NETNS]);
	b->connections = u32(a[AZATTEST_BINDING_A_CONNECTIONS]);
	b->attached = u32(a[AZATTEST_BINDING_A_ATTACHED]);
	b->requests = u64(a[AZATTEST_BINDING_A_REQUESTS]);
	b->answered = u64(a[AZATTEST_BINDING_A_ANSWERED]);
	b->refused = u64(a[AZATTEST_BINDING_A_REFUSED]);
	if (a[AZATTEST_BINDING_A_LAST_TRANSPORT])
		b->last_transport = u32(a[AZATTEST_BINDING_A_LAST_TRANSPORT]);
	if (a[AZATTEST_BINDING_A_LAST_ASKED])
		b->last_asked = u64(a[AZATTEST_BINDING_A_LAST_ASKED]);
}

int client_binding(struct client *c, uint32_t number, struct client_binding *b)
{
	struct nl_msg *msg = client_msg(c, AZATTEST_CMD_BINDING_GET, 0);

	put_uuid(msg, AZATTEST_BINDING_A_UUID, number);
	return client_call(c, msg, AZATTEST_BINDING_A_MAX, client_binding_from, b);
}

/* ---- events ---- */

int client_listen(struct client *c)
{
	tap_need(c->group > 0);
	if (setsockopt(nl_socket_get_fd(c->sock), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
		       &c->group, sizeof(c->group)))
		return -errno;
	nl_socket_disable_seq_check(c->sock);
	return 0;
}

static void event_from(struct nlattr **a, struct client_event *e)
{
	memset(e, 0, sizeof(*e));
	for (int i = 1; i <= AZATTEST_EVENT_A_MAX; i++)
		if (a[i])
			HAS(e, i);
	e->kind = u32(a[AZATTEST_EVENT_A_KIND]);
	if (a[AZATTEST_EVENT_A_UUID]) {
		tap_need_eq(nla_len(a[AZATTEST_EVENT_A_UUID]), AZATTEST_UUID_LEN);
		memcpy(e->uuid, nla_data(a[AZATTEST_EVENT_A_UUID]), AZATTEST_UUID_LEN);
	}
	if (a[AZATTEST_EVENT_A_GENERATION])
		e->generation = u64(a[AZATTEST_EVENT_A_GENERATION]);
	if (a[AZATTEST_EVENT_A_CID])
		e->cid = u32(a[AZATTEST_EVENT_A_CID]);
	if (a[AZATTEST_EVENT_A_PID])
		e->pid = u32(a[AZATTEST_EVENT_A_PID]);
	if (a[AZATTEST_EVENT_A_UID])
		e->uid = u32(a[AZATTEST_EVENT_A_UID]);
	if (a[AZATTEST_EVENT_A_REASON])
		text(e->reason, sizeof(e->reason), a[AZATTEST_EVENT_A_REASON]);
}

bool client_event(struct client *c, struct client_event *e, int timeout_ms)
{
	struct nlattr *attrs[AZATTEST_EVENT_A_MAX + 1];
	struct sockaddr_nl from;
	unsigned char *data;
	struct nlmsghdr *h;
	int n;

	if (!rig_poll(nl_socket_get_fd(c->sock), POLLIN, timeout_ms))
		return false;
	n = nl_recv(c->sock, &from, &data, NULL);
	tap_need_msg(n > 0, "event: %s", nl_geterror(n));
	h = (struct nlmsghdr *)data;
	tap_need_eq(h->nlmsg_type, c->family);
	tap_need_eq(((struct genlmsghdr *)nlmsg_data(h))->cmd, AZATTEST_CMD_EVENT);
	tap_need(!genlmsg_parse(h, 0, attrs, AZATTEST_EVENT_A_MAX, NULL));
	event_from(attrs, e);
	free(data);
	return true;
}

void client_need_event(struct client *c, uint32_t kind, uint32_t number,
		       struct client_event *e)
{
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	for (;;) {
		tap_need_msg(client_event(c, e, tap_patience_ms()), "no event of kind %u", kind);
		if (e->kind == kind && (!number || !memcmp(e->uuid, uuid, sizeof(uuid))))
			return;
	}
}
