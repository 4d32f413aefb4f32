// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the published layout of the UAPI: every size, offset and ioctl number
 * as a literal, checked by the compiler for 64-bit and 32-bit callers alike.
 *
 * A number here changes only together with a new version of the interface: it
 * is what programs that were built last year pass to the module.
 */
#include <stddef.h>

#include <linux/azattest.h>
#include <linux/azattest_frame.h>
#include <linux/azattest_netlink.h>
#include <linux/azattest_signer.h>

#define SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), "size of " #type)
#define FIELD(type, member, offset, size)				\
	_Static_assert(offsetof(struct type, member) == (offset),	\
		       "offset of " #type "." #member);			\
	_Static_assert(sizeof(((struct type *)0)->member) == (size),	\
		       "size of " #type "." #member)
#define VALUE(name, value) \
	_Static_assert((name) == (value), "value of " #name)

SIZE(azattest_bind, 152);
FIELD(azattest_bind, size, 0, 4);
FIELD(azattest_bind, flags, 4, 4);
FIELD(azattest_bind, cid, 8, 8);
FIELD(azattest_bind, vhost_fd, 16, 4);
FIELD(azattest_bind, life_fd, 20, 4);
FIELD(azattest_bind, uuid, 24, 16);
FIELD(azattest_bind, name, 40, 64);
FIELD(azattest_bind, profile, 104, 32);
FIELD(azattest_bind, reserved, 136, 8);
FIELD(azattest_bind, generation, 144, 8);

SIZE(azattest_attach, 40);
FIELD(azattest_attach, size, 0, 4);
FIELD(azattest_attach, flags, 4, 4);
FIELD(azattest_attach, uuid, 8, 16);
FIELD(azattest_attach, transport, 24, 4);
FIELD(azattest_attach, reserved, 28, 4);
FIELD(azattest_attach, generation, 32, 8);

SIZE(azattest_info, 152);
FIELD(azattest_info, size, 0, 4);
FIELD(azattest_info, flags, 4, 4);
FIELD(azattest_info, uuid, 8, 16);
FIELD(azattest_info, cid, 24, 8);
FIELD(azattest_info, generation, 32, 8);
FIELD(azattest_info, netns, 40, 8);
FIELD(azattest_info, transport, 48, 4);
FIELD(azattest_info, pid, 52, 4);
FIELD(azattest_info, name, 56, 64);
FIELD(azattest_info, profile, 120, 32);

SIZE(azattest_attest, 72);
FIELD(azattest_attest, size, 0, 4);
FIELD(azattest_attest, flags, 4, 4);
FIELD(azattest_attest, api_version, 8, 4);
FIELD(azattest_attest, timeout_ms, 12, 4);
FIELD(azattest_attest, nonce, 16, 32);
FIELD(azattest_attest, nonce_len, 48, 1);
FIELD(azattest_attest, reserved, 49, 3);
FIELD(azattest_attest, status, 52, 4);
FIELD(azattest_attest, reply, 56, 8);
FIELD(azattest_attest, reply_size, 64, 4);
FIELD(azattest_attest, reserved2, 68, 4);

SIZE(azattest_frame, 16);
FIELD(azattest_frame, magic, 0, 4);
FIELD(azattest_frame, version, 4, 1);
FIELD(azattest_frame, type, 5, 1);
FIELD(azattest_frame, status, 6, 2);
FIELD(azattest_frame, length, 8, 4);
FIELD(azattest_frame, id, 12, 4);

SIZE(azattest_frame_attest, 16);
FIELD(azattest_frame_attest, flags, 0, 4);
FIELD(azattest_frame_attest, api_version, 4, 4);
FIELD(azattest_frame_attest, timeout_ms, 8, 4);
FIELD(azattest_frame_attest, nonce_len, 12, 1);
FIELD(azattest_frame_attest, reserved, 13, 3);
_Static_assert(offsetof(struct azattest_frame_attest, nonce) == 16,
	       "offset of azattest_frame_attest.nonce");

SIZE(azattest_frame_hello, 8);
FIELD(azattest_frame_hello, version_min, 0, 1);
FIELD(azattest_frame_hello, version_max, 1, 1);
FIELD(azattest_frame_hello, host_state, 2, 1);
FIELD(azattest_frame_hello, reserved, 3, 1);
FIELD(azattest_frame_hello, max_frame, 4, 4);

SIZE(azattest_signer_join, 24);
FIELD(azattest_signer_join, size, 0, 4);
FIELD(azattest_signer_join, version, 4, 4);
FIELD(azattest_signer_join, slots, 8, 4);
FIELD(azattest_signer_join, host_state, 12, 4);
FIELD(azattest_signer_join, generation, 16, 8);

SIZE(azattest_signer_request, 192);
FIELD(azattest_signer_request, cookie, 0, 8);
FIELD(azattest_signer_request, generation, 8, 8);
FIELD(azattest_signer_request, cid, 16, 8);
FIELD(azattest_signer_request, uuid, 24, 16);
FIELD(azattest_signer_request, type, 40, 1);
FIELD(azattest_signer_request, transport, 41, 1);
FIELD(azattest_signer_request, attempt, 42, 1);
FIELD(azattest_signer_request, nonce_len, 43, 1);
FIELD(azattest_signer_request, deadline_ms, 44, 4);
FIELD(azattest_signer_request, api_version, 48, 4);
FIELD(azattest_signer_request, reserved, 52, 12);
FIELD(azattest_signer_request, nonce, 64, 32);
FIELD(azattest_signer_request, profile, 96, 32);
FIELD(azattest_signer_request, name, 128, 64);

SIZE(azattest_signer_answer, 16);
FIELD(azattest_signer_answer, cookie, 0, 8);
FIELD(azattest_signer_answer, status, 8, 4);
FIELD(azattest_signer_answer, length, 12, 4);

SIZE(azattest_signer_exchange, 40);
FIELD(azattest_signer_exchange, size, 0, 4);
FIELD(azattest_signer_exchange, flags, 4, 4);
FIELD(azattest_signer_exchange, answers, 8, 8);
FIELD(azattest_signer_exchange, requests, 16, 8);
FIELD(azattest_signer_exchange, answers_len, 24, 4);
FIELD(azattest_signer_exchange, requests_len, 28, 4);
FIELD(azattest_signer_exchange, late, 32, 4);
FIELD(azattest_signer_exchange, reserved, 36, 4);

VALUE(AZATTEST_IOC_BIND, 0xc098d701);
VALUE(AZATTEST_IOC_ATTACH, 0xc028d702);
VALUE(AZATTEST_IOC_INFO, 0xc098d703);
VALUE(AZATTEST_IOC_ATTEST, 0xc048d704);
VALUE(AZATTEST_SIGNER_IOC_JOIN, 0xc018d710);
VALUE(AZATTEST_SIGNER_IOC_EXCHANGE, 0xc028d711);

/* "AZTA" on the wire: the first byte of a little-endian number is its lowest. */
VALUE(AZATTEST_FRAME_MAGIC,
      'A' | ('Z' << 8) | ('T' << 16) | (0u + 'A') << 24);
VALUE(AZATTEST_FRAME_VERSION, 1);
VALUE(AZATTEST_FRAME_MAX, 8192);
VALUE(AZATTEST_REQUEST_MAX, 64);
VALUE(AZATTEST_REQUEST_MAX, sizeof(struct azattest_frame) +
      sizeof(struct azattest_frame_attest) + AZATTEST_NONCE_MAX);
VALUE(AZATTEST_DOCUMENT_MAX,
      AZATTEST_FRAME_MAX - sizeof(struct azattest_frame));
VALUE(AZATTEST_VSOCK_PORT, 253);
VALUE(AZATTEST_CID_MIN, 3);
VALUE(AZATTEST_CID_MAX, 0xfffffffe);
VALUE(AZATTEST_STATUS_OK, 0);
VALUE(AZATTEST_STATUS_RETRY, 1);
VALUE(AZATTEST_STATUS_EXPIRED, 2);
VALUE(AZATTEST_STATUS_BUSY, 3);
VALUE(AZATTEST_STATUS_UNBOUND, 4);
VALUE(AZATTEST_STATUS_DENIED, 5);
VALUE(AZATTEST_STATUS_BAD_REQUEST, 6);
VALUE(AZATTEST_STATUS_UNSUPPORTED, 7);
VALUE(AZATTEST_STATUS_FAULT, 8);
VALUE(AZATTEST_STATUS_MAX, AZATTEST_STATUS_FAULT);
VALUE(AZATTEST_TRANSPORT_MAX, AZATTEST_TRANSPORT_VMM);
VALUE(AZATTEST_SIGNER_ANSWER_SPACE(0), 16);
VALUE(AZATTEST_SIGNER_ANSWER_SPACE(1), 24);
VALUE(AZATTEST_SIGNER_ANSWER_SPACE(8), 24);
VALUE(AZATTEST_SIGNER_ANSWER_SPACE(9), 32);
