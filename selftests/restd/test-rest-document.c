// SPDX-License-Identifier: GPL-2.0
// Promises about a document over HTTP: what is asked of the module, what the guest reads.

#include "rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DOCUMENT	"/metadata/attested/document?api-version=2018-10-01"
#define TRUE		"Metadata: true\r\n"

static struct rig rig;
static int module;

static void begin(void)
{
	rig_prepare(&rig);
	rig_start(&rig);
	module = rig_grant(&rig, 7, 1001);
}

static void document_reaches_the_guest_that_asked(void)
{
	struct frame_header header;
	struct rig_answer answer;
	uint32_t version;
	char nonce[33];
	int sock;

	begin();
	sock = rig_connect(&rig, 7);
	rig_send(sock, "GET " DOCUMENT "&nonce=guest-4711 HTTP/1.1\r\nHost: 127.0.0.1\r\n" TRUE "\r\n");
	rig_take(module, &header, nonce, &version);
	tap_need_eq(header.type, AZATTEST_FRAME_ATTEST);
	tap_need_eq(version, 20181001);
	tap_need(!strcmp(nonce, "guest-4711"));
	rig_reply(module, &header, AZATTEST_STATUS_OK, "\x30\x03\x02\x01\xff", 5);
	rig_read(sock, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!strcmp(answer.body, "{\"encoding\":\"pkcs7\",\"signature\":\"MAMCAf8=\"}"));
	tap_need(rig_header(&answer, "Content-Type: application/json; charset=utf-8"));
	tap_need(rig_header(&answer, "Cache-Control: no-store"));
	tap_need(!answer.closed);
}

static const struct tap_test tests[] = {
	TAP_TEST(document_reaches_the_guest_that_asked),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
