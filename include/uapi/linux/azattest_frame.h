/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Attestation frames: what a guest says to its host and what it hears back.
 *
 * The same frames travel on every door: AF_VSOCK stream connections to port
 * AZATTEST_VSOCK_PORT of the host (CID 2), and read(2)/write(2) on a bound
 * /dev/azattest (see azattest.h). All integers are little-endian.
 *
 *   request                          reply
 *   +----------------------------+   +----------------------------+
 *   | struct azattest_frame      |   | struct azattest_frame      |
 *   |   .type = ATTEST           |   |   .type = ATTEST | REPLY   |
 *   |   .status = 0              |   |   .status = how it ended   |
 *   |   .id = chosen by sender   |   |   .id = copied             |
 *   +----------------------------+   +----------------------------+
 *   | .length bytes of payload   |   | .length bytes of payload   |
 *   +----------------------------+   +----------------------------+
 *
 *   type     request payload                 payload of a reply with OK
 *   HELLO    none                            struct azattest_frame_hello
 *   ATTEST   struct azattest_frame_attest    the document, DER (CMS SignedData)
 *            + .nonce_len bytes of nonce
 *   ISSUER   none                            the issuing certificate, DER (X.509)
 *
 * A reply with another status than OK has no payload. On a vsock connection
 * one request is answered before the next one is read; after a number of
 * replies (limit "replies"), or of BUSY in a row, the host closes it between
 * two exchanges: connect again. When the VM's binding ends the connection is
 * reset; a request that is open then may hear UNBOUND first. A frame that breaks a
 * rule of this page is answered with BAD_REQUEST (UNSUPPORTED for an unknown
 * version or type) and, on vsock, the connection is closed after it, since
 * the sender's framing cannot be trusted any more. A peer that is no bound VM
 * hears AZATTEST_FRAME_REFUSED with UNBOUND, id 0, before it has said a word,
 * and the connection is closed.
 */
#ifndef _UAPI_LINUX_AZATTEST_FRAME_H
#define _UAPI_LINUX_AZATTEST_FRAME_H

#include <linux/types.h>

/* Below 1024: a process in a guest needs no right, one on a host needs one. */
#define AZATTEST_VSOCK_PORT		253

#define AZATTEST_FRAME_MAGIC		0x41545a41u	/* "AZTA" on the wire */
#define AZATTEST_FRAME_VERSION		1

#define AZATTEST_FRAME_HELLO		1
#define AZATTEST_FRAME_ATTEST		2
#define AZATTEST_FRAME_ISSUER		3
#define AZATTEST_FRAME_REPLY		0x80	/* or'ed to the request's type */
#define AZATTEST_FRAME_REFUSED		0xff	/* a reply to no request */

/* How a request ended. Numbers are ours alone: not all guests are Linux. */
#define AZATTEST_STATUS_OK		0
#define AZATTEST_STATUS_RETRY		1	/* no signer in time: ask again */
#define AZATTEST_STATUS_EXPIRED		2	/* host has no valid certificate */
#define AZATTEST_STATUS_BUSY		3	/* over this VM's rate or queue */
#define AZATTEST_STATUS_UNBOUND		4	/* host does not know this VM */
#define AZATTEST_STATUS_DENIED		5	/* known, but not allowed this */
#define AZATTEST_STATUS_BAD_REQUEST	6	/* breaks a rule of this page */
#define AZATTEST_STATUS_UNSUPPORTED	7	/* version or type not spoken */
#define AZATTEST_STATUS_FAULT		8	/* host's own fault: do not repeat */
#define AZATTEST_STATUS_MAX		8

/* Largest frame in either direction, header included. */
#define AZATTEST_FRAME_MAX		8192

/**
 * struct azattest_frame - header of every frame, 16 bytes
 * @magic:   AZATTEST_FRAME_MAGIC
 * @version: AZATTEST_FRAME_VERSION
 * @type:    AZATTEST_FRAME_HELLO..ISSUER; in replies or'ed with _REPLY
 * @status:  zero in requests; AZATTEST_STATUS_* in replies
 * @length:  bytes of payload after this header
 * @id:      chosen by the requester, copied into the reply
 */
struct azattest_frame {
	__le32 magic;
	__u8   version;
	__u8   type;
	__le16 status;
	__le32 length;
	__le32 id;
};

/* azattest_frame_attest.flags */
#define AZATTEST_ATTEST_NO_NONCE	(1u << 0)
#define AZATTEST_ATTEST_FLAGS		AZATTEST_ATTEST_NO_NONCE

#define AZATTEST_NONCE_MAX		32

/**
 * struct azattest_frame_attest - payload of ATTEST, 16 bytes + nonce
 * @flags:       AZATTEST_ATTEST_*; an unknown bit is BAD_REQUEST
 * @api_version: version of the document's contract, its date as a decimal
 *               number: 20181001 is 2018-10-01
 * @timeout_ms:  give up after this time; 0, or more than the host's own
 *               deadline, means the host's deadline
 * @nonce_len:   1 to AZATTEST_NONCE_MAX; with NO_NONCE exactly 0
 * @reserved:    zero
 * @nonce:       bytes out of A-Z a-z 0-9 - _; the frame ends with the last one
 *
 * With NO_NONCE the document's nonce is its own expiry time: it can be
 * replayed for its whole life, so ask without one only for clients that know.
 */
struct azattest_frame_attest {
	__le32 flags;
	__le32 api_version;
	__le32 timeout_ms;
	__u8   nonce_len;
	__u8   reserved[3];
	__u8   nonce[];
};

/* Largest request frame: header, ATTEST payload, longest nonce. */
#define AZATTEST_REQUEST_MAX		(16 + 16 + AZATTEST_NONCE_MAX)

/* azattest_frame_hello.host_state */
#define AZATTEST_HOST_NO_SIGNER		0	/* no signer is connected */
#define AZATTEST_HOST_READY		1
#define AZATTEST_HOST_EXPIRED		2	/* certificate expired or missing */

/**
 * struct azattest_frame_hello - payload of a reply to HELLO, 8 bytes
 * @version_min: lowest frame version that the host speaks
 * @version_max: highest
 * @host_state:  AZATTEST_HOST_*
 * @reserved:    zero
 * @max_frame:   largest frame that the host sends or takes, header included
 */
struct azattest_frame_hello {
	__u8   version_min;
	__u8   version_max;
	__u8   host_state;
	__u8   reserved;
	__le32 max_frame;
};

#endif /* _UAPI_LINUX_AZATTEST_FRAME_H */
