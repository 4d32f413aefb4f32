// SPDX-License-Identifier: GPL-2.0
// Tests that through the door for VMMs with a Unix socket frames of many connections
// pass whole over one device file, and each reply to who asked.

#include "rig.h"

#include <endian.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <userspace/azattest-run/mux.h>

static void frame_and_reply_pass_whole(void)
{
	unsigned char request[256], seen[256], der[3000], got[3000];
	struct azattest_frame_attest attest = { .api_version = htole32(20200901),
						.nonce_len = 3 };
	struct azattest_frame h;
	struct rig rig;
	size_t i;
	int vm;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	rig_request(request, AZATTEST_FRAME_ATTEST, 0xdeadbeef, 19);
	memcpy(request + RIG_HEADER, &attest, sizeof(attest));
	memcpy(request + RIG_HEADER + sizeof(attest), "abc", 3);
	rig_put(vm, request, RIG_HEADER + 19);
	tap_need_eq(rig_device_take(&rig, &h, seen), RIG_HEADER + 19);
	tap_need(!memcmp(seen + RIG_HEADER, request + RIG_HEADER, 19));
	for (i = 0; i < sizeof(der); i++)
		der[i] = (unsigned char)(i * 11);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, der, sizeof(der));
	tap_need(rig_vm_read(vm, &h, RIG_HEADER));
	tap_need_eq(le32toh(h.id), 0xdeadbeef);
	tap_need_eq(h.type, AZATTEST_FRAME_ATTEST | AZATTEST_FRAME_REPLY);
	tap_need_eq(le32toh(h.length), sizeof(der));
	tap_need(rig_vm_read(vm, got, sizeof(got)) && !memcmp(got, der, sizeof(der)));
	rig_stop(&rig);
}

static void same_ids_of_two_connections_do_not_mix(void)
{
	struct azattest_frame first, second;
	struct rig rig;
	int a, b;

	rig_start(&rig);
	a = rig_vm_connect(&rig);
	b = rig_vm_connect(&rig);
	rig_ask(a, 7);
	first = rig_device_next(&rig);
	rig_ask(b, 7);
	second = rig_device_next(&rig);
	tap_need(first.id != second.id);
	/* the later one is answered first */
	rig_device_reply(&rig, &second, AZATTEST_STATUS_OK, "bb", 2);
	rig_device_reply(&rig, &first, AZATTEST_STATUS_OK, "aaaa", 4);
	tap_need_eq(le32toh(rig_vm_reply(a).length), 4);
	tap_need_eq(le32toh(rig_vm_reply(b).length), 2);
	rig_stop(&rig);
}

static void second_request_waits_for_first_reply(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	rig_ask(vm, 1);
	rig_ask(vm, 2);
	h = rig_device_next(&rig);
	tap_need(rig_device_idle(&rig));
	rig_device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(rig_vm_reply(vm).id), 1);
	h = rig_device_next(&rig);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	tap_need_eq(le32toh(rig_vm_reply(vm).id), 2);
	rig_stop(&rig);
}

static void request_in_single_bytes_passes(void)
{
	unsigned char frame[64];
	struct rig rig;
	size_t len, i;
	int vm;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	len = rig_request(frame, AZATTEST_FRAME_HELLO, 9, 0);
	for (i = 0; i < len; i++) {
		rig_put(vm, frame + i, 1);
		tap_pause();
	}
	rig_device_next(&rig);
	rig_stop(&rig);
}

/* The newcomer sits in the same slot and has asked with the same id. */
static void late_reply_never_reaches_a_newcomer(void)
{
	struct azattest_frame old, new;
	struct rig rig;
	int a, b;

	rig_start(&rig);
	a = rig_vm_connect(&rig);
	rig_ask(a, 7);
	old = rig_device_next(&rig);
	close(a);
	b = rig_vm_connect(&rig);
	rig_ask(b, 7);
	new = rig_device_next(&rig);
	rig_device_reply(&rig, &old, AZATTEST_STATUS_OK, "another's", 9);
	rig_device_reply(&rig, &old, AZATTEST_STATUS_OK, "another's", 9);
	rig_device_reply(&rig, &new, AZATTEST_STATUS_OK, "own", 3);
	tap_need_eq(le32toh(rig_vm_reply(b).length), 3);
	rig_stop(&rig);
}

/* What was sent to it and that it has not read; asking before it has would be a race. */
static int unread(const struct rig *rig)
{
	int bytes;

	tap_need(!ioctl(rig->device, SIOCOUTQ, &bytes));
	return bytes;
}

static void replies_to_nothing_are_dropped(void)
{
	struct azattest_frame h = { htole32(AZATTEST_FRAME_MAGIC), 1,
				    AZATTEST_FRAME_ISSUER, 0, 0, 0 };
	struct rig rig;
	uint32_t id;
	int vm;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	for (id = 0; id < 20; id++) {
		h.id = htole32(id);
		rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "x", 1);
	}
	tap_need_eq(write(rig.device, "short", 5), 5);
	tap_need_wait(!unread(&rig));
	rig_ask(vm, 1);
	h = rig_device_next(&rig);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "yy", 2);
	tap_need_eq(le32toh(rig_vm_reply(vm).length), 2);
	rig_stop(&rig);
}

/* A device without room is no failure: requests wait until it has some. */
static void full_device_delays_and_loses_nothing(void)
{
	int vms[MUX_CONNECTIONS], i;
	struct rig rig;

	rig_start_at(&rig, 0, 1);
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		vms[i] = rig_vm_connect(&rig);
		rig_ask(vms[i], 100 + (uint32_t)i);
	}
	tap_pause();
	for (i = 0; i < MUX_CONNECTIONS; i++) {
		struct azattest_frame h = rig_device_next(&rig);

		rig_device_reply(&rig, &h, AZATTEST_STATUS_RETRY, "", 0);
	}
	for (i = 0; i < MUX_CONNECTIONS; i++)
		tap_need_eq(le32toh(rig_vm_reply(vms[i]).id), 100 + i);
	rig_stop(&rig);
}

static void end_of_binding_ends_all(void)
{
	struct rig rig;
	int a, b;

	rig_start(&rig);
	a = rig_vm_connect(&rig);
	b = rig_vm_connect(&rig);
	rig_ask(a, 1);
	rig_device_next(&rig);
	rig_stop(&rig);
	tap_need(rig_vm_closed(a));
	tap_need(rig_vm_closed(b));
}

static void half_closed_vm_still_gets_its_reply(void)
{
	struct azattest_frame h;
	struct rig rig;
	int vm;

	rig_start(&rig);
	vm = rig_vm_connect(&rig);
	rig_ask(vm, 6);
	shutdown(vm, SHUT_WR);
	h = rig_device_next(&rig);
	rig_device_reply(&rig, &h, AZATTEST_STATUS_OK, "x", 1);
	tap_need_eq(le32toh(rig_vm_reply(vm).id), 6);
	tap_need(rig_vm_closed(vm));
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(frame_and_reply_pass_whole),
	TAP_TEST(same_ids_of_two_connections_do_not_mix),
	TAP_TEST(second_request_waits_for_first_reply),
	TAP_TEST(request_in_single_bytes_passes),
	TAP_TEST(late_reply_never_reaches_a_newcomer),
	TAP_TEST(replies_to_nothing_are_dropped),
	TAP_TEST(full_device_delays_and_loses_nothing),
	TAP_TEST(end_of_binding_ends_all),
	TAP_TEST(half_closed_vm_still_gets_its_reply),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
