// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-hostd on a host where parts of it are deleted or killed: it heals.

#include "scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- accidents, with the audit off ---- */

static void heals(const char *accident)
{
	int binding = scene_begin_served();

	rig_sh("%s", accident);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need_wait(rig_vm_is(SCENE_VM, "active"));
	close(binding);
	scene_end();
}

static void a_deleted_bridge_comes_back(void)
{
	heals("ip link del azhost-imds");
}

static void a_bridge_that_was_down_has_its_route_again(void)
{
	heals("ip link set azhost-imds down && ip link set azhost-imds up");
}

static void a_deleted_address_comes_back(void)
{
	heals("ip addr flush dev azhost-imds");
}

static void a_bridge_without_programs_gets_them_again(void)
{
	heals("tc qdisc del dev azhost-imds clsact");
}

static void a_tap_without_programs_gets_them_again(void)
{
	heals("tc qdisc del dev azt1 clsact");
}

static void a_tap_taken_from_the_bridge_is_put_back(void)
{
	int binding = scene_begin_served();

	rig_sh("ip link set azt1 nomaster down");
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need_wait(rig_can("ip link show azt1 | grep -q 'master azhost-imds'"));
	close(binding);
	scene_end();
}

static void removed_pins_come_back(void)
{
	int binding = scene_begin_served();

	rig_sh("rm -f /sys/fs/bpf/azattest-test/*");
	tap_need_wait(rig_can("test -e /sys/fs/bpf/azattest-test/link_steer"));
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	close(binding);
	scene_end();
}

static void a_detached_steer_is_attached_again(void)
{
	int binding = scene_begin_served();

	if (!rig_can("command -v bpftool >/dev/null")) {
		scene_end();
		tap_skip("no bpftool");
	}
	/* The first may be found by an event of what was done before. */
	for (int i = 0; i < 3; i++) {
		long long repairs = rig_status_number("legacy", "repairs");

		rig_sh("bpftool link detach pinned /sys/fs/bpf/azattest-test/link_steer");
		tap_need_wait(rig_status_number("legacy", "repairs") > repairs);
		tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	}
	close(binding);
	scene_end();
}

static void a_tap_made_anew_is_enrolled_anew(void)
{
	int binding = scene_begin_served();

	rig_sh("ip link del azt1");
	tap_need_wait(!rig_vm_number(SCENE_VM, "slot"));
	tap_need_wait(strstr(rig_vm_text(SCENE_VM, "reason"), "no interface"));
	rig_guest_plug(&scene_guest);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	close(binding);
	scene_end();
}

/* ---- deaths ---- */

static void hostd_killed_and_started_again_keeps_slots_and_connections(void)
{
	int binding = scene_begin_served(), connection = rig_guest_connect(&scene_guest);
	long long slot = rig_vm_number(SCENE_VM, "slot");
	char text[64] = "";

	rig_kill();
	tap_need(*rig_guest_ask(&scene_guest, tap_patience_ms()));
	rig_restart();
	tap_need_wait(restd->sessions >= 2 && restd->synced);
	tap_need_wait(rig_vm_is(SCENE_VM, "active"));
	tap_need_eq(rig_vm_number(SCENE_VM, "slot"), slot);
	tap_need_eq(send(connection, "x", 1, MSG_NOSIGNAL), 1);
	tap_need_wait(recv(connection, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	tap_need_eq(atoi(text), slot);
	tap_need(rig_guest_served(&scene_guest, SCENE_VM));
	close(binding);
	scene_end();
}

static void what_ended_while_hostd_was_dead_is_withdrawn(void)
{
	int binding = scene_begin_served();

	rig_kill();
	close(binding);
	rig_restart();
	tap_need_wait(restd->sessions >= 2 && restd->synced);
	tap_need_wait(rig_vm_is(SCENE_VM, "waiting"));
	tap_need_eq(restd->slot[1].generation, 0);
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	tap_need_wait(!rig_status_number("legacy", "used"));
	scene_end();
}

static void restd_killed_and_started_again_is_told_again(void)
{
	int binding = scene_begin_served();

	rig_restd_kill();
	tap_need_wait(rig_vm_is(SCENE_VM, "waiting"));
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	rig_restd_start();
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need_eq(rig_vm_number(SCENE_VM, "slot"), 1);
	close(binding);
	scene_end();
}

static void hostd_killed_again_and_again_loses_no_record(void)
{
	int binding = scene_begin_served();

	for (unsigned int i = 0; i < tap_loops(5, 25); i++) {
		rig_kill();
		rig_restart();
	}
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need_eq(rig_vm_number(SCENE_VM, "slot"), 1);
	close(binding);
	scene_end();
}

static void a_foreign_state_directory_is_refused(void)
{
	rig_start();
	rig_kill();
	rig_sh("chmod 0755 %s", rig_path("state"));
	tap_need_eq(rig_refuses(), 4);
	tap_need(rig_log_has("mode is 0755"));
	rig_sh("rm -rf %s", rig_path(""));
}

static const struct tap_test tests[] = {
	TAP_TEST(a_deleted_bridge_comes_back),
	TAP_TEST(a_bridge_that_was_down_has_its_route_again),
	TAP_TEST(a_deleted_address_comes_back),
	TAP_TEST(a_bridge_without_programs_gets_them_again),
	TAP_TEST(a_tap_without_programs_gets_them_again),
	TAP_TEST(a_tap_taken_from_the_bridge_is_put_back),
	TAP_TEST(removed_pins_come_back),
	TAP_TEST(a_detached_steer_is_attached_again),
	TAP_TEST(a_tap_made_anew_is_enrolled_anew),
	TAP_TEST(hostd_killed_and_started_again_keeps_slots_and_connections),
	TAP_TEST(what_ended_while_hostd_was_dead_is_withdrawn),
	TAP_TEST(restd_killed_and_started_again_is_told_again),
	TAP_TEST(hostd_killed_again_and_again_loses_no_record),
	TAP_TEST(a_foreign_state_directory_is_refused),
};

int main(int argc, char **argv)
{
	rig_begin(argc, argv);
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
