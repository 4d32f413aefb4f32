// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-hostd on a host: who is enrolled when, and that accidents heal.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <selftests/hostd/rig.h>

#define VM	1u
#define OTHER	2u

static struct rig_guest guest, other;

/* A binding that lasts until it is closed. */
static int bind_vm(unsigned int number)
{
	int fd = azbind_new(number, 0, -1, -1, NULL);

	tap_need_msg(fd >= 0, "BIND: %d", fd);
	return fd;
}

static void begin(void)
{
	rig_start();
	rig_legacy(true);
	rig_restd_start();
}

/* A guest that is served; its binding. */
static int begin_served(void)
{
	int binding;

	begin();
	rig_guest(&guest, "azt1");
	binding = bind_vm(VM);
	rig_add(VM, "azt1", 0);
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need(rig_vm_is(VM, "active"));
	return binding;
}

static void end(void)
{
	rig_restd_kill();
	rig_legacy(false);
	rig_can("ip link del azt1 2>/dev/null; ip link del azt2 2>/dev/null");
	rig_stop();
}

/* ---- on, off ---- */

static void legacy_off_leaves_no_trace(void)
{
	rig_start();
	rig_sh("ip addr >%s; ip route show table all >>%s", rig_path("before"), rig_path("before"));
	rig_legacy(true);
	rig_sh("ip link show azhost-imds >/dev/null && test -e /sys/fs/bpf/azattest-test/link_steer");
	rig_legacy(false);
	rig_sh("ip addr >%s; ip route show table all >>%s", rig_path("after"), rig_path("after"));
	rig_sh("sed -i 's/valid_lft.*//' %s %s && diff %s %s", rig_path("before"), rig_path("after"),
	       rig_path("before"), rig_path("after"));
	rig_sh("test ! -e /sys/fs/bpf/azattest-test");
	rig_stop();
}

static void adding_while_it_is_off_is_refused(void)
{
	json_t *answer;

	rig_start();
	tap_need_eq(rig_call("PUT", "/v1/vms/c0ffee42-0000-4000-8000-00000000002a",
			     "{\"tap\":\"azt1\"}", &answer), 409);
	json_decref(answer);
	rig_stop();
}

/* ---- a VM's way ---- */

static void a_bound_vm_is_served_as_itself(void)
{
	json_t *facts;
	int binding = begin_served();

	tap_need_eq(restd->slot[1].grants, 1);
	facts = json_loads(restd->slot[1].facts, 0, NULL);
	tap_need(facts);
	tap_need(!strcmp(json_string_value(json_object_get(facts, "name")), "vm-1"));
	tap_need(!strcmp(json_string_value(json_object_get(facts, "location")), "cellar"));
	tap_need(!strcmp(json_string_value(json_object_get(facts, "sku")), "base"));
	tap_need(!strcmp(json_string_value(json_object_get(facts, "subscriptionId")),
			 "aaaaaaaa-0000-4000-8000-000000000001"));
	json_decref(facts);
	close(binding);
	end();
}

static void two_guests_with_one_address_are_two_vms(void)
{
	int first = begin_served(), second;

	rig_guest(&other, "azt2");
	second = bind_vm(OTHER);
	rig_add(OTHER, "azt2", 0);
	tap_need_wait(rig_guest_served(&other, OTHER));
	tap_need(rig_guest_served(&guest, VM));
	tap_need(rig_vm_number(VM, "slot") != rig_vm_number(OTHER, "slot"));
	close(first);
	close(second);
	end();
}

static void a_vm_is_enrolled_when_it_is_bound(void)
{
	int binding;

	begin();
	rig_guest(&guest, "azt1");
	rig_add(VM, "azt1", 0);
	tap_need(rig_vm_is(VM, "waiting"));
	tap_need(strstr(rig_vm_text(VM, "reason"), "not bound"));
	tap_need(!*rig_guest_ask(&guest, 1000));
	binding = bind_vm(VM);
	tap_need_wait(rig_guest_served(&guest, VM));
	close(binding);
	end();
}

static void an_ended_binding_ends_access_and_a_new_one_brings_it_back(void)
{
	int binding = begin_served();
	long long generation = rig_vm_number(VM, "generation");

	close(binding);
	tap_need_wait(rig_vm_is(VM, "waiting"));
	tap_need_wait(restd->slot[1].revokes == 1);
	tap_need(!*rig_guest_ask(&guest, 1000));
	binding = bind_vm(VM);
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need(rig_vm_number(VM, "generation") != generation);
	tap_need(rig_vm_number(VM, "slot") == 2);
	close(binding);
	end();
}

static void a_removed_vm_gets_no_byte(void)
{
	int binding = begin_served();

	rig_remove(VM);
	tap_need(!*rig_guest_ask(&guest, 1000));
	tap_need_eq(rig_vm_number(VM, "slot"), -1);
	tap_need_wait(!rig_status_number("legacy", "used"));
	close(binding);
	end();
}

static int sleep_long(void *arg)
{
	(void)arg;
	while (pause())
		;
	return 0;
}

static void a_binding_made_for_a_process_ends_with_it(void)
{
	pid_t vmm = tap_spawn(sleep_long, NULL, -1);

	begin();
	rig_guest(&guest, "azt1");
	rig_add(VM, "azt1", vmm);
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need(!strcmp(rig_vm_text(VM, "binding"), "hostd"));
	tap_need(!strcmp(rig_vm_text(VM, "name"), "by-hostd"));
	tap_need(strstr(restd->slot[1].facts, "\"sku\":\"golden\",\"licenseType\":\"L0\""));
	tap_kill(vmm);
	tap_need_wait(rig_vm_number(VM, "slot") == -1);
	tap_need(!*rig_guest_ask(&guest, 1000));
	end();
}

/* A guest of a process that hostd binds; that process. */
static pid_t begin_with_process(void)
{
	pid_t vmm = tap_spawn(sleep_long, NULL, -1);

	rig_legacy(true);
	rig_restd_start();
	rig_guest(&guest, "azt1");
	rig_add(VM, "azt1", vmm);
	tap_need_wait(rig_guest_served(&guest, VM));
	return vmm;
}

static void a_stored_binding_outlives_a_crash(void)
{
	long long generation;
	pid_t vmm;

	rig_start();
	rig_kill();
	rig_manager();
	rig_restart();
	vmm = begin_with_process();
	rig_manager_takes();
	generation = rig_vm_number(VM, "generation");
	rig_kill();
	rig_restart();
	tap_need_wait(rig_vm_is(VM, "active"));
	tap_need_eq(rig_vm_number(VM, "generation"), generation);
	tap_need(rig_guest_served(&guest, VM));
	tap_need(!strcmp(rig_vm_text(VM, "binding"), "hostd"));
	tap_kill(vmm);
	tap_need_wait(rig_vm_number(VM, "slot") == -1);
	end();
}

static void without_a_store_a_crash_makes_a_new_binding(void)
{
	long long generation;
	pid_t vmm;

	rig_start();
	vmm = begin_with_process();
	generation = rig_vm_number(VM, "generation");
	rig_kill();
	rig_restart();
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need(rig_vm_number(VM, "generation") != generation);
	rig_kill();
	tap_kill(vmm);
	rig_restart();
	tap_need_eq(rig_vm_number(VM, "slot"), -1);
	tap_need(!*rig_guest_ask(&guest, 1000));
	end();
}

/* ---- slots ---- */

static void a_slot_is_not_given_again_before_restd_says_revoked(void)
{
	int first = begin_served(), second;

	restd->mute = true;
	rig_remove(VM);
	tap_need_wait(restd->slot[1].revokes == 1);
	rig_guest(&other, "azt2");
	second = bind_vm(OTHER);
	rig_add(OTHER, "azt2", 0);
	tap_need_wait(rig_guest_served(&other, OTHER));
	tap_need_eq(rig_vm_number(OTHER, "slot"), 2);
	tap_need_eq(rig_status_number("legacy", "used"), 2);
	close(first);
	close(second);
	end();
}

/* With a range of three slots the fourth VM has the first one's. */
static void an_old_connection_never_reaches_the_next_vm_of_its_slot(void)
{
	int binding, connection, next = -1;
	struct pollfd closed = { .events = POLLIN };
	char byte;

	rig_start();
	rig_kill();
	rig_sh("sed -i '1i [network]\\nrange = 198.18.0.0/30' %s", rig_path("conf"));
	rig_restart();
	rig_legacy(true);
	rig_restd_start();
	rig_guest(&guest, "azt1");
	binding = bind_vm(VM);
	rig_add(VM, "azt1", 0);
	tap_need_wait(rig_guest_served(&guest, VM));
	connection = rig_guest_connect(&guest);
	rig_remove(VM);
	tap_need_wait(!rig_status_number("legacy", "used"));
	for (unsigned int i = 0; i < 3; i++) {
		if (next >= 0) {
			rig_remove(OTHER);
			close(next);
		}
		next = bind_vm(OTHER);
		rig_add(OTHER, "azt1", 0);
		tap_need_wait(rig_guest_served(&guest, OTHER));
	}
	tap_need_eq(rig_vm_number(OTHER, "slot"), 1);
	tap_need(send(connection, "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE || errno == ECONNRESET);
	closed.fd = connection;
	tap_need_eq(poll(&closed, 1, TAP_PATIENCE_MS), 1);
	tap_need(recv(connection, &byte, 1, 0) <= 0);
	close(binding);
	close(next);
	end();
}

/* ---- accidents, with the audit off ---- */

static void heals(const char *accident)
{
	int binding = begin_served();

	rig_sh("%s", accident);
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need_wait(rig_vm_is(VM, "active"));
	close(binding);
	end();
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
	int binding = begin_served();

	rig_sh("ip link set azt1 nomaster down");
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need_wait(rig_can("ip link show azt1 | grep -q 'master azhost-imds'"));
	close(binding);
	end();
}

static void removed_pins_come_back(void)
{
	int binding = begin_served();

	rig_sh("rm -f /sys/fs/bpf/azattest-test/*");
	tap_need_wait(rig_can("test -e /sys/fs/bpf/azattest-test/link_steer"));
	tap_need_wait(rig_guest_served(&guest, VM));
	close(binding);
	end();
}

static void a_detached_steer_is_attached_again(void)
{
	int binding = begin_served();

	if (!rig_can("command -v bpftool >/dev/null")) {
		end();
		tap_skip("no bpftool");
	}
	/* The first may be found by an event of what was done before. */
	for (int i = 0; i < 3; i++) {
		long long repairs = rig_status_number("legacy", "repairs");

		rig_sh("bpftool link detach pinned /sys/fs/bpf/azattest-test/link_steer");
		tap_need_wait(rig_status_number("legacy", "repairs") > repairs);
		tap_need_wait(rig_guest_served(&guest, VM));
	}
	close(binding);
	end();
}

static void a_tap_made_anew_is_enrolled_anew(void)
{
	int binding = begin_served();

	rig_sh("ip link del azt1");
	tap_need_wait(!rig_vm_number(VM, "slot"));
	tap_need_wait(strstr(rig_vm_text(VM, "reason"), "no interface"));
	rig_guest_plug(&guest);
	tap_need_wait(rig_guest_served(&guest, VM));
	close(binding);
	end();
}

/* ---- deaths ---- */

static void hostd_killed_and_started_again_keeps_slots_and_connections(void)
{
	int binding = begin_served(), connection = rig_guest_connect(&guest);
	long long slot = rig_vm_number(VM, "slot");
	char text[64] = "";

	rig_kill();
	tap_need(*rig_guest_ask(&guest, TAP_PATIENCE_MS));
	rig_restart();
	tap_need_wait(restd->sessions >= 2 && restd->synced);
	tap_need_wait(rig_vm_is(VM, "active"));
	tap_need_eq(rig_vm_number(VM, "slot"), slot);
	tap_need_eq(send(connection, "x", 1, MSG_NOSIGNAL), 1);
	tap_need_wait(recv(connection, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	tap_need_eq(atoi(text), slot);
	tap_need(rig_guest_served(&guest, VM));
	close(binding);
	end();
}

static void what_ended_while_hostd_was_dead_is_withdrawn(void)
{
	int binding = begin_served();

	rig_kill();
	close(binding);
	rig_restart();
	tap_need_wait(restd->sessions >= 2 && restd->synced);
	tap_need_wait(rig_vm_is(VM, "waiting"));
	tap_need_eq(restd->slot[1].generation, 0);
	tap_need(!*rig_guest_ask(&guest, 1000));
	tap_need_wait(!rig_status_number("legacy", "used"));
	end();
}

static void restd_killed_and_started_again_is_told_again(void)
{
	int binding = begin_served();

	rig_restd_kill();
	tap_need_wait(rig_vm_is(VM, "waiting"));
	tap_need(!*rig_guest_ask(&guest, 1000));
	rig_restd_start();
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need_eq(rig_vm_number(VM, "slot"), 1);
	close(binding);
	end();
}

static void hostd_killed_again_and_again_loses_no_record(void)
{
	int binding = begin_served();

	for (unsigned int i = 0; i < tap_loops(5, 50); i++) {
		rig_kill();
		rig_restart();
	}
	tap_need_wait(rig_guest_served(&guest, VM));
	tap_need_eq(rig_vm_number(VM, "slot"), 1);
	close(binding);
	end();
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
	TAP_TEST(legacy_off_leaves_no_trace),
	TAP_TEST(adding_while_it_is_off_is_refused),
	TAP_TEST(a_bound_vm_is_served_as_itself),
	TAP_TEST(two_guests_with_one_address_are_two_vms),
	TAP_TEST(a_vm_is_enrolled_when_it_is_bound),
	TAP_TEST(an_ended_binding_ends_access_and_a_new_one_brings_it_back),
	TAP_TEST(a_removed_vm_gets_no_byte),
	TAP_TEST(a_binding_made_for_a_process_ends_with_it),
	TAP_TEST(a_stored_binding_outlives_a_crash),
	TAP_TEST(without_a_store_a_crash_makes_a_new_binding),
	TAP_TEST(a_slot_is_not_given_again_before_restd_says_revoked),
	TAP_TEST(an_old_connection_never_reaches_the_next_vm_of_its_slot),
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
