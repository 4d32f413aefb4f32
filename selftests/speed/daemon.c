// SPDX-License-Identifier: GPL-2.0
/*
 * What one would write instead of the module: a daemon that listens, looks up
 * who the peer is, and answers; epoll, one process for each processor, one
 * receive and one send for a request. It has no caps, deadlines, fairness or
 * proof of the CID.
 *
 *   bench-daemon vsock PORT KEYFILE | unix PATH KEYFILE
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <kmod/frame.h>
#include <selftests/lib/ask.h>
#include <selftests/lib/azbind.h>
#include <selftests/speed/answers.h>

#define EVENTS	64

struct peer {
	int fd;
	uint32_t cid;
	uint8_t uuid[AZATTEST_UUID_LEN];
	size_t have;
	uint8_t rx[AZATTEST_REQUEST_MAX];
};

static struct signer signer;

static void fail(const char *what)
{
	fprintf(stderr, "bench-daemon: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_vsock(unsigned int port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, 1024))
		fail("vsock");
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(path);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (void *)&addr, sizeof(addr)) || listen(fd, 1024))
		fail(path);
	return fd;
}

static void watch(int ep, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event))
		fail("epoll_ctl");
}

static void peer_accept(int ep, int listener)
{
	struct sockaddr_vm addr = { 0 };
	socklen_t size = sizeof(addr);
	int fd = accept4(listener, (void *)&addr, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *peer;

	if (fd < 0)
		return;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		fail("memory");
	peer->fd = fd;
	if (addr.svm_family == AF_VSOCK)
		peer->cid = addr.svm_cid;
	azbind_uuid(peer->uuid, peer->cid - TESTVM_CID(0));
	watch(ep, fd, peer);
}

static void peer_close(struct peer *peer)
{
	close(peer->fd);
	free(peer);
}

static void describe(const struct peer *peer, const struct azattest_ask *ask,
		     struct azattest_signer_request *request)
{
	memset(request, 0, sizeof(*request));
	request->cid = peer->cid;
	request->type = ask->type;
	request->transport = AZATTEST_TRANSPORT_VSOCK;
	request->nonce_len = ask->nonce_len;
	request->api_version = ask->api_version;
	memcpy(request->uuid, peer->uuid, sizeof(request->uuid));
	memcpy(request->nonce, ask->nonce, sizeof(request->nonce));
}

/* A reply, built in place: an answer's header is as long as a frame's. */
static bool reply(struct peer *peer, const struct azattest_ask *ask, int64_t now)
{
	static _Alignas(8) uint8_t out[ANSWER_MAX];
	struct azattest_signer_answer *answer = (void *)out;
	struct azattest_signer_request request;
	size_t length;

	_Static_assert(sizeof(*answer) == sizeof(struct azattest_frame), "in place");
	describe(peer, ask, &request);
	answer_make(&signer, &request, now, out, NULL);
	length = sizeof(struct azattest_frame) + answer->length;
	azattest_frame_reply((void *)out, ask->type, ask->id, (u16)answer->status,
			     answer->length);
	return send(peer->fd, out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static bool serve(struct peer *peer, int64_t now)
{
	ssize_t n = recv(peer->fd, peer->rx + peer->have, sizeof(peer->rx) - peer->have, 0);
	struct azattest_ask ask;
	u32 total;
	int ret;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	peer->have += (size_t)n;
	while (peer->have) {
		ret = azattest_frame_header(peer->rx, peer->have, &total);
		if (ret < 0)
			return false;
		if (!ret || peer->have < total)
			return true;
		if (azattest_frame_parse(peer->rx, total, &ask) || !reply(peer, &ask, now))
			return false;
		peer->have -= total;
		memmove(peer->rx, peer->rx + total, peer->have);
	}
	return true;
}

static void run(int listener)
{
	struct epoll_event events[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC);
	int64_t now;
	int n;

	watch(ep, listener, NULL);
	for (;;) {
		n = epoll_wait(ep, events, EVENTS, -1);
		now = time(NULL);
		for (int i = 0; i < n; i++) {
			struct peer *peer = events[i].data.ptr;

			if (!peer)
				peer_accept(ep, listener);
			else if (!serve(peer, now))
				peer_close(peer);
		}
	}
}

int main(int argc, char **argv)
{
	long more = sysconf(_SC_NPROCESSORS_ONLN);
	int listener;

	if (argc != 4)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener = strcmp(argv[1], "unix") ? listen_vsock((unsigned int)atoi(argv[2])) :
					     listen_unix(argv[2]);
	if (!answers_open(&signer, argv[3]))
		return 1;
	while (--more > 0)
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	run(listener);
}
