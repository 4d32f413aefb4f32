/* SPDX-License-Identifier: GPL-2.0 */
/* A guest without a VM: drives /dev/vhost-vsock and speaks virtio-vsock. */
#ifndef SELFTESTS_LIB_FAKEGUEST_H
#define SELFTESTS_LIB_FAKEGUEST_H

#include <linux/virtio_vsock.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A guest belongs to one thread at a time. It costs four descriptors, a vhost
 * worker and about 200 KB; see tap_raise_nofile(). Nothing happens behind the
 * caller's back: packets are looked at only inside the calls below.
 *
 * fakeguest.c is the device (rings, raw packets), fakeconn.c the connections.
 * Functions return 0 (or what they say) or -errno and never end the promise,
 * but for fakeguest_start().
 */
#define FAKEGUEST_RING		64	/* descriptors of each ring */
#define FAKEGUEST_BUFFER	2048	/* bytes of each: header and payload */
#define FAKEGUEST_PAYLOAD	(FAKEGUEST_BUFFER - sizeof(struct virtio_vsock_hdr))
#define FAKEGUEST_CREDIT	65536	/* receive buffer told to the host */
#define FAKEGUEST_HOST		2	/* CID of every host */

struct fakeguest_ring {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *buffers;
	uint16_t next;		/* avail index to fill */
	uint16_t seen;		/* used index looked at */
	int kick;
};

struct fakeguest_conn;

struct fakeguest {
	uint32_t cid;		/* src_cid of honest packets */
	int vhost_fd;
	int call;		/* eventfd: readable when the host sent something */
	uint8_t *memory;
	struct fakeguest_ring rx, tx;
	struct fakeguest_conn *conns;
	uint32_t next_port;
	uint64_t packets[8];	/* received, by op */
	uint64_t strays;	/* of those: for no connection of ours */
	uint16_t lost;		/* sent, but never given back: the tester counts */
	bool mute_strays;	/* do not reset those, as an honest guest does */
	bool mute_shutdown;	/* do not answer SHUTDOWN with RST */
	bool mute_credit;	/* do not answer CREDIT_REQUEST, nor update */
};

/* ---- Device ---- */

/* Opens, with rings, but without CID and not running. NULL: errno. */
struct fakeguest *fakeguest_open(void);
int fakeguest_set_cid(struct fakeguest *g, uint64_t cid);
int fakeguest_run(struct fakeguest *g, bool running);

/* All three; breaks the promise on failure. */
struct fakeguest *fakeguest_start(uint32_t cid);

/* What the host sees when the VMM dies. The pointer is gone afterwards. */
void fakeguest_close(struct fakeguest *g);

/* For BIND as the proof, when the guest is to stay driven by this process. */
int fakeguest_vhost_fd(const struct fakeguest *g);

/* ---- Raw packets ---- */

/* An honest header: STREAM, our CID, to the host, full credit. */
void fakeguest_header(const struct fakeguest *g, struct virtio_vsock_hdr *hdr,
		      uint32_t src_port, uint32_t dst_port, uint16_t op);

/*
 * Puts a packet on the ring as it is; hdr.len may lie about len. A host drops
 * one that claims more than it brings, or more than 64 KiB, and never gives its
 * descriptor back: add it to g->lost. EAGAIN: the ring stayed full for
 * tap_patience_ms(). It does not pump: the host takes none of ours while it
 * has no room for its own, so in a flood pump until fakeguest_has_room().
 */
int fakeguest_inject(struct fakeguest *g, const struct virtio_vsock_hdr *hdr,
		     const void *data, size_t len);

/* A packet can be put on the ring at once; if not, the host is told again of what is there. */
bool fakeguest_has_room(struct fakeguest *g);

/* Both in one: an honest header but for its op. */
int fakeguest_inject_op(struct fakeguest *g, uint32_t src_port, uint32_t dst_port, uint16_t op);

/*
 * Takes what the host sent, waiting up to timeout_ms for the first packet;
 * number of packets.
 */
int fakeguest_pump(struct fakeguest *g, int timeout_ms);

/* The ring is empty: the host has taken all packets, and dealt with them. */
bool fakeguest_sent_all(const struct fakeguest *g);

/* ---- Connections ---- */

enum fakeguest_state {
	FAKEGUEST_CONNECTING,
	FAKEGUEST_OPEN,
	FAKEGUEST_EOF,		/* the host closed in order */
	FAKEGUEST_RESET,	/* the host reset it, or refused it */
};

struct fakeguest_conn {
	struct fakeguest_conn *next;
	struct fakeguest *guest;
	enum fakeguest_state state;
	bool opened;		/* was accepted, whatever came after */
	uint32_t src_port, dst_port;
	uint32_t buf_alloc;	/* credit we tell; change it to lie */
	uint32_t fwd_cnt;	/* bytes that recv has given out */
	uint32_t fwd_told;
	uint32_t rx_cnt;
	uint32_t tx_cnt;
	uint32_t peer_buf_alloc, peer_fwd_cnt;
	uint8_t *data;		/* received, not yet given out */
	size_t data_len, data_size;
};

/* Sends REQUEST from src_port (0: the next free) and does not wait. */
struct fakeguest_conn *fakeguest_connect_begin(struct fakeguest *g, uint32_t src_port,
					       uint32_t dst_port);

/* Waits for the end of CONNECTING: 0, ECONNRESET, ETIMEDOUT. */
int fakeguest_connect_end(struct fakeguest_conn *c);

/* Both; NULL with errno. */
struct fakeguest_conn *fakeguest_connect(struct fakeguest *g, uint32_t src_port,
					 uint32_t dst_port);

/* As if it had been opened: for a guest that claims another's connection. */
struct fakeguest_conn *fakeguest_adopt(struct fakeguest *g, uint32_t src_port,
				       uint32_t dst_port);

/* Waits for credit: 0, ECONNRESET, EPIPE, ETIMEDOUT. */
int fakeguest_send(struct fakeguest_conn *c, const void *data, size_t len);

/*
 * Up to len bytes, waiting for the first: their number, 0 at the end of the
 * stream, ECONNRESET, ETIMEDOUT. What came before an end is given out first.
 */
int fakeguest_recv(struct fakeguest_conn *c, void *data, size_t len);
int fakeguest_recv_timeout(struct fakeguest_conn *c, void *data, size_t len, int timeout_ms);

/* Waits until the host has closed or reset: 0 or ETIMEDOUT. */
int fakeguest_wait_end(struct fakeguest_conn *c);

/* Forget the connection: after SHUTDOWN and its RST; after RST; silently. */
void fakeguest_hangup(struct fakeguest_conn *c);
void fakeguest_reset(struct fakeguest_conn *c);
void fakeguest_forget(struct fakeguest_conn *c);

/* For fakeguest.c: deals with one received packet. */
void fakeguest_deliver(struct fakeguest *g, const struct virtio_vsock_hdr *hdr,
		       const uint8_t *data, size_t len);

#endif /* SELFTESTS_LIB_FAKEGUEST_H */
