// SPDX-License-Identifier: GPL-2.0
// In place of the module, natively: answers frames on socket pairs, at once, with null.c's document.

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <kmod/frame.h>
#include <selftests/speed/answers.h>
#include <selftests/speed/rest.h>

#define EVENTS	64

/* An answer's header is as long as a frame's: built in place. */
static void answer(int fd, const uint8_t *frame, size_t length)
{
	static _Alignas(8) uint8_t out[ANSWER_MAX];
	struct azattest_signer_answer *made = (void *)out;
	struct azattest_signer_request request = { .type = AZATTEST_FRAME_ATTEST };
	static struct signer signer;
	struct azattest_ask ask;

	_Static_assert(sizeof(*made) == sizeof(struct azattest_frame), "in place");
	if (azattest_frame_parse(frame, length, &ask))
		bench_die("restd sent a bad frame");
	answer_make(&signer, &request, 0, out, NULL);
	length = sizeof(struct azattest_frame) + made->length;
	azattest_frame_reply((void *)out, ask.type, ask.id, (u16)made->status, made->length);
	if (send(fd, out, length, MSG_NOSIGNAL) != (ssize_t)length)
		_exit(1);
}

static void __attribute__((noreturn)) serve(int ep)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			ssize_t got = recv(events[i].data.fd, frame, sizeof(frame), MSG_DONTWAIT);

			if (got > 0)
				answer(events[i].data.fd, frame, (size_t)got);
			else if (!got)
				_exit(0);
		}
	}
}

void module_start(int *files, unsigned int count)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), pair[2];

	for (unsigned int i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
			bench_die("socketpair: %s", strerror(errno));
		files[i] = pair[0];
		event.data.fd = pair[1];
		if (epoll_ctl(ep, EPOLL_CTL_ADD, pair[1], &event))
			bench_die("epoll: %s", strerror(errno));
	}
	if (!servers_fork()) {
		for (unsigned int i = 0; i < count; i++)
			close(files[i]);
		serve(ep);
	}
}
