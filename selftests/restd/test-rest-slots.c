// SPDX-License-Identifier: GPL-2.0
// Promises about whose connection it is: slots, revocation, ends of bindings, restarts of hostd.

#include "rig.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
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

static struct rig rig;

static void begin(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
}

static void need_served(uint32_t slot)
{
	struct rig_answer answer;

	rig_get(&rig, slot, "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
}

static void only_a_granted_slot_is_let_in(void)
{
	begin();
	rig_need_refused(&rig, 7);
	rig_grant(&rig, 7, 1001);
	need_served(7);
	rig_need_refused(&rig, 6);
	rig_need_refused(&rig, 8);
	rig_need_refused(&rig, 0);
	rig_need_refused(&rig, RIG_SLOTS);
	rig_need_refused(&rig, 0x10000 + 7);
}

/* Connections in each phase: idle, half a request, waiting, answered. */
static void connect_in_each_phase(int module, int socks[4])
{
	struct frame_header header;
	struct rig_answer answer;
	uint32_t version;
	char nonce[33];

	for (int i = 0; i < 4; i++)
		socks[i] = rig_connect(&rig, 7);
	rig_send(socks[1], "GET /metadata");
	rig_ask(&rig, socks[3], "GET", "/metadata/versions", TRUE, &answer);
	tap_need(answer.status == 200 && !answer.closed);
	rig_send(socks[2], ASK);
	rig_take(module, &header, nonce, &version);
}

/* T35 */
static void revoked_means_every_connection_is_reset_and_not_a_byte_follows(void)
{
	struct frame_header header = { 0 };
	int socks[4], old, fresh;

	begin();
	old = rig_grant(&rig, 7, 1001);
	connect_in_each_phase(old, socks);
	rig_revoke(&rig, 7, 1001);
	/* At this moment, not a little later: no byte, and the end is there. */
	for (int i = 0; i < 4; i++) {
		char byte;

		tap_need_msg(recv(socks[i], &byte, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET,
			     "connection %d: errno %d", i, errno);
	}
	fresh = rig_grant(&rig, 7, 2002);
	rig_send(socks[2], ASK);
	rig_send(socks[3], ASK);
	rig_settle(&rig);
	tap_need_eq(recv(fresh, &header, sizeof(header), MSG_DONTWAIT), -1);
	need_served(7);
	/* The old file is closed, too: nothing is read from it. */
	tap_need_eq(send(old, "x", 1, MSG_NOSIGNAL), -1);
}

/* Much is on its way to a guest that does not read: it stays here. */
static void revoked_empties_what_waits_to_be_sent(void)
{
	static char der[AZATTEST_FRAME_MAX - 16], nowhere[100000];
	struct frame_header header;
	int small = 2048, module, sock;
	uint32_t version;
	char nonce[33];
	ssize_t got = 0, n;

	begin();
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	tap_need(!setsockopt(sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	for (int i = 0; i < 200; i++) {
		rig_send(sock, ASK);
		rig_settle(&rig);
		if (recv(module, &header, sizeof(header), MSG_PEEK | MSG_DONTWAIT) < 0)
			break;
		rig_take(module, &header, nonce, &version);
		rig_reply(module, &header, AZATTEST_STATUS_OK, der, sizeof(der));
		rig_settle(&rig);
	}
	rig_revoke(&rig, 7, 1001);
	while ((n = recv(sock, nowhere, sizeof(nowhere), MSG_DONTWAIT)) > 0)
		got += n;
	tap_need_msg(n < 0 && errno == ECONNRESET, "the end: %zd, %s", n, strerror(errno));
}

static void revoking_one_vm_leaves_the_others(void)
{
	struct rig_answer answer;
	int other;

	begin();
	rig_grant(&rig, 7, 1001);
	rig_serve(rig_grant(&rig, 8, 1002), 8, 1);
	other = rig_connect(&rig, 8);
	rig_revoke(&rig, 7, 1001);
	rig_need_refused(&rig, 7);
	rig_ask(&rig, other, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
	/* A revocation of another generation is about nobody here. */
	rig_revoke(&rig, 8, 1001);
	rig_ask(&rig, other, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
}

static void the_end_of_a_binding_resets_its_connections(void)
{
	int module, socks[4];

	begin();
	module = rig_grant(&rig, 7, 1001);
	connect_in_each_phase(module, socks);
	close(module);
	for (int i = 0; i < 4; i++)
		rig_need_reset(socks[i]);
	rig_need_refused(&rig, 7);
	rig_revoke(&rig, 7, 1001);
	rig_grant(&rig, 7, 1002);
	need_served(7);
}

/* The module was loaded anew while hostd was away: its generations begin again. */
static void a_grant_of_one_that_has_ended_brings_it_back(void)
{
	int module, sock;

	begin();
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	close(module);
	rig_need_reset(sock);
	rig_need_refused(&rig, 7);
	rig_grant(&rig, 7, 1001);
	need_served(7);
}

static void unbound_resets_and_says_nothing(void)
{
	struct frame_header header;
	int module, sock;
	uint32_t version;
	char nonce[33];

	begin();
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_send(sock, ASK);
	rig_take(module, &header, nonce, &version);
	rig_reply(module, &header, AZATTEST_STATUS_UNBOUND, NULL, 0);
	rig_need_reset(sock);
	rig_need_refused(&rig, 7);
}

/* Replies to nobody, to others, and broken ones: never an answer, never the end. */
static void a_reply_reaches_its_request_or_nobody(void)
{
	static const unsigned char junk[4] = { 1, 2, 3, 4 };
	struct frame_header header, other;
	struct rig_answer answer;
	int module, sock;
	uint32_t version;
	char nonce[33];

	begin();
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_send(sock, ASK);
	rig_take(module, &header, nonce, &version);
	tap_need(send(module, junk, sizeof(junk), 0) == sizeof(junk));
	other = header;
	other.id++;
	rig_reply(module, &other, AZATTEST_STATUS_OK, "zzz", 3);
	other.id = 0;
	rig_reply(module, &other, AZATTEST_STATUS_OK, "zzz", 3);
	rig_reply(module, &header, AZATTEST_STATUS_OK, "abc", 3);
	rig_read(sock, &answer);
	tap_need(answer.status == 200 && strstr(answer.body, "\"YWJj\""));
	rig_reply(module, &header, AZATTEST_STATUS_OK, "zzz", 3);
	rig_send(sock, ASK);
	rig_take(module, &other, nonce, &version);
	tap_need(other.id != header.id);
	rig_reply(module, &header, AZATTEST_STATUS_OK, "zzz", 3);
	other.type = AZATTEST_FRAME_ISSUER;
	rig_reply(module, &other, AZATTEST_STATUS_OK, "abc", 3);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 500);
}

static void a_guest_that_left_gets_nobody_elses_answer(void)
{
	struct frame_header first, second;
	struct rig_answer answer;
	int module, sock;
	uint32_t version;
	char nonce[33];

	begin();
	module = rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_send(sock, ASK);
	rig_take(module, &first, nonce, &version);
	close(sock);
	sock = rig_connect(&rig, 7);
	rig_send(sock, ASK);
	rig_take(module, &second, nonce, &version);
	rig_reply(module, &first, AZATTEST_STATUS_OK, "zzz", 3);
	rig_reply(module, &second, AZATTEST_STATUS_OK, "abc", 3);
	rig_read(sock, &answer);
	tap_need(strstr(answer.body, "\"YWJj\""));
}

static void a_repeated_grant_changes_the_facts_only(void)
{
	struct rig_answer answer;
	int module, pair[2], sock;

	begin();
	module = rig_grant(&rig, 7, 1001);
	rig_serve(module, 7, 1);
	sock = rig_connect(&rig, 7);
	rig_ask(&rig, sock, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	rig_grant_file(&rig, 7, 1001, "{\"name\":\"web2\"}", pair[1]);
	close(pair[1]);
	rig_settle(&rig);
	tap_need_eq(recv(pair[0], &answer, 1, 0), 0);
	rig_ask(&rig, sock, "GET", "/metadata/instance/compute/name?api-version=2021-02-01&format=text",
		TRUE, &answer);
	tap_need(!strcmp(answer.body, "web2"));
	rig_ask(&rig, sock, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
}

static void a_new_generation_without_revoke_ends_the_old_one_first(void)
{
	int sock;

	begin();
	rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_settle(&rig);
	rig_grant(&rig, 7, 1002);
	rig_need_reset(sock);
	need_served(7);
}

/* hostd ends and starts: who is still enrolled notices nothing, others end. */
static void hostd_may_restart(void)
{
	struct rig_answer answer;
	int kept, gone, pair[2];

	begin();
	rig_serve(rig_grant(&rig, 7, 1001), 7, 1);
	rig_grant(&rig, 8, 1002);
	kept = rig_connect(&rig, 7);
	gone = rig_connect(&rig, 8);
	close(rig.session);
	rig_ask(&rig, kept, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_accept_session(&rig);
	tap_need(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	rig_grant_file(&rig, 7, 1001, RIG_FACTS, pair[1]);
	rig_sync(&rig);
	rig_need_reset(gone);
	rig_need_refused(&rig, 8);
	rig_ask(&rig, kept, "GET", DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!answer.closed);
}

/* Its slot has nobody behind it then, whoever was before; the session and all others go on. */
static void without_a_descriptor_one_grant_is_refused_and_nothing_else(void)
{
	struct rig_answer answer;
	uint32_t slot = 20;
	int known, old;

	rig_prepare(&rig);
	rig.files = 40;
	rig_start(&rig);
	rig_grant(&rig, 7, 1001);
	rig_grant(&rig, 9, 1003);
	known = rig_connect(&rig, 7);
	old = rig_connect(&rig, 9);
	rig_settle(&rig);
	while (rig_try_grant(&rig, slot, 1000, RIG_FACTS))
		tap_need(++slot < RIG_SLOTS - 1);
	tap_need(rig_try_grant(&rig, 7, 1001, "{\"name\":\"web2\"}"));
	rig_ask(&rig, known, "GET", "/metadata/instance/compute/name?api-version=2021-02-01&format=text",
		TRUE, &answer);
	tap_need(!strcmp(answer.body, "web2"));
	tap_need(!rig_try_grant(&rig, 9, 1004, RIG_FACTS));
	rig_need_reset(old);
	rig_need_refused(&rig, 9);
	rig_grant(&rig, 9, 1004);
	need_served(9);
}

/* And with another range nobody is who he was. */
static void another_range_ends_all(void)
{
	int sock;

	begin();
	rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	rig_settle(&rig);
	close(rig.session);
	rig.config.base = RIG_BASE - 1;
	rig_accept_session(&rig);
	rig_sync(&rig);
	rig_need_reset(sock);
	rig_need_refused(&rig, 7);
	rig_need_refused(&rig, 6);
}

static void a_broken_message_ends_the_session_and_nothing_else(void)
{
	struct rig_answer answer;
	int sock;

	begin();
	rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	tap_need_eq(send(rig.session, "hello", 5, 0), 5);
	rig_accept_session(&rig);
	rig_ask(&rig, sock, "GET", "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
}

static void answers_carry_the_hop_limit(void)
{
	int sock, ttl = 0;
	socklen_t size = sizeof(ttl);

	begin();
	rig_grant(&rig, 7, 1001);
	sock = rig_connect(&rig, 7);
	tap_need(!getsockopt(rig.web, IPPROTO_IP, IP_TTL, &ttl, &size));
	tap_need_eq(ttl, 1);
	close(sock);
}

static const struct tap_test tests[] = {
	TAP_TEST(only_a_granted_slot_is_let_in),
	TAP_TEST(revoked_means_every_connection_is_reset_and_not_a_byte_follows),
	TAP_TEST(revoked_empties_what_waits_to_be_sent),
	TAP_TEST(revoking_one_vm_leaves_the_others),
	TAP_TEST(the_end_of_a_binding_resets_its_connections),
	TAP_TEST(a_grant_of_one_that_has_ended_brings_it_back),
	TAP_TEST(unbound_resets_and_says_nothing),
	TAP_TEST(a_reply_reaches_its_request_or_nobody),
	TAP_TEST(a_guest_that_left_gets_nobody_elses_answer),
	TAP_TEST(a_repeated_grant_changes_the_facts_only),
	TAP_TEST(a_new_generation_without_revoke_ends_the_old_one_first),
	TAP_TEST(hostd_may_restart),
	TAP_TEST(without_a_descriptor_one_grant_is_refused_and_nothing_else),
	TAP_TEST(another_range_ends_all),
	TAP_TEST(a_broken_message_ends_the_session_and_nothing_else),
	TAP_TEST(answers_carry_the_hop_limit),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
