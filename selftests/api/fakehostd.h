/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostd of which only the API is real. What it is asked to do it writes down
 * in memory; a VM's tap says how the asking ends:
 *
 *   tap-inval, tap-busy, tap-srch, tap-nospc, tap-eio, tap-nodev   that errno
 *   tap-cut    -EINVAL, with a sentence that ends inside a character
 *   tap-null   enrolled, but its JSON cannot be made
 *
 * A VM that is bound with the name "waits" waits, and has a reason.
 */
#ifndef SELFTESTS_API_FAKEHOSTD_H
#define SELFTESTS_API_FAKEHOSTD_H

#include <userspace/hostd/hostd.h>

#define FAKE_VMS	16

/* In memory that a test shares with it. */
struct hostd {
	bool legacy;
	int legacy_error;	/* what legacy_set() returns */
	int status_null;	/* status_json() has no memory */
	int pause_ms;		/* how long vm_remove() takes */
	int long_list;		/* vm_list_json() has that many bytes more */
	bool tells;		/* prints each VM that it is asked about */
	int changes;		/* calls that would have changed something */
	struct vm_request vm[FAKE_VMS];
	bool used[FAKE_VMS];
	struct bind_request bound;	/* .pid 0: none */
	int bind_error;		/* what bind_add() returns, or says in the end */
	volatile bool bind_hold;	/* bind_add() does not end before it is false */
	volatile int held;	/* calls that wait for that */
};

/* Answers at RUN/api.sock until it is killed; 0 if it began. */
int fakehostd_run(struct hostd *hostd, gid_t admin, const char *run);

#endif
