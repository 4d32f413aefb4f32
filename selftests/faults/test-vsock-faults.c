// SPDX-License-Identifier: GPL-2.0
/* The vsock door without memory: a connection may be lost, nothing else is. */
#include <selftests/faults/fault.h>

#include <stdio.h>
#include <unistd.h>

#include <selftests/device/talk.h>
#include <selftests/netlink/client.h>
#include <selftests/vsock/door.h>

/* What the kernel's own packets took with them, nobody will ever answer. */
#define SILENCE_MS 1500

enum outcome { SILENT, ENDED, ANSWERED };

/* A reply or an end; or, once an allocation has failed, nothing for a while. */
static enum outcome wait_for(struct fault *f, struct fakeguest_conn *c)
{
	int64_t silent_since = tap_now_ms();

	for (;;) {
		if (fakeguest_pump(c->guest, 50))
			silent_since = tap_now_ms();
		if (c->data_len >= sizeof(struct azattest_frame))
			return ANSWERED;
		if (c->state != FAKEGUEST_CONNECTING && c->state != FAKEGUEST_OPEN)
			return ENDED;
		if (fault_fired(f) && tap_now_ms() - silent_since > SILENCE_MS)
			return SILENT;
		tap_need(tap_now_ms() - silent_since < tap_patience_ms());
	}
}

/* One connection and one request, without waiting for the one before the other. */
static struct fakeguest_conn *knock(struct testvm *vm, const char *nonce)
{
	struct fakeguest_conn *c = fakeguest_connect_begin(vm->guest, 0, testvm_port());
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct virtio_vsock_hdr hdr;
	size_t len = frames_attest(frame, 1, nonce, strlen(nonce));

	fakeguest_header(vm->guest, &hdr, c->src_port, c->dst_port, VIRTIO_VSOCK_OP_RW);
	hdr.len = len;
	tap_need_eq(fakeguest_inject(vm->guest, &hdr, frame, len), 0);
	return c;
}

/* The neighbour notices nothing, the VM's next connection neither, nothing is left. */
static void needs_clean(struct client *c, struct testvm *vm, struct testvm *neighbour)
{
	static struct client_status s;

	tap_need_wait(!client_status(c, &s) && !s.connections && !s.queued && !s.inflight);
	testvm_attest(neighbour, "neighbour");
	testvm_attest(vm, "again");
}

static void knock_without_memory(const char *what, const char *threads)
{
	struct testvm *vm = testvm_start(1), *neighbour = testvm_start(2);
	unsigned int ends[ANSWERED + 1] = { 0 };
	struct fakeguest_conn *conn;
	struct client c;
	struct fault f;

	client_need(&c);
	door_signer();
	testvm_attest(vm, "before");
	for (fault_begin_threads(&f, what, threads); fault_next(&f);) {
		fault_arm(&f);
		conn = knock(vm, "knock");
		ends[wait_for(&f, conn)]++;
		fault_disarm(&f);
		fakeguest_reset(conn);
		needs_clean(&c, vm, neighbour);
	}
	tap_diag("%s: %u answered, %u ended, %u silent", what, ends[ANSWERED], ends[ENDED],
		 ends[SILENT]);
	testvm_stop(vm);
	testvm_stop(neighbour);
	client_close(&c);
}

/* The guest's own worker in the kernel: it takes the request, and asks. */
static void request_without_memory_harms_its_connection_only(void)
{
	char name[32];

	snprintf(name, sizeof(name), "vhost-%d", getpid());
	knock_without_memory("a guest's worker", name);
}

/*
 * The shared workers: they accept, make the connection, reply. Which of them
 * accepts is chance, and so is what fails: until it was the connection.
 */
static void accept_without_memory_harms_its_connection_only(void)
{
	uint64_t dropped;
	struct client c;

	client_need(&c);
	dropped = client_counter(&c, "refused_memory");
	tap_need_wait((knock_without_memory("shared workers", "kworker/u"),
		       client_counter(&c, "refused_memory") > dropped));
	client_close(&c);
}

/* The signer's answer goes to the guest in the signer's own call. */
static void answer_without_memory_harms_its_connection_only(void)
{
	struct testvm *vm = testvm_start(1);
	struct azattest_signer_request r;
	struct fakeguest_conn *conn;
	static struct client_status s;
	int signer, err;
	struct client c;
	struct fault f;

	client_need(&c);
	door_open_wide();
	signer = talk_signer();
	for (int status = 0; status < 2; status++) {
		fault_begin(&f, status ? "refusal" : "answer");
		/* The connection's worker sends if it has not let go of it yet: then nothing fails here. */
		f.misses_max = FAULT_MISSES;
		while (fault_next(&f)) {
			conn = knock(vm, "knock");
			r = talk_take(signer);
			fault_arm(&f);
			err = fakesigner_answer(signer, r.cookie,
						status ? AZATTEST_STATUS_RETRY : AZATTEST_STATUS_OK,
						"document", status ? 0 : 8);
			if (!err)
				wait_for(&f, conn);
			fault_disarm(&f);
			if (err) {
				tap_need_eq(err, -ENOMEM);
				talk_answer(signer, r.cookie, "document");
				tap_need_eq(wait_for(&f, conn), ANSWERED);
			}
			fakeguest_reset(conn);
			tap_need_wait(!client_status(&c, &s) && !s.connections && !s.inflight);
		}
	}
	testvm_stop(vm);
	close(signer);
	client_close(&c);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(request_without_memory_harms_its_connection_only, 600),
	TAP_TEST_SLOW(accept_without_memory_harms_its_connection_only, 600),
	TAP_TEST_SLOW(answer_without_memory_harms_its_connection_only, 300),
};

int main(int argc, char **argv)
{
	fault_need();
	door_need();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
