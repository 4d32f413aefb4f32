// SPDX-License-Identifier: GPL-2.0
// Promises about many at once: who is slow holds up nobody, and nobody gets another's answer.

#include "rig.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define DOCUMENT	"/metadata/attested/document?api-version=2018-10-01"
#define HOST		"Host: 127.0.0.1\r\n"
#define TRUE		"Metadata: true\r\n"
#define ASK		"GET " DOCUMENT " HTTP/1.1\r\n" HOST TRUE "\r\n"

#define VMS		8
#define PER_VM		8	/* connections */

static struct rig rig;

static bool is_open(int sock)
{
	char byte;

	return recv(sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void ask_with(int sock, uint32_t slot, unsigned int number)
{
	char request[300];

	snprintf(request, sizeof(request),
		 "GET " DOCUMENT "&nonce=%u-%u HTTP/1.1\r\n" HOST TRUE "\r\n", slot, number);
	rig_send(sock, request);
}

static void need_own(int sock, uint32_t slot, unsigned int number)
{
	struct rig_answer answer;
	char text[64], want[64];

	rig_read(sock, &answer);
	rig_document(&answer, text, sizeof(text));
	snprintf(want, sizeof(want), "%u %u-%u", slot, slot, number);
	tap_need_msg(!strcmp(text, want), "\"%s\", not \"%s\"", text, want);
}

/*
 * Every connection has a request open; a module answers its VM's in the wrong
 * order. What comes back names slot and nonce of who asked, each time.
 */
static void answers_never_cross_between_vms_or_requests(void)
{
	unsigned int rounds = tap_loops(80, 800);
	int socks[VMS][PER_VM];

	rig_prepare(&rig);
	rig_start(&rig);
	for (uint32_t vm = 0; vm < VMS; vm++) {
		rig_serve(rig_grant(&rig, 10 + vm, 1001 + vm), 10 + vm, PER_VM);
		for (int i = 0; i < PER_VM; i++)
			socks[vm][i] = rig_connect(&rig, 10 + vm);
	}
	for (unsigned int round = 0; round < rounds; round++) {
		for (int i = 0; i < PER_VM; i++)
			for (uint32_t vm = 0; vm < VMS; vm++)
				ask_with(socks[vm][i], 10 + vm, round * PER_VM + (unsigned int)i);
		for (uint32_t vm = 0; vm < VMS; vm++)
			for (int i = 0; i < PER_VM; i++)
				need_own(socks[vm][i], 10 + vm, round * PER_VM + (unsigned int)i);
	}
}

static void a_module_that_is_silent_for_one_vm_holds_up_no_other(void)
{
	int silent;

	rig_prepare(&rig);
	rig_start(&rig);
	silent = rig_grant(&rig, 7, 1001);
	rig_serve(rig_grant(&rig, 8, 1002), 8, 1);
	for (int i = 0; i < 16; i++)
		rig_send(rig_connect(&rig, 7), ASK);
	for (unsigned int i = 0; i < 100; i++) {
		int sock = rig_connect(&rig, 8);

		ask_with(sock, 8, i);
		need_own(sock, 8, i);
		close(sock);
	}
	tap_need(silent >= 0);
}

/* T07: one VM has its connections and no more; ended ones make room. */
static void connections_of_a_vm_are_capped(void)
{
	int socks[16], sock;

	rig_prepare(&rig);
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	rig_serve(rig_grant(&rig, 8, 1002), 8, 1);
	for (int i = 0; i < 16; i++)
		socks[i] = rig_connect(&rig, 7);
	for (int i = 0; i < 1000; i++)
		rig_need_refused(&rig, 7);
	for (int i = 0; i < 16; i++)
		tap_need(is_open(socks[i]));
	sock = rig_connect(&rig, 8);
	ask_with(sock, 8, 1);
	need_own(sock, 8, 1);
	close(socks[5]);
	rig_settle(&rig);
	sock = rig_connect(&rig, 7);
	rig_settle(&rig);
	tap_need(is_open(sock));
}

/* T07: 1 byte now and then does not prolong a request, whole ones a connection. */
static void a_request_has_its_time_from_the_first_byte(void)
{
	static const char request[] = ASK;
	size_t sent = 0;
	char byte;
	int slow;

	rig_prepare(&rig);
	rig.config.request_ms = 300;
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	slow = rig_connect(&rig, 7);
	/* For ever, were each byte to begin the time again. */
	while (recv(slow, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
		struct pollfd wait = { .fd = slow, .events = POLLIN };

		rig_send_bytes(slow, sent < 18 ? request + sent : "a", 1);
		sent++;
		poll(&wait, 1, 20);
		tap_need(sent < 100000);
	}
	tap_need_eq(errno, ECONNRESET);
}

static void an_idle_connection_ends(void)
{
	struct rig_answer answer;
	int fresh, used;

	rig_prepare(&rig);
	rig.config.idle_ms = 200;
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	fresh = rig_connect(&rig, 7);
	used = rig_connect(&rig, 7);
	rig_ask(&rig, used, "GET", "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_need_reset(fresh);
	rig_need_reset(used);
}

/* What the module is not asked for has a rate too; other VMs do not notice it. */
static void versions_and_refusals_have_a_rate_of_each_vm(void)
{
	struct rig_answer answer;

	rig_prepare(&rig);
	rig.config.request_rate = 1;
	rig.config.request_burst = 2;
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	rig_grant(&rig, 8, 1002);
	rig_get(&rig, 7, "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_get(&rig, 7, "/metadata/nothing", TRUE, &answer);
	tap_need_eq(answer.status, 404);
	do
		rig_get(&rig, 7, "/metadata/versions", TRUE, &answer);
	while (answer.status == 200);
	tap_need_eq(answer.status, 429);
	tap_need(rig_header(&answer, "Retry-After: 1"));
	rig_get(&rig, 8, "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
}

static void no_reply_in_time_is_410_and_a_late_one_is_nobodys(void)
{
	struct frame_header first, second;
	struct rig_answer answer;
	uint32_t version;
	char nonce[33];
	int module, sock;

	rig_prepare(&rig);
	rig.config.answer_ms = 100;
	rig_start(&rig);
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_send(sock, ASK);
	rig_take(module, &first, nonce, &version);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 410);
	tap_need(!answer.closed);
	rig_send(sock, ASK);
	rig_take(module, &second, nonce, &version);
	rig_reply(module, &first, AZATTEST_STATUS_OK, "zzz", 3);
	rig_reply(module, &second, AZATTEST_STATUS_OK, "abc", 3);
	rig_read(sock, &answer);
	tap_need(answer.status == 200 && strstr(answer.body, "\"YWJj\""));
}

static void the_module_is_told_the_deadline(void)
{
	unsigned char frame[AZATTEST_REQUEST_MAX];
	struct azattest_frame_attest attest;
	int module;

	rig_prepare(&rig);
	rig.config.answer_ms = 12345;
	rig_start(&rig);
	module = rig_grant(&rig, 7, 1001);
	rig_send(rig_connect(&rig, 7), ASK);
	tap_need_eq(recv(module, frame, sizeof(frame), 0), FRAME_HEADER + sizeof(attest));
	memcpy(&attest, frame + FRAME_HEADER, sizeof(attest));
	tap_need_eq(attest.timeout_ms, 12345);
	tap_need_eq(attest.flags, AZATTEST_ATTEST_NO_NONCE);
}

/* A file that takes no more is a VM that asks too much. */
static void a_full_file_is_429(void)
{
	struct rig_answer answer;
	int pair[2], small = 1, sock;
	char junk[2000] = { 0 };

	rig_prepare(&rig);
	rig_start(&rig);
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (send(pair[1], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	rig_grant_file(&rig, 7, 1001, RIG_FACTS, pair[1]);
	rig_settle(&rig);
	sock = rig_connect(&rig, 7);
	rig_ask(&rig, sock, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 429);
	tap_need(rig_header(&answer, "Retry-After: 1"));
}

static unsigned int lines_in_log(void)
{
	unsigned int lines = 0;
	char path[100];
	FILE *log;
	int c;

	snprintf(path, sizeof(path), "%s/log", rig.dir);
	log = fopen(path, "r");
	tap_need(log);
	while ((c = fgetc(log)) != EOF)
		lines += c == '\n';
	fclose(log);
	return lines;
}

static void a_guest_cannot_fill_the_log(void)
{
	unsigned int before;

	rig_prepare(&rig);
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	before = lines_in_log();
	for (int i = 0; i < 300; i++) {
		struct rig_answer answer;

		rig_get(&rig, 7, i % 2 ? "/nothing" : DOCUMENT "&nonce=\"", TRUE, &answer);
		tap_need(answer.status == 404 || answer.status == 400);
	}
	rig_settle(&rig);
	tap_need_msg(lines_in_log() <= before + 1, "%u lines", lines_in_log() - before);
}

static const struct tap_test tests[] = {
	TAP_TEST(answers_never_cross_between_vms_or_requests),
	TAP_TEST(a_module_that_is_silent_for_one_vm_holds_up_no_other),
	TAP_TEST(connections_of_a_vm_are_capped),
	TAP_TEST(a_request_has_its_time_from_the_first_byte),
	TAP_TEST(an_idle_connection_ends),
	TAP_TEST(no_reply_in_time_is_410_and_a_late_one_is_nobodys),
	TAP_TEST(the_module_is_told_the_deadline),
	TAP_TEST(versions_and_refusals_have_a_rate_of_each_vm),
	TAP_TEST(a_full_file_is_429),
	TAP_TEST(a_guest_cannot_fill_the_log),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
