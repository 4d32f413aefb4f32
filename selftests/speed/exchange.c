// SPDX-License-Identifier: GPL-2.0
// Owns one exchange: a request with a nonce through one door, and its document.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <selftests/lib/azbind.h>
#include <selftests/lib/fakeguest.h>
#include <selftests/lib/frames.h>
#include <selftests/speed/bench.h>

static size_t make_nonce(struct client *client, char nonce[AZATTEST_NONCE_MAX])
{
	static const char digits[] = "0123456789abcdef";
	uint32_t id = ++client->id;

	memcpy(nonce, "bench-bench-", 12);
	for (int i = 0; i < 8; i++)
		nonce[12 + i] = digits[(id >> (28 - 4 * i)) & 15];
	return 20;
}

static void by_ioctl(struct client *client, const char *nonce, size_t nonce_len)
{
	uint8_t document[AZATTEST_FRAME_MAX];
	uint32_t length = sizeof(document);
	int status = azbind_attest(client->binding, nonce, nonce_len, document, &length);

	if (status || !length)
		bench_die("VM %u: ATTEST: %d", client->number, status);
}

/* True: a whole good reply; false: more bytes are needed. */
static bool complete(const struct client *client, const uint8_t *buf, size_t have)
{
	struct frames_reply reply;
	int total = frames_parse(buf, have, &reply);

	if (!total)
		return false;
	if (total < 0 || (size_t)total != have)
		bench_die("VM %u: bad frame", client->number);
	if (reply.status || !reply.length || reply.id != client->id)
		bench_die("VM %u: %s", client->number, frames_status_name(reply.status));
	return true;
}

static void by_guest(struct client *client, struct fakeguest_conn *conn, const void *frame,
		     size_t length)
{
	uint8_t buf[AZATTEST_FRAME_MAX];
	size_t have = 0;
	int n = fakeguest_send(conn, frame, length);

	while (!n) {
		n = fakeguest_recv(conn, buf + have, sizeof(buf) - have);
		if (n <= 0)
			break;
		have += (size_t)n;
		if (complete(client, buf, have))
			return;
		n = 0;
	}
	bench_die("VM %u: vsock: %s", client->number, n ? strerror(-n) : "closed");
}

static void by_unix(struct client *client, const void *frame, size_t length)
{
	uint8_t buf[AZATTEST_FRAME_MAX];
	size_t have = 0;
	ssize_t n;

	if (write(client->unix_fd, frame, length) != (ssize_t)length)
		bench_die("VM %u: AF_UNIX: %s", client->number, strerror(errno));
	do {
		n = read(client->unix_fd, buf + have, sizeof(buf) - have);
		if (n <= 0)
			bench_die("VM %u: AF_UNIX: no reply", client->number);
		have += (size_t)n;
	} while (!complete(client, buf, have));
}

void exchange(struct client *client, enum bench_path path)
{
	uint8_t frame[AZATTEST_REQUEST_MAX];
	char nonce[AZATTEST_NONCE_MAX];
	size_t nonce_len = make_nonce(client, nonce), length;

	if (path == PATH_IOCTL) {
		by_ioctl(client, nonce, nonce_len);
		return;
	}
	length = frames_attest(frame, client->id, nonce, nonce_len);
	if (path == PATH_UNIX)
		by_unix(client, frame, length);
	else
		by_guest(client, client->conn[path], frame, length);
}
