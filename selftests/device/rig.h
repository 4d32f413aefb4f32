/* SPDX-License-Identifier: GPL-2.0 */
/* Who a test of the devices is (uid, namespaces) and what it holds (vhost, pidfd). */
#ifndef SELFTESTS_DEVICE_RIG_H
#define SELFTESTS_DEVICE_RIG_H

#include <poll.h>
#include <selftests/lib/azbind.h>
#include <selftests/lib/fakesigner.h>
#include <selftests/lib/frames.h>
#include <selftests/lib/tap.h>
#include <sys/types.h>

#define RIG_NOBODY	65534

/*
 * For main(), before tap_main(): needs the module. Until the program ends,
 * requests are not rationed and have a minute.
 */
void rig_begin(void);

/* An open /dev/vhost-vsock without CID; the promise is skipped without one. */
int rig_vhost(void);
int rig_set_cid(int vhost, uint64_t cid);	/* 0 or -errno */

/* True if any vhost device owns this CID; asks with a device of its own. */
bool rig_cid_owned(uint32_t cid);

/* An owner without CID; breaks the promise if it cannot be. */
int rig_owner(uint32_t number);

/* A file attached to VM `number` under the label; likewise. */
int rig_attached(uint32_t number, uint32_t transport);

int rig_pidfd(pid_t pid);

/* A child that does nothing until it is killed, and holds no descriptor. */
pid_t rig_sleeper(void);

/* What poll(2) says within a time: its events, 0 for none. */
short rig_poll(int fd, short events, int timeout_ms);
bool rig_ended(int fd);	/* POLLHUP now */

/* True if VM `number` can be bound now; the binding is gone again then. */
bool rig_uuid_free(uint32_t number);

/*
 * Runs fn(arg) in a child that is somebody else and returns its value, which
 * must be small and is usually an errno. `keep` as for tap_spawn().
 */
enum rig_who {
	RIG_NOBODY_USER,	/* uid and gid 65534 */
	RIG_GROUP_MEMBER,	/* uid 65534, gid RIG_GROUP */
	RIG_USERNS_ROOT,	/* root of a user namespace, all capabilities there */
	RIG_CONTAINER_ROOT,	/* and of network, pid and mount namespaces */
	RIG_ROOT_WITHOUT,	/* uid 0 without CAP_NET_ADMIN */
	RIG_NET_ADMIN_ONLY,	/* uid 65534 with nothing but CAP_NET_ADMIN */
};

#define RIG_GROUP	54321

int rig_as(enum rig_who who, int (*fn)(void *arg), void *arg, int keep);

/* In a child of one's own: becomes that; breaks the promise if it cannot. */
void rig_become(enum rig_who who);

#endif /* SELFTESTS_DEVICE_RIG_H */
