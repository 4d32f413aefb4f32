// SPDX-License-Identifier: GPL-2.0
/* Owns the promises of BIND with a CID: who may have it, and for how long. */
#include "rig.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* CIDs of this program; others have their own hundreds. */
#define CID	31000u

static int bind_cid(uint32_t number, uint64_t cid, int vhost)
{
	struct azattest_bind b;
	int fd = azbind_open();
	int err;

	tap_need(fd >= 0);
	azbind_fill_cid(&b, number, cid, vhost);
	err = azbind_bind(fd, &b);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void bind_sets_the_cid_of_the_device(void)
{
	struct azattest_info info;
	int vhost = rig_vhost(), fd;

	tap_need(!rig_cid_owned(CID));
	fd = bind_cid(200, CID, vhost);
	tap_need(fd >= 0);
	tap_need(rig_cid_owned(CID));
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need_eq(info.cid, CID);
	tap_need_eq(info.flags, AZATTEST_INFO_OWNER | AZATTEST_INFO_CID);
}

static void bind_takes_a_device_that_has_the_cid_already(void)
{
	int vhost = rig_vhost();

	tap_need_eq(rig_set_cid(vhost, CID + 1), 0);
	tap_need(bind_cid(201, CID + 1, vhost) >= 0);
}

static void cids_out_of_range_are_refused(void)
{
	static const uint64_t bad[] = {
		0, 1, 2, 0xffffffffULL, 0x100000000ULL, (1ULL << 32) + 5, (1ULL << 32) + CID,
		(1ULL << 63) + CID, ~0ULL,
	};
	int vhost = rig_vhost();

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(bind_cid(202, bad[i], vhost) == -EINVAL, "CID %llx",
			     (unsigned long long)bad[i]);
	tap_need(!rig_cid_owned(CID));
	tap_need(!rig_cid_owned(5));
}

static void both_ends_of_the_range_are_taken(void)
{
	tap_need(bind_cid(203, AZATTEST_CID_MIN, rig_vhost()) >= 0);
	tap_need(bind_cid(204, AZATTEST_CID_MAX, rig_vhost()) >= 0);
}

static void a_descriptor_that_is_no_vhost_vsock_is_refused(void)
{
	int pipes[2], socks[2];

	tap_need(!pipe(pipes));
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM, 0, socks));
	int bad[] = {
		open("/dev/null", O_RDWR), open("/dev/zero", O_RDWR), socks[0], pipes[0],
		pipes[1], azbind_open(), rig_owner(205), eventfd(0, 0), epoll_create1(0),
		socket(AF_INET, SOCK_STREAM, 0), memfd_create("x", 0), rig_pidfd(getpid()),
		open("/proc/self/stat", O_RDONLY), open("/", O_RDONLY | O_DIRECTORY),
		open("/dev/azattest-signer", O_RDWR), open("/dev/net/tun", O_RDWR),
	};
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		if (bad[i] < 0 && i == TAP_COUNT(bad) - 1)
			continue;	/* tun is not everywhere */
		tap_need(bad[i] >= 0);
		tap_need_msg(bind_cid(206, CID + 2, bad[i]) == -EINVAL, "descriptor %zu: %d", i,
			     bind_cid(206, CID + 2, bad[i]));
	}
}

static void a_descriptor_that_is_not_open_is_ebadf(void)
{
	int path = open("/dev/vhost-vsock", O_PATH);

	close(rig_vhost());
	tap_need_eq(bind_cid(207, CID + 3, 9999), -EBADF);
	tap_need_eq(bind_cid(207, CID + 3, path), -EBADF);
	tap_need_eq(bind_cid(207, CID + 3, -1), -EBADF);
}

static void a_cid_of_another_device_is_eaddrinuse(void)
{
	int theirs = rig_vhost(), mine = rig_vhost(), fd;

	tap_need_eq(rig_set_cid(theirs, CID + 4), 0);
	tap_need_eq(bind_cid(208, CID + 4, mine), -EADDRINUSE);
	tap_need(rig_uuid_free(208));
	fd = bind_cid(209, CID + 4, theirs);
	tap_need(fd >= 0);
	tap_need_eq(bind_cid(208, CID + 4, mine), -EADDRINUSE);
	tap_need(!rig_ended(fd));
}

static void a_refused_bind_leaves_the_device_its_cid(void)
{
	int theirs = rig_vhost(), mine = rig_vhost();

	tap_need_eq(rig_set_cid(theirs, CID + 5), 0);
	tap_need_eq(rig_set_cid(mine, CID + 6), 0);
	tap_need_eq(bind_cid(210, CID + 5, mine), -EADDRINUSE);
	tap_need(rig_cid_owned(CID + 6));
	tap_need(bind_cid(210, CID + 6, mine) >= 0);
}

static void a_bound_device_is_ebusy(void)
{
	int vhost = rig_vhost(), copy = dup(vhost);

	tap_need(bind_cid(211, CID + 7, vhost) >= 0);
	tap_need_eq(bind_cid(212, CID + 7, vhost), -EBUSY);
	tap_need_eq(bind_cid(212, CID + 8, vhost), -EBUSY);
	tap_need_eq(bind_cid(212, CID + 8, copy), -EBUSY);
	tap_need(!rig_cid_owned(CID + 8));
	tap_need(rig_uuid_free(212));
}

static void a_bound_uuid_is_ebusy_before_the_device_is_touched(void)
{
	int vhost = rig_vhost(), other = rig_vhost();

	tap_need(bind_cid(213, CID + 9, vhost) >= 0);
	tap_need_eq(rig_set_cid(other, CID + 10), 0);
	tap_need_eq(bind_cid(213, CID + 11, other), -EBUSY);
	tap_need(rig_cid_owned(CID + 10));
	tap_need(!rig_cid_owned(CID + 11));
}

static void the_binding_pins_the_cid(void)
{
	int vhost = rig_vhost(), copy = dup(vhost);
	int fd = bind_cid(214, CID + 12, vhost);

	tap_need(fd >= 0);
	close(copy);
	tap_need(!rig_ended(fd));
	tap_need(rig_cid_owned(CID + 12));
	close(fd);
	/* Still the VMM's: the binding was not what made it so. */
	tap_need(rig_cid_owned(CID + 12));
	close(vhost);
	tap_need_wait(!rig_cid_owned(CID + 12));
}

static void last_close_of_the_device_ends_the_binding(void)
{
	int vhost = rig_vhost();
	int fd = bind_cid(215, CID + 13, vhost);
	struct azattest_info info;

	tap_need(fd >= 0);
	close(vhost);
	tap_need_wait(rig_ended(fd));
	tap_need_wait(!rig_cid_owned(CID + 13));
	tap_need_eq(azbind_info(fd, &info), 0);
	tap_need(info.flags & AZATTEST_INFO_ENDED);
	tap_need(rig_uuid_free(215));
}

static void a_device_that_moved_away_loses_its_binding_to_a_newcomer(void)
{
	int old = rig_vhost(), young = rig_vhost();
	int first = bind_cid(216, CID + 14, old), second;

	tap_need(first >= 0);
	tap_need_eq(rig_set_cid(old, CID + 15), 0);
	tap_need(!rig_ended(first));
	second = bind_cid(217, CID + 14, young);
	tap_need(second >= 0);
	tap_need_wait(rig_ended(first));
	tap_need(!rig_ended(second));
	tap_need(rig_uuid_free(216));
	tap_need(rig_cid_owned(CID + 14));
}

/* What one thread brings to a race for the same UUID and CID. */
struct runner {
	int vhost;
	uint32_t cid;
	int result;
};

static volatile int *gate;

static int run_bind(void *arg)
{
	struct runner *r = arg;

	__atomic_fetch_add(gate, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(gate, __ATOMIC_SEQ_CST) < 8)
		;
	r->result = bind_cid(218, r->cid, r->vhost);
	__atomic_fetch_add(gate, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return 0;
}

/* Processes, not threads: the winner must keep its file until all have tried. */
static void race_for_a_uuid(bool same_cid)
{
	struct runner *r = tap_shared(8 * sizeof(*r));
	pid_t pids[8];
	int won = 0;

	gate = tap_shared(sizeof(*gate));
	for (int i = 0; i < 8; i++) {
		r[i] = (struct runner) { rig_vhost(), CID + 20 + (same_cid ? 0 : i), 1 };
		pids[i] = tap_spawn(run_bind, &r[i], r[i].vhost);
	}
	tap_need_wait(__atomic_load_n(gate, __ATOMIC_SEQ_CST) == 16);
	for (int i = 0; i < 8; i++) {
		won += r[i].result >= 0;
		tap_need_msg(r[i].result >= 0 || r[i].result == -EBUSY ||
			     (same_cid && r[i].result == -EADDRINUSE),
			     "loser hears %d", r[i].result);
	}
	tap_need_eq(won, 1);
	for (int i = 0; i < 8; i++)
		tap_kill(pids[i]);
	tap_need(rig_uuid_free(218));
}

static void of_eight_binds_of_a_uuid_one_wins(void)
{
	race_for_a_uuid(false);
}

static void of_eight_binds_of_a_uuid_and_cid_one_wins(void)
{
	race_for_a_uuid(true);
}

static const struct tap_test tests[] = {
	TAP_TEST(bind_sets_the_cid_of_the_device),
	TAP_TEST(bind_takes_a_device_that_has_the_cid_already),
	TAP_TEST(cids_out_of_range_are_refused),
	TAP_TEST(both_ends_of_the_range_are_taken),
	TAP_TEST(a_descriptor_that_is_no_vhost_vsock_is_refused),
	TAP_TEST(a_descriptor_that_is_not_open_is_ebadf),
	TAP_TEST(a_cid_of_another_device_is_eaddrinuse),
	TAP_TEST(a_refused_bind_leaves_the_device_its_cid),
	TAP_TEST(a_bound_device_is_ebusy),
	TAP_TEST(a_bound_uuid_is_ebusy_before_the_device_is_touched),
	TAP_TEST(the_binding_pins_the_cid),
	TAP_TEST(last_close_of_the_device_ends_the_binding),
	TAP_TEST(a_device_that_moved_away_loses_its_binding_to_a_newcomer),
	TAP_TEST(of_eight_binds_of_a_uuid_one_wins),
	TAP_TEST(of_eight_binds_of_a_uuid_and_cid_one_wins),
};

int main(int argc, char **argv)
{
	rig_begin();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
