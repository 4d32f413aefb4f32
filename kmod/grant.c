// SPDX-License-Identifier: GPL-2.0
/* Grants: who may BIND which VM, once. Made over netlink, used up by BIND. */
#include <linux/cred.h>
#include <linux/slab.h>

#include "azattest.h"

static DEFINE_MUTEX(grant_mutex);
static LIST_HEAD(grants);		/* [grant_mutex] by rising serial */
static unsigned int grant_count;	/* [grant_mutex] */
static u64 last_serial;			/* [grant_mutex] */

static struct azattest_grant *find(const u8 *uuid)
{
	struct azattest_grant *g;

	lockdep_assert_held(&grant_mutex);
	list_for_each_entry(g, &grants, node)
		if (!memcmp(g->id.uuid, uuid, AZATTEST_UUID_LEN))
			return g;
	return NULL;
}

static void drop(struct azattest_grant *g)
{
	lockdep_assert_held(&grant_mutex);
	list_del(&g->node);
	grant_count--;
	kfree(g);
}

/* -EEXIST: there is one for this UUID. -ENOSPC: limit reached. */
int azattest_grant_add(const struct azattest_identity *id, kuid_t uid)
{
	struct azattest_grant *g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	int ret = 0;

	if (!g)
		return -ENOMEM;
	g->id = *id;
	g->uid = uid;
	mutex_lock(&grant_mutex);
	if (find(id->uuid)) {
		ret = -EEXIST;
	} else if (grant_count >= azattest_limit(grants)) {
		ret = -ENOSPC;
	} else {
		g->serial = ++last_serial;
		list_add_tail(&g->node, &grants);
		grant_count++;
	}
	mutex_unlock(&grant_mutex);
	if (ret)
		kfree(g);
	return ret;
}

/* -ENOENT: there is none. -EBUSY: a BIND is using it now. */
int azattest_grant_del(const u8 *uuid)
{
	struct azattest_grant *g;
	int ret = 0;

	mutex_lock(&grant_mutex);
	g = find(uuid);
	if (!g)
		ret = -ENOENT;
	else if (g->reserved)
		ret = -EBUSY;
	else
		drop(g);
	mutex_unlock(&grant_mutex);
	return ret;
}

static bool text_fits(const char *asked, const char *granted)
{
	return !*asked || !strcmp(asked, granted);
}

static bool fits(const struct azattest_grant *g, const struct azattest_identity *id)
{
	return !g->reserved && uid_eq(g->uid, current_euid()) &&
	       (!g->id.cid || g->id.cid == id->cid) &&
	       text_fits(id->name, g->id.name) && text_fits(id->profile, g->id.profile);
}

/*
 * Finds the caller's grant for what it asks, and fills in the name and profile
 * that were granted. The grant is held until settle(*serial). -EPERM: none fits.
 */
int azattest_grant_take(struct azattest_identity *id, u64 *serial)
{
	struct azattest_grant *g;
	int ret = -EPERM;

	mutex_lock(&grant_mutex);
	g = find(id->uuid);
	if (g && fits(g, id)) {
		memcpy(id->name, g->id.name, sizeof(id->name));
		memcpy(id->profile, g->id.profile, sizeof(id->profile));
		g->reserved = true;
		*serial = g->serial;
		ret = 0;
	}
	mutex_unlock(&grant_mutex);
	return ret;
}

/* The BIND is over: a grant that was used is used up. */
void azattest_grant_settle(u64 serial, bool used)
{
	struct azattest_grant *g;

	mutex_lock(&grant_mutex);
	list_for_each_entry(g, &grants, node) {
		if (g->serial != serial)
			continue;
		g->reserved = false;
		if (used)
			drop(g);
		break;
	}
	mutex_unlock(&grant_mutex);
}

/* Copies the first grant after this serial, for dumps. */
bool azattest_grant_next(u64 after, struct azattest_grant *copy)
{
	struct azattest_grant *g;
	bool found = false;

	mutex_lock(&grant_mutex);
	list_for_each_entry(g, &grants, node) {
		if (g->serial <= after)
			continue;
		*copy = *g;
		found = true;
		break;
	}
	mutex_unlock(&grant_mutex);
	return found;
}

unsigned int azattest_grant_count(void)
{
	return READ_ONCE(grant_count);
}

void azattest_grant_exit(void)
{
	struct azattest_grant *g, *next;

	mutex_lock(&grant_mutex);
	list_for_each_entry_safe(g, next, &grants, node)
		drop(g);
	mutex_unlock(&grant_mutex);
}
