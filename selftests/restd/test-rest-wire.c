// SPDX-License-Identifier: GPL-2.0
// Promises about bytes on the wire: smuggling, cuts at every offset, pipelining.

#include "rig.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOCUMENT	"/metadata/attested/document?api-version=2018-10-01"
#define HOST		"Host: 127.0.0.1\r\n"
#define TRUE		"Metadata: true\r\n"
#define GET		"GET " DOCUMENT " HTTP/1.1\r\n"
#define SMUGGLED	"GET /metadata/versions HTTP/1.1\r\n" HOST TRUE "\r\n"
#define BAD(why)	"{\"error\":\"Bad request. " why "\"}"

static struct rig rig;

static void begin(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	rig_serve(rig_grant(&rig, 7, 1001), 7, 1);
}

/* All bytes until the end of the connection. */
static size_t read_all(int sock, char *all, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while ((n = recv(sock, all + length, size - 1 - length, 0)) > 0)
		length += (size_t)n;
	tap_need_msg(n == 0, "not closed in order: %s", strerror(errno));
	all[length] = 0;
	return length;
}

static unsigned int answers_in(const char *all)
{
	unsigned int count = 0;

	for (const char *at = all; (at = strstr(at, "\r\nx-ms-request-id: ")); at++)
		count++;
	return count;
}

#define ROW(bytes, why)	{ bytes, sizeof(bytes) - 1, BAD(why) }

/* T04: what is ambiguous is refused, and what follows it is nobody's. */
static void ambiguous_requests_are_refused_and_closed(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *body;
	} rows[] = {
		ROW(GET HOST TRUE "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		    SMUGGLED, "A request must not have a body"),
		ROW(GET HOST TRUE "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
		    "A request must not have a body"),
		ROW(GET HOST TRUE "Transfer-Encoding: identity\r\n\r\n" SMUGGLED,
		    "A request must not have a body"),
		ROW(GET HOST TRUE "Transfer-Encoding:\r\n\r\n" SMUGGLED,
		    "A request must not have a body"),
		ROW(GET HOST TRUE "Content-Length: 5\r\n\r\nhello" SMUGGLED,
		    "A request must not have a body"),
		ROW(GET HOST TRUE "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello" SMUGGLED,
		    "Content-Length is repeated"),
		ROW(GET HOST TRUE "Content-Length: 5, 5\r\n\r\nhello" SMUGGLED,
		    "Content-Length is not a number"),
		ROW(GET HOST TRUE "Content-Length: -1\r\n\r\n" SMUGGLED,
		    "Content-Length is not a number"),
		ROW(GET HOST TRUE "Content-Length: 0x5\r\n\r\nhello" SMUGGLED,
		    "Content-Length is not a number"),
		ROW(GET HOST TRUE "Transfer-Encoding : chunked\r\n\r\n" SMUGGLED,
		    "A header has no name"),
		ROW(GET HOST TRUE "X: y\r\n Transfer-Encoding: chunked\r\n\r\n" SMUGGLED,
		    "A header is folded"),
		ROW(GET HOST TRUE "X: y\nTransfer-Encoding: chunked\r\n\r\n" SMUGGLED,
		    "A line does not end with CR LF"),
		ROW(GET HOST TRUE "X: y\rTransfer-Encoding: chunked\r\n\r\n" SMUGGLED,
		    "A line does not end with CR LF"),
		ROW("GET " DOCUMENT " HTTP/1.1\n" HOST TRUE "\n" SMUGGLED,
		    "A line does not end with CR LF"),
		ROW(GET HOST TRUE "\n\n" SMUGGLED, "A line does not end with CR LF"),
		ROW(GET HOST TRUE "\r\r\n" SMUGGLED, "A line does not end with CR LF"),
		ROW(GET HOST "Metadata: true\0x\r\n\r\n" SMUGGLED, "A byte is not printable ASCII"),
		ROW(GET HOST TRUE "X-Forwarded\0-For: x\r\n\r\n" SMUGGLED,
		    "A byte is not printable ASCII"),
		ROW("GET /metadata/versions\0x HTTP/1.1\r\n" HOST TRUE "\r\n" SMUGGLED,
		    "A byte is not printable ASCII"),
		ROW("GET /metadata/versions\xc0\xaf HTTP/1.1\r\n" HOST TRUE "\r\n" SMUGGLED,
		    "A byte is not printable ASCII"),
		ROW("GET http://127.0.0.1/metadata/versions HTTP/1.1\r\n" HOST TRUE "\r\n" SMUGGLED,
		    "The request target is not a path"),
		ROW("\r\n" SMUGGLED SMUGGLED, "The request line does not begin with a method"),
		ROW("GET /metadata/versions HTTP/1.2\r\n" HOST TRUE "\r\n" SMUGGLED,
		    "The request line does not end with HTTP/1.1 or HTTP/1.0"),
		ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "The request target is not a path"),
		ROW(GET HOST TRUE "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
		    "Expect is not supported"),
		ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "A byte is not printable ASCII"),
	};

	begin();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		int sock = rig_connect(&rig, 7);
		char all[4000];

		rig_send_bytes(sock, rows[i].bytes, rows[i].length);
		shutdown(sock, SHUT_WR);
		read_all(sock, all, sizeof(all));
		tap_need_msg(answers_in(all) == 1 && !strncmp(all, "HTTP/1.1 400 ", 13) &&
			     strstr(all, rows[i].body) && strstr(all, "\r\nConnection: close\r\n"),
			     "row %zu: %s", i, all);
		close(sock);
	}
}

/* The answer is read although the guest had more to say than was looked at. */
static void an_endless_head_is_refused_and_the_refusal_arrives(void)
{
	static char head[300000];
	struct rig_answer answer;
	int sock;

	begin();
	memset(head, 'a', sizeof(head));
	memcpy(head, "GET / HTTP/1.1\r\nX: ", 19);
	sock = rig_connect(&rig, 7);
	rig_send_bytes(sock, head, sizeof(head));
	shutdown(sock, SHUT_WR);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 400);
	tap_need(!strcmp(answer.body, BAD("The request is longer than 8192 bytes")));
}

struct result {
	int status;
	bool closed;
	char body[2000];
};

/* The request in two pieces, the first of which restd has read before the rest comes. */
static void ask_cut(const char *bytes, size_t length, size_t cut, struct result *result)
{
	int sock = rig_connect(&rig, 7);
	struct rig_answer answer;

	rig_send_bytes(sock, bytes, cut);
	rig_settle(&rig);
	rig_send_bytes(sock, bytes + cut, length - cut);
	rig_read(sock, &answer);
	memset(result, 0, sizeof(*result));
	result->status = answer.status;
	result->closed = answer.closed;
	tap_need(answer.length < sizeof(result->body));
	memcpy(result->body, answer.body, answer.length);
	close(sock);
}

/* T05 */
static void a_cut_at_any_byte_changes_nothing(void)
{
	static const char *const requests[] = {
		GET HOST TRUE "\r\n",
		"GET " DOCUMENT "&nonce=abc HTTP/1.1\r\n" HOST TRUE "Connection: close\r\n\r\n",
		GET HOST "Metadata: false\r\n\r\n",
		GET HOST TRUE "X-Forwarded-For: x\r\n\r\n",
		"POST / HTTP/1.1\r\n" HOST "\r\n",
		GET HOST TRUE "Content-Length: 1\r\n\r\n",
		GET HOST TRUE "X: y\n\r\n",
		"GET  / HTTP/1.1\r\n" HOST "\r\n",
	};
	static struct result whole, cut;

	begin();
	for (size_t i = 0; i < TAP_COUNT(requests); i++) {
		size_t length = strlen(requests[i]);

		ask_cut(requests[i], length, length, &whole);
		tap_need(whole.status >= 200);
		for (size_t at = 1; at < length; at++) {
			ask_cut(requests[i], length, at, &cut);
			tap_need_msg(!memcmp(&whole, &cut, sizeof(cut)),
				     "request %zu cut at %zu: %d %s", i, at, cut.status, cut.body);
		}
	}
}

static void a_request_of_single_bytes_is_answered(void)
{
	static const char request[] = GET HOST TRUE "\r\n";
	struct rig_answer answer;
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		rig_send_bytes(sock, request + i, 1);
		rig_settle(&rig);
	}
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 200);
}

/* T05: the first is answered, the others go with the connection. */
static void pipelined_requests_get_one_answer_and_a_close(void)
{
	static const char two[] = GET HOST TRUE "\r\n" SMUGGLED;
	static const char first[] = GET HOST TRUE "\r\n";
	char all[4000];

	begin();
	for (size_t more = 1; more <= sizeof(two) - sizeof(first); more++) {
		int sock = rig_connect(&rig, 7);

		rig_send_bytes(sock, two, sizeof(first) - 1 + more);
		shutdown(sock, SHUT_WR);
		read_all(sock, all, sizeof(all));
		tap_need_msg(answers_in(all) == 1 && !strncmp(all, "HTTP/1.1 200 ", 13) &&
			     strstr(all, "pkcs7") && strstr(all, "\r\nConnection: close\r\n"),
			     "%zu more: %s", more, all);
		close(sock);
	}
}

/* The second comes while the first waits for the module: each has its answer. */
static void a_second_request_during_the_first_is_answered_after_it(void)
{
	struct frame_header header;
	struct rig_answer answer;
	uint32_t version;
	char nonce[33];
	int module, sock;

	begin();
	module = rig_grant(&rig, 8, 1002);
	sock = rig_connect(&rig, 8);
	rig_send(sock, GET HOST TRUE "\r\n");
	rig_take(module, &header, nonce, &version);
	rig_send(sock, SMUGGLED);
	rig_settle(&rig);
	rig_reply(module, &header, AZATTEST_STATUS_OK, "abc", 3);
	rig_read(sock, &answer);
	tap_need(strstr(answer.body, "\"YWJj\""));
	rig_read(sock, &answer);
	tap_need(strstr(answer.body, "apiVersions"));
}

static void keep_alive_and_close_are_obeyed(void)
{
	struct rig_answer answer;
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	for (int i = 0; i < 100; i++) {
		rig_ask(&rig, sock, "GET", i % 3 ? DOCUMENT : "/metadata/versions", TRUE, &answer);
		tap_need_eq(answer.status, 200);
		tap_need(!answer.closed);
		rig_ask(&rig, sock, "GET", "/nothing", TRUE, &answer);
		tap_need_eq(answer.status, 404);
		tap_need(!answer.closed);
	}
	rig_ask(&rig, sock, "GET", DOCUMENT, TRUE "Connection: close\r\n", &answer);
	tap_need(answer.status == 200 && answer.closed);
	sock = rig_connect(&rig, 7);
	rig_send(sock, "GET /metadata/versions HTTP/1.0\r\n" TRUE "Connection: keep-alive\r\n\r\n");
	rig_read(sock, &answer);
	tap_need(answer.status == 200 && answer.closed);
}

/* Segments that restd has sent for one request on a new connection: one is the handshake's. */
static unsigned int segments_of_an_answer(void)
{
	int sock = rig_connect(&rig, 7);
	struct rig_answer answer;
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	rig_send(sock, "GET /metadata/versions HTTP/1.1\r\n" HOST TRUE "\r\n");
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 200);
	tap_need_eq(getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
	close(sock);
	return info.tcpi_segs_in - 1;
}

/* On a busy machine TCP may lose its patience first, and acknowledge alone. */
static void an_answer_carries_the_acknowledgement(void)
{
	unsigned int tries = 0, segments;

	begin();
	do {
		segments = segments_of_an_answer();
	} while (segments > 1 && ++tries < 50);
	tap_need_eq(segments, 1);
}

static const struct tap_test tests[] = {
	TAP_TEST(ambiguous_requests_are_refused_and_closed),
	TAP_TEST(an_endless_head_is_refused_and_the_refusal_arrives),
	TAP_TEST(a_cut_at_any_byte_changes_nothing),
	TAP_TEST(a_request_of_single_bytes_is_answered),
	TAP_TEST(pipelined_requests_get_one_answer_and_a_close),
	TAP_TEST(a_second_request_during_the_first_is_answered_after_it),
	TAP_TEST(keep_alive_and_close_are_obeyed),
	TAP_TEST(an_answer_carries_the_acknowledgement),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
