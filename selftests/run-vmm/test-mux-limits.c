// SPDX-License-Identifier: GPL-2.0
// Tests what the door for VMMs with a Unix socket closes: broken and slow frames,
// VMs that never read, one connection too many; and what it does not.

#include "rig.h"

#include <endian.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <userspace/azattest-run/mux.h>

static void need_refusal(const struct rig *rig, const void *frame, size_t len,
			 uint16_t status)
{
	struct azattest_frame h;
	int vm = rig_vm_connect(rig);

	rig_put(vm, frame, len);
	h = rig_vm_reply(vm);
	tap_need_eq(h.type, AZATTEST_FRAME_REFUSED);
	tap_need_eq(h.id, 0);
	tap_need_eq(le16toh(h.status), status);
	tap_need(rig_vm_closed(vm));
	close(vm);
}

static void broken_framing_is_refused_and_closed(void)
{
	unsigned char good[64], bad[64];
	struct rig rig;

	rig_start(&rig);
	rig_request(good, AZATTEST_FRAME_ISSUER, 5, 0);
	memcpy(bad, good, RIG_HEADER);
	bad[3] ^= 1;
	need_refusal(&rig, bad, 4, AZATTEST_STATUS_BAD_REQUEST);
	memcpy(bad, good, RIG_HEADER);
	bad[4] = 2;	/* version */
	need_refusal(&rig, bad, RIG_HEADER, AZATTEST_STATUS_UNSUPPORTED);
	memcpy(bad, good, RIG_HEADER);
	bad[5] = 9;	/* type */
	need_refusal(&rig, bad, RIG_HEADER, AZATTEST_STATUS_UNSUPPORTED);
	memcpy(bad, good, RIG_HEADER);
	bad[6] = 1;	/* status */
	need_refusal(&rig, bad, RIG_HEADER, AZATTEST_STATUS_BAD_REQUEST);
	memcpy(bad, good, RIG_HEADER);
	bad[11] = 0xff;	/* length: 4 GiB */
	need_refusal(&rig, bad, RIG_HEADER, AZATTEST_STATUS_BAD_REQUEST);
	tap_need(rig_device_idle(&rig));
	rig_stop(&rig);
}

/* The device's own word on what a frame says inside closes as well. */
static void refused_request_closes_after_its_reply(void)
{
	static const uint16_t fatal[] = { AZATTEST_STATUS_BAD_REQUEST,
					  AZATTEST_STATUS_UNSUPPORTED };
	struct azattest_frame h;
	struct rig rig;
	size_t i;

	rig_start(&rig);
	for (i = 0; i < TAP_COUNT(fatal); i++) {
		int vm = rig_vm_connect(&rig);

		rig_ask(vm, 3);
		h = rig_device_next(&rig);
		rig_device_reply(&rig, &h, fatal[i], "", 0);
		tap_need_eq(le16toh(rig_vm_reply(vm).status), fatal[i]);
		tap_need(rig_vm_closed(vm));
	}
	rig_stop(&rig);
}

static void slow_frame_is_closed_idle_connection_is_not(void)
{
	unsigned char frame[64];
	struct rig rig;
	int idle, slow;

	rig_start_at(&rig, 150, 0);
	idle = rig_vm_connect(&rig);
	slow = rig_vm_connect(&rig);
	rig_request(frame, AZATTEST_FRAME_ISSUER, 5, 0);
	rig_put(slow, frame, RIG_HEADER - 1);
	tap_need(rig_vm_closed(slow));
	rig_ask(idle, 4);
	rig_device_next(&rig);
	rig_stop(&rig);
}

/* Waiting for the device is not slowness of the VM. */
static void waiting_for_a_reply_is_no_deadline(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	rig_start_at(&rig, 50, 0);
	vm = rig_vm_connect(&rig);
	rig_ask(vm, 4);
	h = rig_device_next(&rig);
	tap_need(rig_device_idle(&rig));	/* twice as long */
	rig_device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(rig_vm_reply(vm).id), 4);
	rig_stop(&rig);
}

/* Asks and asks and never reads: stops being served, then is closed. */
static void vm_that_never_reads_is_closed(void)
{
	static unsigned char der[AZATTEST_FRAME_MAX - RIG_HEADER];
	struct pollfd p = { .events = POLLIN };
	struct rig rig;
	int i, vm, served = 0;

	rig_start_at(&rig, 300, 0);
	vm = rig_vm_connect(&rig);
	for (i = 0; i < 100; i++)
		rig_ask(vm, 1);
	p.fd = rig.device;
	while (poll(&p, 1, 1500) == 1) {
		struct azattest_frame h = rig_device_next(&rig);

		rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, der, sizeof(der));
		served++;
	}
	tap_need(served < 100);
	while (recv(vm, der, sizeof(der), 0) > 0)
		;	/* what was sent, then the end */
	tap_diag("%d replies were buffered", served);
	rig_ask(rig_vm_connect(&rig), 2);
	rig_device_next(&rig);
	rig_stop(&rig);
}

static void seventeenth_connection_is_closed(void)
{
	int vms[MUX_CONNECTIONS], i, more;
	struct rig rig;

	rig_start(&rig);
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		vms[i] = rig_vm_connect(&rig);
		rig_ask(vms[i], 1);
		rig_device_next(&rig);
	}
	more = rig_vm_connect(&rig);
	tap_need(rig_vm_closed(more));
	close(vms[3]);
	/* its slot is free as soon as the door has heard of it */
	tap_need_wait(({
		struct pollfd p = { .events = POLLIN };

		more = rig_vm_connect(&rig);
		p.fd = more;
		poll(&p, 1, 50) == 0 || (close(more), false);
	}));
	rig_ask(more, 1);
	rig_device_next(&rig);
	rig_stop(&rig);
}

static void ever_busy_connection_is_closed(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm, i;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	for (i = 0; i < MUX_BUSY_MAX; i++) {
		rig_ask(vm, 1);
		h = rig_device_next(&rig);
		rig_device_reply(&rig, &h, AZATTEST_STATUS_BUSY, "", 0);
		tap_need_eq(le16toh(rig_vm_reply(vm).status), AZATTEST_STATUS_BUSY);
	}
	tap_need(rig_vm_closed(vm));
	rig_stop(&rig);
}

/* As over vsock: whoever keeps a place for ever has to come again for it. */
static void after_a_number_of_replies_a_connection_is_closed(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm, other, i;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	other = rig_vm_connect(&rig);
	for (i = 0; i < MUX_REPLIES_MAX; i++) {
		rig_ask(vm, (uint32_t)i);
		h = rig_device_next(&rig);
		rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
		tap_need_eq(le32toh(rig_vm_reply(vm).id), i);
	}
	tap_need(rig_vm_closed(vm));
	vm = rig_vm_connect(&rig);
	rig_ask(vm, 1);
	h = rig_device_next(&rig);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
	tap_need_eq(le32toh(rig_vm_reply(vm).id), 1);
	rig_ask(other, 2);
	h = rig_device_next(&rig);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
	tap_need_eq(le32toh(rig_vm_reply(other).id), 2);
	rig_stop(&rig);
}

/* Noise of many VMs: the device sees sound frames only (rig_device_take looks). */
static void noise_never_reaches_the_device(void)
{
	unsigned char noise[96];
	unsigned int state = 7, i, j;
	struct rig rig;

	rig_start_at(&rig, 100, 0);
	for (i = 0; i < 400; i++) {
		int vm = rig_vm_connect(&rig);
		struct pollfd p = { rig.device, POLLIN, 0 };

		rig_request(noise, AZATTEST_FRAME_ATTEST, i, 20);
		for (j = RIG_HEADER; j < sizeof(noise); j++)
			noise[j] = (unsigned char)((state = state * 1103515245 +
						    12345) >> 16);
		for (j = 0; j < i % 4; j++)
			noise[(state = state * 1103515245 + 12345) >> 16 & 15] ^=
				1u << (i & 7);
		send(vm, noise, 1 + i % sizeof(noise), MSG_NOSIGNAL);
		close(vm);
		while (poll(&p, 1, 0) == 1)
			rig_device_next(&rig);
	}
	tap_need(rig_device_idle(&rig) || rig_device_next(&rig).type);
	rig_stop(&rig);
}

/* One turn of the door's loop, in this process. */
static void turn(struct mux *mux)
{
	struct pollfd fds[MUX_FDS];
	int timeout = mux_prepare(mux, fds);

	tap_need(poll(fds, MUX_FDS, timeout) >= 0);
	mux_step(mux, fds);
}

static void set_descriptors(rlim_t most)
{
	struct rlimit limit;

	tap_need(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = most;
	tap_need(!setrlimit(RLIMIT_NOFILE, &limit));
}

/* All are used, and they are as many as poll() wants to be allowed. */
static rlim_t use_descriptors(void)
{
	int last = dup(STDIN_FILENO);

	while (last < MUX_FDS)
		last = dup(STDIN_FILENO);
	set_descriptors((rlim_t)last + 1);
	return (rlim_t)last + 1;
}

/* Whoever waits makes the listener ready for ever: the door must not turn round it. */
static void without_a_descriptor_newcomers_wait_and_the_door_rests(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	struct pollfd fds[MUX_FDS];
	static struct mux mux;
	int pair[2], listener, vm;
	rlim_t used;

	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tap_need(!bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) &&
		 !listen(listener, 4) &&
		 !getsockname(listener, (struct sockaddr *)&address, &len));
	mux_init(&mux, pair[1], listener);
	vm = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	tap_need(!connect(vm, (struct sockaddr *)&address, len));
	used = use_descriptors();
	turn(&mux);
	tap_need_eq(mux.conns[0].state, CONN_FREE);
	tap_need(mux_prepare(&mux, fds) >= 0);
	for (int i = 0; i < MUX_FDS; i++)
		tap_need(fds[i].fd != listener);
	set_descriptors(used + 1);
	while (mux.conns[0].state == CONN_FREE)
		turn(&mux);
	tap_need_eq(mux_prepare(&mux, fds), -1);
	mux_close(&mux);
}

static const struct tap_test tests[] = {
	TAP_TEST(broken_framing_is_refused_and_closed),
	TAP_TEST(refused_request_closes_after_its_reply),
	TAP_TEST(slow_frame_is_closed_idle_connection_is_not),
	TAP_TEST(waiting_for_a_reply_is_no_deadline),
	TAP_TEST(vm_that_never_reads_is_closed),
	TAP_TEST(seventeenth_connection_is_closed),
	TAP_TEST(ever_busy_connection_is_closed),
	TAP_TEST(after_a_number_of_replies_a_connection_is_closed),
	TAP_TEST(noise_never_reaches_the_device),
	TAP_TEST(without_a_descriptor_newcomers_wait_and_the_door_rests),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
