/* SPDX-License-Identifier: GPL-2.0 */
/* What is kept of what happened: the audit journal, the history of certificates; the one in use in detail. */
#ifndef AZATTESTD_RECORD_H
#define AZATTESTD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <openssl/x509.h>

#include <userspace/common/common.h>

#include "signers.h"
#include "trail.h"

struct azattestd;

/* audit.c */

struct audit {
	bool on;
	bool held;		/* signers were ended: what cannot be told must not happen */
	struct trail trail;
};

/*
 * Takes up the journal in the state directory, if the configuration wants one;
 * fails on what is another's. Without it, or when it is off, the others do nothing.
 */
int audit_open(struct azattestd *d, struct failure *failure);
/* The closing line; @why is why azattestd ends. */
void audit_close(struct azattestd *d, const char *why);
/* After a new configuration. */
void audit_reload(struct azattestd *d);
/* Puts it on disk, tries again, and holds or releases the signers. */
void audit_tick(struct azattestd *d);
/* To be called after each run of reports. */
void audit_flush(struct azattestd *d);
void audit_report(struct azattestd *d, const struct supervise_signer *signer,
		  const struct report *report);
void audit_signer_ended(struct azattestd *d, pid_t pid, const char *how);
/* A new key with its certificate, which is d->leaf; signers have proved it; it was dropped. */
void audit_certificate(struct azattestd *d);
void audit_live(struct azattestd *d);
void audit_dropped(struct azattestd *d, uint64_t generation, const char *why);
void audit_renewal_failed(struct azattestd *d);
void audit_decommissioned(struct azattestd *d);
void audit_recommissioned(struct azattestd *d);
void audit_sync(struct azattestd *d, uid_t uid);
void audit_state(struct azattestd *d, const char *from, const char *to, const char *reason);
void audit_refused_reload(struct azattestd *d, const char *why);
json_t *audit_json(const struct azattestd *d);

/* history.c */

#define HISTORY_MAX	64	/* entries */

void history_open(struct azattestd *d);
void history_close(struct azattestd *d);
void history_issued(struct azattestd *d);
void history_dropped(struct azattestd *d, const char *why);
void history_retired(struct azattestd *d);
void history_failing(struct azattestd *d, const char *why);
/* When attempts began to fail, seconds since 1970; 0: the last one did not. */
int64_t history_failing_since(const struct azattestd *d);
/* The highest generation that it tells of, 0 if none: the next is above it. */
uint64_t history_newest(const struct azattestd *d);

/* show.c */

/* Hexadecimal. */
const char *show_serial(X509 *cert, char text[SHOW_SERIAL]);
json_t *show_json(struct azattestd *d);

#endif
