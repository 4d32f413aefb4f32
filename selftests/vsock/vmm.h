/* SPDX-License-Identifier: GPL-2.0 */
/* A VMM in a process of its own, so that it can be killed. */
#ifndef SELFTESTS_VSOCK_VMM_H
#define SELFTESTS_VSOCK_VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum vmm_end {
	VMM_IDLE,	/* connected, attested once, then quiet */
	VMM_CHATTY,	/* asks for documents until it is killed */
	VMM_LEAVES,	/* connects, sends a request, dies in the same breath */
};

struct vmm_order {
	uint32_t number;	/* of the VM */
	uint32_t cid;
	uint32_t src_port;	/* its guest connects from there */
	bool binds;		/* it owns the binding; else whoever gets its fd */
	enum vmm_end end;
};

struct vmm {
	struct vmm_order order;
	pid_t pid;
	int sock;		/* to the child */
	int pidfd;
	int vhost_fd;		/* a duplicate; -1 when it binds itself */
	volatile int *asked;	/* shared: requests its guest has sent */
};

/* Nonce of every request that a VMM's guest makes. */
#define VMM_NONCE	"of-the-dead"

/* Guest runs, has its CID and (order.binds) its binding; nothing is asked yet. */
struct vmm *vmm_start(const struct vmm_order *order);

/* Its guest connects; returns once it has its first document (not LEAVES). */
void vmm_go(struct vmm *v);

/* SIGKILL, not yet reaped; and the rest. */
void vmm_kill(struct vmm *v);
void vmm_reap(struct vmm *v);

#endif /* SELFTESTS_VSOCK_VMM_H */
