// SPDX-License-Identifier: GPL-2.0
// Promises of the API as bytes on its socket: calls in parts, cut, glued together,
// framed otherwise, endless or no HTTP; and how the socket comes and goes.

#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

	rig_start();
	rig_need_answer(rig_raw(requests[0], strlen(requests[0])), "chunked", 400, "invalid");
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		int fd = rig_connect();
		char text[4096];

		rig_put(fd, requests[i], strlen(requests[i]));
		shutdown(fd, SHUT_WR);
		rig_take(fd, text, sizeof(text));
		tap_need_msg(!*text || strstr(text, "HTTP/1.1 4") == text, "%zu: %s", i, text);
	}
	tap_need_eq(hostd->changes, 0);
	rig_stop();
}

static void a_request_may_come_in_two_parts(void)
{
	size_t length = strlen(RIG_WHOLE);

	rig_start();
	for (size_t cut = 1; cut < length; cut++) {
		int fd = rig_connect();

		rig_put(fd, RIG_WHOLE, cut);
		tap_need_eq(hostd->changes, cut - 1);
		rig_put(fd, RIG_WHOLE + cut, length - cut);
		rig_need_answer(rig_read(fd), "in two parts", 200, "");
	}
	rig_stop();
}

static void a_request_cut_short_does_nothing(void)
{
	rig_start();
	for (size_t cut = 0; cut < strlen(RIG_WHOLE); cut++) {
		int fd = rig_connect();

		rig_put(fd, RIG_WHOLE, cut);
		close(fd);
		rig_need("GET", "/v1/status", "", 200, "");
	}
	tap_need_eq(hostd->changes, 0);
	tap_need(hostd->legacy);
	rig_stop();
}

static void a_connection_is_one_call(void)
{
	struct rig_answer a;

	rig_start();
	a = rig_raw(RIG_WHOLE RIG_WHOLE, 2 * strlen(RIG_WHOLE));
	tap_need(strstr(a.head, "Connection: close"));
	rig_need_answer(a, "two in one segment", 200, "");
	tap_need_eq(hostd->changes, 1);
	rig_stop();
}

static void what_is_no_http_gets_nothing_done(void)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n", "PUT\r\n\r\n", "PUT /v1/legacy\r\n\r\n", "\x16\x03\x01\x02\x01",
		"{\"request\":\"status\"}\n", "GET /v1/status HTTP/9.9\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nHost x\r\n\r\n",
	};
	char text[8192];

	rig_start();
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		int fd = rig_connect();

		rig_put(fd, requests[i], strlen(requests[i]));
		shutdown(fd, SHUT_WR);
		rig_take(fd, text, sizeof(text));
		tap_need_msg(!strstr(text, " 200 "), "%zu: %s", i, text);
	}
	rig_need("GET", "/v1/status", "", 200, "");
	rig_stop();
}

static void endless_headers_end(void)
{
	char header[1024], text[8192];
	int fd;

	rig_start();
	fd = rig_connect();
	rig_put(fd, "GET /v1/status HTTP/1.1\r\n", 25);
	for (int i = 0; i < 64; i++) {
		snprintf(header, sizeof(header), "X-%d: %0900d\r\n", i, i);
		rig_put(fd, header, strlen(header));
	}
	rig_take(fd, text, sizeof(text));
	tap_need_msg(!strstr(text, " 200 "), "%s", text);
	rig_need("GET", "/v1/status", "", 200, "");
	rig_stop();
}

/* ---- the socket ---- */

static int open_and_close(void *arg)
{
	struct config config = { .admin_gid = (gid_t)-1 };
	struct failure failure;
	struct api *api;
	int ret;

	(void)arg;
	if (watch_open())
		return 1;
	ret = api_open(&api, hostd, &config, rig_run, &failure);
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

	strcpy(rig_run, "/tmp/az-api-XXXXXX");
	tap_need(mkdtemp(rig_run));
	hostd = tap_shared(sizeof(*hostd));
	snprintf(path, sizeof(path), "%s/" API_SOCKET, rig_run);
	close(open(path, O_CREAT | O_WRONLY, 0600));	/* left by one that died */
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 0);
	tap_need(access(path, F_OK));
	rmdir(rig_run);
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 0);	/* makes the folder */
	tap_need(!rmdir(rig_run));
}

static void where_it_cannot_listen_it_says_so(void)
{
	hostd = tap_shared(sizeof(*hostd));
	snprintf(rig_run, sizeof(rig_run), "/nowhere/at/all");
	tap_need_eq(tap_join(tap_spawn(open_and_close, NULL, -1)), 2);
}

static const struct tap_test tests[] = {
	TAP_TEST(bodies_of_another_framing_are_refused),
	TAP_TEST(a_request_may_come_in_two_parts),
	TAP_TEST(a_request_cut_short_does_nothing),
	TAP_TEST(a_connection_is_one_call),
	TAP_TEST(what_is_no_http_gets_nothing_done),
	TAP_TEST(endless_headers_end),
	TAP_TEST(the_socket_is_made_anew_and_removed),
	TAP_TEST(where_it_cannot_listen_it_says_so),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
