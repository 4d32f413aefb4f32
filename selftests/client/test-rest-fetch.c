// SPDX-License-Identifier: GPL-2.0
// Tests that of what a REST host says only one shape is believed, that each
// status has its code, and that no host can make a client wait or crash.

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/lib/azattest.h>
#include <userspace/lib/http.h>

#define TIMEOUT_MS	20000
#define SHORT_MS	300

#define OK		"HTTP/1.1 200 OK\r\n"
#define BODY		"{\"encoding\":\"pkcs7\",\"signature\":\"MAMCAQc=\"}"
#define BODY_LEN	"43"
#define GOOD		OK "Content-Length: " BODY_LEN "\r\n\r\n" BODY

/* What the host does with a request. */
struct host {
	const char *text;	/* its answer */
	size_t len;		/* of it; 0: all */
	size_t step;		/* bytes a time; 0: all at once */
	size_t repeat;		/* the last so many bytes again and again */
	bool silent;		/* reads, never answers */
	bool open;		/* does not hang up */
};

struct stage {
	int fd;
	const struct host *host;
};

static bool put(int fd, const char *text, size_t len, size_t step)
{
	while (len) {
		ssize_t n = send(fd, text, step && step < len ? step : len,
				 MSG_NOSIGNAL);

		if (n < 0)
			return false;
		text += n;
		len -= (size_t)n;
		if (step)
			tap_pause();
	}
	return true;
}

static void wait_for_hang_up(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) > 0)
		;
}

static int play(void *arg)
{
	struct stage *stage = arg;
	const struct host *h = stage->host;
	size_t len = h->len ?: strlen(h->text ?: "");
	char request[1024];
	ssize_t n = 0, got = 0;

	while (!n || !memmem(request, (size_t)n, "\r\n\r\n", 4)) {
		got = recv(stage->fd, request + n, sizeof(request) - (size_t)n, 0);
		if (got <= 0)
			return 1;
		n += got;
	}
	if (!h->silent && put(stage->fd, h->text, len, h->step))
		while (h->repeat && put(stage->fd, h->text + len - h->repeat,
					h->repeat, h->step))
			;
	if (h->silent || h->open)
		wait_for_hang_up(stage->fd);
	close(stage->fd);
	return 0;
}

struct outcome {
	unsigned char *der;
	size_t len;
	struct azattest_fault fault;
};

static int fetch_from(const struct host *h, bool issuer, int timeout_ms,
		      struct outcome *o)
{
	struct azattest_request request = { .nonce = "abc" };
	struct stage stage;
	int pair[2], code;
	pid_t pid;

	*o = (struct outcome){ 0 };
	tap_need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	stage = (struct stage){ pair[1], h };
	pid = tap_spawn(play, &stage, pair[1]);
	close(pair[1]);
	code = issuer ?
		azattest_rest_fetch_issuer(pair[0], timeout_ms, &o->der, &o->len,
					   &o->fault) :
		azattest_rest_fetch_document(pair[0], &request, timeout_ms,
					     &o->der, &o->len, &o->fault);
	close(pair[0]);
	tap_need_eq(tap_join(pid), 0);
	tap_need(!code == !!o->der);
	if (code)
		tap_need_eq(o->fault.code, code);
	return code;
}

static void need_host(const struct host *h, int timeout_ms, int code)
{
	struct outcome o;
	int got = fetch_from(h, false, timeout_ms, &o);

	tap_need_msg(got == code, "\"%.60s\" gives %s (%s), not %s", h->text ?: "",
		     azattest_code_name(got), o.fault.text,
		     azattest_code_name(code));
	free(o.der);
}

static void need(const char *text, int code)
{
	need_host(&(struct host){ .text = text }, TIMEOUT_MS, code);
}

/* ---- what is taken ---- */

static void a_document_comes_out_as_der(void)
{
	static const unsigned char want[] = { 0x30, 3, 2, 1, 7 };
	struct host h = { .text = GOOD };
	struct outcome o;

	tap_need_eq(fetch_from(&h, false, TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, sizeof(want));
	tap_need(!memcmp(o.der, want, sizeof(want)));
	free(o.der);
}

static void an_issuer_comes_out_as_it_is(void)
{
	struct host h = { .text = OK "Content-Type: application/pkix-cert\r\n"
		"Content-Length: 5\r\n\r\n0\003\002\001\007" };
	struct outcome o;

	tap_need_eq(fetch_from(&h, true, TIMEOUT_MS, &o), 0);
	tap_need_eq(o.len, 5);
	tap_need(!memcmp(o.der, "0\003\002\001\007", 5));
	free(o.der);
	h.text = OK "Content-Length: 0\r\n\r\n";
	tap_need_eq(fetch_from(&h, true, TIMEOUT_MS, &o), AZATTEST_E_REPLY);
}

static void forms_of_the_head_that_are_taken(void)
{
	need("HTTP/1.0 200 OK\r\nContent-Length: " BODY_LEN "\r\n\r\n" BODY, 0);
	need("HTTP/1.1 200\r\nContent-Length: " BODY_LEN "\r\n\r\n" BODY, 0);
	need("HTTP/1.1 200 \r\ncontent-length:" BODY_LEN " \t\r\nX:\r\n\r\n" BODY, 0);
	need(OK "Date: x\r\nCONTENT-LENGTH: \t" BODY_LEN "\r\nA: b:c\r\n\r\n" BODY, 0);
}

static void an_answer_in_single_bytes_is_taken(void)
{
	need_host(&(struct host){ .text = GOOD, .step = 1 }, TIMEOUT_MS, 0);
}

/* The end of the body is the end, whether the host hangs up or not. */
static void nobody_waits_for_the_hang_up(void)
{
	need_host(&(struct host){ .text = GOOD, .open = true }, TIMEOUT_MS, 0);
}

/* ---- what is not ---- */

static void other_heads_are_refused(void)
{
	static const char *const heads[] = {
		"HTTP/2.0 200 OK\r\n", "HTTP/1.2 200 OK\r\n", "http/1.1 200 OK\r\n",
		"HTTP/1.1200 OK\r\n", "HTTP/1.1  200 OK\r\n", "HTTP/1.1 20 OK\r\n",
		"HTTP/1.1 2000 OK\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 999 OK\r\n",
		"HTTP/1.1 000 OK\r\n", "ICY 200 OK\r\n", "\r\nHTTP/1.1 200 OK\r\n",
		" HTTP/1.1 200 OK\r\n",
		OK "X y\r\n", OK ": y\r\n", OK "X : y\r\n", OK " X: y\r\n",
		OK "X: y\r\n z\r\n", OK "X: \001\r\n", OK "X: y\rz\r\n",
		OK "X: y\nZ: z\r\n", OK "X: \x7f\r\n", "HTTP/1.1 200 OK\n",
		OK "Transfer-Encoding: chunked\r\n", OK "transfer-encoding: identity\r\n",
		OK "Content-Encoding: gzip\r\n", OK "Content-Length: " BODY_LEN "\r\n",
		OK "Content-Length: 44\r\n", OK "Content-Length:\r\n",
	};
	char text[512];

	for (size_t i = 0; i < TAP_COUNT(heads); i++) {
		snprintf(text, sizeof(text), "%sContent-Length: " BODY_LEN "\r\n\r\n%s",
			 heads[i], BODY);
		need(text, AZATTEST_E_REPLY);
	}
}

static void lengths_that_are_none_are_refused(void)
{
	static const char *const lengths[] = {
		"", "-1", "+43", "0x2b", "43 43", "43,43", "4 3", "43x", "000000043",
		"99999999999999999999", "4294967339", "16385", "42",
	};
	char text[512];

	for (size_t i = 0; i < TAP_COUNT(lengths); i++) {
		snprintf(text, sizeof(text), OK "Content-Length: %s\r\n\r\n" BODY, lengths[i]);
		need(text, AZATTEST_E_REPLY);
	}
	need(OK "\r\n" BODY, AZATTEST_E_REPLY);
	need("HTTP/1.1 410 Gone\r\n\r\n", AZATTEST_E_REPLY);
}

static void a_nul_in_the_head_is_refused(void)
{
	static const char text[] = OK "X: a\0b\r\nContent-Length: 43\r\n\r\n" BODY;

	need_host(&(struct host){ .text = text, .len = sizeof(text) - 1 }, TIMEOUT_MS,
		  AZATTEST_E_REPLY);
}

static void bytes_after_the_body_are_refused(void)
{
	need(GOOD "x", AZATTEST_E_REPLY);
	need(GOOD GOOD, AZATTEST_E_REPLY);
}

static void bodies_that_are_no_document_are_refused(void)
{
	static const char *const bodies[] = {
		"", "x", "[]", "{}", "MAMCAQc=", "{\"encoding\":\"pkcs7\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAMCAQc\"}",
		"{\"encoding\":\"pkcs8\",\"signature\":\"MAMCAQc=\"}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAMCAQc=\",\"x\":1}",
		"{\"encoding\":\"pkcs7\",\"signature\":\"MAMCAQc=\"}{}",
	};
	char text[512];

	for (size_t i = 0; i < TAP_COUNT(bodies); i++) {
		snprintf(text, sizeof(text), OK "Content-Length: %zu\r\n\r\n%s",
			 strlen(bodies[i]), bodies[i]);
		need(text, AZATTEST_E_REPLY);
	}
}

/* Never longer than a frame could carry. */
static void a_document_that_is_too_long_is_refused(void)
{
	char *text = malloc(32768), *end;
	struct outcome o;

	for (int extra = 0; extra < 2; extra++) {
		size_t groups = 2725 + (size_t)extra;	/* 8175 and 8178 bytes */

		end = text + sprintf(text, OK "Content-Length: %zu\r\n\r\n"
				     "{\"encoding\":\"pkcs7\",\"signature\":\"",
				     groups * 4 + 35);
		for (size_t i = 0; i < groups; i++)
			end = stpcpy(end, "MAMC");
		strcpy(end, "\"}");
		tap_need_eq(fetch_from(&(struct host){ .text = text }, false,
				       TIMEOUT_MS, &o), extra ? AZATTEST_E_REPLY : 0);
		free(o.der);
	}
	free(text);
}

static void every_cut_is_a_reset(void)
{
	for (size_t len = 1; len < strlen(GOOD); len++)
		need_host(&(struct host){ .text = GOOD, .len = len }, TIMEOUT_MS,
			  AZATTEST_E_RESET);
	need_host(&(struct host){ .text = "" }, TIMEOUT_MS, AZATTEST_E_RESET);
}

static void what_is_no_http_is_told_at_once(void)
{
	need_host(&(struct host){ .text = "SSH-2.0-x\r\n", .open = true }, TIMEOUT_MS,
		  AZATTEST_E_REPLY);
	need_host(&(struct host){ .text = "HTTP/1.1 200 OK\r\nX: y\r\n\r\n", .open = true },
		  TIMEOUT_MS, AZATTEST_E_REPLY);
}

static void endless_answers_end(void)
{
	need_host(&(struct host){ .text = OK "X: y\r\n", .repeat = 6 }, TIMEOUT_MS,
		  AZATTEST_E_REPLY);
	need_host(&(struct host){ .text = OK "X", .repeat = 1 }, TIMEOUT_MS,
		  AZATTEST_E_REPLY);
	need_host(&(struct host){ .text = GOOD " ", .repeat = 1 }, TIMEOUT_MS,
		  AZATTEST_E_REPLY);
}

/* ---- time ---- */

static void silence_times_out(void)
{
	need_host(&(struct host){ .silent = true }, SHORT_MS, AZATTEST_E_TIMEOUT);
	need_host(&(struct host){ .text = OK, .open = true }, SHORT_MS, AZATTEST_E_TIMEOUT);
}

/* Each byte comes in time; the whole never does. */
static void a_trickle_times_out(void)
{
	need_host(&(struct host){ .text = OK "X", .repeat = 1, .step = 1 }, SHORT_MS,
		  AZATTEST_E_TIMEOUT);
}

/* ---- statuses ---- */

static void each_status_has_its_code(void)
{
	static const struct { unsigned int status; int code; } rows[] = {
		{ 400, AZATTEST_E_BAD_REQUEST }, { 403, AZATTEST_E_DENIED },
		{ 404, AZATTEST_E_UNSUPPORTED }, { 410, AZATTEST_E_RETRY },
		{ 429, AZATTEST_E_BUSY }, { 500, AZATTEST_E_FAULT },
		{ 503, AZATTEST_E_EXPIRED },
		{ 201, AZATTEST_E_REPLY }, { 204, AZATTEST_E_REPLY },
		{ 206, AZATTEST_E_REPLY }, { 301, AZATTEST_E_REPLY },
		{ 302, AZATTEST_E_REPLY }, { 307, AZATTEST_E_REPLY },
		{ 401, AZATTEST_E_REPLY }, { 405, AZATTEST_E_REPLY },
		{ 407, AZATTEST_E_REPLY }, { 502, AZATTEST_E_REPLY },
		{ 504, AZATTEST_E_REPLY }, { 100, AZATTEST_E_REPLY },
	};
	char text[512];

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 %u X\r\nLocation: /there\r\n"
			 "Content-Length: " BODY_LEN "\r\n\r\n" BODY, rows[i].status);
		need(text, rows[i].code);
		snprintf(text, sizeof(text), "HTTP/1.1 %u X\r\nContent-Length: 0\r\n\r\n",
			 rows[i].status);
		need(text, rows[i].code);
	}
}

static void an_unknown_version_is_unsupported(void)
{
	need("HTTP/1.1 400 Bad Request\r\nContent-Length: 47\r\n\r\n"
	     "{\"error\":\"x\",\"newest-versions\":[\"2025-04-07\"]}\n",
	     AZATTEST_E_UNSUPPORTED);
}

static void what_a_host_says_is_told_plainly(void)
{
	struct host h = { .text = "HTTP/1.1 403 Forbidden\r\nContent-Length: 35\r\n\r\n"
		"{\"error\":\"no \\u001b[2J\\r\\nline \xc3\xa9\"}" };
	struct outcome o;

	tap_need_eq(fetch_from(&h, false, TIMEOUT_MS, &o), AZATTEST_E_DENIED);
	tap_need_msg(!strcmp(o.fault.text, "the host answers 403: no ?[2J??line ??"),
		     "%s", o.fault.text);
}

/* ---- every other answer ---- */

/*
 * What is taken is whole and inside the data, and a longer prefix of the same
 * bytes is never judged otherwise: neither taken after a refusal nor the other
 * way round.
 */
static void mutated_answers_are_judged_once_and_inside_their_bytes(void)
{
	static const char alphabet[] = "\r\n :0149aHTPxC-\t,{}\"\x80";
	unsigned int loops = tap_loops(20000, 200000), seed = 1;

	for (unsigned int i = 0; i < loops; i++) {
		char text[] = GOOD;
		size_t len = strlen(text);
		int before = 0;

		for (int k = rand_r(&seed) % 4; k >= 0; k--)
			text[(size_t)rand_r(&seed) % len] =
				alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
		for (size_t cut = 0; cut <= len; cut++) {
			unsigned char *copy = malloc(cut + !cut);
			struct http_answer answer;
			const char *why = NULL;
			int now;

			memcpy(copy, text, cut);
			now = http_check_answer(copy, cut, &answer, &why);
			tap_need(before >= 0 || now == before);
			tap_need(now >= 0 || why);
			if (now > 0) {
				tap_need(answer.body >= copy);
				tap_need(answer.body + answer.body_len == copy + cut);
			}
			free(copy);
			before = now > 0 ? 0 : now;	/* one byte more: refused */
			if (now > 0 && cut < len)
				before = -1;
		}
	}
}

static const struct tap_test tests[] = {
	TAP_TEST(a_document_comes_out_as_der),
	TAP_TEST(an_issuer_comes_out_as_it_is),
	TAP_TEST(forms_of_the_head_that_are_taken),
	TAP_TEST(an_answer_in_single_bytes_is_taken),
	TAP_TEST(nobody_waits_for_the_hang_up),
	TAP_TEST(other_heads_are_refused),
	TAP_TEST(lengths_that_are_none_are_refused),
	TAP_TEST(a_nul_in_the_head_is_refused),
	TAP_TEST(bytes_after_the_body_are_refused),
	TAP_TEST(bodies_that_are_no_document_are_refused),
	TAP_TEST(a_document_that_is_too_long_is_refused),
	TAP_TEST(every_cut_is_a_reset),
	TAP_TEST(what_is_no_http_is_told_at_once),
	TAP_TEST(endless_answers_end),
	TAP_TEST(silence_times_out),
	TAP_TEST(a_trickle_times_out),
	TAP_TEST(each_status_has_its_code),
	TAP_TEST(an_unknown_version_is_unsupported),
	TAP_TEST(what_a_host_says_is_told_plainly),
	TAP_TEST(mutated_answers_are_judged_once_and_inside_their_bytes),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
