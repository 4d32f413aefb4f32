// SPDX-License-Identifier: GPL-2.0
// Promises of the parts of restd that are text in and decision out, and random damage to it.

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <selftests/lib/tap.h>
#include <userspace/restd/restd.h>

#define OK_HEAD	"GET /metadata/attested/document?api-version=2018-10-01 HTTP/1.1\r\n" \
		"Host: 169.254.169.253\r\nMetadata: true\r\n"

static const struct restlink_config config = {
	.address = { 0xfda9fea9, 0xfea9fea9 }, .port = 80,
};

static struct text text(const char *word)
{
	return (struct text){ word, strlen(word) };
}

static int parse(const char *bytes, struct head *head, const char **why)
{
	*why = NULL;
	return head_parse(bytes, strlen(bytes), head, why);
}

static void good_heads_come_out_as_fields(void)
{
	static const char bytes[] =
		"GET /a?b=c?d HTTP/1.1\r\nhOST:169.254.169.253:80 \r\nMETADATA: \t TrUe\r\n"
		"Content-Length: 000\r\nConnection: x, Close\r\nX: \r\n\r\nmore";
	struct head head;
	const char *why;

	tap_need_eq(parse(bytes, &head, &why), sizeof(bytes) - 5);
	tap_need(text_is(head.method, "GET") && text_is(head.path, "/a"));
	tap_need(text_is(head.query, "b=c?d") && text_is(head.host, "169.254.169.253:80"));
	tap_need(head.hosts == 1 && head.metadatas == 1 && text_is(head.metadata, "TrUe"));
	tap_need(!head.body && !head.relayed && !head.browser && !head.http10 && head.close);
}

static void heads_that_are_none_are_refused_with_a_sentence(void)
{
	static const struct {
		const char *bytes, *why;
	} rows[] = {
		{ "GET / HTTP/1.1\n", "A line does not end with CR LF" },
		{ "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", "A line does not end with CR LF" },
		{ "GET / HTTP/1.1\r\nA: b\n\r\n", "A line does not end with CR LF" },
		{ "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "A byte is not printable ASCII" },
		{ "GET /\xc0\xae HTTP/1.1\r\n\r\n", "A byte is not printable ASCII" },
		{ "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", "A byte is not printable ASCII" },
		{ "\r\nGET / HTTP/1.1\r\n\r\n", "The request line does not begin with a method" },
		{ "\r\n\r\n", "The request line does not begin with a method" },
		{ " GET / HTTP/1.1\r\n\r\n", "The request line does not begin with a method" },
		{ "G@T / HTTP/1.1\r\n\r\n", "The request line does not begin with a method" },
		{ "GET\t/ HTTP/1.1\r\n\r\n", "The request line does not begin with a method" },
		{ "GET\r\n\r\n", "The request line does not begin with a method" },
		{ "GET  / HTTP/1.1\r\n\r\n", "The request target is not a path" },
		{ "GET /\r\n\r\n", "The request target is not a path" },
		{ "GET http://x/ HTTP/1.1\r\n\r\n", "The request target is not a path" },
		{ "OPTIONS * HTTP/1.1\r\n\r\n", "The request target is not a path" },
		{ "GET /#a HTTP/1.1\r\n\r\n", "The request target is not a path" },
		{ "GET /\ta HTTP/1.1\r\n\r\n", "The request target is not a path" },
		{ "GET /  HTTP/1.1\r\n\r\n",
		  "The request line does not end with HTTP/1.1 or HTTP/1.0" },
		{ "GET / HTTP/1.1 \r\n\r\n",
		  "The request line does not end with HTTP/1.1 or HTTP/1.0" },
		{ "GET / HTTP/2.0\r\n\r\n",
		  "The request line does not end with HTTP/1.1 or HTTP/1.0" },
		{ "GET / http/1.1\r\n\r\n",
		  "The request line does not end with HTTP/1.1 or HTTP/1.0" },
		{ "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "A header is folded" },
		{ "GET / HTTP/1.1\r\n\tA: b\r\n\r\n", "A header is folded" },
		{ "GET / HTTP/1.1\r\nA : b\r\n\r\n", "A header has no name" },
		{ "GET / HTTP/1.1\r\n: b\r\n\r\n", "A header has no name" },
		{ "GET / HTTP/1.1\r\nA\r\n\r\n", "A header has no name" },
		{ "GET / HTTP/1.1\r\nContent-Length: 0\r\ncontent-length: 0\r\n\r\n",
		  "Content-Length is repeated" },
		{ "GET / HTTP/1.1\r\nContent-Length: \r\n\r\n", "Content-Length is not a number" },
		{ "GET / HTTP/1.1\r\nContent-Length: +0\r\n\r\n", "Content-Length is not a number" },
		{ "GET / HTTP/1.1\r\nContent-Length: 0, 0\r\n\r\n",
		  "Content-Length is not a number" },
		{ "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", "Expect is not supported" },
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct head head;
		const char *why;

		tap_need_msg(parse(rows[i].bytes, &head, &why) == -1, "row %zu", i);
		tap_need_msg(!strcmp(why, rows[i].why), "row %zu: %s", i, why);
	}
	tap_need_eq(head_parse("GET /\0 HTTP/1.1\r\n\r\n", 20, &(struct head){ 0 },
			       &(const char *){ NULL }), -1);
}

static void a_head_is_bounded_in_bytes_and_headers(void)
{
	static char bytes[HEAD_MAX + 64];
	struct head head;
	const char *why;
	int fields;

	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "GET / HTTP/1.1\r\nA: ", 19);
	memcpy(bytes + HEAD_MAX - 4, "\r\n\r\n", 4);
	tap_need_eq(head_parse(bytes, sizeof(bytes), &head, &why), HEAD_MAX);
	memcpy(bytes + HEAD_MAX - 4, "a\r\n\r\n", 5);
	tap_need_eq(head_parse(bytes, HEAD_MAX - 1, &head, &why), 0);
	tap_need_eq(head_parse(bytes, sizeof(bytes), &head, &why), -1);
	tap_need(!strcmp(why, "The request is longer than 8192 bytes"));
	for (fields = HEAD_FIELDS_MAX; fields <= HEAD_FIELDS_MAX + 1; fields++) {
		strcpy(bytes, "GET / HTTP/1.1\r\n");
		for (int i = 0; i < fields; i++)
			strcat(bytes, "A: b\r\n");
		strcat(bytes, "\r\n");
		tap_need((parse(bytes, &head, &why) > 0) == (fields == HEAD_FIELDS_MAX));
	}
	tap_need(!strcmp(why, "The request has more than 64 headers"));
}

/* At each place: bytes are looked at several at once, but not at the end. */
static void a_byte_that_is_no_text_is_refused_wherever_it_is(void)
{
	static const char good[] = "GET /aaaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nHost: h\r\n\r\n";
	char bytes[sizeof(good)];
	struct head head;

	for (size_t place = 5; place < 25; place++) {
		for (int c = 0; c < 256; c++) {
			bool line = c == '\r' || c == '\n', text = c == '\t' || (c >= ' ' && c <= '~');
			const char *why = "";

			memcpy(bytes, good, sizeof(good));
			bytes[place] = (char)c;
			head_parse(bytes, sizeof(good) - 1, &head, &why);
			why = why ? why : "";
			tap_need_msg(line == !!strstr(why, "does not end with CR LF"),
				     "byte %d at %zu: %s", c, place, why);
			tap_need_msg((!line && !text) == !!strstr(why, "not printable ASCII"),
				     "byte %d at %zu: %s", c, place, why);
		}
	}
}

static void versions_are_ten_characters_of_the_list(void)
{
	static const char *const bad[] = {
		"", "2018-10-1", "2018-10-02", "20181001", "2018-10-01 ", "2018/10/01", "2018-1-001",
		"latest", "2018-10-0a", "+018-10-01", "2018-10-010", "%32018-10-01",
	};

	tap_need_eq(query_version(text("2018-10-01")), 20181001);
	tap_need_eq(query_version(text("2025-04-07")), 20250407);
	tap_need_eq(query_version(text("2017-03-01")), 20170301);
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(!query_version(text(bad[i])), "%s", bad[i]);
}

static void a_query_key_comes_once_and_is_never_decoded(void)
{
	struct query query;
	char many[400] = "";

	tap_need(!query_parse(text("&nonce=a=b&&x&api-version=&format=json&"), &query));
	tap_need(query.has_nonce && text_is(query.nonce, "a=b"));
	tap_need(query.has_version && !query.version.length && text_is(query.format, "json"));
	tap_need(!query_parse(text("n%6fnce=a&Nonce=b&nonce =c"), &query) && !query.has_nonce);
	tap_need(query_parse(text("a=1&b=2&a=3"), &query));
	tap_need(query_parse(text("a&a"), &query));
	for (int i = 0; i < QUERY_KEYS_MAX; i++)
		sprintf(many + strlen(many), "k%d=&", i);
	tap_need(!query_parse(text(many), &query));
	strcat(many, "one-more");
	tap_need(query_parse(text(many), &query));
}

static char *body_of(const struct route *route)
{
	if (route->status == 404)
		return body_no_path(route->path, route->method);
	if (route->status == 405)
		return body_no_method(route->path, route->method);
	return route->why ? body_bad_request(route->why) : body_bad_version();
}

static void faults_are_told_in_one_order(void)
{
	static const char *const worse[] = {
		"GET / HTTP/1.1\r\nHost: x\r\nVia: x\r\nOrigin: x\r\nTransfer-Encoding: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nVia: x\r\nOrigin: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nOrigin: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: 169.254.169.253\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: 169.254.169.253\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: 169.254.169.253\r\nMetadata: true\r\n\r\n",
	};
	static const enum count order[] = {
		COUNT_body, COUNT_relayed, COUNT_browser, COUNT_host, COUNT_method, COUNT_metadata,
		COUNT_path,
	};

	for (size_t i = 0; i < TAP_COUNT(order); i++) {
		struct route route;
		struct head head;
		const char *why;

		tap_need(parse(worse[i], &head, &why) > 0);
		route_find(&head, &config, &route);
		tap_need_msg(route.count == order[i], "row %zu: %d", i, route.count);
	}
}

static void bodies_escape_what_json_wants_escaped(void)
{
	char *body = body_no_path(text("/a\"b\\c"), text("GET"));

	tap_need(!strcmp(body, "{\"error\":\"API is not found: Path = \\\"/a\\\"b\\\\c\\\", "
			 "Method = \\\"GET\\\"\"}"));
	free(body);
}

static void base64_pads_as_the_standard_says(void)
{
	static const char *const want[] = { "", "YQ==", "YWI=", "YWJj", "YWJj/w==" };
	char whole[100];

	for (size_t i = 0; i < TAP_COUNT(want); i++) {
		char *body = body_document((const uint8_t *)"abc\xff", i);

		snprintf(whole, sizeof(whole), "{\"encoding\":\"pkcs7\",\"signature\":\"%s\"}", want[i]);
		tap_need_msg(!strcmp(body, whole), "%s", body);
		pool_give(body);
	}
}

/* The character for the six bits at bit @bit; what lies behind the end is 0. */
static char base64_at(const uint8_t *der, size_t length, size_t bit)
{
	static const char table[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int value = 0;

	for (size_t i = bit; i < bit + 6; i++)
		value = value << 1 | (i / 8 < length && der[i / 8] >> (7 - i % 8) & 1);
	return table[value];
}

static void base64_is_right_at_every_length_and_place(void)
{
	static const char before[] = "{\"encoding\":\"pkcs7\",\"signature\":\"";
	uint8_t der[1000];

	for (size_t i = 0; i < sizeof(der); i++)
		der[i] = (uint8_t)(i * 167 + (i >> 3));
	for (size_t length = 0; length <= sizeof(der); length++) {
		uint8_t *exact = malloc(length ? length : 1);
		char *body, *at;

		memcpy(exact, der, length);
		body = body_document(exact, length);
		at = body + strlen(before);
		for (size_t bit = 0; bit < 8 * length; bit += 6, at++)
			tap_need_eq(*at, base64_at(der, length, bit));
		tap_need_eq(strspn(at, "="), (3 - length % 3) % 3);
		pool_give(body);
		free(exact);
	}
}

/* "-" for 404, "{" before what is no leaf. */
static void instance(const char *version, const char *path, const char *want)
{
	json_t *facts = json_pack("{s:s, s:s, s:s, s:{s:s}, s:[{s:s}]}", "name", "web1", "vmId",
				  "c0ffee42", "osType", "Linux", "plan", "name", "gold", "tagsList",
				  "name", "env");
	bool leaf;
	char *got = instance_get(facts, query_version(text(version)), text(path), &leaf);

	json_decref(facts);
	if (!strcmp(want, "-"))
		tap_need_msg(!got, "%s at %s is %s", path, version, got);
	else
		tap_need_msg(got && !strcmp(got, want) && leaf == (want[0] != '{' && want[0] != '['),
			     "%s at %s is %s", path, version, got ? got : "not there");
	free(got);
}

static void instance_has_the_members_of_its_version_and_route_filters(void)
{
	static const char first[] =
		"{\"location\":\"\",\"name\":\"web1\",\"offer\":\"\",\"osType\":\"Linux\","
		"\"platformFaultDomain\":\"\",\"platformUpdateDomain\":\"\",\"publisher\":\"\","
		"\"sku\":\"\",\"version\":\"\",\"vmId\":\"c0ffee42\",\"vmSize\":\"\"}";
	char whole[600];

	snprintf(whole, sizeof(whole), "{\"compute\":%s,\"network\":{\"interface\":[]}}", first);
	instance("2017-04-02", "", whole);
	instance("2017-04-02", "/compute", first);
	instance("2017-04-02", "/network", "{\"interface\":[]}");
	instance("2017-04-02", "/compute/vmId", "c0ffee42");
	instance("2018-02-01", "/compute/plan", "-");
	instance("2018-04-02", "/compute/plan", "{\"name\":\"gold\",\"product\":\"\",\"publisher\":\"\"}");
	instance("2018-04-02", "/compute/plan/name", "gold");
	instance("2019-06-04", "/compute/tagsList/0/name", "env");
	instance("2025-04-07", "/compute/storageProfile/dataDisks", "[]");
	instance("2025-04-07", "/compute/tagsList/00/name", "-");
	instance("2025-04-07", "/compute/tagsList/1", "-");
	instance("2025-04-07", "/compute/tagsList/4294967296", "-");
	instance("2025-04-07", "/compute/tagsList/", "-");
	instance("2025-04-07", "/compute/vmid", "-");
	instance("2025-04-07", "/compute/", "-");
	instance("2025-04-07", "//compute", "-");
	instance("2025-04-07", "/", "-");
	instance("2025-04-07", "/compute/vmId/", "-");
	instance("2025-04-07", "/compute/vmId/0", "-");
}

/* --- random damage: bounded, and always the same ---------------------------- */

static uint32_t seed = 1;

static uint32_t roll(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static size_t damage(char *bytes, size_t length, size_t room)
{
	static const char *const pieces[] = {
		"\r\n", "\n", "\r", " ", "\t", ":", "?", "&", "=", "%", "#", "\"", "\\", "/", "\x80",
		"Host: x\r\n", "Metadata: true\r\n", "Content-Length: 1\r\n", "nonce=", "format=text",
		"api-version=2025-04-07", "/metadata/instance", "GET ", "HTTP/1.0", "\r\n\r\n",
	};
	const char *piece = pieces[roll(TAP_COUNT(pieces))];
	size_t at = roll((uint32_t)length), width = strlen(piece);

	switch (roll(4)) {
	case 0:
		bytes[at] = (char)roll(256);
		return length;
	case 1:
		memmove(bytes + at, bytes + at + 1, length - at - 1);
		return length - 1;
	case 2:
		width = width < length - at ? width : length - at;
		memcpy(bytes + at, piece, width);
		return length;
	default:
		if (length + width > room)
			return length;
		memmove(bytes + at + width, bytes + at, length - at);
		memcpy(bytes + at, piece, width);
		return length + width;
	}
}

/* Bytes that were cut say the same as whole ones, or nothing yet. */
static void judge_prefixes(const char *bytes, size_t length, int whole, const char *why)
{
	struct head head;
	size_t end = whole > 0 ? (size_t)whole : length;

	for (size_t cut = 0; cut < end; cut++) {
		const char *prefix_why = NULL;
		char *exact = malloc(cut + 1);
		int ret;

		/* Of its own size, so that a look beyond it is seen. */
		memcpy(exact, bytes, cut);
		ret = head_parse(exact, cut, &head, &prefix_why);
		tap_need(ret == 0 || (ret == -1 && whole == -1 && !strcmp(prefix_why, why)));
		free(exact);
	}
}

static void judge(const char *bytes, size_t length, bool prefixes)
{
	const char *why = NULL;
	struct route route;
	struct head head;
	json_t *json;
	char *body;
	int ret = head_parse(bytes, length, &head, &why);

	tap_need(ret >= -1 && ret <= (int)length);
	if (prefixes)
		judge_prefixes(bytes, length, ret, why);
	if (ret <= 0)
		return;
	route_find(&head, &config, &route);
	if (route.kind != ROUTE_REFUSE) {
		tap_need(strlen(route.nonce) <= AZATTEST_NONCE_MAX);
		tap_need(head.hosts == 1 || head.http10);
		tap_need(route.kind == ROUTE_ISSUER || head.metadatas == 1);
		tap_need(!head.body && !head.relayed && !head.browser);
		return;
	}
	tap_need(route.status == 400 || route.status == 404 || route.status == 405);
	body = body_of(&route);
	json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	tap_need_msg(json, "no JSON: %s", body);
	json_decref(json);
	free(body);
}

static void damaged_requests_are_judged_the_same_however_cut(void)
{
	static const char *const seeds[] = {
		OK_HEAD "\r\n", OK_HEAD "User-Agent: x\r\nConnection: close\r\n\r\n",
		"GET /metadata/instance/compute/vmId?api-version=2021-02-01&format=text HTTP/1.1\r\n"
		"Host: 169.254.169.253:80\r\nMetadata: True\r\n\r\n",
		"GET /metadata/versions HTTP/1.0\r\nMetadata: true\r\n\r\n",
	};
	unsigned int loops = tap_loops(60000, 600000);

	for (unsigned int i = 0; i < loops; i++) {
		char bytes[600];
		const char *from = seeds[i % TAP_COUNT(seeds)];
		size_t length = strlen(from);

		memcpy(bytes, from, length);
		for (uint32_t n = roll(5); n && length > 1; n--)
			length = damage(bytes, length, sizeof(bytes));
		judge(bytes, length, i % 16 == 0);
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(good_heads_come_out_as_fields),
	TAP_TEST(heads_that_are_none_are_refused_with_a_sentence),
	TAP_TEST(a_head_is_bounded_in_bytes_and_headers),
	TAP_TEST(a_byte_that_is_no_text_is_refused_wherever_it_is),
	TAP_TEST(versions_are_ten_characters_of_the_list),
	TAP_TEST(a_query_key_comes_once_and_is_never_decoded),
	TAP_TEST(faults_are_told_in_one_order),
	TAP_TEST(bodies_escape_what_json_wants_escaped),
	TAP_TEST(base64_pads_as_the_standard_says),
	TAP_TEST(base64_is_right_at_every_length_and_place),
	TAP_TEST(instance_has_the_members_of_its_version_and_route_filters),
	TAP_TEST(damaged_requests_are_judged_the_same_however_cut),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
