// SPDX-License-Identifier: GPL-2.0
// Owns the door in a child, and what a test says to it as its VMs and as its device.

#include "rig.h"

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kmod/frame.h>
#include <userspace/azattest-run/mux.h>

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
void rig_start_at(struct rig *rig, int64_t frame_ms, int door_buffer)
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

void rig_start(struct rig *rig)
{
	rig_start_at(rig, 0, 0);
}

void rig_stop(struct rig *rig)
{
	tap_need(!shutdown(rig->device, SHUT_RDWR));
	tap_need_eq(tap_join(rig->door), 0);
}

int rig_vm_connect(const struct rig *rig)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(!connect(fd, (const struct sockaddr *)&rig->address, rig->len));
	return fd;
}

void rig_put(int fd, const void *data, size_t len)
{
	tap_need_eq(send(fd, data, len, MSG_NOSIGNAL), len);
}

size_t rig_request(unsigned char *to, uint8_t type, uint32_t id,
		   uint32_t length)
{
	struct azattest_frame h = { htole32(AZATTEST_FRAME_MAGIC),
		AZATTEST_FRAME_VERSION, type, 0, htole32(length), htole32(id) };

	memcpy(to, &h, RIG_HEADER);
	return RIG_HEADER;
}

void rig_ask(int fd, uint32_t id)
{
	unsigned char frame[64];

	rig_put(fd, frame, rig_request(frame, AZATTEST_FRAME_ISSUER, id, 0));
}

bool rig_vm_read(int fd, void *to, size_t len)
{
	size_t have = 0;

	while (have < len) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t n;

		tap_need_msg(poll(&p, 1, tap_patience_ms()) == 1, "no reply");
		n = read(fd, (char *)to + have, len - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

struct azattest_frame rig_vm_reply(int fd)
{
	struct azattest_frame h;
	unsigned char data[AZATTEST_FRAME_MAX];

	tap_need_msg(rig_vm_read(fd, &h, RIG_HEADER), "closed without a reply");
	tap_need(rig_vm_read(fd, data, le32toh(h.length)));
	return h;
}

bool rig_vm_closed(int fd)
{
	char byte;

	return !rig_vm_read(fd, &byte, 1);
}

size_t rig_device_take(const struct rig *rig, struct azattest_frame *h,
		       unsigned char frame[256])
{
	struct pollfd p = { rig->device, POLLIN, 0 };
	uint32_t total;
	ssize_t n;

	tap_need_eq(poll(&p, 1, tap_patience_ms()), 1);
	n = read(rig->device, frame, 256);
	tap_need(n >= (ssize_t)RIG_HEADER);
	tap_need_eq(azattest_frame_header(frame, (size_t)n, &total), 1);
	tap_need_eq(total, n);
	memcpy(h, frame, RIG_HEADER);
	return (size_t)n;
}

struct azattest_frame rig_device_next(const struct rig *rig)
{
	struct azattest_frame h;
	unsigned char frame[256];

	rig_device_take(rig, &h, frame);
	return h;
}

bool rig_device_idle(const struct rig *rig)
{
	struct pollfd p = { rig->device, POLLIN, 0 };

	return poll(&p, 1, 100) == 0;
}

void rig_device_reply(const struct rig *rig, const struct azattest_frame *to,
		      uint16_t status, const void *data, size_t len)
{
	unsigned char frame[AZATTEST_FRAME_MAX];
	struct azattest_frame h = *to;

	h.type |= AZATTEST_FRAME_REPLY;
	h.status = htole16(status);
	h.length = htole32((uint32_t)len);
	memcpy(frame, &h, RIG_HEADER);
	memcpy(frame + RIG_HEADER, data, len);
	tap_need_eq(write(rig->device, frame, RIG_HEADER + len), RIG_HEADER + len);
}
