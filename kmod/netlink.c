// SPDX-License-Identifier: GPL-2.0
/* Generic netlink family "azattest": status, limits, grants, bindings. */
#include <linux/module.h>
#include <net/genetlink.h>

#include "azattest.h"
#include "netlink.h"

static int uuid_check(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (azattest_identity_uuid_ok(nla_data(attr)))
		return 0;
	NL_SET_ERR_MSG(extack, "the UUID is all zero");
	return -EINVAL;
}

#define UUID_POLICY NLA_POLICY_EXACT_LEN(AZATTEST_UUID_LEN)

/* --- answers ----------------------------------------------------------- */

static int reply_send(struct sk_buff *skb, void *head, struct genl_info *info, bool complete)
{
	if (!complete) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return genlmsg_reply(skb, info);
}

static bool put_counter(struct sk_buff *skb, int i)
{
	struct nlattr *nest = nla_nest_start(skb, AZATTEST_STATUS_A_COUNTER);

	if (!nest || nla_put_string(skb, AZATTEST_COUNTER_A_NAME, azattest_counter_names[i]) ||
	    nla_put_u64_64bit(skb, AZATTEST_COUNTER_A_VALUE, atomic64_read(&azattest_counters[i]),
			      AZATTEST_COUNTER_A_PAD))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_limit(struct sk_buff *skb, const struct azattest_limit *limit)
{
	struct nlattr *nest = nla_nest_start(skb, AZATTEST_STATUS_A_LIMIT);

	if (!nest || nla_put_string(skb, AZATTEST_LIMIT_A_NAME, limit->name) ||
	    nla_put_u32(skb, AZATTEST_LIMIT_A_VALUE, READ_ONCE(limit->value)) ||
	    nla_put_u32(skb, AZATTEST_LIMIT_A_MIN, limit->min) ||
	    nla_put_u32(skb, AZATTEST_LIMIT_A_MAX_VALUE, limit->max))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static bool put_tables(struct sk_buff *skb)
{
	int i;

	for (i = 0; i < AZATTEST_COUNTER_COUNT; i++)
		if (!put_counter(skb, i))
			return false;
	for (i = 0; i < AZATTEST_LIMIT_COUNT; i++)
		if (!put_limit(skb, &azattest_limits[i]))
			return false;
	return true;
}

static bool put_status(struct sk_buff *skb)
{
	unsigned int signers, queued, inflight;
	u64 generation;
	u32 state;

	state = azattest_serve_host_state(&signers, &generation);
	azattest_queue_counts(&queued, &inflight);
	return !nla_put_string(skb, AZATTEST_STATUS_A_VERSION, AZATTEST_VERSION) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_SIGNER_PROTOCOL, AZATTEST_SIGNER_VERSION) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_LISTENER, azattest_listener_port()) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_HOST_STATE, state) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_SIGNERS, signers) &&
	       !nla_put_u64_64bit(skb, AZATTEST_STATUS_A_SIGNER_GENERATION, generation,
				  AZATTEST_STATUS_A_PAD) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_BINDINGS, azattest_registry_count()) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_GRANTS, azattest_grant_count()) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_CONNECTIONS, azattest_conn_count()) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_QUEUED, queued) &&
	       !nla_put_u32(skb, AZATTEST_STATUS_A_INFLIGHT, inflight) &&
	       put_tables(skb);
}

/* Counters and limits are some 60 nests of less than 64 bytes. */
#define STATUS_SIZE 8000

static int status_get(struct sk_buff *request, struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(STATUS_SIZE, GFP_KERNEL);
	void *head;

	if (!skb)
		return -ENOMEM;
	head = genlmsg_put_reply(skb, info, &azattest_family, 0, AZATTEST_CMD_STATUS_GET);
	return reply_send(skb, head, info, head && put_status(skb));
}

static int limit_set(struct sk_buff *request, struct genl_info *info)
{
	char name[32];
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, AZATTEST_LIMIT_A_NAME) ||
	    GENL_REQ_ATTR_CHECK(info, AZATTEST_LIMIT_A_VALUE)) {
		GENL_SET_ERR_MSG(info, "a limit needs NAME and VALUE");
		return -EINVAL;
	}
	nla_strscpy(name, info->attrs[AZATTEST_LIMIT_A_NAME], sizeof(name));
	ret = azattest_limits_set(name, nla_get_u32(info->attrs[AZATTEST_LIMIT_A_VALUE]));
	if (ret == -ENOENT)
		GENL_SET_ERR_MSG(info, "there is no limit of this name");
	else if (ret)
		GENL_SET_ERR_MSG(info, "the value is outside the limit's MIN..MAX");
	return ret;
}

/* --- grants ------------------------------------------------------------ */

static int text_from(struct genl_info *info, int type, char *text, size_t size)
{
	struct nlattr *attr = info->attrs[type];

	if (attr && nla_strscpy(text, attr, size) < 0)
		return -EINVAL;
	return 0;
}

static int grant_from(struct genl_info *info, struct azattest_identity *id)
{
	struct nlattr *cid = info->attrs[AZATTEST_GRANT_A_CID];

	memset(id, 0, sizeof(*id));
	memcpy(id->uuid, nla_data(info->attrs[AZATTEST_GRANT_A_UUID]), sizeof(id->uuid));
	if (text_from(info, AZATTEST_GRANT_A_NAME, id->name, sizeof(id->name)) ||
	    !azattest_identity_name_ok(id->name, sizeof(id->name))) {
		GENL_SET_ERR_MSG(info, "NAME is not printable UTF-8 of at most 63 bytes");
		return -EINVAL;
	}
	if (text_from(info, AZATTEST_GRANT_A_PROFILE, id->profile, sizeof(id->profile)) ||
	    !azattest_identity_profile_ok(id->profile, sizeof(id->profile))) {
		GENL_SET_ERR_MSG(info, "PROFILE is not A-Z a-z 0-9 . _ - of at most 31 bytes");
		return -EINVAL;
	}
	id->cid = cid ? nla_get_u32(cid) : 0;
	if (id->cid > AZATTEST_CID_MAX) {
		GENL_SET_ERR_MSG(info, "CID is none of a VM");
		return -EINVAL;
	}
	return 0;
}

static int grant_add(struct sk_buff *request, struct genl_info *info)
{
	struct azattest_identity id;
	kuid_t uid;
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, AZATTEST_GRANT_A_UUID) ||
	    GENL_REQ_ATTR_CHECK(info, AZATTEST_GRANT_A_UID)) {
		GENL_SET_ERR_MSG(info, "a grant needs UUID and UID");
		return -EINVAL;
	}
	ret = uuid_check(info->attrs[AZATTEST_GRANT_A_UUID], info->extack) ?:
	      grant_from(info, &id);
	if (ret)
		return ret;
	uid = make_kuid(&init_user_ns, nla_get_u32(info->attrs[AZATTEST_GRANT_A_UID]));
	if (!uid_valid(uid)) {
		GENL_SET_ERR_MSG(info, "UID is no user id");
		return -EINVAL;
	}
	ret = azattest_grant_add(&id, uid);
	if (ret == -EEXIST)
		GENL_SET_ERR_MSG(info, "there is an unused grant for this UUID");
	else if (ret == -ENOSPC)
		GENL_SET_ERR_MSG(info, "limit \"grants\" is reached");
	return ret;
}

static int grant_del(struct sk_buff *request, struct genl_info *info)
{
	int ret;

	if (GENL_REQ_ATTR_CHECK(info, AZATTEST_GRANT_A_UUID)) {
		GENL_SET_ERR_MSG(info, "UUID is missing");
		return -EINVAL;
	}
	ret = azattest_grant_del(nla_data(info->attrs[AZATTEST_GRANT_A_UUID]));
	if (ret == -EBUSY)
		GENL_SET_ERR_MSG(info, "a BIND is using this grant now");
	else if (ret)
		GENL_SET_ERR_MSG(info, "there is no unused grant for this UUID");
	return ret;
}

static bool put_grant(struct sk_buff *skb, const struct azattest_grant *g)
{
	return !nla_put(skb, AZATTEST_GRANT_A_UUID, AZATTEST_UUID_LEN, g->id.uuid) &&
	       !nla_put_u32(skb, AZATTEST_GRANT_A_UID, from_kuid_munged(&init_user_ns, g->uid)) &&
	       !nla_put_string(skb, AZATTEST_GRANT_A_NAME, g->id.name) &&
	       !nla_put_string(skb, AZATTEST_GRANT_A_PROFILE, g->id.profile) &&
	       (!g->id.cid || !nla_put_u32(skb, AZATTEST_GRANT_A_CID, g->id.cid));
}

/* Where a dump goes on: the serial or generation of the last one shown. */
static u64 *dump_position(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(u64) > sizeof(cb->ctx));
	return (u64 *)cb->ctx;
}

static int grant_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *last = dump_position(cb);
	struct azattest_grant g;
	void *head;

	while (azattest_grant_next(*last, &g)) {
		head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &azattest_family, NLM_F_MULTI, AZATTEST_CMD_GRANT_GET);
		if (!head)
			break;
		if (!put_grant(skb, &g)) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		*last = g.serial;
	}
	return skb->len;
}

/* --- bindings ---------------------------------------------------------- */

static bool put_use(struct sk_buff *skb, struct azattest_binding *b)
{
	return !nla_put_u32(skb, AZATTEST_BINDING_A_CONNECTIONS, READ_ONCE(b->conn_count)) &&
	       !nla_put_u32(skb, AZATTEST_BINDING_A_ATTACHED, READ_ONCE(b->file_count)) &&
	       !nla_put_u64_64bit(skb, AZATTEST_BINDING_A_REQUESTS, READ_ONCE(b->asked),
				  AZATTEST_BINDING_A_PAD) &&
	       !nla_put_u64_64bit(skb, AZATTEST_BINDING_A_ANSWERED, READ_ONCE(b->answered),
				  AZATTEST_BINDING_A_PAD) &&
	       !nla_put_u64_64bit(skb, AZATTEST_BINDING_A_REFUSED, READ_ONCE(b->refused),
				  AZATTEST_BINDING_A_PAD);
}

static bool put_last(struct sk_buff *skb, struct azattest_binding *b)
{
	time64_t when;
	u8 transport = azattest_queue_last(b, &when);

	return !transport ||
	       (!nla_put_u32(skb, AZATTEST_BINDING_A_LAST_TRANSPORT, transport) &&
		!nla_put_u64_64bit(skb, AZATTEST_BINDING_A_LAST_ASKED, when,
				   AZATTEST_BINDING_A_PAD));
}

static bool put_binding(struct sk_buff *skb, struct azattest_binding *b)
{
	return !nla_put(skb, AZATTEST_BINDING_A_UUID, AZATTEST_UUID_LEN, b->id.uuid) &&
	       !nla_put_u64_64bit(skb, AZATTEST_BINDING_A_GENERATION, b->generation,
				  AZATTEST_BINDING_A_PAD) &&
	       !nla_put_string(skb, AZATTEST_BINDING_A_NAME, b->id.name) &&
	       !nla_put_string(skb, AZATTEST_BINDING_A_PROFILE, b->id.profile) &&
	       (!b->id.cid || !nla_put_u32(skb, AZATTEST_BINDING_A_CID, b->id.cid)) &&
	       !nla_put_u32(skb, AZATTEST_BINDING_A_PID, b->pid) &&
	       !nla_put_u64_64bit(skb, AZATTEST_BINDING_A_NETNS, b->netns,
				  AZATTEST_BINDING_A_PAD) &&
	       (!b->has_life || !nla_put_flag(skb, AZATTEST_BINDING_A_LIFE)) &&
	       put_use(skb, b) && put_last(skb, b);
}

/* The live binding that a request names, or an error with its sentence. */
static struct azattest_binding *binding_named(struct genl_info *info)
{
	struct azattest_binding *b;

	if (GENL_REQ_ATTR_CHECK(info, AZATTEST_BINDING_A_UUID)) {
		GENL_SET_ERR_MSG(info, "UUID is missing");
		return ERR_PTR(-EINVAL);
	}
	b = azattest_registry_by_uuid(nla_data(info->attrs[AZATTEST_BINDING_A_UUID]));
	if (b)
		return b;
	GENL_SET_ERR_MSG(info, "no live binding has this UUID");
	return ERR_PTR(-ENOENT);
}

static int binding_get(struct sk_buff *request, struct genl_info *info)
{
	struct azattest_binding *b = binding_named(info);
	struct sk_buff *skb;
	void *head;
	int ret;

	if (IS_ERR(b))
		return PTR_ERR(b);
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb) {
		azattest_registry_put(b);
		return -ENOMEM;
	}
	head = genlmsg_put_reply(skb, info, &azattest_family, 0, AZATTEST_CMD_BINDING_GET);
	ret = reply_send(skb, head, info, head && put_binding(skb, b));
	azattest_registry_put(b);
	return ret;
}

static int binding_end(struct sk_buff *request, struct genl_info *info)
{
	struct azattest_binding *b = binding_named(info);

	if (IS_ERR(b))
		return PTR_ERR(b);
	azattest_bind_end(b, "ended");
	azattest_registry_put(b);
	return 0;
}

static bool dump_binding(struct sk_buff *skb, struct netlink_callback *cb,
			 struct azattest_binding *b)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				 &azattest_family, NLM_F_MULTI, AZATTEST_CMD_BINDING_GET);

	if (!head)
		return false;
	if (!put_binding(skb, b)) {
		genlmsg_cancel(skb, head);
		return false;
	}
	genlmsg_end(skb, head);
	return true;
}

static int binding_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	u64 *last = dump_position(cb);
	struct azattest_binding *b;
	bool room = true;

	while (room && (b = azattest_registry_next(*last))) {
		room = dump_binding(skb, cb, b);
		if (room)
			*last = b->generation;
		azattest_registry_put(b);
	}
	return skb->len;
}

/* --- the family -------------------------------------------------------- */

static const struct nla_policy limit_policy[AZATTEST_LIMIT_A_MAX + 1] = {
	[AZATTEST_LIMIT_A_NAME] = { .type = NLA_NUL_STRING, .len = 31 },
	[AZATTEST_LIMIT_A_VALUE] = { .type = NLA_U32 },
};

static const struct nla_policy grant_policy[AZATTEST_GRANT_A_MAX + 1] = {
	[AZATTEST_GRANT_A_UUID] = UUID_POLICY,
	[AZATTEST_GRANT_A_UID] = { .type = NLA_U32 },
	[AZATTEST_GRANT_A_NAME] = { .type = NLA_NUL_STRING, .len = AZATTEST_NAME_LEN - 1 },
	[AZATTEST_GRANT_A_PROFILE] = { .type = NLA_NUL_STRING, .len = AZATTEST_PROFILE_LEN - 1 },
	[AZATTEST_GRANT_A_CID] = NLA_POLICY_MIN(NLA_U32, AZATTEST_CID_MIN),
};

static const struct nla_policy uuid_policy[2] = {
	[1] = UUID_POLICY,
};

static const struct genl_ops ops[] = {
	{
		.cmd = AZATTEST_CMD_STATUS_GET,
		.doit = status_get,
	}, {
		.cmd = AZATTEST_CMD_LIMIT_SET,
		.flags = GENL_ADMIN_PERM,
		.policy = limit_policy,
		.maxattr = AZATTEST_LIMIT_A_VALUE,
		.doit = limit_set,
	}, {
		.cmd = AZATTEST_CMD_GRANT_ADD,
		.flags = GENL_ADMIN_PERM,
		.policy = grant_policy,
		.maxattr = AZATTEST_GRANT_A_MAX,
		.doit = grant_add,
	}, {
		.cmd = AZATTEST_CMD_GRANT_DEL,
		.flags = GENL_ADMIN_PERM,
		.policy = uuid_policy,
		.maxattr = AZATTEST_GRANT_A_UUID,
		.doit = grant_del,
	}, {
		.cmd = AZATTEST_CMD_GRANT_GET,
		.flags = GENL_ADMIN_PERM,
		.dumpit = grant_dump,
	}, {
		.cmd = AZATTEST_CMD_BINDING_GET,
		.flags = GENL_ADMIN_PERM,
		.policy = uuid_policy,
		.maxattr = AZATTEST_BINDING_A_UUID,
		.doit = binding_get,
		.dumpit = binding_dump,
	}, {
		.cmd = AZATTEST_CMD_BINDING_END,
		.flags = GENL_ADMIN_PERM,
		.policy = uuid_policy,
		.maxattr = AZATTEST_BINDING_A_UUID,
		.doit = binding_end,
	},
};

static const struct genl_multicast_group groups[] = {
	[AZATTEST_GROUP_EVENTS] = {
		.name = AZATTEST_GENL_GROUP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family azattest_family __ro_after_init = {
	.name = AZATTEST_GENL_NAME,
	.version = AZATTEST_GENL_VERSION,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.resv_start_op = AZATTEST_CMD_STATUS_GET,
};

int azattest_netlink_init(void)
{
	return genl_register_family(&azattest_family);
}

void azattest_netlink_exit(void)
{
	genl_unregister_family(&azattest_family);
}
