// SPDX-License-Identifier: GPL-2.0
// Owns the way of a slot from "nothing passes" to "free": restd has forgotten it, no socket is left.

#include "core.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define REST_MS	60000	/* TIME_WAIT and retransmissions are over then */

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

/* 0: no connection of the slot is left; 1: it has to rest; -errno. */
static int destroy(struct hostd *hostd, unsigned int number)
{
	struct in_addr peer = { htonl(hostd->config.net.base + number) };
	struct failure failure;
	int ret = net_destroy_sockets(hostd->net, peer, &failure);

	if (!ret)
		return 0;
	if (ret == -EOPNOTSUPP)
		return 1;
	log_line(LOG_ERR, "slot %u: its connections: %s", number, failure.text);
	return ret;
}

static void try_free(struct hostd *hostd, struct slot *slot, unsigned int number)
{
	bool confirmed = slot->confirm == SLOT_CONFIRMED;
	int ret;

	if (!withdraw(hostd, slot, number)) {
		backoff_failed(&slot->backoff);
		return;
	}
	if (!confirmed && (rest_connected(&hostd->rest) || hostd->rest.stale))
		return;
	ret = destroy(hostd, number);
	if (!ret)
		slot_free(&hostd->slots, number);
	else if (ret < 0)
		backoff_failed(&slot->backoff);
	else if (confirmed || rest_forgot(&hostd->rest))
		slot_rest(&hostd->slots, number, watch_now_ms() + REST_MS);
}

void drain_settle(struct hostd *hostd)
{
	for (unsigned int i = 1; hostd->slots.draining && i < hostd->slots.count; i++) {
		struct slot *slot = &hostd->slots.slot[i];

		if (slot->state == SLOT_DRAINING && backoff_ready(&slot->backoff))
			try_free(hostd, slot, i);
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
