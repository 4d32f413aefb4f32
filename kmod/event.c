// SPDX-License-Identifier: GPL-2.0
/* Events for group "events" of the netlink family. Process context only. */
#include <linux/cred.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <net/genetlink.h>

#include "azattest.h"
#include "netlink.h"

/* Room for all attributes of an event. */
#define EVENT_SIZE 256

struct event {
	u32 kind;
	const u8 *uuid;		/* NULL: none */
	u64 generation;		/* 0: none */
	u32 cid;		/* 0: none */
	u32 pid;		/* 0: nobody's */
	bool with_uid;
	const char *reason;	/* NULL: none */
};

static bool put(struct sk_buff *skb, const struct event *e)
{
	uid_t uid = from_kuid_munged(&init_user_ns, current_euid());

	return !nla_put_u32(skb, AZATTEST_EVENT_A_KIND, e->kind) &&
	       (!e->uuid || !nla_put(skb, AZATTEST_EVENT_A_UUID, AZATTEST_UUID_LEN, e->uuid)) &&
	       (!e->generation || !nla_put_u64_64bit(skb, AZATTEST_EVENT_A_GENERATION,
						     e->generation, AZATTEST_EVENT_A_PAD)) &&
	       (!e->cid || !nla_put_u32(skb, AZATTEST_EVENT_A_CID, e->cid)) &&
	       (!e->pid || !nla_put_u32(skb, AZATTEST_EVENT_A_PID, e->pid)) &&
	       (!e->with_uid || !nla_put_u32(skb, AZATTEST_EVENT_A_UID, uid)) &&
	       (!e->reason || !nla_put_string(skb, AZATTEST_EVENT_A_REASON, e->reason));
}

/* NULL: no memory. */
static struct sk_buff *message(const struct event *e)
{
	struct sk_buff *skb = genlmsg_new(EVENT_SIZE, GFP_KERNEL);
	void *head;

	if (!skb)
		return NULL;
	head = genlmsg_put(skb, 0, 0, &azattest_family, 0, AZATTEST_CMD_EVENT);
	if (!head || !put(skb, e)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, head);
	return skb;
}

/*
 * Who listens keeps a picture of the bindings. An event that could not be made
 * would spoil it unseen, so the listeners' next receive fails instead.
 */
static void send(const struct event *e)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&azattest_family, &init_net, AZATTEST_GROUP_EVENTS))
		return;
	skb = message(e);
	if (skb)
		genlmsg_multicast(&azattest_family, skb, 0, AZATTEST_GROUP_EVENTS, GFP_KERNEL);
	else
		genl_set_err(&azattest_family, &init_net, 0, AZATTEST_GROUP_EVENTS, -ENOBUFS);
}

void azattest_event_binding(u32 kind, const struct azattest_binding *b, const char *reason)
{
	struct event e = {
		.kind = kind,
		.uuid = b->id.uuid,
		.generation = b->generation,
		.cid = b->id.cid,
		.pid = b->pid,
		.reason = reason,
	};

	send(&e);
}

/* Somebody was refused an identity. Anybody who may open the device can cause these. */
void azattest_event_refused(const u8 *uuid, u32 cid, const char *reason)
{
	static DEFINE_RATELIMIT_STATE(limit, HZ, AZATTEST_REFUSED_EVENTS_PER_S);
	struct event e = {
		.kind = AZATTEST_EVENT_REFUSED,
		.uuid = uuid,
		.cid = cid,
		.pid = task_tgid_nr(current),
		.with_uid = true,
		.reason = reason,
	};

	ratelimit_set_flags(&limit, RATELIMIT_MSG_ON_RELEASE);
	if (__ratelimit(&limit))
		send(&e);
}

void azattest_event_signer(u32 kind, u64 generation)
{
	struct event e = {
		.kind = kind,
		.generation = generation,
		.pid = task_tgid_nr(current),
	};

	send(&e);
}
