/* SPDX-License-Identifier: GPL-2.0 */
/* The processes that have keys, azattest-keeper and generations of azattest-signer, and what they report. */
#ifndef AZATTESTD_SIGNERS_H
#define AZATTESTD_SIGNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <userspace/common/common.h>
#include <userspace/common/keeper.h>
#include <userspace/daemon/daemon.h>

#include "config.h"

struct azattestd;

/* keeper.c */

struct keeper_process {
	struct watch watch;	/* its report */
	pid_t pid;		/* 0: there is none */
	int ask;
	int folder;		/* for a new wrapping key; -1: none */
	int no_file;		/* errno: why there is nothing to write one into */
	uint8_t id[SEAL_ID_LEN];	/* of that */
	uint8_t given[KEEPER_KEKS][SEAL_ID_LEN];	/* what it was to open */
	unsigned int count;
	uint8_t above[SEAL_ID_LEN];
	struct keeper_setup setup;	/* what it was started with */
	int64_t since_ms;
	size_t heard;		/* of @report */
	struct keeper_report report;
};

struct keeper {
	struct keeper_process now;	/* serves */
	struct keeper_process next;	/* starts; replaces that one when it serves */
	bool renewing;		/* @next may give up what does not open */
	int64_t next_ms;	/* of the next start */
	char error[KEEPER_WHY_MAX];	/* of the last start, "" when all is well */
};

void keeper_open(struct azattestd *d);
/* Whether this host has sealed keys, or is to have some. */
bool keeper_needed(struct azattestd *d);
/*
 * Starts one that replaces what there is when it is ready. @renew: what does not
 * open is given up, and a new wrapping key is made.
 */
void keeper_start(struct azattestd *d, bool renew);
/* The configuration was read again: another one starts, unless that could only fail. */
void keeper_reload(struct azattestd *d);
void keeper_tick(struct azattestd *d);
/* False: not one of ours. */
bool keeper_ended(struct azattestd *d, pid_t pid, int status);
/* One serves, and what it keeps is at the level that is required. */
bool keeper_ready(const struct azattestd *d);
/* Whether it opens what is wrapped by that. */
bool keeper_has(const struct azattestd *d, const uint8_t id[SEAL_ID_LEN]);
/* The wrapping key whose id comes next, from the lowest on. */
bool keeper_next_id(struct azattestd *d, const uint8_t *above, uint8_t id[SEAL_ID_LEN]);
/* Removes wrapping keys that nothing needs. */
void keeper_prune(struct azattestd *d);
void keeper_stop(struct azattestd *d);
const char *keeper_memory(uint32_t memory);

/* supervise.c */

#define SHOW_SERIAL		64	/* hex, with a NUL; see show.c */
#define SUPERVISE_SIGNERS_MAX	64
/* Deaths in a row, each soon after the start, that make the host's state Error. */
#define SUPERVISE_REPEATED	5

enum supervise_phase { SUPERVISE_FREE, SUPERVISE_STARTING, SUPERVISE_READY, SUPERVISE_STOPPING };

struct supervise_signer {
	struct watch watch;	/* its reports */
	enum supervise_phase phase;
	pid_t pid;
	uint64_t epoch;
	int64_t since_ms;	/* of this phase */
	char serial[SHOW_SERIAL];	/* of the certificate that it signs with */
	uint8_t partial[sizeof(struct report)];
	size_t partial_len;
	bool excuses_leaf;	/* it has said what stopped it, and that was not its key or certificate */
};

struct supervise {
	struct supervise_signer signer[2 * SUPERVISE_SIGNERS_MAX];
	uint64_t epoch;		/* of the signers that are wanted; 0: none */
	unsigned int wanted;
	unsigned int failures;	/* in a row */
	unsigned int rejections;	/* of these: for which the leaf may be the reason */
	int64_t next_ms;	/* of the next start */
	uint64_t restarts;
	char why[200];		/* the last failure, "" when all is well */
	uint32_t memory;	/* enum arena_memory, of the signer that was ready last */
	uint32_t host_state;	/* as signers last saw the certificate */
};

/* Whether the device can be opened: the module is there. */
int supervise_check_device(const char *device, struct failure *failure);
/* Those that are not ready yet end, and others start in their place: what they start with is old. */
void supervise_start_over(struct azattestd *d);
/* A new epoch with the current configuration and leaf; the older one ends when it is ready. */
void supervise_renew(struct azattestd *d);
void supervise_tick(struct azattestd *d);
/* Removes what the leaf in use replaces; not while a renewal is writing. */
void supervise_prune(struct azattestd *d);
/* False: not one of ours. */
bool supervise_ended(struct azattestd *d, pid_t pid, int status);
void supervise_stop(struct azattestd *d);
/* There is nothing to sign with any more: all end, and none is wanted. */
void supervise_retire(struct azattestd *d);
/* Ends them, and starts none until it is released. */
void supervise_hold(struct azattestd *d, bool hold);
unsigned int supervise_count(const struct supervise *s, enum supervise_phase phase);
/* Ready and of the current epoch. */
unsigned int supervise_ready(const struct supervise *s);

/* equip.c */

/* A pipe that holds the whole setup already: no signer can make us wait. */
int equip_open_setup(struct azattestd *d, struct failure *failure);
/* The read end of what opens the key; the signer alone reads it. */
int equip_ask_grant(struct azattestd *d);

/* journal.c */

struct journal {
	uint64_t issued;
	uint64_t issuer;	/* issuing certificates handed out */
	uint64_t refused[AZATTEST_STATUS_MAX + 1];
	uint64_t lost;
	char lines[16384];
	size_t length;
};

void journal_report(struct journal *journal, enum config_journal level,
		    const struct report *report);
/* To be called after each run of reports. */
void journal_flush(struct journal *journal);
const char *journal_status_name(uint32_t status);

#endif
