// SPDX-License-Identifier: GPL-2.0
// Owns the API's server in a child, and how a test asks it.

#include "rig.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX	(1 << 20)

char rig_run[64];
struct hostd *hostd;

static pid_t server;

static int serve(void *arg)
{
	(void)arg;
	return fakehostd_run(hostd, geteuid() ? getegid() : RIG_ADMIN_GID, rig_run);
}

static int serve_without_group(void *arg)
{
	(void)arg;
	return fakehostd_run(hostd, (gid_t)-1, rig_run);
}

int rig_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" API_SOCKET, rig_run);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

static bool up(void)
{
	int fd = rig_connect();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

void rig_start(void)
{
	strcpy(rig_run, "/tmp/az-api-XXXXXX");
	tap_need(mkdtemp(rig_run) && !chmod(rig_run, 0755));
	hostd = tap_shared(sizeof(*hostd));
	hostd->legacy = true;
	server = tap_spawn(serve, NULL, -1);
	tap_need_wait(up());
}

void rig_restart_without_group(void)
{
	tap_kill(server);
	server = tap_spawn(serve_without_group, NULL, -1);
	tap_need_wait(up());
}

void rig_stop(void)
{
	char path[100];

	tap_need_eq(kill(server, 0), 0);	/* it has lived through all */
	tap_kill(server);
	snprintf(path, sizeof(path), "%s/" API_SOCKET, rig_run);
	unlink(path);
	rmdir(rig_run);
}

/* ---- a client ---- */

void rig_put(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length) {
		ssize_t n = send(fd, p, length, MSG_NOSIGNAL);

		if (n < 0)
			return;		/* it may have answered and hung up already */
		p += n;
		length -= (size_t)n;
	}
}

size_t rig_take(int fd, char *to, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size - 1 && (n = recv(fd, to + length, size - 1 - length, 0)) > 0)
		length += (size_t)n;
	to[length] = '\0';
	close(fd);
	return length;
}

static void read_error(struct rig_answer *a)
{
	json_t *error = json_object_get(a->json, "error");

	snprintf(a->code, sizeof(a->code), "%s",
		 json_string_value(json_object_get(error, "code")) ?: "");
	snprintf(a->message, sizeof(a->message), "%s",
		 json_string_value(json_object_get(error, "message")) ?: "");
}

struct rig_answer rig_read(int fd)
{
	char *text = malloc(ANSWER_MAX), *body;
	struct rig_answer a = { .status = 0 };

	rig_take(fd, text, ANSWER_MAX);
	body = strstr(text, "\r\n\r\n");
	if (sscanf(text, "HTTP/1.1 %d ", &a.status) == 1 && body) {
		snprintf(a.head, sizeof(a.head), "%.*s", (int)(body - text), text);
		a.json = json_loads(body + 4, JSON_REJECT_DUPLICATES, NULL);
		tap_need_msg(a.json || !body[4], "no JSON: %s", body + 4);
		read_error(&a);
	}
	free(text);
	return a;
}

struct rig_answer rig_raw(const void *request, size_t length)
{
	int fd = rig_connect();

	tap_need(fd >= 0);
	rig_put(fd, request, length);
	return rig_read(fd);
}

struct rig_answer rig_ask_bytes(const char *method, const char *path, const void *body,
				size_t length)
{
	char *request = malloc(length + 512);
	struct rig_answer a;
	int head = snprintf(request, 512, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
			    method, path, length);

	memcpy(request + head, body, length);
	a = rig_raw(request, (size_t)head + length);
	free(request);
	return a;
}

struct rig_answer rig_ask(const char *method, const char *path, const char *body)
{
	return rig_ask_bytes(method, path, body, strlen(body));
}

void rig_need_root(void)
{
	if (geteuid())
		tap_skip("needs root, to ask as others");
}

struct rig_answer rig_ask_as(uid_t uid, gid_t gid, const gid_t *groups, size_t count,
			     const char *method, const char *path, const char *body)
{
	struct rig_answer a;

	tap_need(!setgroups(count, groups) && !setegid(gid) && !seteuid(uid));
	a = rig_ask(method, path, body);
	tap_need(!seteuid(0) && !setegid(0));
	return a;
}

void rig_need_answer(struct rig_answer a, const char *what, int status, const char *code)
{
	tap_need_msg(a.status == status && !strcmp(a.code, code),
		     "%s: %d %s \"%s\", not %d %s", what, a.status, a.code, a.message, status, code);
	if (*code)
		tap_need_msg(strlen(a.message) > 10 && !strpbrk(a.message, "\r\n"),
			     "%s: \"%s\"", what, a.message);
	json_decref(a.json);
}

void rig_need(const char *method, const char *path, const char *body, int status,
	      const char *code)
{
	rig_need_answer(rig_ask(method, path, body), path, status, code);
}

void rig_enrol(const char *path)
{
	rig_need("PUT", path, "{\"tap\":\"tap0\"}", 201, "");
}

void rig_need_json(const char *path, json_t *want)
{
	struct rig_answer a = rig_ask("GET", path, "");

	tap_need_eq(a.status, 200);
	tap_need_msg(want && json_equal(a.json, want), "%s is %s", path, json_dumps(a.json, 0));
	tap_need(strstr(a.head, "Content-Type: application/json"));
	json_decref(a.json);
	json_decref(want);
}
