/* SPDX-License-Identifier: GPL-2.0 */
/*
 * azattest-restd as it runs, between a fake azattest-hostd and fake guests.
 *
 * The internal range is part of 127/8: the guest in slot N connects from
 * 127.1.0.N. What restd takes for files of /dev/azattest are SOCK_SEQPACKET
 * sockets, whose other ends a promise reads requests from.
 */
#ifndef SELFTESTS_RESTD_RIG_H
#define SELFTESTS_RESTD_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <selftests/lib/tap.h>
#include <userspace/common/restlink.h>
#include <userspace/lib/frame.h>

#define RIG_BASE	0x7f010000u	/* 127.1.0.0 */
#define RIG_SLOTS	64
#define RIG_FACTS	"{\"name\":\"web1\",\"vmId\":\"c0ffee42-0000-4000-8000-00000000002a\"," \
			"\"plan\":{\"name\":\"gold\"},\"osType\":\"Linux\"}"

struct rig {
	const char *program;		/* beside the test; NULL: restd-asan */
	struct restlink_config config;	/* what rig_prepare() put may be changed */
	unsigned int files;		/* descriptors that restd may have; 0: as we */
	char dir[64];			/* "log" in it has what restd says */
	pid_t restd;
	int listener, session;
	int web;			/* restd's listening socket */
	char host[32];			/* "127.0.0.1:PORT" */
};

/* For main(): tap_main(), and every promise's folder is gone after it. */
int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv);

/* Everything but the start; then start, HELLO, CONFIG, no VM, SYNCED. */
void rig_prepare(struct rig *rig);
void rig_start(struct rig *rig);
void rig_accept_session(struct rig *rig);	/* HELLO and CONFIG */
void rig_sync(struct rig *rig);

/* The module's end of a VM's file. */
int rig_grant(struct rig *rig, uint32_t slot, uint64_t generation);
void rig_grant_file(struct rig *rig, uint32_t slot, uint64_t generation, const char *facts, int fd);
/* The same; false: restd had no room for it. */
bool rig_try_grant(struct rig *rig, uint32_t slot, uint64_t generation, const char *facts);
/* Until REVOKED. */
void rig_revoke(struct rig *rig, uint32_t slot, uint64_t generation);
/* restd has done all that was sent before this. */
void rig_settle(struct rig *rig);

/* The next request on a VM's file; its nonce, "" without, into @nonce. */
void rig_take(int module, struct frame_header *header, char nonce[33], uint32_t *version);
void rig_reply(int module, const struct frame_header *request, uint16_t status, const void *der,
	       size_t length);

/*
 * A module that answers by itself, in a child: each document is "SLOT nonce",
 * and @late requests wait until as many are there, then the last is the first.
 */
void rig_serve(int module, uint32_t slot, unsigned int late);

/* A guest. */
int rig_connect(struct rig *rig, uint32_t slot);
/* The connection is reset by restd. */
void rig_need_reset(int sock);
/* A new one is: before connect() has returned, or after. */
void rig_need_refused(struct rig *rig, uint32_t slot);
void rig_send(int sock, const char *text);
void rig_send_bytes(int sock, const char *bytes, size_t length);

struct rig_answer {
	int status;		/* 0: closed or reset without a byte */
	bool closed;		/* after it */
	char head[2048];
	char body[16384];
	size_t length;
};

/* One answer; with "Connection: close" waits for the end, too. */
void rig_read(int sock, struct rig_answer *answer);
bool rig_header(const struct rig_answer *answer, const char *line);
/* What lies in a document's signature, as text. */
void rig_document(const struct rig_answer *answer, char *text, size_t size);
/* The peer has closed or reset it, and not a byte is left. */
void rig_need_closed(int sock);
/* Sends "METHOD target HTTP/1.1", a right Host, @headers; one answer. */
void rig_ask(struct rig *rig, int sock, const char *method, const char *target,
	     const char *headers, struct rig_answer *answer);
/* rig_ask() on a connection of its own. */
void rig_get(struct rig *rig, uint32_t slot, const char *target, const char *headers,
	     struct rig_answer *answer);

#endif
