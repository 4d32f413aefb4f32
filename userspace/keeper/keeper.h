/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-keeper, the process that has the host's wrapping keys and
 * gives out of them one blob's key at a time.
 *
 *   main.c   the order in which rights are given up
 *   open.c   wrapping keys from disk, TPM and credential, and a new one
 *   serve.c  asks -> grants
 *
 * arena.c and fence.c are the signer's.
 */
#ifndef AZATTEST_KEEPER_MAP_H
#define AZATTEST_KEEPER_MAP_H

#include <userspace/common/keeper.h>

struct keeper_key {
	uint8_t id[SEAL_ID_LEN];
	uint8_t key[SEAL_KEY_LEN];
};

/* What the process is for; in its arena. */
struct keeper {
	struct keeper_key key[KEEPER_KEKS + 1];
	unsigned int keys;
	int current;		/* index of the one for new blobs; -1: none */
};

/*
 * Opens what @setup has, makes what it wants, extends the PCR: 0, with @report
 * filled but for its memory, or -errno and its why.
 */
int open_keys(struct keeper *keeper, const struct keeper_setup *setup,
	      struct keeper_report *report);

/* Until azattestd is gone. Its only system calls are recvmsg, write and close. */
void serve(const struct keeper *keeper);

#endif
