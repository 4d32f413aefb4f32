// SPDX-License-Identifier: GPL-2.0
// Owns how a message and its descriptor cross the socket between hostd and restd.

#include "restlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(4 * sizeof(int))];
};

static void add_descriptor(struct msghdr *message, union control *control, int fd)
{
	struct cmsghdr *header;

	memset(control, 0, sizeof(*control));
	message->msg_control = control->bytes;
	message->msg_controllen = CMSG_SPACE(sizeof(int));
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
}

int restlink_send(int sock, const struct restlink *message, const char *text, int fd)
{
	struct restlink head = *message;
	struct iovec parts[2] = {
		{ &head, sizeof(head) }, { (void *)text, text ? strlen(text) : 0 },
	};
	struct msghdr out = { .msg_iov = parts, .msg_iovlen = 2 };
	union control control;

	if (parts[1].iov_len > RESTLINK_TEXT_MAX)
		return -EMSGSIZE;
	head.magic = RESTLINK_MAGIC;
	head.size = sizeof(head);
	head.text_len = (uint32_t)parts[1].iov_len;
	if (fd >= 0)
		add_descriptor(&out, &control, fd);
	for (;;) {
		if (sendmsg(sock, &out, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

/* The first descriptor of a message; further ones are closed. How many came. */
static unsigned int take_descriptors(struct msghdr *message, int *first)
{
	unsigned int count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count++)
				close(fd);
			else
				*first = fd;
		}
	}
	return count;
}

int restlink_receive(int sock, struct restlink *message, char text[RESTLINK_TEXT_MAX + 1], int *fd)
{
	struct iovec parts[2] = {
		{ message, sizeof(*message) }, { text, RESTLINK_TEXT_MAX },
	};
	union control control;
	struct msghdr in = {
		.msg_iov = parts, .msg_iovlen = 2,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	unsigned int descriptors;
	ssize_t n;

	*fd = -1;
	do
		n = recvmsg(sock, &in, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	descriptors = take_descriptors(&in, fd);
	if (!descriptors && (in.msg_flags & MSG_CTRUNC)) {
		*fd = -EMFILE;
		in.msg_flags &= ~MSG_CTRUNC;
	}
	if (n == 0 && *fd == -1)
		return 0;
	if (descriptors > 1 || (in.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    (size_t)n < sizeof(*message) || message->magic != RESTLINK_MAGIC ||
	    message->size != sizeof(*message) ||
	    message->text_len != (size_t)n - sizeof(*message)) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		return -EPROTO;
	}
	text[message->text_len] = '\0';
	return 1;
}
