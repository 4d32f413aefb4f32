/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What azattest-hostd and azattest-restd say to each other, over a
 * SOCK_SEQPACKET socket that hostd listens on (RESTLINK_SOCKET): one message is
 * one struct restlink, its text, and its descriptors. Both are of one build.
 *
 *   restd                                   hostd
 *   HELLO + listening socket      ------->  checks peer, socket, cgroup
 *                                 <-------  CONFIG
 *                                 <-------  GRANT + file, for each enrolled VM
 *                                 <-------  SYNC: these are all
 *   SYNCED                        ------->  cg_in, then the socket into the sockmap
 *   ... and from then on ...
 *                                 <-------  GRANT, REVOKE
 *   REFUSED                       ------->  no room for that VM's file: grants it again later
 *   REVOKED                       ------->  only now the slot is free
 *
 * A VM is {slot, generation}: restd takes both from the GRANT when it accepts a
 * connection from base + slot, and never looks again. REVOKE closes (resets)
 * every connection of that slot before REVOKED is said. A slot that restd
 * knows and that no GRANT named before SYNC is revoked by SYNC (hostd was
 * restarted meanwhile). GRANT of the slot and generation that restd has already
 * changes the text only: the new file is closed, connections go on.
 *
 * Each GRANT brings a file of /dev/azattest of its own, freshly attached with
 * the label "rest": no reply to an earlier restd is in it. Its POLLHUP says that
 * the binding has ended: restd resets that slot's connections by itself, and
 * answers nothing on it any more; hostd sees the same and sends REVOKE.
 *
 * End of file: hostd is gone; restd serves on with what it has, and connects
 * again until it can (it keeps its listening socket and sends it again).
 */
#ifndef AZATTEST_RESTLINK_H
#define AZATTEST_RESTLINK_H

#include <stdint.h>

#include <linux/azattest.h>

#define RESTLINK_SOCKET		"restd.sock"	/* in hostd's run directory */
#define RESTLINK_MAGIC		0x617a7232u
#define RESTLINK_TEXT_MAX	8192
#define RESTLINK_ADDRESSES	2

enum restlink_kind {
	RESTLINK_HELLO = 1,	/* + 1 descriptor: the listening socket */
	RESTLINK_CONFIG,	/* .config */
	RESTLINK_GRANT,		/* .vm + 1 descriptor + text: facts, JSON object */
	RESTLINK_SYNC,
	RESTLINK_SYNCED,
	RESTLINK_REVOKE,	/* .vm */
	RESTLINK_REVOKED,	/* .vm */
	RESTLINK_REFUSED,	/* .vm, which restd knows nothing of now */
};

struct restlink_vm {
	uint32_t slot;
	uint32_t reserved;
	uint64_t generation;
	uint8_t uuid[AZATTEST_UUID_LEN];
};

struct restlink_config {
	uint32_t address[RESTLINK_ADDRESSES];	/* network order; 0: none */
	uint32_t base;				/* host order */
	uint32_t slots;
	uint16_t port;				/* host order */
	uint8_t hop_limit;			/* IP TTL of answers; 0: the system's */
	uint8_t reserved;
	uint32_t connections_per_vm;
	uint32_t idle_ms;			/* a connection without a request */
	uint32_t request_ms;			/* first byte to last of a request */
	uint32_t answer_ms;			/* deadline of a document, to the module */
	uint32_t request_rate;			/* a second of one VM, of what restd answers by itself; 0: any */
	uint32_t request_burst;
};

struct restlink {
	uint32_t magic;
	uint32_t kind;
	uint32_t size;		/* sizeof(struct restlink): of one build */
	uint32_t text_len;	/* bytes that follow */
	union {
		struct restlink_config config;
		struct restlink_vm vm;
	};
};

/*
 * restlink.c: one message; @fd -1: none. 0 or -errno (send: -EAGAIN when the
 * peer does not read). receive: 1 a message, 0 end of file, -EAGAIN,
 * -EPROTO if it is no message of this build. *@fd is close-on-exec, the
 * caller's to close, -1 if none came, -EMFILE if this process had no room for
 * it; @text is NUL-terminated.
 */
int restlink_send(int sock, const struct restlink *message, const char *text, int fd);
int restlink_receive(int sock, struct restlink *message, char text[RESTLINK_TEXT_MAX + 1],
		     int *fd);

#endif
