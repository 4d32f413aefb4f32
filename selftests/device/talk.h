/* SPDX-License-Identifier: GPL-2.0 */
/* Frames over a bound file, and a signer in the test's own hands. */
#ifndef SELFTESTS_DEVICE_TALK_H
#define SELFTESTS_DEVICE_TALK_H

#include "rig.h"

/* Room for any frame, and the payload that talk_reply() points into. */
extern char talk_buf[2 * AZATTEST_FRAME_MAX];

void talk_nonblock(int fd, bool on);

/* write(2) and read(2): the number of bytes or -errno. */
int talk_put(int fd, const void *frame, size_t len);
int talk_get(int fd, void *to, size_t size);

/* Writes an ATTEST frame with that id and the nonce "n". */
void talk_ask(int fd, uint32_t id);

/* Reads the next reply; breaks the promise if it is no whole frame. */
struct frames_reply talk_reply(int fd);

/* Writes requests until EAGAIN or `most`; how many were taken. */
int talk_fill_up(int fd, int most);

/* A joined signer with all slots; the next request; an answer with OK. */
int talk_signer(void);
struct azattest_signer_request talk_take(int signer);
void talk_answer(int signer, uint64_t cookie, const char *doc);

/* It sleeps: a signal or an answer now finds it waiting. */
bool talk_asleep(pid_t pid);

/* The handler of SIGUSR1 from now on, in children too; does nothing. */
void talk_hear_signals(void);

#endif /* SELFTESTS_DEVICE_TALK_H */
