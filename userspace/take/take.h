/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-take, which takes a VMM's vhost-vsock descriptor for hostd:
 * the one program with CAP_SYS_PTRACE. It runs for one question and ends.
 *
 *   main.c     who asks, the question, the answer
 *   vmm.c      what a VMM's command line says of its VM
 *   search.c   the descriptor among those of a process
 *   fence.c    what it gives up before it reads the question
 *   link.c     question and answer on the socket; hostd has it too
 */
#ifndef AZATTEST_TAKE_H
#define AZATTEST_TAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/azattest.h>

/* link.c: one packet (SOCK_SEQPACKET) each way, both of one build */

#define TAKE_MAGIC	0x617a7431u
#define TAKE_TEXT	400

/* The VMM must name its VM's UUID; else it may. */
#define TAKE_NAMED	(1u << 0)

/* With the VMM's pidfd. */
struct take_question {
	uint32_t magic;
	uint32_t flags;		/* TAKE_* */
	uint32_t cid;		/* that the guest has; 0: the VMM must say */
	uint8_t uuid[AZATTEST_UUID_LEN];
};

/* With the descriptor, if .error is 0. */
struct take_answer {
	uint32_t magic;
	int32_t error;		/* 0 or a negative errno */
	uint32_t cid;
	char text[TAKE_TEXT];	/* one line: why, and what to do */
};

/* Sends @size bytes, and @fd unless it is -1. */
int take_send(int sock, const void *packet, size_t size, int fd);
/*
 * A packet of exactly @size bytes, and its descriptor, or -1, in *@fd.
 *   -EPIPE   nobody is there any more
 *   -EPROTO  another size, another magic, or more than one descriptor
 */
int take_receive(int sock, void *packet, size_t size, int *fd);

/* vmm.c */

struct vmm {
	bool has_uuid;
	uint8_t uuid[AZATTEST_UUID_LEN];
	uint32_t cid;		/* 0: not said */
	bool bad;		/* says something of these that cannot be, or twice */
};

/* @words: NUL-terminated ones, as in /proc/PID/cmdline. */
void vmm_read(struct vmm *vmm, const char *words, size_t length);

/* search.c */

#define TAKE_FDS_MAX	65536	/* a process with a larger table is no VMM */

/*
 * A duplicate of the one open file of device @device that the process has.
 *   -ENOENT  it has none
 *   -ENOTUNIQ  it has several
 *   -ESRCH   it has ended
 *   -EPERM   its descriptors may not be taken
 *   -E2BIG   it has more than TAKE_FDS_MAX
 */
int search_device(int pidfd, pid_t pid, dev_t device);

/* fence.c */

/* All capabilities but CAP_SYS_PTRACE, new privileges, most system calls. */
int fence_enter(void);

#endif
