// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of bindings. A binding is in them from reserve to remove; only a
 * LIVE one can be found. One that is DEAD still holds its UUID and CID until
 * everything of it is closed: whoever wants them waits for `gone`.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "azattest.h"

#define TABLE_BITS 10

static DEFINE_SPINLOCK(registry_lock);
static DEFINE_HASHTABLE(uuids, TABLE_BITS);	/* [registry_lock] */
static DEFINE_HASHTABLE(cids, TABLE_BITS);	/* [registry_lock] */
static LIST_HEAD(bindings);			/* [registry_lock] by rising generation */
static unsigned int binding_count;		/* [registry_lock] */
static u64 last_generation;			/* [registry_lock] */

static u32 uuid_key(const u8 *uuid)
{
	return jhash(uuid, AZATTEST_UUID_LEN, 0);
}

/*
 * Generations are never used again, also not after the module was reloaded:
 * they begin at the time of loading, and no load makes 2^20 bindings a second.
 */
void azattest_registry_init(void)
{
	last_generation = (u64)ktime_get_real_seconds() << 20;
}

struct azattest_binding *azattest_registry_alloc(const struct azattest_identity *id)
{
	struct azattest_binding *b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);

	if (!b)
		return NULL;
	refcount_set(&b->ref, 1);
	b->id = *id;
	spin_lock_init(&b->lock);
	init_completion(&b->gone);
	INIT_HLIST_NODE(&b->by_uuid);
	INIT_HLIST_NODE(&b->by_cid);
	INIT_LIST_HEAD(&b->all);
	INIT_LIST_HEAD(&b->conns);
	INIT_LIST_HEAD(&b->files);
	INIT_LIST_HEAD(&b->queued);
	INIT_LIST_HEAD(&b->requests);
	INIT_LIST_HEAD(&b->turn);
	return b;
}

void azattest_registry_put(struct azattest_binding *b)
{
	if (refcount_dec_and_test(&b->ref))
		kfree(b);
}

static bool same_uuid(const struct azattest_binding *b, const u8 *uuid)
{
	return !memcmp(b->id.uuid, uuid, AZATTEST_UUID_LEN);
}

/* One VM's vhost file makes one binding, whatever CID it claims. */
static bool vhost_is_bound(const struct file *vhost)
{
	struct azattest_binding *b;

	lockdep_assert_held(&registry_lock);
	if (!vhost)
		return false;
	list_for_each_entry(b, &bindings, all)
		if (b->vhost == vhost && b->state != AZATTEST_BINDING_DEAD)
			return true;
	return false;
}

/*
 * What is in the way of @b: 0 nothing; -EBUSY; -EAGAIN: *older ends and will
 * be out of the way. With 0, *older is a LIVE binding that claims the CID.
 */
static int find_conflict(struct azattest_binding *b, struct azattest_binding **older)
{
	struct azattest_binding *o;

	lockdep_assert_held(&registry_lock);
	hash_for_each_possible(uuids, o, by_uuid, uuid_key(b->id.uuid)) {
		if (!same_uuid(o, b->id.uuid))
			continue;
		*older = o;
		return o->state == AZATTEST_BINDING_DEAD ? -EAGAIN : -EBUSY;
	}
	if (vhost_is_bound(b->vhost))
		return -EBUSY;
	if (!b->id.cid)
		return 0;
	hash_for_each_possible(cids, o, by_cid, b->id.cid) {
		if (o->id.cid != b->id.cid)
			continue;
		*older = o;
		if (o->state == AZATTEST_BINDING_LIVE)
			return 0;
		return o->state == AZATTEST_BINDING_DEAD ? -EAGAIN : -EBUSY;
	}
	return 0;
}

static void insert(struct azattest_binding *b)
{
	lockdep_assert_held(&registry_lock);
	b->state = AZATTEST_BINDING_RESERVED;
	b->generation = ++last_generation;
	hash_add(uuids, &b->by_uuid, uuid_key(b->id.uuid));
	if (b->id.cid)
		hash_add(cids, &b->by_cid, b->id.cid);
	list_add_tail(&b->all, &bindings);
	binding_count++;
	azattest_registry_get(b);
}

/*
 * Puts @b into the tables, unseen. 0: reserved; *older, if set, is a LIVE
 * binding that claims the same CID (a reference for the caller). -EBUSY: UUID,
 * vhost file or CID is in use. -EAGAIN: wait for (*older)->gone, put it, try
 * again. -ENOSPC: limit reached.
 */
int azattest_registry_reserve(struct azattest_binding *b, struct azattest_binding **older)
{
	int ret;

	*older = NULL;
	spin_lock(&registry_lock);
	ret = find_conflict(b, older);
	if (!ret && binding_count >= azattest_limit(bindings))
		ret = -ENOSPC;
	if (*older && (!ret || ret == -EAGAIN))
		azattest_registry_get(*older);
	else
		*older = NULL;
	if (!ret)
		insert(b);
	spin_unlock(&registry_lock);
	return ret;
}

/* RESERVED to LIVE. */
void azattest_registry_publish(struct azattest_binding *b)
{
	spin_lock(&registry_lock);
	WRITE_ONCE(b->state, AZATTEST_BINDING_LIVE);
	spin_unlock(&registry_lock);
}

/* LIVE to DEAD; true for the one caller that must end it. */
bool azattest_registry_kill(struct azattest_binding *b)
{
	bool first;

	spin_lock(&registry_lock);
	first = b->state == AZATTEST_BINDING_LIVE;
	if (first)
		WRITE_ONCE(b->state, AZATTEST_BINDING_DEAD);
	spin_unlock(&registry_lock);
	return first;
}

/* Out of the tables, and tells who waits. Drops the tables' reference. */
void azattest_registry_remove(struct azattest_binding *b)
{
	spin_lock(&registry_lock);
	WRITE_ONCE(b->state, AZATTEST_BINDING_DEAD);
	hash_del(&b->by_uuid);
	if (b->id.cid)
		hash_del(&b->by_cid);
	list_del_init(&b->all);
	binding_count--;
	spin_unlock(&registry_lock);
	complete_all(&b->gone);
	azattest_registry_put(b);
}

struct azattest_binding *azattest_registry_by_uuid(const u8 *uuid)
{
	struct azattest_binding *b, *found = NULL;

	spin_lock(&registry_lock);
	hash_for_each_possible(uuids, b, by_uuid, uuid_key(uuid)) {
		if (b->state == AZATTEST_BINDING_LIVE && same_uuid(b, uuid)) {
			found = azattest_registry_get(b);
			break;
		}
	}
	spin_unlock(&registry_lock);
	return found;
}

struct azattest_binding *azattest_registry_by_cid(u32 cid)
{
	struct azattest_binding *b, *found = NULL;

	spin_lock(&registry_lock);
	hash_for_each_possible(cids, b, by_cid, cid) {
		if (b->state == AZATTEST_BINDING_LIVE && b->id.cid == cid) {
			found = azattest_registry_get(b);
			break;
		}
	}
	spin_unlock(&registry_lock);
	return found;
}

/* The first LIVE binding with a generation above this one, for dumps. */
struct azattest_binding *azattest_registry_next(u64 generation)
{
	struct azattest_binding *b, *found = NULL;

	spin_lock(&registry_lock);
	list_for_each_entry(b, &bindings, all) {
		if (b->generation > generation && b->state == AZATTEST_BINDING_LIVE) {
			found = azattest_registry_get(b);
			break;
		}
	}
	spin_unlock(&registry_lock);
	return found;
}

unsigned int azattest_registry_count(void)
{
	return READ_ONCE(binding_count);
}

/*
 * The net under life_fd: when nobody but us holds the vhost file any more, its
 * VMM has gone.
 */
void azattest_registry_sweep(void)
{
	struct azattest_binding *b;

	spin_lock(&registry_lock);
	list_for_each_entry(b, &bindings, all)
		if (b->state == AZATTEST_BINDING_LIVE && b->vhost && file_count(b->vhost) == 1)
			azattest_bind_end_async(b, "vmm-gone");
	spin_unlock(&registry_lock);
}
