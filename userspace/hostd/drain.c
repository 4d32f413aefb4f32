// SPDX-License-Identifier: GPL-2.0
// Owns the way of a slot from "nothing passes" to "free": restd has forgotten it, no socket is left.

#include "core.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define REST_MS		60000	/* TIME_WAIT and retransmissions are over then */
#define UNCLEAN_MS	60000	/* of slots that nobody told us of: the same, from our start on */

/*
 * Three things must be sure before another VM gets a slot, each by itself:
 *   1. the fence lets nothing pass (.withdrawn);
 *   2. no restd takes a new connection from it for the old VM (.confirm):
 *      REVOKED was said; or a new session was told all grants (SYNCED); or no
 *      restd gets connections any more and none has a session;
 *   3. no old connection is left: SOCK_DESTROY, or, where the kernel cannot,
 *      restd has closed them (2.) and the slot rests.
 */
void drain_begin(struct hostd *hostd, unsigned int number, const uint8_t uuid[AZATTEST_UUID_LEN],
		 uint64_t generation, bool granted, bool withdrawn)
{
	struct slot *slot = slot_drain(&hostd->slots, number);

	memcpy(slot->uuid, uuid, AZATTEST_UUID_LEN);
	slot->generation = generation;
	slot->withdrawn = withdrawn;
	slot->revoke_sent = false;
	if (granted)
		slot->confirm = SLOT_BY_REVOKED;
	else if (hostd->rest.phase == REST_SYNCED)
		slot->confirm = SLOT_CONFIRMED;	/* it was never told */
	else
		slot->confirm = SLOT_BY_SYNCED;
	hostd_changed(hostd);
}

static void each_draining(struct hostd *hostd, void (*each)(struct slot *slot))
{
	for (unsigned int i = 1; i < hostd->slots.count; i++)
		if (hostd->slots.slot[i].state == SLOT_DRAINING)
			each(&hostd->slots.slot[i]);
	hostd_changed(hostd);
}

static void wait_for_sync(struct slot *slot)
{
	if (slot->confirm == SLOT_BY_REVOKED)
		slot->confirm = SLOT_BY_SYNCED;
}

static void synced(struct slot *slot)
{
	if (slot->confirm == SLOT_BY_SYNCED)
		slot->confirm = SLOT_CONFIRMED;
}

void drain_session_began(struct hostd *hostd)
{
	each_draining(hostd, wait_for_sync);
}

void drain_session_synced(struct hostd *hostd)
{
	each_draining(hostd, synced);
}

void drain_session_ended(struct hostd *hostd)
{
	each_draining(hostd, wait_for_sync);
}

void drain_revoked(struct hostd *hostd, unsigned int number, uint64_t generation)
{
	struct slot *slot;

	if (!number || number >= hostd->slots.count)
		return;
	slot = &hostd->slots.slot[number];
	if (slot->state != SLOT_DRAINING || slot->confirm != SLOT_BY_REVOKED ||
	    !slot->revoke_sent || slot->generation != generation)
		return;
	slot->confirm = SLOT_CONFIRMED;
	hostd_changed(hostd);
}

static bool withdraw(struct hostd *hostd, struct slot *slot, unsigned int number)
{
	struct failure failure;

	if (slot->withdrawn || !hostd->fence)
		return true;
	if (fence_withdraw(hostd->fence, number, &failure)) {
		log_line(LOG_ERR, "slot %u: %s", number, failure.text);
		return false;
	}
	slot->withdrawn = true;
	return true;
}

static bool is_ending(unsigned int number, const void *slot)
{
	return ((const struct slot *)slot)[number].ending;
}

/* All of them in one look at the host's sockets. */
static int end_connections(struct hostd *hostd, struct failure *failure)
{
	struct net_peers peers = {
		.base = hostd->config.net.base, .count = hostd->slots.count,
		.over = is_ending, .arg = hostd->slots.slot,
	};

	return net_destroy_sockets(hostd->net, &peers, failure);
}

/* Where nobody took it since we began, and nobody has yet: one look is enough for all of these. */
static bool is_unclean(const struct slot *slot)
{
	return slot->unclean && (slot->state == SLOT_FREE || slot->state == SLOT_TAKEN);
}

/* A connection may be left that no restd has told us of. */
int drain_clean(struct hostd *hostd, unsigned int number, struct failure *failure)
{
	struct slots *slots = &hostd->slots;
	int ret;

	if (!slots->slot[number].unclean)
		return 0;
	for (unsigned int i = 1; i < slots->count; i++)
		slots->slot[i].ending = is_unclean(&slots->slot[i]);
	ret = end_connections(hostd, failure);
	if (ret == -EOPNOTSUPP && watch_now_ms() >= hostd->opened_ms + UNCLEAN_MS)
		ret = 0;
	for (unsigned int i = 1; i < slots->count; i++) {
		if (slots->slot[i].ending)
			slots->slot[i].unclean = ret;
		slots->slot[i].ending = false;
	}
	return ret;
}

/* Whether only its connections stand between it and being free. */
static bool may_end(struct hostd *hostd, struct slot *slot, unsigned int number)
{
	if (slot->state != SLOT_DRAINING || !backoff_ready(&slot->backoff))
		return false;
	if (!withdraw(hostd, slot, number)) {
		backoff_failed(&slot->backoff);
		return false;
	}
	return slot->confirm == SLOT_CONFIRMED ||
	       !(rest_connected(&hostd->rest) || hostd->rest.stale);
}

/* @ret: what became of its connections. */
static void ended(struct hostd *hostd, struct slot *slot, unsigned int number, int ret)
{
	slot->ending = false;
	if (!ret)
		slot_free(&hostd->slots, number);
	else if (ret != -EOPNOTSUPP)
		backoff_failed(&slot->backoff);
	else if (slot->confirm == SLOT_CONFIRMED || rest_forgot(&hostd->rest))
		slot_rest(&hostd->slots, number, watch_now_ms() + REST_MS);
}

static void free_slots(struct hostd *hostd)
{
	struct slot *slot = hostd->slots.slot;
	struct failure failure;
	unsigned int count = 0;
	int ret;

	for (unsigned int i = 1; i < hostd->slots.count; i++) {
		slot[i].ending = may_end(hostd, &slot[i], i);
		count += slot[i].ending;
	}
	if (!count)
		return;
	ret = end_connections(hostd, &failure);
	if (ret && ret != -EOPNOTSUPP)
		log_line(LOG_ERR, "%u slots that are to be free: %s", count, failure.text);
	for (unsigned int i = 1; i < hostd->slots.count; i++)
		if (slot[i].ending)
			ended(hostd, &slot[i], i, ret);
}

void drain_settle(struct hostd *hostd)
{
	if (hostd->slots.draining)
		free_slots(hostd);
	for (unsigned int i = 1; hostd->slots.draining && i < hostd->slots.count; i++) {
		struct slot *slot = &hostd->slots.slot[i];

		if (slot->state == SLOT_DRAINING && !backoff_ready(&slot->backoff))
			hostd_wake_at(hostd, slot->backoff.next_ms);
		if (slot->state != SLOT_RESTING)
			continue;
		if (watch_now_ms() >= slot->until_ms)
			slot_free(&hostd->slots, i);
		else
			hostd_wake_at(hostd, slot->until_ms);
	}
}
