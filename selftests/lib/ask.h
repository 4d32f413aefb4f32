/* SPDX-License-Identifier: GPL-2.0 */
/* Whole requests and whole replies over a fake guest's connection. */
#ifndef SELFTESTS_LIB_ASK_H
#define SELFTESTS_LIB_ASK_H

#include <linux/azattest_frame.h>
#include <stddef.h>
#include <stdint.h>

#include <selftests/lib/fakeguest.h>

struct ask_reply {
	uint8_t type;
	uint16_t status;
	uint32_t id;
	uint32_t length;
	uint8_t payload[AZATTEST_FRAME_MAX];
};

/*
 * One frame out of the stream. 0; ENODATA: the stream ended before its first
 * byte (in order or not); EPIPE: in the middle of it; EBADMSG: not a frame
 * that a host may send; ETIMEDOUT.
 */
int ask_read(struct fakeguest_conn *c, struct ask_reply *r);

/* Sends and reads: errors of fakeguest_send() and ask_read(). */
int ask(struct fakeguest_conn *c, const void *frame, size_t len, struct ask_reply *r);

/* The same, and the reply must fit: type and id, else EBADMSG. */
int ask_hello(struct fakeguest_conn *c, uint32_t id, struct ask_reply *r);
int ask_issuer(struct fakeguest_conn *c, uint32_t id, struct ask_reply *r);
int ask_attest(struct fakeguest_conn *c, uint32_t id, const void *nonce, size_t nonce_len,
	       struct ask_reply *r);

/* The stream has ended, and no byte came before. 0, EBADMSG: a byte; ETIMEDOUT. */
int ask_end(struct fakeguest_conn *c);

/* ---- A VM: a guest, its binding, its number (see azbind_uuid) ---- */

struct testvm {
	uint32_t number;
	uint32_t cid;
	struct fakeguest *guest;
	int fd;			/* owner of the binding; -1 unbound */
	uint64_t generation;
};

/* CID of VM `number`, when the test does not care. */
#define TESTVM_CID(number)	(10000 + (number))

/* Starts a guest and binds it; break the promise on failure. */
struct testvm *testvm_start(uint32_t number);
struct testvm *testvm_start_cid(uint32_t number, uint32_t cid);
struct testvm *testvm_start_unbound(uint32_t number);
void testvm_bind(struct testvm *vm);
void testvm_unbind(struct testvm *vm);
void testvm_stop(struct testvm *vm);

/* A connection to the module's port; breaks the promise when there is none. */
struct fakeguest_conn *testvm_connect(struct testvm *vm);

/*
 * A whole attestation over c: breaks the promise unless the document is this
 * VM's, of this binding, through vsock, with this nonce. `file` and `line` are
 * said on failure.
 */
void testvm_attest_on_at(struct testvm *vm, struct fakeguest_conn *c, const char *nonce,
			 const char *file, int line);
#define testvm_attest_on(vm, c, nonce) testvm_attest_on_at(vm, c, nonce, __FILE__, __LINE__)

/* The same over a connection of its own. */
void testvm_attest_at(struct testvm *vm, const char *nonce, const char *file, int line);
#define testvm_attest(vm, nonce) testvm_attest_at(vm, nonce, __FILE__, __LINE__)

/* The port that the module listens on. */
uint32_t testvm_port(void);

#endif /* SELFTESTS_LIB_ASK_H */
