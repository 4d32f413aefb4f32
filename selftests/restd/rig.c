// SPDX-License-Identifier: GPL-2.0
// Owns the world around azattest-restd: a fake hostd, fake files, fake guests.

#include "rig.h"

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <libgen.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/tmp/azattest-restd-XXXXXX";

int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[100];
	int ret;

	if (!mkdtemp(top) || chmod(top, 0755))
		return 1;
	ret = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}

static const char *beside(const char *name)
{
	static char path[600];
	char self[500] = "";

	tap_need(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/%s", dirname(self), name);
	return path;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	unlink(path);
	tap_need(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
		 !listen(fd, 4) && !chmod(path, 0666));
	return fd;
}

/* One that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)) &&
		 !getsockname(fd, (struct sockaddr *)&address, &size));
	close(fd);
	return ntohs(address.sin_port);
}

void rig_prepare(struct rig *rig)
{
	char path[100];

	memset(rig, 0, sizeof(*rig));
	snprintf(rig->dir, sizeof(rig->dir), "%s/%d", top, getpid());
	tap_need(!mkdir(rig->dir, 0755));
	snprintf(path, sizeof(path), "%s/%s", rig->dir, RESTLINK_SOCKET);
	rig->listener = listen_unix(path);
	rig->session = -1;
	rig->web = -1;
	rig->config = (struct restlink_config){
		.address = { htonl(INADDR_LOOPBACK) }, .base = RIG_BASE, .slots = RIG_SLOTS,
		.port = free_port(), .hop_limit = 1, .connections_per_vm = 16,
		.idle_ms = 60000, .request_ms = 60000, .answer_ms = 60000,
	};
	snprintf(rig->host, sizeof(rig->host), "127.0.0.1:%u", rig->config.port);
}

static int exec_restd(void *arg)
{
	struct rig *rig = arg;
	const char *path = beside(rig->program ? rig->program : "restd-asan");
	char log[100];

	if (rig->files && setrlimit(RLIMIT_NOFILE, &(struct rlimit){ rig->files, rig->files }))
		return 125;
	snprintf(log, sizeof(log), "%s/log", rig->dir);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	execl(path, "azattest-restd", "--run", rig->dir, "--listen", rig->host, "--user", "nobody",
	      NULL);
	return 126;
}

void rig_start(struct rig *rig)
{
	rig->restd = tap_spawn(exec_restd, rig, -1);
	rig_accept_session(rig);
	rig_sync(rig);
}

static void send_message(struct rig *rig, struct restlink *message, const char *text, int fd)
{
	int ret;

	tap_need_wait((ret = restlink_send(rig->session, message, text, fd)) != -EAGAIN);
	tap_need_eq(ret, 0);
}

static void receive_message(struct rig *rig, struct restlink *message, int *fd)
{
	char text[RESTLINK_TEXT_MAX + 1];
	int ret;

	tap_need_wait((ret = restlink_receive(rig->session, message, text, fd)) != -EAGAIN);
	tap_need_eq(ret, 1);
}

void rig_accept_session(struct rig *rig)
{
	struct restlink message;

	if (rig->web >= 0)
		close(rig->web);
	rig->session = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
	tap_need(rig->session >= 0);
	receive_message(rig, &message, &rig->web);
	tap_need_eq(message.kind, RESTLINK_HELLO);
	tap_need(rig->web >= 0);
	message = (struct restlink){ .kind = RESTLINK_CONFIG, .config = rig->config };
	send_message(rig, &message, NULL, -1);
}

void rig_sync(struct rig *rig)
{
	struct restlink message = { .kind = RESTLINK_SYNC };
	int fd;

	send_message(rig, &message, NULL, -1);
	receive_message(rig, &message, &fd);
	tap_need_eq(message.kind, RESTLINK_SYNCED);
}

static void fill_vm(struct restlink *message, uint32_t slot, uint64_t generation)
{
	message->vm = (struct restlink_vm){ .slot = slot, .generation = generation };
	memset(message->vm.uuid, (int)slot + 1, sizeof(message->vm.uuid));
}

void rig_grant_file(struct rig *rig, uint32_t slot, uint64_t generation, const char *facts, int fd)
{
	struct restlink message = { .kind = RESTLINK_GRANT };

	fill_vm(&message, slot, generation);
	send_message(rig, &message, facts, fd);
}

int rig_grant(struct rig *rig, uint32_t slot, uint64_t generation)
{
	int pair[2];

	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	rig_grant_file(rig, slot, generation, RIG_FACTS, pair[1]);
	close(pair[1]);
	rig_settle(rig);
	return pair[0];
}

static void need_about(const struct restlink *message, uint32_t kind, uint32_t slot,
		       uint64_t generation)
{
	tap_need_eq(message->kind, kind);
	tap_need_eq(message->vm.slot, slot);
	tap_need_eq(message->vm.generation, generation);
}

static void send_revoke(struct rig *rig, uint32_t slot, uint64_t generation)
{
	struct restlink message = { .kind = RESTLINK_REVOKE };

	fill_vm(&message, slot, generation);
	send_message(rig, &message, NULL, -1);
}

/* What is refused is said before the answer to what was sent next. */
bool rig_try_grant(struct rig *rig, uint32_t slot, uint64_t generation, const char *facts)
{
	struct restlink message;
	bool refused;
	int fd;

	rig_grant_file(rig, slot, generation, facts, rig->listener);
	send_revoke(rig, RIG_SLOTS - 1, 999);
	receive_message(rig, &message, &fd);
	refused = message.kind == RESTLINK_REFUSED;
	if (refused) {
		need_about(&message, RESTLINK_REFUSED, slot, generation);
		receive_message(rig, &message, &fd);
	}
	need_about(&message, RESTLINK_REVOKED, RIG_SLOTS - 1, 999);
	return !refused;
}

void rig_revoke(struct rig *rig, uint32_t slot, uint64_t generation)
{
	struct restlink message;
	int fd;

	send_revoke(rig, slot, generation);
	receive_message(rig, &message, &fd);
	need_about(&message, RESTLINK_REVOKED, slot, generation);
}

/* A slot that never was is revoked at once, and in its turn. */
void rig_settle(struct rig *rig)
{
	rig_revoke(rig, RIG_SLOTS - 1, 999);
}

void rig_take(int module, struct frame_header *header, char nonce[33], uint32_t *version)
{
	unsigned char frame[AZATTEST_REQUEST_MAX];
	struct azattest_frame_attest attest;
	ssize_t n = recv(module, frame, sizeof(frame), 0);

	tap_need(n >= (ssize_t)FRAME_HEADER);
	frame_get(frame, header);
	memset(nonce, 0, 33);
	*version = 0;
	if (header->type != AZATTEST_FRAME_ATTEST)
		return;
	tap_need(n >= (ssize_t)(FRAME_HEADER + sizeof(attest)));
	memcpy(&attest, frame + FRAME_HEADER, sizeof(attest));
	tap_need_eq(n, FRAME_HEADER + sizeof(attest) + attest.nonce_len);
	memcpy(nonce, frame + FRAME_HEADER + sizeof(attest), attest.nonce_len);
	*version = le32toh(attest.api_version);
}

void rig_reply(int module, const struct frame_header *request, uint16_t status, const void *der,
	       size_t length)
{
	unsigned char frame[AZATTEST_FRAME_MAX];
	struct frame_header header = *request;

	header.type |= AZATTEST_FRAME_REPLY;
	header.status = status;
	header.length = (uint32_t)length;
	frame_put(frame, &header);
	if (length)
		memcpy(frame + FRAME_HEADER, der, length);
	tap_need(send(module, frame, FRAME_HEADER + length, MSG_NOSIGNAL) > 0);
}

#define LATE_MAX	16

struct server {
	int module;
	uint32_t slot;
	unsigned int late;
};

/* An empty nonce ends the wait: whoever asks without one wants no others. */
static int serve(void *arg)
{
	struct server *server = arg;
	struct frame_header headers[LATE_MAX];
	char nonces[LATE_MAX][33], text[64];
	unsigned int count = 0;
	uint32_t version;
	char byte;

	while (recv(server->module, &byte, 1, MSG_PEEK) > 0) {
		rig_take(server->module, &headers[count], nonces[count], &version);
		if (++count < server->late && nonces[count - 1][0])
			continue;
		while (count--) {
			snprintf(text, sizeof(text), "%u %s", server->slot, nonces[count]);
			rig_reply(server->module, &headers[count], AZATTEST_STATUS_OK, text,
				  strlen(text));
		}
		count = 0;
	}
	return 0;
}

void rig_serve(int module, uint32_t slot, unsigned int late)
{
	struct server server = { module, slot, late < LATE_MAX ? late : LATE_MAX };

	tap_need(tap_spawn(serve, &server, module) > 0);
}

static unsigned int value_of(char digit)
{
	static const char table[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(table, digit);

	tap_need(digit && at);
	return (unsigned int)(at - table);
}

void rig_document(const struct rig_answer *answer, char *text, size_t size)
{
	static const char before[] = "{\"encoding\":\"pkcs7\",\"signature\":\"";
	const char *at = answer->body + sizeof(before) - 1;
	unsigned int bits = 0, word = 0;
	size_t length = 0;

	tap_need_eq(answer->status, 200);
	tap_need(!strncmp(answer->body, before, sizeof(before) - 1));
	for (; *at != '=' && *at != '"'; at++) {
		word = word << 6 | value_of(*at);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		tap_need(length + 1 < size);
		text[length++] = (char)(word >> bits);
	}
	text[length] = 0;
}

/* A socket of the slot; connected, or *error says why not. */
static int try_connect(struct rig *rig, uint32_t slot, int *error)
{
	struct sockaddr_in guest = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(RIG_BASE + slot),
	};
	struct sockaddr_in host = {
		.sin_family = AF_INET, .sin_port = htons(rig->config.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = { .tv_sec = tap_patience_ms() / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0 && !bind(fd, (struct sockaddr *)&guest, sizeof(guest)));
	tap_need(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	*error = connect(fd, (struct sockaddr *)&host, sizeof(host)) ? errno : 0;
	return fd;
}

int rig_connect(struct rig *rig, uint32_t slot)
{
	int error, fd = try_connect(rig, slot, &error);

	tap_need_eq(error, 0);
	return fd;
}

void rig_need_reset(int sock)
{
	char byte;

	tap_need_eq(recv(sock, &byte, 1, 0), -1);
	tap_need_eq(errno, ECONNRESET);
}

void rig_need_refused(struct rig *rig, uint32_t slot)
{
	int error, fd = try_connect(rig, slot, &error);

	if (!error)
		rig_need_reset(fd);
	else
		tap_need_eq(error, ECONNRESET);
	close(fd);
}

/* A peer that has closed already is what some promises are about. */
void rig_send_bytes(int sock, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = send(sock, bytes, length, MSG_NOSIGNAL);

		if (n < 0)
			return;
		bytes += n;
		length -= (size_t)n;
	}
}

void rig_send(int sock, const char *text)
{
	rig_send_bytes(sock, text, strlen(text));
}

/* The head byte by byte: what follows belongs to the body. */
static bool read_head(int sock, struct rig_answer *answer)
{
	size_t length = 0;

	while (length + 1 < sizeof(answer->head)) {
		ssize_t n = recv(sock, answer->head + length, 1, 0);

		tap_need_msg(n >= 0 || errno == ECONNRESET || errno == EPIPE,
			     "no answer: %s", strerror(errno));
		if (n <= 0) {
			tap_need_eq(length, 0);
			return false;
		}
		answer->head[++length] = 0;
		if (length >= 4 && !memcmp(answer->head + length - 4, "\r\n\r\n", 4))
			return true;
	}
	return false;
}

bool rig_header(const struct rig_answer *answer, const char *line)
{
	char whole[300];

	snprintf(whole, sizeof(whole), "\r\n%s\r\n", line);
	return strstr(answer->head, whole);
}

void rig_need_closed(int sock)
{
	char byte;
	ssize_t n = recv(sock, &byte, 1, 0);

	tap_need_msg(n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE)),
		     "is not closed: %zd, %s", n, n < 0 ? strerror(errno) : "a byte");
}

void rig_read(int sock, struct rig_answer *answer)
{
	char *length;

	memset(answer, 0, sizeof(*answer));
	if (!read_head(sock, answer)) {
		answer->closed = true;
		return;
	}
	tap_need(sscanf(answer->head, "HTTP/1.1 %d ", &answer->status) == 1);
	length = strstr(answer->head, "\r\nContent-Length: ");
	tap_need(length);
	answer->length = strtoul(length + 18, NULL, 10);
	tap_need(answer->length < sizeof(answer->body));
	if (answer->length)
		tap_need_eq(recv(sock, answer->body, answer->length, MSG_WAITALL), answer->length);
	answer->closed = rig_header(answer, "Connection: close");
	if (answer->closed)
		rig_need_closed(sock);
}

void rig_ask(struct rig *rig, int sock, const char *method, const char *target,
	     const char *headers, struct rig_answer *answer)
{
	char request[9000];

	snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target,
		 rig->host, headers);
	rig_send(sock, request);
	rig_read(sock, answer);
}

void rig_get(struct rig *rig, uint32_t slot, const char *target, const char *headers,
	     struct rig_answer *answer)
{
	int sock = rig_connect(rig, slot);

	rig_ask(rig, sock, "GET", target, headers, answer);
	close(sock);
}
