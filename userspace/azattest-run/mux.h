/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames of many connections over one device file.
 *
 * A connection reads one request, waits for its reply, writes it, and only
 * then reads again, so that a VM that asks faster than it is answered is held
 * back by its own socket. Ids are replaced on the way in and restored on the
 * way out, because guests choose theirs alike.
 *
 *   READING --frame whole--> ASKING --device took it--> WAITING
 *      ^                                                   | reply
 *      +-------------- all written --- WRITING <-----------+
 */
#ifndef _AZ_MUX_H
#define _AZ_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/azattest.h>

/* As the module's vsock door: connections_per_cid, frame_ms, BUSY_MAX, replies. */
#define MUX_CONNECTIONS	16
#define MUX_FRAME_MS	5000
#define MUX_BUSY_MAX	8
#define MUX_REPLIES_MAX	128
/* The device answers within its own deadline; this is the net below it. */
#define MUX_ANSWER_MS	90000
/* How long nobody is accepted after there was no descriptor for a newcomer. */
#define MUX_PAUSE_MS	200

enum conn_state { CONN_FREE, CONN_READING, CONN_ASKING, CONN_WAITING,
		  CONN_WRITING };

struct conn {
	enum conn_state state;
	int fd;
	int64_t deadline;	/* in ms of CLOCK_MONOTONIC; 0: none */
	uint32_t id;		/* the guest's */
	uint32_t ticket;	/* the device's */
	unsigned int busy;	/* BUSY replies in a row */
	unsigned int replies;	/* written so far */
	bool close_after;	/* the reply was a refusal of the framing */
	size_t in_len, in_total;
	size_t out_len, out_sent;
	unsigned char in[AZATTEST_REQUEST_MAX];
	unsigned char out[AZATTEST_FRAME_MAX];
};

struct mux {
	int device;		/* bound, non-blocking */
	int listener;		/* non-blocking */
	int64_t frame_ms;
	int64_t pause_ms;	/* the listener is not heard until then; 0: it is */
	uint32_t next_ticket;
	bool ended;		/* the binding has */
	struct conn conns[MUX_CONNECTIONS];
};

#define MUX_FDS	(2 + MUX_CONNECTIONS)

struct pollfd;

/* mux.c */
void mux_init(struct mux *mux, int device, int listener);
int mux_prepare(const struct mux *mux, struct pollfd fds[MUX_FDS]);
void mux_step(struct mux *mux, const struct pollfd fds[MUX_FDS]);
void mux_close(struct mux *mux);
int64_t mux_now(void);

/* conn.c */
void conn_open(struct conn *c, int fd);
void conn_close(struct conn *c);
short conn_events(const struct conn *c);
void conn_read(struct conn *c, int64_t frame_ms);
void conn_asked(struct conn *c, int64_t now);
void conn_refuse(struct conn *c, uint16_t status, int64_t frame_ms);
void conn_reply(struct conn *c, const unsigned char *frame, size_t len,
		int64_t frame_ms);
void conn_write(struct conn *c);

#endif /* _AZ_MUX_H */
