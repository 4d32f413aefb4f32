// SPDX-License-Identifier: GPL-2.0
// Promises of slots: when the slot of a VM that has gone is free again, and for whom.

#include "session.h"

#include <unistd.h>

/* One VM in slot 3, and restd, which was told of it; its end of the session. */
static int begin_with(struct vm *vm)
{
	session_open();
	*vm = session_vm(3);
	hostd.vms = vm;
	return session_begin();
}

static void withdraw(struct vm *vm)
{
	unsigned int slot = vm->slot;

	vm->slot = 0;
	drain_begin(&hostd, slot, vm->request.uuid, vm->binding.generation, vm->granted, true);
	rest_pump(rest);
	drain_settle(&hostd);
}

static enum slot_state state_of(unsigned int slot)
{
	return hostd.slots.slot[slot].state;
}

static void a_slot_is_free_after_revoked_of_its_generation(void)
{
	struct vm vm;
	int fd = begin_with(&vm);

	session_say(fd, RESTLINK_REVOKED, 3, 77);	/* nobody asked for it yet */
	withdraw(&vm);
	session_need_heard(fd, RESTLINK_REVOKE);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	session_say(fd, RESTLINK_REVOKED, 3, 76);
	session_say(fd, RESTLINK_REVOKED, 4, 77);
	session_say(fd, RESTLINK_REVOKED, SESSION_SLOTS, 77);
	session_say(fd, RESTLINK_REVOKED, UINT32_MAX, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	session_say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
	tap_need_eq(fake.destroyed, 1);
}

/* What was not asked for yet is no answer to it. */
static void revoked_before_revoke_frees_nothing(void)
{
	struct vm vm;

	begin_with(&vm);
	drain_begin(&hostd, 3, vm.request.uuid, 77, true, true);
	drain_revoked(&hostd, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
}

static void a_slot_is_free_when_restd_has_ended(void)
{
	struct vm vm;
	int fd = begin_with(&vm);

	withdraw(&vm);
	close(fd);
	session_turn();
	tap_need(fake.cleared);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

/* Connections of an earlier hostd's grants may come: the sockmap is not ours yet. */
static void a_slot_of_an_earlier_time_is_free_after_synced_only(void)
{
	struct vm vm;
	int fd;

	session_open();
	vm = session_vm(3);
	rest->stale = true;
	withdraw(&vm);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	fd = session_dial();
	session_turn();
	session_hello(fd, session_tcp(SOCK_STREAM, true));
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	session_need_heard(fd, RESTLINK_CONFIG);
	session_need_heard(fd, RESTLINK_SYNC);
	session_say(fd, RESTLINK_SYNCED, 0, 0);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
	tap_need(!rest->stale);
}

/* hostd looks at VMs before it looks at restd: who waited for restd is looked at again. */
static void vms_that_waited_for_an_earlier_restd_wait_no_longer(void)
{
	int fd;

	session_open();
	fd = session_begin();
	rest->stale = true;
	rest->in_fence = false;
	hostd.changed = false;
	hostd_pass(&hostd);
	tap_need(hostd.changed);
	hostd.changed = false;
	hostd_pass(&hostd);
	tap_need(!hostd.changed);
	close(fd);
}

static void without_sock_destroy_a_slot_rests(void)
{
	struct vm vm;
	int fd = begin_with(&vm);

	fake.destroy = -EOPNOTSUPP;
	withdraw(&vm);
	session_say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_RESTING);
	tap_need(hostd.slots.slot[3].until_ms > watch_now_ms() + 50000);
	hostd.slots.slot[3].until_ms = watch_now_ms();
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

static void a_failing_destroy_is_tried_again_later(void)
{
	struct vm vm;
	int fd = begin_with(&vm);

	fake.destroy = -ENOBUFS;
	withdraw(&vm);
	session_say(fd, RESTLINK_REVOKED, 3, 77);
	drain_settle(&hostd);
	drain_settle(&hostd);
	tap_need_eq(fake.destroyed, 1);
	tap_need(hostd.wake_ms > watch_now_ms());
	fake.destroy = 0;
	hostd.slots.slot[3].backoff.next_ms = 0;
	drain_settle(&hostd);
	tap_need_eq(state_of(3), SLOT_FREE);
}

/* Each look costs what the host has of sockets, and nobody is served meanwhile. */
static void many_slots_are_freed_by_one_look_at_sockets(void)
{
	struct vm vms[3];
	int fd;

	session_open();
	for (unsigned int i = 0; i < 3; i++) {
		vms[i] = session_vm(i + 2);
		vms[i].next = hostd.vms;
		hostd.vms = &vms[i];
	}
	fd = session_begin();
	for (unsigned int i = 0; i < 3; i++)
		drain_begin(&hostd, i + 2, vms[i].request.uuid, 77, true, true);
	rest_pump(rest);
	hostd.vms = NULL;
	session_say(fd, RESTLINK_REVOKED, 2, 77);
	session_say(fd, RESTLINK_REVOKED, 4, 77);
	drain_settle(&hostd);
	tap_need_eq(fake.destroyed, 1);
	tap_need_eq(fake.peers, 1 << 2 | 1 << 4);
	tap_need_eq(state_of(2), SLOT_FREE);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	tap_need_eq(state_of(4), SLOT_FREE);
}

static void slots_of_an_earlier_time_are_cleaned_by_one_look_at_sockets(void)
{
	session_open();
	session_vm(2);
	hostd.slots.slot[2].unclean = false;	/* adopted: its connections go on */
	session_vm(5);
	drain_begin(&hostd, 5, (uint8_t[AZATTEST_UUID_LEN]){ 0 }, 77, false, true);
	fake.destroy = -EOPNOTSUPP;
	hostd.opened_ms = watch_now_ms();
	tap_need_eq(slot_take(&hostd.slots), 1);
	tap_need_eq(drain_clean(&hostd, 1, &failure), -EOPNOTSUPP);
	tap_need_eq(fake.peers, 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7);
	hostd.opened_ms = watch_now_ms() - 60000;
	tap_need_eq(drain_clean(&hostd, 1, &failure), 0);
	fake.destroyed = 0;
	for (unsigned int i = 1; i < SESSION_SLOTS; i++)
		tap_need_eq(i == 5 || !drain_clean(&hostd, i, &failure), true);
	tap_need_eq(fake.destroyed, 0);
	tap_need(hostd.slots.slot[5].unclean);
}

/* Only restd's word is missing: no time that has come may ask for passes without end. */
static void a_slot_that_waits_for_restd_wakes_nobody(void)
{
	struct vm vm;

	session_open();
	vm = session_vm(3);
	rest->stale = true;
	fake.withdraw = -EIO;
	drain_begin(&hostd, 3, vm.request.uuid, vm.binding.generation, false, false);
	drain_settle(&hostd);
	tap_need(hostd.wake_ms > watch_now_ms());
	fake.withdraw = 0;
	hostd.slots.slot[3].backoff.next_ms = 1;	/* long ago */
	hostd.wake_ms = 0;
	drain_settle(&hostd);
	tap_need_eq(fake.withdrawn, 2);
	tap_need_eq(state_of(3), SLOT_DRAINING);
	tap_need_eq(hostd.wake_ms, 0);
}

static void the_slot_free_for_longest_is_given_first(void)
{
	session_open();
	for (unsigned int i = 1; i < SESSION_SLOTS; i++)
		tap_need_eq(slot_take(&hostd.slots), i);
	tap_need_eq(slot_take(&hostd.slots), -ENOSPC);
	slot_free(&hostd.slots, 5);
	slot_free(&hostd.slots, 2);
	tap_need_eq(slot_take_this(&hostd.slots, 3), -EBUSY);
	slot_free(&hostd.slots, 7);
	tap_need_eq(slot_take_this(&hostd.slots, 2), 0);
	tap_need_eq(slot_take(&hostd.slots), 5);
	slot_free(&hostd.slots, 2);
	tap_need_eq(slot_take(&hostd.slots), 7);
	tap_need_eq(slot_take(&hostd.slots), 2);
	tap_need_eq(slot_take(&hostd.slots), -ENOSPC);
	tap_need_eq(hostd.slots.used, SESSION_SLOTS - 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_slot_is_free_after_revoked_of_its_generation),
	TAP_TEST(revoked_before_revoke_frees_nothing),
	TAP_TEST(a_slot_is_free_when_restd_has_ended),
	TAP_TEST(a_slot_of_an_earlier_time_is_free_after_synced_only),
	TAP_TEST(vms_that_waited_for_an_earlier_restd_wait_no_longer),
	TAP_TEST(without_sock_destroy_a_slot_rests),
	TAP_TEST(a_failing_destroy_is_tried_again_later),
	TAP_TEST(many_slots_are_freed_by_one_look_at_sockets),
	TAP_TEST(slots_of_an_earlier_time_are_cleaned_by_one_look_at_sockets),
	TAP_TEST(a_slot_that_waits_for_restd_wakes_nobody),
	TAP_TEST(the_slot_free_for_longest_is_given_first),
};

int main(int argc, char **argv)
{
	return session_main(tests, TAP_COUNT(tests), argc, argv);
}
