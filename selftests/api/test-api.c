// SPDX-License-Identifier: GPL-2.0
// Promises of the host's API: every row of docs/api.md, who may what, and that
// no client can break it or keep it from others. hostd behind it is a fake.

#include "fakehostd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

#define VM		"/v1/vms/c0ffee42-0000-4000-8000-00000000002a"
#define OTHER_VM	"/v1/vms/c0ffee42-0000-4000-8000-00000000002b"
#define ADMIN_GID	54321
#define NOBODY		65534
#define ANSWER_MAX	(1 << 20)

static char run[64];
static struct hostd *hostd;
static pid_t server;

/* ---- the server ---- */

static int serve(void *arg)
{
	(void)arg;
	return fakehostd_run(hostd, geteuid() ? getegid() : ADMIN_GID, run);
}

static int connect_now(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tap_need(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/" API_SOCKET, run);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

static bool up(void)
{
	int fd = connect_now();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void start(void)
{
	strcpy(run, "/tmp/az-api-XXXXXX");
	tap_need(mkdtemp(run) && !chmod(run, 0755));
	hostd = tap_shared(sizeof(*hostd));
	hostd->legacy = true;
	server = tap_spawn(serve, NULL, -1);
	tap_need_wait(up());
}

static void stop(void)
{
	char path[100];

	tap_need_eq(kill(server, 0), 0);	/* it has lived through all */
	tap_kill(server);
	snprintf(path, sizeof(path), "%s/" API_SOCKET, run);
	unlink(path);
	rmdir(run);
}

/* ---- a client ---- */

struct answer {
	int status;
	char head[2048];
	json_t *json;		/* NULL: no body */
	char code[32];		/* of an error */
	char message[1024];
};

static void put(int fd, const void *data, size_t length)
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

/* All until the end of file; its length. */
static size_t take(int fd, char *to, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size - 1 && (n = recv(fd, to + length, size - 1 - length, 0)) > 0)
		length += (size_t)n;
	to[length] = '\0';
	close(fd);
	return length;
}

static void read_error(struct answer *a)
{
	json_t *error = json_object_get(a->json, "error");

	snprintf(a->code, sizeof(a->code), "%s",
		 json_string_value(json_object_get(error, "code")) ?: "");
	snprintf(a->message, sizeof(a->message), "%s",
		 json_string_value(json_object_get(error, "message")) ?: "");
}

static struct answer read_answer(int fd)
{
	char *text = malloc(ANSWER_MAX), *body;
	struct answer a = { .status = 0 };

	take(fd, text, ANSWER_MAX);
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

static struct answer raw(const void *request, size_t length)
{
	int fd = connect_now();

	tap_need(fd >= 0);
	put(fd, request, length);
	return read_answer(fd);
}

static struct answer ask_bytes(const char *method, const char *path, const void *body,
			       size_t length)
{
	char *request = malloc(length + 512);
	struct answer a;
	int head = snprintf(request, 512, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
			    method, path, length);

	memcpy(request + head, body, length);
	a = raw(request, (size_t)head + length);
	free(request);
	return a;
}

static struct answer ask(const char *method, const char *path, const char *body)
{
	return ask_bytes(method, path, body, strlen(body));
}

/* Its status, and its code if it is an error; one line that says something. */
static void need_answer(struct answer a, const char *what, int status, const char *code)
{
	tap_need_msg(a.status == status && !strcmp(a.code, code),
		     "%s: %d %s \"%s\", not %d %s", what, a.status, a.code, a.message, status, code);
	if (*code)
		tap_need_msg(strlen(a.message) > 10 && !strpbrk(a.message, "\r\n"),
			     "%s: \"%s\"", what, a.message);
	json_decref(a.json);
}

static void need(const char *method, const char *path, const char *body, int status,
		 const char *code)
{
	need_answer(ask(method, path, body), path, status, code);
}

static void enrol(const char *path)
{
	need("PUT", path, "{\"tap\":\"tap0\"}", 201, "");
}

/* What @path has is @want, members in any order. */
static void need_json(const char *path, json_t *want)
{
	struct answer a = ask("GET", path, "");

	tap_need_eq(a.status, 200);
	tap_need_msg(want && json_equal(a.json, want), "%s is %s", path, json_dumps(a.json, 0));
	tap_need(strstr(a.head, "Content-Type: application/json"));
	json_decref(a.json);
	json_decref(want);
}

/* ---- each call, as its row says ---- */

static void status_is_what_hostd_says(void)
{
	start();
	need_json("/v1/status", status_json(hostd));
	hostd->status_null = 1;
	need("GET", "/v1/status", "", 500, "fault");
	stop();
}

static void legacy_is_set_and_said(void)
{
	struct answer a;

	start();
	a = ask("PUT", "/v1/legacy", "{\"enabled\":false}");
	tap_need_eq(a.status, 200);
	tap_need(json_object_size(a.json) == 1 && json_is_false(json_object_get(a.json, "enabled")));
	tap_need(!hostd->legacy);
	json_decref(a.json);
	a = ask("PUT", "/v1/legacy", "{\"enabled\":true}");
	tap_need(json_is_true(json_object_get(a.json, "enabled")) && hostd->legacy);
	json_decref(a.json);
	need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	tap_need_eq(hostd->changes, 3);
	stop();
}

static void legacy_failures_have_their_codes(void)
{
	static const struct { int error, status; const char *code; } rows[] = {
		{ -EEXIST, 409, "conflict" }, { -EADDRINUSE, 409, "conflict" },
		{ -ENODEV, 503, "unavailable" }, { -EIO, 503, "unavailable" },
		{ -ENOMEM, 503, "unavailable" },
	};

	start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		hostd->legacy_error = rows[i].error;
		need("PUT", "/v1/legacy", "{\"enabled\":true}", rows[i].status, rows[i].code);
	}
	stop();
}

static void a_vm_comes_and_goes(void)
{
	struct answer a;

	start();
	need("GET", VM, "", 404, "not-found");
	need("DELETE", VM, "", 404, "not-found");
	need_json("/v1/vms", json_pack("{s:[]}", "vms"));
	a = ask("PUT", VM, "{\"tap\":\"tap0\",\"pid\":17,\"name\":\"w\xc3\xa9" "b\","
		"\"profile\":\"silver\"}");
	tap_need_eq(a.status, 201);
	tap_need_eq(json_integer_value(json_object_get(a.json, "pid")), 17);
	tap_need(!strcmp(hostd->vm[0].profile, "silver"));
	tap_need(!strcmp(hostd->vm[0].name, "w\xc3\xa9" "b"));
	need_json(VM, json_incref(a.json));
	need_json("/v1/vms", json_pack("{s:[O]}", "vms", a.json));
	json_decref(a.json);
	need("PUT", VM, "{\"tap\":\"tap0\"}", 200, "");
	need("DELETE", VM, "", 204, "");
	need("GET", VM, "", 404, "not-found");
	stop();
}

static void only_the_tap_must_be_given(void)
{
	start();
	enrol(VM);
	tap_need(!strcmp(hostd->vm[0].tap, "tap0"));
	tap_need(!hostd->vm[0].pid && !*hostd->vm[0].name);
	tap_need(!*hostd->vm[0].profile);
	stop();
}

static void failures_to_enrol_have_their_codes(void)
{
	static const struct { const char *tap; int status; const char *code; } rows[] = {
		{ "tap-inval", 400, "invalid" }, { "tap-srch", 400, "invalid" },
		{ "tap-busy", 409, "conflict" }, { "tap-nospc", 503, "unavailable" },
		{ "tap-eio", 503, "unavailable" }, { "tap-nodev", 503, "unavailable" },
		{ "tap-cut", 400, "invalid" }, { "tap-null", 500, "fault" },
	};
	char body[64];

	start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		snprintf(body, sizeof(body), "{\"tap\":\"%s\"}", rows[i].tap);
		need("PUT", VM, body, rows[i].status, rows[i].code);
	}
	hostd->legacy = false;
	need("PUT", VM, "{\"tap\":\"tap0\"}", 409, "legacy-off");
	stop();
}

static void other_paths_are_not_found(void)
{
	static const char *const paths[] = {
		"/", "/v1", "/v1/", "/v1/statu", "/v1/status/", "/v1/statuss", "/v2/status",
		"/v1/vms/", "//v1/status", "/v1/%73tatus", "/v1/status%00", "/v1/../v1/status",
		"/v1/vms/1", VM "/", VM "0", "/v1/vms/c0ffee4200004000800000000000002a",
	};

	start();
	for (size_t i = 0; i < TAP_COUNT(paths); i++)
		need("GET", paths[i], "", 404, "not-found");
	need("DELETE", "/v1/vms/1", "", 404, "not-found");
	need("PUT", "/v1/vms/1", "{\"tap\":\"tap0\"}", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	stop();
}

static void other_methods_are_405_and_say_which_there_are(void)
{
	static const struct { const char *path, *allow, *methods; } rows[] = {
		{ "/v1/status", "Allow: GET\r\n", "POST PUT DELETE HEAD OPTIONS PATCH get" },
		{ "/v1/legacy", "Allow: PUT\r\n", "GET POST DELETE HEAD OPTIONS PATCH" },
		{ "/v1/vms", "Allow: GET\r\n", "POST PUT DELETE HEAD OPTIONS BREW" },
		{ VM, "Allow: GET, PUT, DELETE\r\n", "POST HEAD OPTIONS PATCH" },
	};
	char words[64], *word, *rest;
	struct answer a;

	start();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		strcpy(words, rows[i].methods);
		for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
			a = ask(word, rows[i].path, "");
			tap_need_msg(strstr(a.head, rows[i].allow), "%s: %s", word, a.head);
			need_answer(a, word, 405, strcmp(word, "HEAD") ? "method" : "");
		}
	}
	tap_need_eq(hostd->changes, 0);
	stop();
}

/* ---- bodies ---- */

static void bodies_that_are_no_such_object_are_invalid(void)
{
	static const char *const legacy[] = {
		"", " ", "{", "}", "[]", "1", "null", "\"enabled\"", "{}", "{\"enabled\":1}",
		"{\"enabled\":\"true\"}", "{\"enabled\":null}", "{\"enabled\":true,}",
		"{\"enabled\":true,\"enabled\":true}", "{\"enabled\":true,\"more\":1}",
		"{\"enabled\":true}{", "{\"enabled\":true} x", "{'enabled':true}",
		"{\"enabled\":TRUE}", "{\"Enabled\":true}", "\xef\xbb\xbf{\"enabled\":true}",
		"{\"enabled\":true,\"\xff\":1}", "{\"enabled\":true,\"a\\u0000\":1}",
		"enabled=true", "{\"enabled\":[true]}",
	};

	start();
	for (size_t i = 0; i < TAP_COUNT(legacy); i++)
		need_answer(ask("PUT", "/v1/legacy", legacy[i]), legacy[i], 400, "invalid");
	need_answer(ask_bytes("PUT", "/v1/legacy", "{\"enabled\":true}\0", 17), "NUL", 400,
		    "invalid");
	tap_need_eq(hostd->changes, 0);
	stop();
}

static void fields_that_break_their_rule_are_invalid(void)
{
	static const char *const bad[] = {
		"{}", "{\"tap\":\"\"}", "{\"tap\":0}", "{\"tap\":null}", "{\"tap\":\"a234567890123456\"}",
		"{\"tap\":\"a\\u0000b\"}", "{\"tap\":\"t\",\"pid\":-1}", "{\"tap\":\"t\",\"pid\":1.0}",
		"{\"tap\":\"t\",\"pid\":\"1\"}", "{\"tap\":\"t\",\"pid\":2147483648}",
		"{\"tap\":\"t\",\"pid\":18446744073709551617}", "{\"tap\":\"t\",\"name\":1}",
		"{\"tap\":\"t\",\"uuid\":\"c0ffee42-0000-4000-8000-00000000002a\"}",
		"{\"tap\":\"t\",\"tap\":\"u\"}", "{\"tap\":\"t\",\"profile\":{}}",
	};
	char body[200];

	start();
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		need_answer(ask("PUT", VM, bad[i]), bad[i], 400, "invalid");
	snprintf(body, sizeof(body), "{\"tap\":\"t\",\"name\":\"%0*d\"}", AZATTEST_NAME_LEN, 1);
	need("PUT", VM, body, 400, "invalid");
	snprintf(body, sizeof(body), "{\"tap\":\"t\",\"profile\":\"%0*d\"}", AZATTEST_PROFILE_LEN, 1);
	need("PUT", VM, body, 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	snprintf(body, sizeof(body), "{\"tap\":\"a23456789012345\",\"pid\":2147483647,"
		 "\"name\":\"%0*d\",\"profile\":\"%0*d\"}", AZATTEST_NAME_LEN - 1, 1,
		 AZATTEST_PROFILE_LEN - 1, 1);
	need("PUT", VM, body, 201, "");
	stop();
}

static void deep_and_wide_json_is_invalid(void)
{
	char *body = malloc(65536);

	start();
	memset(body, '[', 65536);
	need_answer(ask_bytes("PUT", VM, body, 65536), "deep", 400, "invalid");
	for (size_t i = 0; i < 65536; i += 5)
		memcpy(body + i, "{\"a\":", i + 5 > 65536 ? 65536 - i : 5);
	need_answer(ask_bytes("PUT", VM, body, 65536), "deep", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	free(body);
	stop();
}

static void a_body_has_at_most_64_kib(void)
{
	char *body = malloc(65537);

	start();
	memset(body, ' ', 65537);
	memcpy(body, "{\"enabled\":true}", 16);
	need_answer(ask_bytes("PUT", "/v1/legacy", body, 65536), "64 KiB", 200, "");
	need_answer(ask_bytes("PUT", "/v1/legacy", body, 65537), "and one", 413, "too-large");
	tap_need_eq(hostd->changes, 1);
	free(body);
	stop();
}

/* It is refused by what it announces; nobody waits for it. */
static void a_huge_body_is_refused_unread(void)
{
	static const char request[] =
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n";

	start();
	need_answer(raw(request, strlen(request)), "huge", 413, "too-large");
	stop();
}

static void bodies_of_another_framing_are_refused(void)
{
	static const char *const requests[] = {
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"10\r\n{\"enabled\":true}\r\n0\r\n\r\n",
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 16\r\n\r\n{\"enabled\":true}",
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{\"enabled\":true}",
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 16x\r\n\r\n{\"enabled\":true}",
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n"
		"\r\n{\"enabled\":true}",
		"PUT /v1/legacy HTTP/1.1\r\nHost: x\r\n\r\n{\"enabled\":true}",
		"PUT /v1/legacy HTTP/1.1\r\nContent-Length: 16\r\n\r\n{\"enabled\":true}",
	};

	start();
	need_answer(raw(requests[0], strlen(requests[0])), "chunked", 400, "invalid");
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		int fd = connect_now();
		char text[4096];

		put(fd, requests[i], strlen(requests[i]));
		shutdown(fd, SHUT_WR);
		take(fd, text, sizeof(text));
		tap_need_msg(!*text || strstr(text, "HTTP/1.1 4") == text, "%zu: %s", i, text);
	}
	tap_need_eq(hostd->changes, 0);
	stop();
}

static void what_takes_no_body_or_query_gets_none(void)
{
	start();
	need("GET", "/v1/status", "{}", 400, "invalid");
	need("DELETE", VM, "{}", 400, "invalid");
	need("GET", "/v1/status?x", "", 400, "invalid");
	need("PUT", "/v1/legacy?enabled=1", "{\"enabled\":true}", 400, "invalid");
	tap_need_eq(hostd->changes, 0);
	stop();
}

/* ---- on the wire ---- */

#define WHOLE "PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"enabled\":false}"

static void a_request_may_come_in_two_parts(void)
{
	size_t length = strlen(WHOLE);

	start();
	for (size_t cut = 1; cut < length; cut++) {
		int fd = connect_now();

		put(fd, WHOLE, cut);
		tap_need_eq(hostd->changes, cut - 1);
		put(fd, WHOLE + cut, length - cut);
		need_answer(read_answer(fd), "in two parts", 200, "");
	}
	stop();
}

static void a_request_cut_short_does_nothing(void)
{
	start();
	for (size_t cut = 0; cut < strlen(WHOLE); cut++) {
		int fd = connect_now();

		put(fd, WHOLE, cut);
		close(fd);
		need("GET", "/v1/status", "", 200, "");
	}
	tap_need_eq(hostd->changes, 0);
	tap_need(hostd->legacy);
	stop();
}

static void a_connection_is_one_call(void)
{
	struct answer a;

	start();
	a = raw(WHOLE WHOLE, 2 * strlen(WHOLE));
	tap_need(strstr(a.head, "Connection: close"));
	need_answer(a, "two in one segment", 200, "");
	tap_need_eq(hostd->changes, 1);
	stop();
}

static void what_is_no_http_gets_nothing_done(void)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n", "PUT\r\n\r\n", "PUT /v1/legacy\r\n\r\n", "\x16\x03\x01\x02\x01",
		"{\"request\":\"status\"}\n", "GET /v1/status HTTP/9.9\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nHost x\r\n\r\n",
	};
	char text[8192];

	start();
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		int fd = connect_now();

		put(fd, requests[i], strlen(requests[i]));
		shutdown(fd, SHUT_WR);
		take(fd, text, sizeof(text));
		tap_need_msg(!strstr(text, " 200 "), "%zu: %s", i, text);
	}
	need("GET", "/v1/status", "", 200, "");
	stop();
}

static void endless_headers_end(void)
{
	char header[1024], text[8192];
	int fd;

	start();
	fd = connect_now();
	put(fd, "GET /v1/status HTTP/1.1\r\n", 25);
	for (int i = 0; i < 64; i++) {
		snprintf(header, sizeof(header), "X-%d: %0900d\r\n", i, i);
		put(fd, header, strlen(header));
	}
	take(fd, text, sizeof(text));
	tap_need_msg(!strstr(text, " 200 "), "%s", text);
	need("GET", "/v1/status", "", 200, "");
	stop();
}

/* ---- who may ---- */

static void need_root(void)
{
	if (geteuid())
		tap_skip("needs root, to ask as others");
}

/* Asks with these credentials, which count at connect(). */
static struct answer ask_as(uid_t uid, gid_t gid, const gid_t *groups, size_t count,
			    const char *method, const char *path, const char *body)
{
	struct answer a;

	tap_need(!setgroups(count, groups) && !setegid(gid) && !seteuid(uid));
	a = ask(method, path, body);
	tap_need(!seteuid(0) && !setegid(0));
	return a;
}

static const struct change {
	const char *method, *path, *body;
	int status;
} changes[] = {
	{ "PUT", "/v1/legacy", "{\"enabled\":true}", 200 },
	{ "PUT", OTHER_VM, "{\"tap\":\"tap1\"}", 201 },
	{ "DELETE", OTHER_VM, "", 204 },
};

static void need_refused(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < TAP_COUNT(changes); i++) {
		const struct change *c = &changes[i];
		struct answer a = ask_as(uid, gid, groups, count, c->method, c->path, c->body);

		tap_need(strstr(a.message, "azattest-admin"));
		need_answer(a, c->method, 403, "forbidden");
	}
	tap_need_eq(hostd->changes, 1);	/* the test's own */
	need_answer(ask_as(uid, gid, groups, count, "GET", "/v1/status", ""), "status", 200, "");
	need_answer(ask_as(uid, gid, groups, count, "GET", "/v1/vms", ""), "list", 200, "");
	need_answer(ask_as(uid, gid, groups, count, "GET", VM, ""), "VM", 200, "");
}

static void need_allowed(uid_t uid, gid_t gid, const gid_t *groups, size_t count)
{
	for (size_t i = 0; i < TAP_COUNT(changes); i++) {
		const struct change *c = &changes[i];

		need_answer(ask_as(uid, gid, groups, count, c->method, c->path, c->body),
			    c->method, c->status, "");
	}
}

static void anybody_may_read_and_not_change(void)
{
	need_root();
	start();
	enrol(VM);
	need_refused(NOBODY, NOBODY, NULL, 0);
	stop();
}

/* Among them what would be group azattest, which may open the device and no more. */
static void members_of_other_groups_may_not_change(void)
{
	static const gid_t groups[] = { 0, 4, ADMIN_GID - 1, ADMIN_GID + 1 };

	need_root();
	start();
	enrol(VM);
	need_refused(1000, ADMIN_GID - 1, groups, TAP_COUNT(groups));
	need_refused(1000, 0, NULL, 0);
	stop();
}

static void root_may_change(void)
{
	need_root();
	start();
	need_allowed(0, 0, NULL, 0);
	need_allowed(0, 1000, NULL, 0);
	stop();
}

static void the_admin_group_may_change_as_primary_one(void)
{
	need_root();
	start();
	need_allowed(1000, ADMIN_GID, NULL, 0);
	stop();
}

static void the_admin_group_may_change_as_supplementary_one(void)
{
	gid_t many[1000];

	need_root();
	start();
	for (size_t i = 0; i < TAP_COUNT(many); i++)
		many[i] = (gid_t)(100000 + i);
	many[700] = ADMIN_GID;
	need_allowed(1000, 1000, many + 700, 1);
	need_allowed(1000, 1000, many, TAP_COUNT(many));
	stop();
}

static int serve_without_group(void *arg)
{
	(void)arg;
	return fakehostd_run(hostd, (gid_t)-1, run);
}

static void without_the_group_root_alone_may_change(void)
{
	static const gid_t groups[] = { ADMIN_GID };

	need_root();
	start();
	tap_kill(server);
	server = tap_spawn(serve_without_group, NULL, -1);
	tap_need_wait(up());
	enrol(VM);
	need_refused(1000, ADMIN_GID, groups, 1);
	need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	stop();
}

static void everybody_may_connect(void)
{
	char path[100];
	struct stat st;

	start();
	snprintf(path, sizeof(path), "%s/" API_SOCKET, run);
	tap_need(!stat(path, &st));
	tap_need_eq(st.st_mode & 07777, 0666);
	stop();
}

/* ---- many, and slow ones ---- */

static void a_silent_client_keeps_nobody_waiting_and_is_ended(void)
{
	char text[64];
	int fd;

	start();
	fd = connect_now();
	put(fd, WHOLE, 30);
	need("GET", "/v1/status", "", 200, "");
	tap_need_eq(take(fd, text, sizeof(text)), 0);	/* until it is hung up */
	need("GET", "/v1/status", "", 200, "");
	tap_need_eq(hostd->changes, 0);
	stop();
}

/* Each byte comes in good time; the whole never does. */
static void a_trickle_is_ended(void)
{
	int fd;

	start();
	fd = connect_now();
	tap_need_wait(send(fd, "G", 1, MSG_NOSIGNAL) < 0);
	close(fd);
	need("GET", "/v1/status", "", 200, "");
	stop();
}

static void a_client_that_does_not_read_is_ended(void)
{
	static const char request[] = "GET /v1/vms HTTP/1.1\r\nHost: x\r\n\r\n";
	struct pollfd p;
	int fd;

	start();
	hostd->long_list = 8 << 20;
	fd = connect_now();
	put(fd, request, strlen(request));
	p = (struct pollfd) { .fd = fd, .events = POLLIN };
	tap_need_eq(poll(&p, 1, TAP_PATIENCE_MS), 1);
	need("GET", "/v1/status", "", 200, "");
	p.events = 0;
	tap_need_eq(poll(&p, 1, TAP_PATIENCE_MS), 1);	/* hung up */
	tap_need(p.revents & POLLHUP);
	close(fd);
	stop();
}

static void a_call_that_takes_long_costs_nobody_its_time(void)
{
	int fd, slow;

	start();
	enrol(VM);
	hostd->pause_ms = 7000;		/* longer than a client has */
	slow = connect_now();
	fd = connect_now();
	put(fd, WHOLE, 30);
	need("GET", "/v1/status", "", 200, "");	/* both have been taken in */
	put(slow, "DELETE " VM " HTTP/1.1\r\nHost: x\r\n\r\n",
	    strlen("DELETE " VM " HTTP/1.1\r\nHost: x\r\n\r\n"));
	need_answer(read_answer(slow), "slow", 204, "");
	put(fd, WHOLE + 30, strlen(WHOLE) - 30);
	need_answer(read_answer(fd), "it waited", 200, "");
	stop();
}

/* Opens connections as @uid until one is turned away; how many are taken in. */
static int crowd(uid_t uid, int *fds, int max)
{
	static const char begin[] = "PUT /v1/legacy HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n"
		"Expect: 100-continue\r\n\r\n";
	char first[16] = "";
	int count = 0;

	tap_need(!seteuid(uid));
	for (; count < max; count++) {
		fds[count] = connect_now();
		tap_need(fds[count] >= 0);
		put(fds[count], begin, strlen(begin));
		tap_need_eq(recv(fds[count], first, 12, MSG_PEEK | MSG_WAITALL), 12);
		if (strcmp(first, "HTTP/1.1 100"))
			break;
	}
	tap_need(!seteuid(0));
	return count;
}

static void one_user_cannot_take_all_places(void)
{
	struct answer a;
	int fds[64];

	need_root();
	start();
	tap_need_eq(crowd(NOBODY, fds, 20), 8);
	a = read_answer(fds[8]);
	need_answer(a, "the ninth", 503, "unavailable");
	need_answer(ask_as(1000, 1000, NULL, 0, "GET", "/v1/status", ""), "another", 200, "");
	need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	stop();
}

static void many_users_cannot_keep_root_out(void)
{
	int fds[20], count = 0;

	need_root();
	start();
	for (uid_t uid = 2000; uid < 2010; uid++)
		count += crowd(uid, fds, 8);
	tap_need_eq(count, 56);
	need("PUT", "/v1/legacy", "{\"enabled\":true}", 200, "");
	stop();
}

static void a_place_is_free_again_at_once(void)
{
	start();
	for (int i = 0; i < 300; i++) {
		int fd = connect_now();

		if (i % 2)
			put(fd, WHOLE, 40);
		close(fd);
	}
	need("GET", "/v1/status", "", 200, "");
	stop();
}

/* ---- open and close ---- */

static int open_and_close(void *arg)
{
	struct config config = { .admin_gid = (gid_t)-1 };
	struct failure failure;
	struct api *api;
	int ret;

	(void)arg;
	if (watch_open())
		return 1;
	ret = api_open(&api, hostd, &config, run, &failure);
	if (ret) {
		fprintf(stderr, "# %s\n", failure.text);
		return strchr(failure.text, '\n') ? 1 : 2;
	}
	api_close(api);
	return 0;
}

static void the_socket_is_made_anew_and_removed(void)
{
	char path[100];

	strcpy(run, "/tmp/az-api-XXXXXX");
	tap_need(mkdtemp(run));
	hostd = tap_shared(sizeof(*hostd));
	snprintf(path, sizeof(path), "%s/" API_SOCKET, run);
	close(open(path, O_CREAT | O_WRONLY, 0600));	/* left by one that died */
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 0);
	tap_need(access(path, F_OK));
	rmdir(run);
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 0);	/* makes the folder */
	tap_need(!rmdir(run));
}

static void where_it_cannot_listen_it_says_so(void)
{
	hostd = tap_shared(sizeof(*hostd));
	snprintf(run, sizeof(run), "/nowhere/at/all");
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 2);
}

static const struct tap_test tests[] = {
	TAP_TEST(status_is_what_hostd_says),
	TAP_TEST(legacy_is_set_and_said),
	TAP_TEST(legacy_failures_have_their_codes),
	TAP_TEST(a_vm_comes_and_goes),
	TAP_TEST(only_the_tap_must_be_given),
	TAP_TEST(failures_to_enrol_have_their_codes),
	TAP_TEST(other_paths_are_not_found),
	TAP_TEST(other_methods_are_405_and_say_which_there_are),
	TAP_TEST(bodies_that_are_no_such_object_are_invalid),
	TAP_TEST(fields_that_break_their_rule_are_invalid),
	TAP_TEST(deep_and_wide_json_is_invalid),
	TAP_TEST(a_body_has_at_most_64_kib),
	TAP_TEST(a_huge_body_is_refused_unread),
	TAP_TEST(bodies_of_another_framing_are_refused),
	TAP_TEST(what_takes_no_body_or_query_gets_none),
	TAP_TEST(a_request_may_come_in_two_parts),
	TAP_TEST(a_request_cut_short_does_nothing),
	TAP_TEST(a_connection_is_one_call),
	TAP_TEST(what_is_no_http_gets_nothing_done),
	TAP_TEST(endless_headers_end),
	TAP_TEST(anybody_may_read_and_not_change),
	TAP_TEST(members_of_other_groups_may_not_change),
	TAP_TEST(root_may_change),
	TAP_TEST(the_admin_group_may_change_as_primary_one),
	TAP_TEST(the_admin_group_may_change_as_supplementary_one),
	TAP_TEST(without_the_group_root_alone_may_change),
	TAP_TEST(everybody_may_connect),
	TAP_TEST(a_silent_client_keeps_nobody_waiting_and_is_ended),
	TAP_TEST(a_trickle_is_ended),
	TAP_TEST(a_client_that_does_not_read_is_ended),
	TAP_TEST(a_call_that_takes_long_costs_nobody_its_time),
	TAP_TEST(one_user_cannot_take_all_places),
	TAP_TEST(many_users_cannot_keep_root_out),
	TAP_TEST(a_place_is_free_again_at_once),
	TAP_TEST(the_socket_is_made_anew_and_removed),
	TAP_TEST(where_it_cannot_listen_it_says_so),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
