/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /dev/azattest-signer: where signer processes take requests and answer them.
 *
 * The node is 0600. Each open file is one signer; several may be open. A file
 * first says which protocol it speaks (JOIN), then either reads and writes, or
 * does both at once (EXCHANGE):
 *
 *   read(2)   struct azattest_signer_request[]: this signer's share of what
 *             waits (so that several work at once), as many as fit and as its
 *             free slots allow; blocks while there is none
 *   write(2)  { struct azattest_signer_answer, der[], pad to 8 }[]
 *
 * A request belongs to one signer at a time. It comes back to the queue's
 * front when the signer's file is closed (its process died) and when it is not
 * answered within the limit "attempt_ms"; after AZATTEST_SIGNER_ATTEMPTS it is
 * given up as poison. `attempt` tells which try this is.
 *
 *   open   ENOMEM    no memory
 *   read   EINVAL    buffer smaller than one request
 *          EAGAIN    O_NONBLOCK and nothing to take
 *          EINTR     a signal came while waiting
 *          EFAULT    buffer not writable; what was taken goes back
 *          ENOMEM    no memory
 *          ENOTCONN  JOIN first
 *   write  bytes taken, whole answers only; if the first one is refused:
 *          ENOENT    this signer does not hold the cookie: it is too late,
 *                    answered already, or another signer's
 *          EBADMSG   truncated, or longer than AZATTEST_DOCUMENT_MAX, or a
 *                    document beside a status other than OK, or none with OK
 *          EINVAL    a status that no signer may give
 *          EFAULT, ENOMEM, ENOTCONN
 *   poll   POLLIN a request waits and a slot is free; POLLOUT always; POLLERR
 *          before JOIN
 */
#ifndef _UAPI_LINUX_AZATTEST_SIGNER_H
#define _UAPI_LINUX_AZATTEST_SIGNER_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/azattest.h>

#define AZATTEST_SIGNER_DEVICE		"/dev/azattest-signer"

/* Module and daemon must have the same: they are installed together. */
#define AZATTEST_SIGNER_VERSION		1

#define AZATTEST_SIGNER_SLOTS_MAX	64
#define AZATTEST_SIGNER_ATTEMPTS	3
#define AZATTEST_DOCUMENT_MAX		(AZATTEST_FRAME_MAX - 16)

/**
 * struct azattest_signer_join - AZATTEST_SIGNER_IOC_JOIN
 * @size:       sizeof(struct azattest_signer_join)
 * @version:    in: AZATTEST_SIGNER_VERSION; out: the module's
 * @slots:      most requests this signer holds at once, 1..SLOTS_MAX
 * @host_state: AZATTEST_HOST_READY or _EXPIRED: what HELLO tells guests while
 *              this is the newest signer
 * @generation: the signer's own generation of key and certificate, shown in
 *              netlink status
 *
 * May be called again, by the same file, to change @slots and @host_state.
 *
 *   EPROTO  the module speaks another version; @version says which
 *   EINVAL  a field breaks a rule above
 *   EFAULT, E2BIG
 */
struct azattest_signer_join {
	__u32 size;
	__u32 version;
	__u32 slots;
	__u32 host_state;
	__u64 generation;
};

/**
 * struct azattest_signer_request - one request, 192 bytes
 * @cookie:      names it in the answer; never used twice
 * @generation:  of the binding
 * @cid:         of the VM, 0 if it has none
 * @uuid:        of the VM
 * @type:        AZATTEST_FRAME_ATTEST or AZATTEST_FRAME_ISSUER
 * @transport:   AZATTEST_TRANSPORT_*
 * @attempt:     1..AZATTEST_SIGNER_ATTEMPTS
 * @nonce_len:   0..AZATTEST_NONCE_MAX; 0: none was given
 * @deadline_ms: time left for the answer
 * @api_version: as asked by the guest (not checked); 0 for ISSUER
 * @reserved:    zero
 * @nonce:       byte table of azattest_frame.h, rest zero
 * @profile:     of the binding, NUL-terminated
 * @name:        of the binding, NUL-terminated
 */
struct azattest_signer_request {
	__u64 cookie;
	__u64 generation;
	__u64 cid;
	__u8  uuid[AZATTEST_UUID_LEN];
	__u8  type;
	__u8  transport;
	__u8  attempt;
	__u8  nonce_len;
	__u32 deadline_ms;
	__u32 api_version;
	__u32 reserved[3];
	__u8  nonce[AZATTEST_NONCE_MAX];
	__u8  profile[AZATTEST_PROFILE_LEN];
	__u8  name[AZATTEST_NAME_LEN];
};

/**
 * struct azattest_signer_answer - one answer, 16 bytes + document
 * @cookie: of the request
 * @status: AZATTEST_STATUS_OK, RETRY, EXPIRED, DENIED, BAD_REQUEST,
 *          UNSUPPORTED or FAULT
 * @length: bytes of DER after this header, 1..AZATTEST_DOCUMENT_MAX with OK,
 *          else 0; the next answer begins at the next multiple of 8
 */
struct azattest_signer_answer {
	__u64 cookie;
	__u32 status;
	__u32 length;
};

/* Where in a buffer the answer after one with this length begins. */
#define AZATTEST_SIGNER_ANSWER_SPACE(length) \
	((sizeof(struct azattest_signer_answer) + (length) + 7) & ~(__u64)7)

/* azattest_signer_exchange.flags */
#define AZATTEST_EXCHANGE_NOWAIT	(1u << 0)	/* do not wait for requests */

/**
 * struct azattest_signer_exchange - AZATTEST_SIGNER_IOC_EXCHANGE
 * @size:         sizeof(struct azattest_signer_exchange)
 * @flags:        AZATTEST_EXCHANGE_*
 * @answers:      address of answers, as for write(2)
 * @requests:     address of a buffer for requests, as for read(2)
 * @answers_len:  in: bytes of answers; out: bytes taken
 * @requests_len: in: bytes of buffer; out: bytes filled
 * @late:         out: answers that were not wanted any more (write's ENOENT)
 * @reserved:     zero
 *
 * Answers first, then takes requests; waits for one unless NOWAIT. 0 with
 * requests_len 0 is possible only with NOWAIT. On an error answers_len still
 * says what was taken.
 *
 *   errors of write(2) but ENOENT; of read(2) but EAGAIN; and
 *   EINVAL, E2BIG  @size, @flags or @reserved, as for JOIN
 */
struct azattest_signer_exchange {
	__u32 size;
	__u32 flags;
	__u64 answers;
	__u64 requests;
	__u32 answers_len;
	__u32 requests_len;
	__u32 late;
	__u32 reserved;
};

#define AZATTEST_SIGNER_IOC_JOIN \
	_IOWR(AZATTEST_IOC_MAGIC, 16, struct azattest_signer_join)
#define AZATTEST_SIGNER_IOC_EXCHANGE \
	_IOWR(AZATTEST_IOC_MAGIC, 17, struct azattest_signer_exchange)

#endif /* _UAPI_LINUX_AZATTEST_SIGNER_H */
