// SPDX-License-Identifier: GPL-2.0
/*
 * What one would write behind nginx: a signer that speaks HTTP on AF_UNIX, one
 * process, epoll, one receive and one send for a request. It believes nginx who
 * asks (X-VM), and has no caps, deadlines, fairness or journal.
 *
 *   bench-rest-signer PATH [KEYFILE]
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

#include <openssl/evp.h>

#include <selftests/lib/azbind.h>
#include <selftests/speed/answers.h>

#define EVENTS		64
#define REQUEST_MAX	4096
#define BODY_MAX	(2 * AZATTEST_DOCUMENT_MAX)

struct peer {
	int fd;
	size_t have;
	char text[REQUEST_MAX + 1];
};

static struct signer signer;

static void fail(const char *what)
{
	fprintf(stderr, "bench-rest-signer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_at(const char *path)
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

static void take_peer(int ep, int listener)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		fail("memory");
	peer->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer->fd < 0)
		free(peer);
	else
		watch(ep, peer->fd, peer);
}

/* The request's fields: nonce from its line, the VM from what nginx says. */
static bool describe(const char *text, struct azattest_signer_request *request)
{
	const char *nonce = strstr(text, "nonce="), *vm = strstr(text, "\r\nX-VM: 198.18.");
	unsigned int high, low;

	if (!strstr(text, "api-version=2018-10-01") || !strcasestr(text, "\r\nMetadata: true") ||
	    !vm || sscanf(vm, "\r\nX-VM: 198.18.%u.%u", &high, &low) != 2)
		return false;
	memset(request, 0, sizeof(*request));
	request->type = AZATTEST_FRAME_ATTEST;
	request->api_version = 20181001;
	azbind_uuid(request->uuid, high << 8 | low);
	if (nonce) {
		request->nonce_len = (uint8_t)strcspn(nonce + 6, "& \r");
		if (request->nonce_len > AZATTEST_NONCE_MAX)
			return false;
		memcpy(request->nonce, nonce + 6, request->nonce_len);
	}
	return true;
}

static size_t make_body(const char *text, char *body, int64_t now)
{
	static _Alignas(8) uint8_t out[ANSWER_MAX];
	struct azattest_signer_answer *answer = (void *)out;
	struct azattest_signer_request request;
	size_t length;

	if (!describe(text, &request))
		return 0;
	answer_make(&signer, &request, now, out, NULL);
	if (answer->status != AZATTEST_STATUS_OK)
		return 0;
	length = (size_t)sprintf(body, "{\"encoding\":\"pkcs7\",\"signature\":\"");
	length += (size_t)EVP_EncodeBlock((unsigned char *)body + length,
					  (const unsigned char *)(answer + 1),
					  (int)answer->length);
	memcpy(body + length, "\"}", 3);
	return length + 2;
}

static bool reply(const struct peer *peer, int64_t now)
{
	static char body[BODY_MAX], out[BODY_MAX + 512];
	size_t length = make_body(peer->text, body, now);
	int n;

	n = snprintf(out, sizeof(out),
		     "HTTP/1.1 %s\r\nContent-Type: application/json; charset=utf-8\r\n"
		     "Cache-Control: no-store\r\nContent-Length: %zu\r\n\r\n%s",
		     length ? "200 OK" : "400 Bad Request", length, length ? body : "");
	return send(peer->fd, out, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool serve(struct peer *peer, int64_t now)
{
	ssize_t n = recv(peer->fd, peer->text + peer->have, REQUEST_MAX - peer->have, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	peer->have += (size_t)n;
	peer->text[peer->have] = '\0';
	if (peer->have < 4 || memcmp(peer->text + peer->have - 4, "\r\n\r\n", 4))
		return peer->have < REQUEST_MAX;
	peer->have = 0;
	return reply(peer, now);
}

static void __attribute__((noreturn)) run(int listener)
{
	struct epoll_event events[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC);

	watch(ep, listener, NULL);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		int64_t now = time(NULL);

		for (int i = 0; i < n; i++) {
			struct peer *peer = events[i].data.ptr;

			if (!peer) {
				take_peer(ep, listener);
			} else if (!serve(peer, now)) {
				close(peer->fd);
				free(peer);
			}
		}
	}
}

int main(int argc, char **argv)
{
	int listener;

	if (argc < 2)
		return 2;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener = listen_at(argv[1]);
	if (!answers_open(&signer, argc > 2 ? argv[2] : ""))
		return 1;
	run(listener);
}
