/* SPDX-License-Identifier: GPL-2.0 */
/*
 * asking.c: azattest-hostd's bindings as their tests see them: a program that asks, and an azattest-take
 * that answers when the test does. What is beside them: around.h.
 */
#ifndef SELFTESTS_HOSTD_ASKING_H
#define SELFTESTS_HOSTD_ASKING_H

#include <stdbool.h>
#include <sys/types.h>

#include <selftests/hostd/around.h>
#include <selftests/lib/tap.h>
#include <userspace/hostd/core.h>
#include <userspace/take/take.h>

#define ASKING_MANY	10	/* questions that may wait to be heard */

extern struct asking {
	char dir[40];		/* the state is in it */
	char path[64];		/* of azattest-take's socket */
	struct hostd hostd;
	struct failure failure;	/* of the last asking_add() */
	int listener;
	pid_t vmm;		/* of all VMs */
} asking;

/* A call, and how it ended: @ends times, in the end with @error and @text. */
struct asking_call {
	struct bind_wait wait;
	int error, ends;
	char text[600];
};

/* hostd with an empty state, a VMM, and the socket. */
void asking_begin(void);
void asking_listen(void);
struct bind_request asking_request(unsigned int number);
/* bind_add() of that request, or of VM @number's. */
int asking_wish(const struct bind_request *request, struct asking_call *call);
int asking_add(unsigned int number, struct asking_call *call);
/* One turn of the loop. */
void asking_turn(void);
#define asking_need(cond)	tap_need_wait((asking_turn(), (cond)))
/* What bind_json() says of that VM, until the next such question; "none" if it knows none. */
const char *asking_told(unsigned int number, const char *key);
const char *asking_state(unsigned int number);

/* The next question's connection, or -1; the answer closes it. */
int asking_hear(void);
void asking_answer(int sock, const struct take_answer *answer, bool with_device);
/* An error with its text; or 0, and a device of AROUND_CID. */
void asking_reply(int sock, int error, const char *text);

#endif
