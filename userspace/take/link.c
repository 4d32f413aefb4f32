// SPDX-License-Identifier: GPL-2.0
// Owns a question or an answer on the socket between hostd and azattest-take: bytes and a descriptor.

#include <userspace/take/take.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int take_send(int sock, const void *packet, size_t size, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)packet, .iov_len = size };
	struct msghdr out = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (fd >= 0) {
		out.msg_control = control.bytes;
		out.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&out);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(sock, &out, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -errno;
}

/* The first in *@fd; any other is closed, and told by false. */
static bool keep_one(struct msghdr *in, int *fd)
{
	bool one = true;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(in); h; h = CMSG_NXTHDR(in, h)) {
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int got;

			memcpy(&got, CMSG_DATA(h) + i * sizeof(int), sizeof(got));
			if (*fd < 0) {
				*fd = got;
				continue;
			}
			close(got);
			one = false;
		}
	}
	return one;
}

int take_receive(int sock, void *packet, size_t size, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = packet, .iov_len = size };
	struct msghdr in = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	uint32_t magic = 0;
	ssize_t length;
	bool one;

	*fd = -1;
	length = recvmsg(sock, &in, MSG_CMSG_CLOEXEC);
	if (length <= 0)
		return length && errno != ECONNRESET ? -errno : -EPIPE;
	one = keep_one(&in, fd);
	memcpy(&magic, packet, (size_t)length < sizeof(magic) ? (size_t)length : sizeof(magic));
	if (one && (size_t)length == size && !(in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    magic == TAKE_MAGIC)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -EPROTO;
}
