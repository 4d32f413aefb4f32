/* SPDX-License-Identifier: GPL-2.0 */
/* How a new certificate is come by and given up again: sources, and the child that runs them. */
#ifndef AZATTESTD_RENEWAL_H
#define AZATTESTD_RENEWAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include <userspace/common/common.h>
#include <userspace/daemon/daemon.h>

#include "config.h"
#include "state.h"

struct azattestd;

/* source.c */

/* What sources work with. */
struct source_host {
	struct state *state;
	const struct config *config;
	const char *config_path;	/* NULL: CONFIG_PATH */
	const char *signer;		/* azattest-signer */
	int keeper;			/* where grants are asked for; -1: keys are not sealed */
	bool sealed;			/* new keys are to be sealed, by @kek */
	uint8_t kek[SEAL_ID_LEN];
	const char *sync;		/* azattest-sync or a socket that leads to it; "": find it */
	uint64_t used;			/* no new leaf folder has this number, or one below it */
};

/*
 * Makes a new key and has the configured source certify it: a new leaf folder,
 * or a failure and nothing changed. For a short-lived child: it blocks, and the
 * embedded CA's key is in its memory.
 */
int source_run(const struct source_host *host, struct failure *failure);

/* errand.c */

struct errand {
	struct watch watch;	/* the child's last words */
	pid_t pid;		/* 0: none is running */
	struct failure failure;	/* of the last run that has ended badly */
	char words[sizeof(((struct failure *)0)->text)];	/* of the one that runs */
	size_t length;		/* of these */
};

/* Runs in the child; what it changes there is lost. */
typedef int errand_fn(const struct azattestd *d, const struct source_host *host,
		      struct failure *failure);

void errand_init(struct errand *errand);
int errand_start(struct azattestd *d, struct errand *errand, errand_fn *fn);
/* Its child has ended: 0, or -EIO and its failure. */
int errand_ended(struct errand *errand, int status);
/* Tells it to end; that it did is heard as always. */
void errand_stop(struct errand *errand);

/* renew.c */

struct renew {
	struct errand errand;
	pid_t keeper;		/* that the child may ask; 0: none */
	int64_t next_ms;	/* not before, by clock_boot_ms() */
	int64_t rested_ms;	/* nor before this, if there is a certificate and nobody asked for another */
	bool overtaken;		/* since it began, what is due may be another thing */
	unsigned int failures;	/* in a row */
	uint64_t run;		/* counts them */
	int64_t last_s;		/* start of the last run, seconds since 1970; 0: none */
	int64_t failing_s;	/* of the first failure in a row */
	uint64_t taken, failed;	/* runs that brought a certificate, and that did not */
	bool wanted;
	uint64_t seen;		/* source "file": what the directory looked like */
};

int renew_start(struct azattestd *d);
/* Its child has failed, but another keeper serves by now: it is to be asked instead. */
bool renew_again(struct azattestd *d, int status);
/* Its child has ended: 0 if there is a new leaf. */
int renew_ended(struct azattestd *d, int status);
/* What looked like success was none: @why, and when it is tried again. */
void renew_failed(struct azattestd *d, const char *why);
/* Source "file": whether somebody has put something there since it was asked. */
bool renew_directory_changed(struct azattestd *d);

/* retire.c */

/* Whether the CA has revoked the certificate; names are the note's, and the audit journal's. */
enum revocation {
	REVOCATION_NONE,
	REVOCATION_DONE,
	REVOCATION_ASKED,	/* and nobody heard the answer */
};

extern const char *const revocation_names[];	/* no, yes, asked */

struct retire {
	struct errand errand;	/* asks the CA to revoke */
	int64_t since;		/* decommissioned, seconds since 1970; 0: in service */
	enum revocation revoked;
};

/* What was begun by another life of this daemon is finished. */
void retire_open(struct azattestd *d);
/*
 * Takes the host out of service. 0: done; -EINPROGRESS: the CA is being asked,
 * retire_revoked() goes on; else nothing was changed, and why.
 */
int retire_begin(struct azattestd *d, bool revoke, struct failure *failure);
void retire_revoked(struct azattestd *d, int status);
int retire_undo(struct azattestd *d, struct failure *failure);
json_t *retire_json(const struct azattestd *d);
void retire_describe(const struct azattestd *d, char *out, size_t size);

/* embedded.c */

/* By which wrapping key the CA's key is sealed. -ENOENT: it is not, or there is no CA. */
int embedded_kek(struct state *state, uint8_t id[SEAL_ID_LEN]);

#endif
