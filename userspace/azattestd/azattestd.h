/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattestd, the control process: one thread, one poll loop. Each header
 * is one concept; this one has them all, and what they come together in.
 *
 *   main.c         options, and the order of the start
 *   daemon.c       what happens on signals, ticks and renewals
 *   config.h       what it is told
 *     config.c       the INI file -> struct config
 *     config_rules.c what a value may be
 *   state.h        the state directory
 *     state.c        who may own it, durable writes
 *   leaf.h         the newest leaf in it
 *     leaf.c
 *   spawn.h        programs with the descriptors they are to have
 *     spawn.c
 *   renewal.h      new certificates; the sources have a map of their own, source.h
 *     errand.c       a short-lived child for what blocks
 *     renew.c        runs a source in one, and when
 *     retire.c       takes the host out of service: revoked, keys destroyed
 *   signers.h      the processes that have keys
 *     keeper.c       azattest-keeper, which has the wrapping keys
 *     supervise.c    generations of signers, restarts
 *     equip.c        what a signer is started with
 *     journal.c      reports of signers -> lines and counters
 *   clock.h        whether this host's clock can be believed
 *     clock.c
 *   record.h       what is kept of what happened
 *     audit.c        what happens -> lines of the audit journal (trail.h: its files)
 *     history.c      what became of certificates, on disk
 *     show.c         the certificate in use, in all detail
 *   status.h       the state of the host
 *     condition.c    which it is, why, and what to do
 *     status.c       with its age: lines about it, and all of it as JSON
 *   control.h      the Unix socket that tells it
 *     control.c
 */
#ifndef AZATTESTD_H
#define AZATTESTD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <userspace/daemon/daemon.h>

#include "clock.h"
#include "config.h"
#include "control.h"
#include "leaf.h"
#include "record.h"
#include "renewal.h"
#include "signers.h"
#include "spawn.h"
#include "state.h"
#include "status.h"

/* daemon.c */

struct azattestd {
	const char *config_path;
	const char *device;
	char signer[512];
	char keeper_path[512];
	const char *sync;	/* --sync, or "" */
	struct config config;
	struct state state;
	struct leaf leaf;
	uint64_t proved;	/* leaf that signers have signed with */
	struct renew renew;
	struct retire retire;
	struct supervise supervise;
	struct keeper keeper;
	struct journal journal;
	struct clock clock;
	json_t *history;	/* array, the newest last */
	struct audit audit;
	struct status status;
	struct control control;
	struct watch signals;
	int64_t started;
	bool notified;		/* READY=1 was sent */
	bool stopping;
	char why[300];		/* it is stopping */
	int exit;
};

int daemon_open(struct azattestd *d, struct failure *failure);
/* Until a signal ends it; its value is the exit code. */
int daemon_run(struct azattestd *d);
/* azattest-keeper serves, or serves anew. */
void daemon_keys_open(struct azattestd *d);
/* Something makes going on useless: ends with this line. */
void daemon_abort(struct azattestd *d, int exit, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
