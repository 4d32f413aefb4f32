// SPDX-License-Identifier: GPL-2.0
/*
 * BIND and the end of a binding. The order of steps was paid for:
 *
 * BIND     1. reserve UUID, CID and vhost file, before the VMM's device is touched
 *          2. the device takes the CID, exactly once: the proof
 *          3. end an older binding whose owner has moved away from the CID
 *          4. empty the accept queue: what waits there is of the CID's past
 *          5. publish
 * the end  1. DEAD: nobody finds it, nothing can join it
 *          2. cancel its requests, close every connection hard and now
 *          3. drop the vhost file: only here can the CID be taken by another
 *          4. leave the tables: only here can the UUID be bound again
 *
 * Without the accept queue's step a VM that takes a dead one's CID inherits
 * what the dead one sent; without the hard close, its connection.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <net/net_namespace.h>

#include "azattest.h"

static struct workqueue_struct *end_queue;
static struct delayed_work sweep_work;

static void end_now(struct azattest_binding *b)
{
	bool lost = !strcmp(b->end_reason, "cid-lost");

	azattest_life_disarm(&b->life);
	azattest_queue_cancel_all(b);
	azattest_conn_close_all(b);
	azattest_device_hangup(b);
	azattest_life_close(&b->life);
	azattest_proof_drop(b->vhost);
	azattest_count(unbound);
	if (lost)
		azattest_count(cid_lost);
	trace_azattest_binding(lost ? AZATTEST_EVENT_CID_LOST : AZATTEST_EVENT_UNBOUND,
			       b->generation, b->id.cid);
	azattest_event_binding(lost ? AZATTEST_EVENT_CID_LOST : AZATTEST_EVENT_UNBOUND, b,
			       b->end_reason);
	azattest_registry_remove(b);
}

static void end_work(struct work_struct *work)
{
	struct azattest_binding *b = container_of(work, struct azattest_binding, end_work);

	if (azattest_registry_kill(b))
		end_now(b);
	azattest_registry_put(b);
}

/* Ends a binding from any context, also with interrupts off. The caller has a reference. */
void azattest_bind_end_async(struct azattest_binding *b, const char *reason)
{
	cmpxchg(&b->end_reason, NULL, reason);
	azattest_registry_get(b);
	if (!queue_work(end_queue, &b->end_work))
		azattest_registry_put(b);
}

/* Ends a binding; when this returns, all that was of it is closed. */
void azattest_bind_end(struct azattest_binding *b, const char *reason)
{
	azattest_bind_end_async(b, reason);
	wait_for_completion(&b->gone);
}

static void sweep(struct work_struct *work)
{
	azattest_registry_sweep();
	queue_delayed_work(system_wq, &sweep_work, msecs_to_jiffies(AZATTEST_SWEEP_MS));
}

/* Reserves; waits for a binding that is just ending and holds what we need. */
static int reserve(struct azattest_binding *b, struct azattest_binding **older)
{
	int ret;

	while ((ret = azattest_registry_reserve(b, older)) == -EAGAIN) {
		ret = wait_for_completion_interruptible(&(*older)->gone);
		azattest_registry_put(*older);
		*older = NULL;
		if (ret)
			return -EINTR;
	}
	return ret;
}

/* Steps 2 to 4: from here the CID is this VM's and nobody else's past clings to it. */
static int prove(struct azattest_binding *b, struct azattest_binding *older)
{
	int ret;

	if (!b->id.cid)
		return 0;
	ret = azattest_proof_set_cid(b->vhost, b->id.cid);
	if (ret)
		return ret;
	if (older)
		azattest_bind_end(older, "cid-lost");
	return azattest_listener_drain();
}

/*
 * The life hook goes in first, since once the binding is LIVE anybody may end
 * it. What wants to end it before that only leaves its reason, which is looked
 * at afterwards.
 */
static void publish(struct azattest_binding *b)
{
	azattest_life_arm(b);
	azattest_count(bound);
	trace_azattest_binding(AZATTEST_EVENT_BOUND, b->generation, b->id.cid);
	azattest_event_binding(AZATTEST_EVENT_BOUND, b, NULL);
	azattest_registry_publish(b);
	if (READ_ONCE(b->end_reason))
		azattest_bind_end_async(b, b->end_reason);
}

static int enter(struct azattest_binding *b)
{
	struct azattest_binding *older = NULL;
	int ret;

	ret = reserve(b, &older);
	if (ret)
		return ret;
	ret = prove(b, older);
	if (older)
		azattest_registry_put(older);
	if (ret)
		azattest_registry_remove(b);
	else
		publish(b);
	return ret;
}

static int identity_from(const struct azattest_bind *arg, struct azattest_identity *id)
{
	if (arg->flags & ~AZATTEST_BIND_FLAGS || arg->reserved ||
	    !azattest_identity_uuid_ok(arg->uuid) ||
	    !azattest_identity_name_ok(arg->name, sizeof(arg->name)) ||
	    !azattest_identity_profile_ok(arg->profile, sizeof(arg->profile)))
		return -EINVAL;
	if (arg->flags & AZATTEST_BIND_CID) {
		if (arg->cid < AZATTEST_CID_MIN || arg->cid > AZATTEST_CID_MAX)
			return -EINVAL;
	} else if (arg->cid || arg->vhost_fd != -1) {
		return -EINVAL;
	}
	memcpy(id->uuid, arg->uuid, sizeof(id->uuid));
	memcpy(id->name, arg->name, sizeof(id->name));
	memcpy(id->profile, arg->profile, sizeof(id->profile));
	id->cid = arg->cid;
	return 0;
}

/* May the caller name this VM? With a grant, *serial is not 0 and must be settled. */
static int authorise(struct azattest_identity *id, u64 *serial)
{
	*serial = 0;
	if (capable(CAP_NET_ADMIN))
		return 0;
	return azattest_grant_take(id, serial);
}

static int open_files(struct azattest_binding *b, const struct azattest_bind *arg)
{
	if (b->id.cid) {
		if (!azattest_listener_port())
			return -ENODEV;
		b->vhost = azattest_proof_file(arg->vhost_fd);
		if (IS_ERR(b->vhost)) {
			int ret = PTR_ERR(b->vhost);

			b->vhost = NULL;
			return ret;
		}
	}
	b->has_life = arg->life_fd != -1;
	return azattest_life_open(&b->life, arg->life_fd);
}

static int make(const struct azattest_identity *id, const struct azattest_bind *arg,
		struct azattest_binding **out)
{
	struct azattest_binding *b = azattest_registry_alloc(id);
	int ret;

	if (!b)
		return -ENOMEM;
	INIT_WORK(&b->end_work, end_work);
	b->pid = task_tgid_nr(current);
	b->netns = current->nsproxy->net_ns->ns.inum;
	ret = open_files(b, arg);
	if (!ret)
		ret = enter(b);
	if (!ret) {
		*out = b;
		return 0;
	}
	if (b->vhost)
		fput(b->vhost);
	azattest_life_close(&b->life);
	azattest_registry_put(b);
	return ret;
}

/* Twins, squatters and thieves are events; a caller's plain mistake is not. */
static void tell_refusal(const struct azattest_identity *id, int ret)
{
	const char *reason = ret == -EPERM ? "no-right" :
			     ret == -EBUSY ? "in-use" :
			     ret == -EADDRINUSE ? "cid-in-use" : NULL;

	if (reason)
		azattest_event_refused(id->uuid, id->cid, reason);
}

/*
 * BIND, but for the file that will own the binding: errors as documented in
 * the UAPI header. On success *out is a reference for the caller.
 */
int azattest_bind_make(struct azattest_bind *arg, struct azattest_binding **out)
{
	struct azattest_identity id = {};
	u64 serial = 0;
	int ret;

	ret = identity_from(arg, &id);
	if (!ret)
		ret = authorise(&id, &serial);
	if (!ret)
		ret = make(&id, arg, out);
	if (serial)
		azattest_grant_settle(serial, !ret);
	if (ret == -EPERM)
		azattest_refuse(bind_denied, id.cid);
	else if (ret)
		azattest_refuse(bind_refused, id.cid);
	tell_refusal(&id, ret);
	return ret;
}

int azattest_bind_init(void)
{
	azattest_registry_init();
	end_queue = alloc_workqueue("azattest-end", WQ_UNBOUND, 0);
	if (!end_queue)
		return -ENOMEM;
	INIT_DELAYED_WORK(&sweep_work, sweep);
	queue_delayed_work(system_wq, &sweep_work, msecs_to_jiffies(AZATTEST_SWEEP_MS));
	return 0;
}

void azattest_bind_exit(void)
{
	cancel_delayed_work_sync(&sweep_work);
	destroy_workqueue(end_queue);
	azattest_grant_exit();
}
