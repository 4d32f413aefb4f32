/* SPDX-License-Identifier: GPL-2.0 */
/* The Unix socket that tells the state and takes an administrator's orders. */
#ifndef AZATTESTD_CONTROL_H
#define AZATTESTD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <userspace/daemon/daemon.h>

struct azattestd;

/* control.c */

#define CONTROL_SOCKET		"azattestd.sock"
#define CONTROL_CLIENTS		16
#define CONTROL_OF_USERS	12	/* of all who are not root */
#define CONTROL_OF_A_USER	4
#define CONTROL_REQUEST_MAX	1024
#define CONTROL_TIME_MS		5000

struct control_client {
	struct watch watch;	/* fd -1: free */
	struct azattestd *d;
	uid_t uid;
	int64_t until_ms;
	bool retires;		/* waits for the end of decommissioning */
	uint64_t waits;		/* for the end of this run of the source, or a later; 0: no */
	char request[CONTROL_REQUEST_MAX];
	size_t request_len;
	char *answer;
	size_t answer_len, answer_sent;
};

struct control {
	struct watch watch;
	char path[108];
	struct control_client client[CONTROL_CLIENTS];
};

int control_open(struct azattestd *d, const char *run, struct failure *failure);
void control_tick(struct azattestd *d);
/*
 * A run is over: whoever waits for it hears @error, or NULL for success. True:
 * somebody asked after it had begun, so its failure is not the answer.
 */
bool control_sync_ended(struct azattestd *d, const char *error);
/* Decommissioning is over: whoever waits for it hears @error, or NULL for success. */
void control_retired(struct azattestd *d, const char *error);
/* In a child that was forked: who is connected sees the end when the parent ends it. */
void control_leave(const struct azattestd *d);
void control_close(struct azattestd *d);

#endif
