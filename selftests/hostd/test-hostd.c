// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-hostd on a host: who is enrolled when, and with which slot.

#include "scene.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uuid/uuid.h>

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
	int binding = scene_begin_served();

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
	scene_end();
}

static void two_guests_with_one_address_are_two_vms(void)
{
	int first = scene_begin_served(), second;

	rig_guest(&scene_other, "azt2");
	second = scene_bind(SCENE_OTHER);
	rig_add(SCENE_OTHER, "azt2", 0);
	tap_need_wait(rig_guest_served(&scene_other, SCENE_OTHER));
	tap_need(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(rig_vm_number(SCENE_VM, "slot") != rig_vm_number(SCENE_OTHER, "slot"));
	close(first);
	close(second);
	scene_end();
}

static void a_vm_is_enrolled_when_it_is_bound(void)
{
	int binding;

	scene_begin();
	rig_guest(&scene_guest, "azt1");
	rig_add(SCENE_VM, "azt1", 0);
	tap_need(rig_vm_is(SCENE_VM, "waiting"));
	tap_need(strstr(rig_vm_text(SCENE_VM, "reason"), "not bound"));
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	binding = scene_bind(SCENE_VM);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	close(binding);
	scene_end();
}

static void an_ended_binding_ends_access_and_a_new_one_brings_it_back(void)
{
	int binding = scene_begin_served();
	long long generation = rig_vm_number(SCENE_VM, "generation");

	close(binding);
	tap_need_wait(rig_vm_is(SCENE_VM, "waiting"));
	tap_need_wait(restd->slot[1].revokes == 1);
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	binding = scene_bind(SCENE_VM);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(rig_vm_number(SCENE_VM, "generation") != generation);
	tap_need(rig_vm_number(SCENE_VM, "slot") == 2);
	close(binding);
	scene_end();
}

static void a_removed_vm_gets_no_byte(void)
{
	int binding = scene_begin_served();

	rig_remove(SCENE_VM);
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	tap_need_eq(rig_vm_number(SCENE_VM, "slot"), -1);
	tap_need_wait(!rig_status_number("legacy", "used"));
	close(binding);
	scene_end();
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

	scene_begin();
	rig_guest(&scene_guest, "azt1");
	rig_add(SCENE_VM, "azt1", vmm);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(!strcmp(rig_vm_text(SCENE_VM, "binding"), "hostd"));
	tap_need(!strcmp(rig_vm_text(SCENE_VM, "name"), "by-hostd"));
	tap_need(strstr(restd->slot[1].facts, "\"sku\":\"golden\",\"licenseType\":\"L0\""));
	tap_kill(vmm);
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	scene_end();
}

/* A guest of a process that hostd binds; that process. */
static pid_t begin_with_process(void)
{
	pid_t vmm = tap_spawn(sleep_long, NULL, -1);

	rig_legacy(true);
	rig_restd_start();
	rig_guest(&scene_guest, "azt1");
	rig_add(SCENE_VM, "azt1", vmm);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
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
	generation = rig_vm_number(SCENE_VM, "generation");
	rig_kill();
	rig_restart();
	tap_need_wait(rig_vm_is(SCENE_VM, "active"));
	tap_need_eq(rig_vm_number(SCENE_VM, "generation"), generation);
	tap_need(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(!strcmp(rig_vm_text(SCENE_VM, "binding"), "hostd"));
	tap_kill(vmm);
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	scene_end();
}

static void without_a_store_a_crash_makes_a_new_binding(void)
{
	long long generation;
	pid_t vmm;

	rig_start();
	vmm = begin_with_process();
	generation = rig_vm_number(SCENE_VM, "generation");
	rig_kill();
	rig_restart();
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(rig_vm_number(SCENE_VM, "generation") != generation);
	rig_kill();
	tap_kill(vmm);
	rig_restart();
	tap_need_eq(rig_vm_number(SCENE_VM, "slot"), -1);
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	scene_end();
}

/* hostd is killed: its binding ends, and what it begins with next is the test's to say. */
static pid_t begin_without_hostd(void)
{
	pid_t vmm;

	rig_start();
	vmm = begin_with_process();
	rig_kill();
	return vmm;
}

/* A change of the network is a reason to look at everything. */
static void make_it_look(void)
{
	rig_sh("ip link add azt9 type dummy && ip link delete azt9");
}

static void need_bound_by_hostd(pid_t vmm)
{
	tap_need_wait(!strcmp(rig_vm_text(SCENE_VM, "binding"), "hostd"));
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_kill(vmm);
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	scene_end();
}

static void a_module_that_comes_after_hostd_is_no_reason_to_add_the_vm_again(void)
{
	pid_t vmm = begin_without_hostd();

	tap_need(!rename(AZATTEST_DEVICE, AZATTEST_DEVICE ".away"));
	rig_restart();
	tap_need(rig_vm_is(SCENE_VM, "waiting"));
	tap_need_msg(strstr(rig_vm_text(SCENE_VM, "reason"), "load the module"), "%s",
		     rig_vm_text(SCENE_VM, "reason"));
	tap_need(!rename(AZATTEST_DEVICE ".away", AZATTEST_DEVICE));
	make_it_look();
	need_bound_by_hostd(vmm);
}

static void who_is_bound_by_somebody_else_is_bound_again_after_that(void)
{
	pid_t vmm = begin_without_hostd();
	int binding;

	tap_need_wait((binding = scene_bind(SCENE_VM)) >= 0);
	rig_restart();
	tap_need_wait(!strcmp(rig_vm_text(SCENE_VM, "binding"), "vmm"));
	close(binding);
	need_bound_by_hostd(vmm);
}

static void a_vm_that_was_never_bound_again_goes_with_its_process(void)
{
	pid_t vmm = begin_without_hostd();

	tap_need(!rename(AZATTEST_DEVICE, AZATTEST_DEVICE ".away"));
	rig_restart();
	tap_need(rig_vm_is(SCENE_VM, "waiting"));
	tap_kill(vmm);
	make_it_look();
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	tap_need(!rename(AZATTEST_DEVICE ".away", AZATTEST_DEVICE));
	scene_end();
}

/* It is served by another's binding, which does not end with it. */
static void its_slot_drains_when_its_process_ends_before_its_binding(void)
{
	pid_t vmm = begin_without_hostd();
	int binding;

	tap_need_wait((binding = scene_bind(SCENE_VM)) >= 0);
	rig_restart();
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_kill(vmm);
	make_it_look();
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	tap_need_wait(!rig_status_number("legacy", "used"));
	tap_need(!*rig_guest_ask(&scene_guest, 1000));
	close(binding);
	scene_end();
}

static void one_that_somebody_unbound_stays_so(void)
{
	uint8_t uuid[AZATTEST_UUID_LEN];
	char text[37];
	pid_t vmm;

	rig_start();
	vmm = begin_with_process();
	azbind_uuid(uuid, SCENE_VM);
	uuid_unparse_lower(uuid, text);
	rig_sh("%s/../bin/azattestctl unbind %s", rig_bin(), text);
	tap_need_wait(rig_vm_is(SCENE_VM, "waiting"));
	make_it_look();
	tap_need_msg(strstr(rig_vm_text(SCENE_VM, "reason"), "somebody has ended its binding"), "%s",
		     rig_vm_text(SCENE_VM, "reason"));
	tap_kill(vmm);
	make_it_look();
	tap_need_wait(rig_vm_number(SCENE_VM, "slot") == -1);
	scene_end();
}

/* ---- slots ---- */

static void a_slot_is_not_given_again_before_restd_says_revoked(void)
{
	int first = scene_begin_served(), second;

	restd->mute = true;
	rig_remove(SCENE_VM);
	tap_need_wait(restd->slot[1].revokes == 1);
	rig_guest(&scene_other, "azt2");
	second = scene_bind(SCENE_OTHER);
	rig_add(SCENE_OTHER, "azt2", 0);
	tap_need_wait(rig_guest_served(&scene_other, SCENE_OTHER));
	tap_need_eq(rig_vm_number(SCENE_OTHER, "slot"), 2);
	tap_need_eq(rig_status_number("legacy", "used"), 2);
	close(first);
	close(second);
	scene_end();
}

/* With a range of three slots the fourth SCENE_VM has the first one's. */
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
	rig_guest(&scene_guest, "azt1");
	binding = scene_bind(SCENE_VM);
	rig_add(SCENE_VM, "azt1", 0);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	connection = rig_guest_connect(&scene_guest);
	rig_remove(SCENE_VM);
	tap_need_wait(!rig_status_number("legacy", "used"));
	for (unsigned int i = 0; i < 3; i++) {
		if (next >= 0) {
			rig_remove(SCENE_OTHER);
			close(next);
		}
		next = scene_bind(SCENE_OTHER);
		rig_add(SCENE_OTHER, "azt1", 0);
		tap_need_wait(rig_guest_served(&scene_guest, SCENE_OTHER));
	}
	tap_need_eq(rig_vm_number(SCENE_OTHER, "slot"), 1);
	tap_need(send(connection, "x", 1, MSG_NOSIGNAL) == 1 || errno == EPIPE || errno == ECONNRESET);
	closed.fd = connection;
	tap_need_eq(poll(&closed, 1, tap_patience_ms()), 1);
	tap_need(recv(connection, &byte, 1, 0) <= 0);
	close(binding);
	close(next);
	scene_end();
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
	TAP_TEST(a_module_that_comes_after_hostd_is_no_reason_to_add_the_vm_again),
	TAP_TEST(who_is_bound_by_somebody_else_is_bound_again_after_that),
	TAP_TEST(a_vm_that_was_never_bound_again_goes_with_its_process),
	TAP_TEST(its_slot_drains_when_its_process_ends_before_its_binding),
	TAP_TEST(one_that_somebody_unbound_stays_so),
	TAP_TEST(a_slot_is_not_given_again_before_restd_says_revoked),
	TAP_TEST(an_old_connection_never_reaches_the_next_vm_of_its_slot),
};

int main(int argc, char **argv)
{
	rig_begin(argc, argv);
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
