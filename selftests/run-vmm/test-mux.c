// SPDX-License-Identifier: GPL-2.0
// Tests the door for VMMs with a Unix socket: frames of many connections over
// one device file, which this test plays itself.
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <kmod/frame.h>
#include <selftests/lib/tap.h>
#include <userspace/azattest-run/mux.h>

#define HEADER	sizeof(struct azattest_frame)

/* A door in a process of its own; the device's other end is the test's. */
struct rig {
	int device;
	struct sockaddr_un address;
	socklen_t len;
	pid_t door;
	int64_t frame_ms;
	int door_device, listener;
};

static int run_door(void *arg)
{
	const struct rig *rig = arg;
	struct pollfd fds[MUX_FDS];
	struct mux *mux = calloc(1, sizeof(*mux));

	mux_init(mux, rig->door_device, rig->listener);
	if (rig->frame_ms)
		mux->frame_ms = rig->frame_ms;
	while (!mux->ended) {
		int timeout = mux_prepare(mux, fds);

		if (poll(fds, MUX_FDS, timeout) < 0)
			return 1;
		mux_step(mux, fds);
	}
	mux_close(mux);
	free(mux);
	return 0;
}

/* An address that needs no file: abstract, chosen by the kernel. */
static void start_at(struct rig *rig, int64_t frame_ms, int door_buffer)
{
	int pair[2];

	*rig = (struct rig){ .frame_ms = frame_ms,
			     .address = { .sun_family = AF_UNIX },
			     .len = sizeof(rig->address) };
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair));
	rig->device = pair[0];
	rig->door_device = pair[1];
	if (door_buffer)
		tap_need(!setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF,
				     &door_buffer, sizeof(door_buffer)));
	rig->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tap_need(!bind(rig->listener, (struct sockaddr *)&rig->address,
		       sizeof(sa_family_t)));
	tap_need(!listen(rig->listener, 64));
	tap_need(!getsockname(rig->listener, (struct sockaddr *)&rig->address,
			      &rig->len));
	rig->door = tap_spawn(run_door, rig, TAP_KEEP_ALL);
	close(rig->door_device);
	close(rig->listener);
}

static void start(struct rig *rig)
{
	start_at(rig, 0, 0);
}

/* The child kept a copy of our end, so the binding "ends" by its shutdown. */
static void stop(struct rig *rig)
{
	tap_need(!shutdown(rig->device, SHUT_RDWR));
	tap_need_eq(tap_join(rig->door), 0);
}

static int vm_connect(const struct rig *rig)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(!connect(fd, (const struct sockaddr *)&rig->address, rig->len));
	return fd;
}

static void put(int fd, const void *data, size_t len)
{
	tap_need_eq(send(fd, data, len, MSG_NOSIGNAL), len);
}

static size_t make_request(unsigned char *to, uint8_t type, uint32_t id,
			   uint32_t length)
{
	struct azattest_frame h = { htole32(AZATTEST_FRAME_MAGIC),
		AZATTEST_FRAME_VERSION, type, 0, htole32(length), htole32(id) };

	memcpy(to, &h, HEADER);
	return HEADER;
}

static void ask(int fd, uint32_t id)
{
	unsigned char frame[64];

	put(fd, frame, make_request(frame, AZATTEST_FRAME_ISSUER, id, 0));
}

/* The next request the device gets; every one of them must be sound. */
static size_t device_take(const struct rig *rig, struct azattest_frame *h,
			  unsigned char frame[256])
{
	struct pollfd p = { rig->device, POLLIN, 0 };
	uint32_t total;
	ssize_t n;

	tap_need_eq(poll(&p, 1, TAP_PATIENCE_MS), 1);
	n = read(rig->device, frame, 256);
	tap_need(n >= (ssize_t)HEADER);
	tap_need_eq(azattest_frame_header(frame, (size_t)n, &total), 1);
	tap_need_eq(total, n);
	memcpy(h, frame, HEADER);
	return (size_t)n;
}

static struct azattest_frame device_next(const struct rig *rig)
{
	struct azattest_frame h;
	unsigned char frame[256];

	device_take(rig, &h, frame);
	return h;
}

static bool device_idle(const struct rig *rig)
{
	struct pollfd p = { rig->device, POLLIN, 0 };

	return poll(&p, 1, 100) == 0;
}

static void device_reply(const struct rig *rig, const struct azattest_frame *to,
			 uint16_t status, const void *data, size_t len)
{
	unsigned char frame[AZATTEST_FRAME_MAX];
	struct azattest_frame h = *to;

	h.type |= AZATTEST_FRAME_REPLY;
	h.status = htole16(status);
	h.length = htole32((uint32_t)len);
	memcpy(frame, &h, HEADER);
	memcpy(frame + HEADER, data, len);
	tap_need_eq(write(rig->device, frame, HEADER + len), HEADER + len);
}

/* Reads exactly @len bytes, or the end: then false. */
static bool vm_read(int fd, void *to, size_t len)
{
	size_t have = 0;

	while (have < len) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;

		tap_need_msg(poll(&p, 1, TAP_PATIENCE_MS) == 1, "no reply");
		n = read(fd, (char *)to + have, len - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

static struct azattest_frame vm_reply(int fd)
{
	struct azattest_frame h;
	unsigned char data[AZATTEST_FRAME_MAX];

	tap_need_msg(vm_read(fd, &h, HEADER), "closed without a reply");
	tap_need(vm_read(fd, data, le32toh(h.length)));
	return h;
}

static bool vm_closed(int fd)
{
	char byte;

	return !vm_read(fd, &byte, 1);
}

static void frame_and_reply_pass_whole(void)
{
	unsigned char request[256], seen[256], der[3000], got[3000];
	struct azattest_frame_attest attest = { .api_version = htole32(20200901),
						.nonce_len = 3 };
	struct azattest_frame h;
	struct rig rig;
	size_t i;
	int vm;

	start(&rig);
	vm = vm_connect(&rig);
	make_request(request, AZATTEST_FRAME_ATTEST, 0xdeadbeef, 19);
	memcpy(request + HEADER, &attest, sizeof(attest));
	memcpy(request + HEADER + sizeof(attest), "abc", 3);
	put(vm, request, HEADER + 19);
	tap_need_eq(device_take(&rig, &h, seen), HEADER + 19);
	tap_need(!memcmp(seen + HEADER, request + HEADER, 19));
	for (i = 0; i < sizeof(der); i++)
		der[i] = (unsigned char)(i * 11);
	device_reply(&rig, &h, AZATTEST_STATUS_OK, der, sizeof(der));
	tap_need(vm_read(vm, &h, HEADER));
	tap_need_eq(le32toh(h.id), 0xdeadbeef);
	tap_need_eq(h.type, AZATTEST_FRAME_ATTEST | AZATTEST_FRAME_REPLY);
	tap_need_eq(le32toh(h.length), sizeof(der));
	tap_need(vm_read(vm, got, sizeof(got)) && !memcmp(got, der, sizeof(der)));
	stop(&rig);
}

static void same_ids_of_two_connections_do_not_mix(void)
{
	struct azattest_frame first, second;
	struct rig rig;
	int a, b;

	start(&rig);
	a = vm_connect(&rig);
	b = vm_connect(&rig);
	ask(a, 7);
	first = device_next(&rig);
	ask(b, 7);
	second = device_next(&rig);
	tap_need(first.id != second.id);
	/* the later one is answered first */
	device_reply(&rig, &second, AZATTEST_STATUS_OK, "bb", 2);
	device_reply(&rig, &first, AZATTEST_STATUS_OK, "aaaa", 4);
	tap_need_eq(le32toh(vm_reply(a).length), 4);
	tap_need_eq(le32toh(vm_reply(b).length), 2);
	stop(&rig);
}

static void second_request_waits_for_first_reply(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	start(&rig);
	vm = vm_connect(&rig);
	ask(vm, 1);
	ask(vm, 2);
	h = device_next(&rig);
	tap_need(device_idle(&rig));
	device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(vm_reply(vm).id), 1);
	h = device_next(&rig);
	device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(vm_reply(vm).id), 2);
	stop(&rig);
}

static void request_in_single_bytes_passes(void)
{
	unsigned char frame[64];
	struct rig rig;
	size_t len, i;
	int vm;

	start(&rig);
	vm = vm_connect(&rig);
	len = make_request(frame, AZATTEST_FRAME_HELLO, 9, 0);
	for (i = 0; i < len; i++) {
		put(vm, frame + i, 1);
		tap_pause();
	}
	device_next(&rig);
	stop(&rig);
}

static void need_refusal(const struct rig *rig, const void *frame, size_t len,
			 uint16_t status)
{
	struct azattest_frame h;
	int vm = vm_connect(rig);

	put(vm, frame, len);
	h = vm_reply(vm);
	tap_need_eq(h.type, AZATTEST_FRAME_REFUSED);
	tap_need_eq(h.id, 0);
	tap_need_eq(le16toh(h.status), status);
	tap_need(vm_closed(vm));
	close(vm);
}

static void broken_framing_is_refused_and_closed(void)
{
	unsigned char good[64], bad[64];
	struct rig rig;

	start(&rig);
	make_request(good, AZATTEST_FRAME_ISSUER, 5, 0);
	memcpy(bad, good, HEADER);
	bad[3] ^= 1;
	need_refusal(&rig, bad, 4, AZATTEST_STATUS_BAD_REQUEST);
	memcpy(bad, good, HEADER);
	bad[4] = 2;	/* version */
	need_refusal(&rig, bad, HEADER, AZATTEST_STATUS_UNSUPPORTED);
	memcpy(bad, good, HEADER);
	bad[5] = 9;	/* type */
	need_refusal(&rig, bad, HEADER, AZATTEST_STATUS_UNSUPPORTED);
	memcpy(bad, good, HEADER);
	bad[6] = 1;	/* status */
	need_refusal(&rig, bad, HEADER, AZATTEST_STATUS_BAD_REQUEST);
	memcpy(bad, good, HEADER);
	bad[11] = 0xff;	/* length: 4 GiB */
	need_refusal(&rig, bad, HEADER, AZATTEST_STATUS_BAD_REQUEST);
	tap_need(device_idle(&rig));
	stop(&rig);
}

/* The device's own word on what a frame says inside closes as well. */
static void refused_request_closes_after_its_reply(void)
{
	static const uint16_t fatal[] = { AZATTEST_STATUS_BAD_REQUEST,
					  AZATTEST_STATUS_UNSUPPORTED };
	struct azattest_frame h;
	struct rig rig;
	size_t i;

	start(&rig);
	for (i = 0; i < TAP_COUNT(fatal); i++) {
		int vm = vm_connect(&rig);

		ask(vm, 3);
		h = device_next(&rig);
		device_reply(&rig, &h, fatal[i], "", 0);
		tap_need_eq(le16toh(vm_reply(vm).status), fatal[i]);
		tap_need(vm_closed(vm));
	}
	stop(&rig);
}

static void slow_frame_is_closed_idle_connection_is_not(void)
{
	unsigned char frame[64];
	struct rig rig;
	int idle, slow;

	start_at(&rig, 150, 0);
	idle = vm_connect(&rig);
	slow = vm_connect(&rig);
	make_request(frame, AZATTEST_FRAME_ISSUER, 5, 0);
	put(slow, frame, HEADER - 1);
	tap_need(vm_closed(slow));
	ask(idle, 4);
	device_next(&rig);
	stop(&rig);
}

/* Waiting for the device is not slowness of the VM. */
static void waiting_for_a_reply_is_no_deadline(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	start_at(&rig, 50, 0);
	vm = vm_connect(&rig);
	ask(vm, 4);
	h = device_next(&rig);
	tap_need(device_idle(&rig));	/* twice as long */
	device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(vm_reply(vm).id), 4);
	stop(&rig);
}

/* Asks and asks and never reads: stops being served, then is closed. */
static void vm_that_never_reads_is_closed(void)
{
	static unsigned char der[AZATTEST_FRAME_MAX - HEADER];
	struct pollfd p = { .events = POLLIN };
	struct rig rig;
	int i, vm, served = 0;

	start_at(&rig, 300, 0);
	vm = vm_connect(&rig);
	for (i = 0; i < 100; i++)
		ask(vm, 1);
	p.fd = rig.device;
	while (poll(&p, 1, 1500) == 1) {
		struct azattest_frame h = device_next(&rig);

		device_reply(&rig, &h, AZATTEST_STATUS_OK, der, sizeof(der));
		served++;
	}
	tap_need(served < 100);
	while (recv(vm, der, sizeof(der), 0) > 0)
		;	/* what was sent, then the end */
	tap_diag("%d replies were buffered", served);
	ask(vm_connect(&rig), 2);
	device_next(&rig);
	stop(&rig);
}

static void seventeenth_connection_is_closed(void)
{
	int vms[MUX_CONNECTIONS], i, more;
	struct rig rig;

	start(&rig);
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		vms[i] = vm_connect(&rig);
		ask(vms[i], 1);
		device_next(&rig);
	}
	more = vm_connect(&rig);
	tap_need(vm_closed(more));
	close(vms[3]);
	/* its slot is free as soon as the door has heard of it */
	tap_need_wait(({
		struct pollfd p = { .events = POLLIN };

		more = vm_connect(&rig);
		p.fd = more;
		poll(&p, 1, 50) == 0 || (close(more), false);
	}));
	ask(more, 1);
	device_next(&rig);
	stop(&rig);
}

/* The newcomer sits in the same slot and has asked with the same id. */
static void late_reply_never_reaches_a_newcomer(void)
{
	struct azattest_frame old, new;
	struct rig rig;
	int a, b;

	start(&rig);
	a = vm_connect(&rig);
	ask(a, 7);
	old = device_next(&rig);
	close(a);
	b = vm_connect(&rig);
	ask(b, 7);
	new = device_next(&rig);
	device_reply(&rig, &old, AZATTEST_STATUS_OK, "another's", 9);
	device_reply(&rig, &old, AZATTEST_STATUS_OK, "another's", 9);
	device_reply(&rig, &new, AZATTEST_STATUS_OK, "own", 3);
	tap_need_eq(le32toh(vm_reply(b).length), 3);
	stop(&rig);
}

/* What was sent to it and that it has not read; asking before it has would be a race. */
static int unread(const struct rig *rig)
{
	int bytes;

	tap_need(!ioctl(rig->device, SIOCOUTQ, &bytes));
	return bytes;
}

static void replies_to_nothing_are_dropped(void)
{
	struct azattest_frame h = { htole32(AZATTEST_FRAME_MAGIC), 1,
				    AZATTEST_FRAME_ISSUER, 0, 0, 0 };
	struct rig rig;
	uint32_t id;
	int vm;

	start(&rig);
	vm = vm_connect(&rig);
	for (id = 0; id < 20; id++) {
		h.id = htole32(id);
		device_reply(&rig, &h, AZATTEST_STATUS_OK, "x", 1);
	}
	tap_need_eq(write(rig.device, "short", 5), 5);
	tap_need_wait(!unread(&rig));
	ask(vm, 1);
	h = device_next(&rig);
	device_reply(&rig, &h, AZATTEST_STATUS_OK, "yy", 2);
	tap_need_eq(le32toh(vm_reply(vm).length), 2);
	stop(&rig);
}

/* A device without room is no failure: requests wait until it has some. */
static void full_device_delays_and_loses_nothing(void)
{
	int vms[MUX_CONNECTIONS], i;
	struct rig rig;

	start_at(&rig, 0, 1);
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		vms[i] = vm_connect(&rig);
		ask(vms[i], 100 + (uint32_t)i);
	}
	tap_pause();
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		struct azattest_frame h = device_next(&rig);

		device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	}
	for (i = 0; i < MUX_CONNECTIONS; i++)
		tap_need_eq(le32toh(vm_reply(vms[i]).id), 100 + i);
	stop(&rig);
}

static void ever_busy_connection_is_closed(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm, i;

	start(&rig);
	vm = vm_connect(&rig);
	for (i = 0; i < MUX_BUSY_MAX; i++) {
		ask(vm, 1);
		h = device_next(&rig);
		device_reply(&rig, &h, AZATTEST_STATUS_BUSY, "", 0);
		tap_need_eq(le16toh(vm_reply(vm).status), AZATTEST_STATUS_BUSY);
	}
	tap_need(vm_closed(vm));
	stop(&rig);
}

/* As over vsock: whoever keeps a place for ever has to come again for it. */
static void after_a_number_of_replies_a_connection_is_closed(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm, other, i;

	start(&rig);
	vm = vm_connect(&rig);
	other = vm_connect(&rig);
	for (i = 0; i < MUX_REPLIES_MAX; i++) {
		ask(vm, (uint32_t)i);
		h = device_next(&rig);
		device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
		tap_need_eq(le32toh(vm_reply(vm).id), i);
	}
	tap_need(vm_closed(vm));
	vm = vm_connect(&rig);
	ask(vm, 1);
	h = device_next(&rig);
	device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
	tap_need_eq(le32toh(vm_reply(vm).id), 1);
	ask(other, 2);
	h = device_next(&rig);
	device_reply(&rig, &h, AZATTEST_STATUS_OK, "", 0);
	tap_need_eq(le32toh(vm_reply(other).id), 2);
	stop(&rig);
}

static void end_of_binding_ends_all(void)
{
	struct rig rig;
	int a, b;

	start(&rig);
	a = vm_connect(&rig);
	b = vm_connect(&rig);
	ask(a, 1);
	device_next(&rig);
	stop(&rig);
	tap_need(vm_closed(a));
	tap_need(vm_closed(b));
}

static void half_closed_vm_still_gets_its_reply(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	start(&rig);
	vm = vm_connect(&rig);
	ask(vm, 6);
	shutdown(vm, SHUT_WR);
	h = device_next(&rig);
	device_reply(&rig, &h, AZATTEST_STATUS_OK, "x", 1);
	tap_need_eq(le32toh(vm_reply(vm).id), 6);
	tap_need(vm_closed(vm));
	stop(&rig);
}

/* Noise of many VMs: the device sees sound frames only (device_take looks). */
static void noise_never_reaches_the_device(void)
{
	unsigned char noise[96];
	unsigned int state = 7, i, j;
	struct rig rig;

	start_at(&rig, 100, 0);
	for (i = 0; i < 400; i++) {
		int vm = vm_connect(&rig);
		struct pollfd p = { rig.device, POLLIN, 0 };

		make_request(noise, AZATTEST_FRAME_ATTEST, i, 20);
		for (j = HEADER; j < sizeof(noise); j++)
			noise[j] = (unsigned char)((state = state * 1103515245 +
						    12345) >> 16);
		for (j = 0; j < i % 4; j++)
			noise[(state = state * 1103515245 + 12345) >> 16 & 15] ^=
				1u << (i & 7);
		send(vm, noise, 1 + i % sizeof(noise), MSG_NOSIGNAL);
		close(vm);
		while (poll(&p, 1, 0) == 1)
			device_next(&rig);
	}
	tap_need(device_idle(&rig) || device_next(&rig).type);
	stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(frame_and_reply_pass_whole),
	TAP_TEST(same_ids_of_two_connections_do_not_mix),
	TAP_TEST(second_request_waits_for_first_reply),
	TAP_TEST(request_in_single_bytes_passes),
	TAP_TEST(broken_framing_is_refused_and_closed),
	TAP_TEST(refused_request_closes_after_its_reply),
	TAP_TEST(slow_frame_is_closed_idle_connection_is_not),
	TAP_TEST(waiting_for_a_reply_is_no_deadline),
	TAP_TEST(vm_that_never_reads_is_closed),
	TAP_TEST(seventeenth_connection_is_closed),
	TAP_TEST(late_reply_never_reaches_a_newcomer),
	TAP_TEST(replies_to_nothing_are_dropped),
	TAP_TEST(full_device_delays_and_loses_nothing),
	TAP_TEST(ever_busy_connection_is_closed),
	TAP_TEST(after_a_number_of_replies_a_connection_is_closed),
	TAP_TEST(end_of_binding_ends_all),
	TAP_TEST(half_closed_vm_still_gets_its_reply),
	TAP_TEST(noise_never_reaches_the_device),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
