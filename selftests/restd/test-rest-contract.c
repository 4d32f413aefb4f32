// SPDX-License-Identifier: GPL-2.0
// Promises of the HTTP contract (docs/rest.md), row by row, on the running restd.

#include "rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOCUMENT	"/metadata/attested/document"
#define V		"?api-version=2018-10-01"
#define TRUE		"Metadata: true\r\n"
#define JSON		"application/json; charset=utf-8"
#define BAD(why)	"{\"error\":\"Bad request. " why "\"}"
#define NO_HEADER	BAD("Required metadata header not specified")
#define NO_VERSION	"{\"error\":\"Bad request. api-version is invalid or was not specified in " \
			"the request. For more information refer to aka.ms/azureimds\"," \
			"\"newest-versions\":[\"2025-04-07\",\"2024-07-17\",\"2024-03-15\"]}"
#define NO_PATH(path)	"{\"error\":\"API is not found: Path = \\\"" path "\\\", Method = \\\"GET\\\"\"}"
#define NO_METHOD(method, path)	"{\"error\":\"Http method is not allowed: Path = \\\"" path \
			"\\\", Method = \\\"" method "\\\"\"}"

static struct rig rig;
static int module;

static void begin(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	module = rig_grant(&rig, 7, 1001);
}

static void nothing_was_asked(void)
{
	struct pollfd in = { .fd = module, .events = POLLIN };

	tap_need_eq(poll(&in, 1, 0), 0);
}

/* 8-4-4-4-12 hexadecimal digits, version 4. */
static void need_request_id(const struct rig_answer *answer, char id[37])
{
	const char *at = strstr(answer->head, "\r\nx-ms-request-id: ");

	tap_need(at);
	memcpy(id, at + 19, 36);
	id[36] = 0;
	for (int i = 0; i < 36; i++)
		tap_need(strchr(i == 8 || i == 13 || i == 18 || i == 23 ? "-" : "0123456789abcdef",
				id[i]));
	tap_need(id[14] == '4' && strchr("89ab", id[19]) && !memcmp(at + 55, "\r\n", 2));
}

static void need_common(const struct rig_answer *answer, const char *type)
{
	char line[100], id[37];

	snprintf(line, sizeof(line), "Content-Type: %s", type);
	tap_need(rig_header(answer, line));
	tap_need(rig_header(answer, "Cache-Control: no-store"));
	need_request_id(answer, id);
}

struct row {
	const char *method, *target, *headers;
	int status;
	const char *body;
};

/* In .status: the connection is closed after the answer. */
#define CLOSES	1000
#define MALFORMED	(400 + CLOSES)

static void need_rows(const struct row *rows, size_t count)
{
	begin();
	for (size_t i = 0; i < count; i++) {
		int sock = rig_connect(&rig, 7);
		struct rig_answer answer;

		rig_ask(&rig, sock, rows[i].method, rows[i].target, rows[i].headers, &answer);
		tap_need_msg(answer.status == rows[i].status % CLOSES &&
			     !strcmp(answer.body, rows[i].body),
			     "row %zu: %d %s", i, answer.status, answer.body);
		tap_need_msg(answer.closed == (rows[i].status > CLOSES), "row %zu: closed %d", i,
			     answer.closed);
		need_common(&answer, JSON);
		tap_need((answer.status == 405) == rig_header(&answer, "Allow: GET"));
		close(sock);
	}
	nothing_was_asked();
}

/* T01 */
static void metadata_header_is_once_and_true(void)
{
	static const struct row rows[] = {
		{ "GET", DOCUMENT V, "", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata: false\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata:\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, TRUE TRUE, 400, NO_HEADER },
		{ "GET", DOCUMENT V, TRUE "metadata: false\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata: true, true\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata: truex\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata: \"true\"\r\n", 400, NO_HEADER },
		{ "GET", DOCUMENT V, "Metadata:\r\n true\r\n", MALFORMED, BAD("A header is folded") },
		{ "GET", DOCUMENT V, "XMetadata: true\r\n", 400, NO_HEADER },
		{ "GET", "/metadata/versions", "", 400, NO_HEADER },
		{ "GET", "/metadata/instance?api-version=2021-02-01", "", 400, NO_HEADER },
		{ "GET", "/nothing", "", 400, NO_HEADER },
	};

	need_rows(rows, TAP_COUNT(rows));
}

/* T02, T03 */
static void relayed_and_browsers_requests_are_refused(void)
{
#define RELAYED	BAD("A forwarded request is not answered")
#define BROWSER	BAD("A browser's request is not answered")
#define HOST	BAD("Host does not name this service")
	static const struct row rows[] = {
		{ "GET", DOCUMENT V, TRUE "X-Forwarded-For: 1.2.3.4\r\n", 400, RELAYED },
		{ "GET", DOCUMENT V, TRUE "x-FORWARDED-for:\r\n", 400, RELAYED },
		{ "GET", DOCUMENT V, "A: b\r\nC: d\r\n" TRUE "E: f\r\nX-Forwarded-For: x\r\n", 400,
		  RELAYED },
		{ "GET", DOCUMENT V, TRUE "Forwarded: for=x\r\n", 400, RELAYED },
		{ "GET", DOCUMENT V, TRUE "via:\r\n", 400, RELAYED },
		{ "GET", "/metadata/attested/issuer.cer", "Via: x\r\n", 400, RELAYED },
		{ "GET", DOCUMENT V, TRUE "Origin: http://x\r\n", 400, BROWSER },
		{ "GET", DOCUMENT V, TRUE "origin:\r\n", 400, BROWSER },
		{ "GET", DOCUMENT V, TRUE "Sec-Fetch-Mode: cors\r\n", 400, BROWSER },
		{ "GET", DOCUMENT V, TRUE "sec-fetch-anything: x\r\n", 400, BROWSER },
		{ "GET", DOCUMENT V, TRUE "Host: 127.0.0.1\r\n", 400, HOST },
		{ "GET", "http://evil.example.com/" DOCUMENT V, TRUE, MALFORMED,
		  BAD("The request target is not a path") },
		{ "GET", "http://127.0.0.1" DOCUMENT V, TRUE, MALFORMED,
		  BAD("The request target is not a path") },
	};

	need_rows(rows, TAP_COUNT(rows));
}

/* A whole request with its own Host lines; what it is answered. */
static int status_of(const char *request)
{
	struct rig_answer answer;
	int sock = rig_connect(&rig, 7);

	rig_send(sock, request);
	rig_read(sock, &answer);
	close(sock);
	return answer.status;
}

/* T03 */
static void host_names_us_or_the_request_is_refused(void)
{
#define VERSIONS(host)	"GET /metadata/versions HTTP/1.1\r\n" host TRUE "\r\n"
	char with_port[100];

	begin();
	tap_need_eq(status_of(VERSIONS("Host: 127.0.0.1\r\n")), 200);
	snprintf(with_port, sizeof(with_port), VERSIONS("Host: %s\r\n"), rig.host);
	tap_need_eq(status_of(with_port), 200);
	tap_need_eq(status_of(VERSIONS("")), 400);
	tap_need_eq(status_of(VERSIONS("Host:\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: evil.example.com\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: 127.0.0.1.evil.example.com\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: 127.0.0.1:1\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: 127.0.0.1:\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: 127.0.0.01\r\n")), 400);
	tap_need_eq(status_of(VERSIONS("Host: user@127.0.0.1\r\n")), 400);
	tap_need_eq(status_of("GET /metadata/versions HTTP/1.0\r\n" TRUE "\r\n"), 200);
	tap_need_eq(status_of("GET /metadata/versions HTTP/1.0\r\nHost: x\r\n" TRUE "\r\n"), 400);
}

static void other_methods_are_405(void)
{
	static const struct row rows[] = {
		{ "POST", DOCUMENT V, TRUE, 405, NO_METHOD("POST", DOCUMENT) },
		{ "PUT", DOCUMENT, "", 405, NO_METHOD("PUT", DOCUMENT) },
		{ "get", DOCUMENT, TRUE, 405, NO_METHOD("get", DOCUMENT) },
		{ "OPTIONS", "/", "", 405, NO_METHOD("OPTIONS", "/") },
		{ "TRACE", "/metadata/versions?a", TRUE, 405, NO_METHOD("TRACE", "/metadata/versions") },
		{ "CONNECT", "/a", TRUE, 405, NO_METHOD("CONNECT", "/a") },
		{ "POST", DOCUMENT V, TRUE "Content-Length: 5\r\n", 405 + CLOSES, NO_METHOD("POST", DOCUMENT) },
	};

	need_rows(rows, TAP_COUNT(rows));
}

static void head_is_405_without_a_body(void)
{
	char answer[2000];
	size_t length = 0;
	ssize_t n;
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	rig_send(sock, "HEAD /metadata/versions HTTP/1.1\r\nHost: 127.0.0.1\r\n" TRUE
		 "Connection: close\r\n\r\n");
	while ((n = recv(sock, answer + length, sizeof(answer) - 1 - length, 0)) > 0)
		length += (size_t)n;
	answer[length] = 0;
	tap_need(!strncmp(answer, "HTTP/1.1 405 ", 13) && strstr(answer, "\r\nAllow: GET\r\n"));
	tap_need(length > 4 && !strcmp(answer + length - 4, "\r\n\r\n"));
}

static void api_version_is_one_of_the_list(void)
{
	static const struct row rows[] = {
		{ "GET", DOCUMENT, TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version=", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version=latest", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version=2018-10-02", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version=2018%2D10-01", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?Api-Version=2018-10-01", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api%2Dversion=2018-10-01", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?API-VERSION=2018-10-01&api-version=x", TRUE, 400, NO_VERSION },
		{ "GET", "/metadata/instance", TRUE, 400, NO_VERSION },
		{ "GET", DOCUMENT "?api-version=2018-04-02", TRUE, 404, NO_PATH(DOCUMENT) },
		{ "GET", DOCUMENT "?api-version=2017-03-01", TRUE, 404, NO_PATH(DOCUMENT) },
		{ "GET", "/metadata/instance?api-version=2017-03-01", TRUE, 404,
		  NO_PATH("/metadata/instance") },
		{ "GET", DOCUMENT V "&api-version=2018-10-01", TRUE, 400,
		  BAD("A query key is repeated") },
	};

	need_rows(rows, TAP_COUNT(rows));
}

/* T24 */
static void nonce_is_1_to_32_of_its_bytes(void)
{
#define NONCE	BAD("nonce is not 1 to 32 characters of A-Z a-z 0-9 - _")
	static const struct row rows[] = {
		{ "GET", DOCUMENT V "&nonce=", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=123456789012345678901234567890123", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a\"b", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a'b", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a%00b", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=%41", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a+b", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a.b", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=a/b=", TRUE, 400, NONCE },
		{ "GET", DOCUMENT V "&nonce=\xc3\xa4", TRUE, MALFORMED, BAD("A byte is not printable ASCII") },
		{ "GET", DOCUMENT V "&nonce=a&nonce=a", TRUE, 400, BAD("A query key is repeated") },
		{ "GET", DOCUMENT V "&a&a", TRUE, 400, BAD("A query key is repeated") },
		{ "GET", DOCUMENT V "&format=xml", TRUE, 400, BAD("format is not supported") },
		{ "GET", DOCUMENT V "&format=text", TRUE, 400, BAD("format is not supported") },
	};

	need_rows(rows, TAP_COUNT(rows));
}

/* T06 */
static void paths_are_exact(void)
{
	static const char *const paths[] = {
		"/", "//", "/metadata", "/metadata/", "/metadata/attested", "/metadata/attested/",
		"/metadata/attested/document/", "//metadata/attested/document",
		"/metadata//attested/document", "/metadata/./attested/document",
		"/metadata/x/../attested/document", "/metadata/attested/%64ocument",
		"/metadata/attested%2fdocument", "/%2e%2e/metadata/attested/document",
		"/metadata/attested/document;a", "/metadata;/attested/document",
		"/metadata/attested/Document", "/METADATA/attested/document",
		"/metadata/attested/document%00", "/metadata/attested/document%20",
		"/metadata/attested/documents", "/metadata/attested/issuer.cer/",
		"/metadata/attested/issuer.CER", "/metadata/versions/", "/metadata/version",
		"/metadata/instances", "/metadata/instance/", "/metadata/instance/nothing",
		"/metadata/instance//compute", "/metadata/instance/compute/VMID",
		"/metadata/instance/compute/vmId/x", "/metadata/instance;/compute",
		"/metadata/scheduledevents", "/metadata/identity/oauth2/token",
		"/metadata\\attested\\document",
	};

	begin();
	for (size_t i = 0; i < TAP_COUNT(paths); i++) {
		char target[200], want[300];
		struct rig_answer answer;
		int sock = rig_connect(&rig, 7);

		snprintf(target, sizeof(target), "%s?api-version=2018-10-01", paths[i]);
		rig_ask(&rig, sock, "GET", target, TRUE, &answer);
		tap_need_msg(answer.status == 404, "%s: %d", paths[i], answer.status);
		snprintf(want, sizeof(want), NO_PATH("%s"), paths[i]);
		if (!strchr(paths[i], '\\'))
			tap_need_msg(!strcmp(answer.body, want), "%s", answer.body);
		tap_need(!answer.closed);
		close(sock);
	}
	nothing_was_asked();
}

static void versions_are_listed_in_order_without_api_version(void)
{
	static const char body[] =
		"{\"apiVersions\":[\"2017-03-01\",\"2017-04-02\",\"2017-08-01\",\"2017-10-01\","
		"\"2017-12-01\",\"2018-02-01\",\"2018-04-02\",\"2018-10-01\",\"2019-02-01\","
		"\"2019-03-11\",\"2019-04-30\",\"2019-06-01\",\"2019-06-04\",\"2019-08-01\","
		"\"2019-08-15\",\"2019-11-01\",\"2020-06-01\",\"2020-07-15\",\"2020-09-01\","
		"\"2020-10-01\",\"2020-12-01\",\"2021-01-01\",\"2021-02-01\",\"2021-03-01\","
		"\"2021-05-01\",\"2021-08-01\",\"2021-10-01\",\"2021-11-01\",\"2021-11-15\","
		"\"2021-12-13\",\"2023-07-01\",\"2023-11-15\",\"2024-03-15\",\"2024-07-17\","
		"\"2025-04-07\"]}";
	static const struct row rows[] = {
		{ "GET", "/metadata/versions", TRUE, 200, body },
		{ "GET", "/metadata/versions?api-version=x&format=json", "METADATA:TRUE\r\n", 200, body },
	};

	need_rows(rows, TAP_COUNT(rows));
}

/* GETs on one kept connection; what the module answers each with. */
static void need_document(const char *target, uint32_t want_version, const char *want_nonce)
{
	int sock = rig_connect(&rig, 7);
	struct frame_header header;
	struct rig_answer answer;
	char request[400], nonce[33];
	uint32_t version;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n" TRUE "\r\n", target);
	rig_send(sock, request);
	rig_take(module, &header, nonce, &version);
	tap_need_eq(version, want_version);
	tap_need(!strcmp(nonce, want_nonce));
	rig_reply(module, &header, AZATTEST_STATUS_OK, "\x30\x00", 2);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!strcmp(answer.body, "{\"encoding\":\"pkcs7\",\"signature\":\"MAA=\"}"));
	need_common(&answer, JSON);
	close(sock);
}

static void good_documents_are_asked_for_as_they_say(void)
{
	begin();
	need_document(DOCUMENT V, 20181001, "");
	need_document(DOCUMENT "?api-version=2025-04-07&format=json", 20250407, "");
	need_document(DOCUMENT "?format=json&nonce=A-z_09&api-version=2020-09-01", 20200901, "A-z_09");
	need_document(DOCUMENT V "&nonce=12345678901234567890123456789012&x=%00&Nonce=..", 20181001,
		      "12345678901234567890123456789012");
}

static void each_status_of_the_module_has_its_answer(void)
{
	static const struct {
		uint16_t status;
		int http;
		const char *body;
	} rows[] = {
		{ AZATTEST_STATUS_RETRY, 410,
		  "{\"error\":\"Gone for a moment. The host cannot sign just now, ask again.\"}" },
		{ AZATTEST_STATUS_EXPIRED, 503,
		  "{\"error\":\"Service unavailable. Expired: the host has no valid attestation "
		  "certificate.\"}" },
		{ AZATTEST_STATUS_BUSY, 429, "{\"error\":\"Too many requests\"}" },
		{ AZATTEST_STATUS_DENIED, 403,
		  "{\"error\":\"Forbidden. This VM may not ask over this path.\"}" },
		{ AZATTEST_STATUS_BAD_REQUEST, 500,
		  "{\"error\":\"Internal error. The host could not make this answer.\"}" },
		{ AZATTEST_STATUS_UNSUPPORTED, 500,
		  "{\"error\":\"Internal error. The host could not make this answer.\"}" },
		{ AZATTEST_STATUS_FAULT, 500,
		  "{\"error\":\"Internal error. The host could not make this answer.\"}" },
		{ AZATTEST_STATUS_MAX + 1, 500,
		  "{\"error\":\"Internal error. The host could not make this answer.\"}" },
	};
	char request[200];
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	snprintf(request, sizeof(request), "GET " DOCUMENT V " HTTP/1.1\r\nHost: 127.0.0.1\r\n" TRUE
		 "\r\n");
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct frame_header header;
		struct rig_answer answer;
		uint32_t version;
		char nonce[33];

		rig_send(sock, request);
		rig_take(module, &header, nonce, &version);
		rig_reply(module, &header, rows[i].status, NULL, 0);
		rig_read(sock, &answer);
		tap_need_msg(answer.status == rows[i].http && !strcmp(answer.body, rows[i].body),
			     "status %u: %d %s", rows[i].status, answer.status, answer.body);
		need_common(&answer, JSON);
		tap_need((answer.status == 429) == rig_header(&answer, "Retry-After: 1"));
		tap_need(!answer.closed);
	}
}

static void issuer_needs_neither_metadata_nor_version(void)
{
	struct frame_header header;
	struct rig_answer answer;
	uint32_t version;
	char nonce[33];
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	rig_send(sock, "GET /metadata/attested/issuer.cer?x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
	rig_take(module, &header, nonce, &version);
	tap_need_eq(header.type, AZATTEST_FRAME_ISSUER);
	tap_need_eq(header.length, 0);
	rig_reply(module, &header, AZATTEST_STATUS_OK, "\x30\x01\x00", 3);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 200);
	tap_need_eq(answer.length, 3);
	tap_need(!memcmp(answer.body, "\x30\x01\x00", 3));
	need_common(&answer, "application/pkix-cert");
}

static void instance_is_served_with_filters(void)
{
	static const struct {
		const char *target;
		int status;
		const char *body, *type;
	} rows[] = {
		{ "/metadata/instance/compute?api-version=2017-04-02", 200,
		  "{\"location\":\"\",\"name\":\"web1\",\"offer\":\"\",\"osType\":\"Linux\","
		  "\"platformFaultDomain\":\"\",\"platformUpdateDomain\":\"\",\"publisher\":\"\","
		  "\"sku\":\"\",\"version\":\"\",\"vmId\":\"c0ffee42-0000-4000-8000-00000000002a\","
		  "\"vmSize\":\"\"}", JSON },
		{ "/metadata/instance/network?api-version=2021-02-01&format=json", 200,
		  "{\"interface\":[]}", JSON },
		{ "/metadata/instance/compute/vmId?api-version=2021-02-01&format=text", 200,
		  "c0ffee42-0000-4000-8000-00000000002a", "text/plain; charset=utf-8" },
		{ "/metadata/instance/compute/zone?api-version=2021-02-01&format=text", 200, "",
		  "text/plain; charset=utf-8" },
		{ "/metadata/instance/compute/vmId?api-version=2021-02-01", 400,
		  BAD("A single value needs format=text"), JSON },
		{ "/metadata/instance/compute?api-version=2021-02-01&format=text", 400,
		  BAD("format=text needs a single value"), JSON },
	};
	struct rig_answer answer;

	begin();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		rig_get(&rig, 7, rows[i].target, TRUE, &answer);
		tap_need_msg(answer.status == rows[i].status && !strcmp(answer.body, rows[i].body),
			     "row %zu: %d %s", i, answer.status, answer.body);
		need_common(&answer, rows[i].type);
	}
	rig_get(&rig, 7, "/metadata/instance?api-version=2021-02-01", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!strncmp(answer.body, "{\"compute\":{", 12));
	tap_need(strstr(answer.body, "\"plan\":{\"name\":\"gold\",\"product\":\"\",\"publisher\":\"\"}"));
	nothing_was_asked();
}

static void request_ids_differ(void)
{
	char before[37] = "", id[37];
	struct rig_answer answer;
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	for (int i = 0; i < 200; i++) {
		rig_ask(&rig, sock, "GET", "/metadata/versions", TRUE, &answer);
		need_request_id(&answer, id);
		tap_need(strcmp(id, before));
		strcpy(before, id);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(metadata_header_is_once_and_true),
	TAP_TEST(relayed_and_browsers_requests_are_refused),
	TAP_TEST(host_names_us_or_the_request_is_refused),
	TAP_TEST(other_methods_are_405),
	TAP_TEST(head_is_405_without_a_body),
	TAP_TEST(api_version_is_one_of_the_list),
	TAP_TEST(nonce_is_1_to_32_of_its_bytes),
	TAP_TEST(paths_are_exact),
	TAP_TEST(versions_are_listed_in_order_without_api_version),
	TAP_TEST(good_documents_are_asked_for_as_they_say),
	TAP_TEST(each_status_of_the_module_has_its_answer),
	TAP_TEST(issuer_needs_neither_metadata_nor_version),
	TAP_TEST(instance_is_served_with_filters),
	TAP_TEST(request_ids_differ),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
