// SPDX-License-Identifier: GPL-2.0
// What happens when parts of the fence are taken away: closed, noticed, mended.

#include <selftests/fence/scene.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void mend(void)
{
	struct failure failure = { 0 };

	tap_need_msg(!fence_repair_links(world, &failure), "%s", failure.text);
	world_bridge();
	tap_need_eq(guest_enrol(&scene_guest), 0);
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(scene_audit_bridge(), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	need_through(&scene_guest);
}

static void tap_accident(const char *command)
{
	scene_start();
	sh("%s", command);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&scene_guest);
	mend();
}

static void bridge_accident(const char *command)
{
	scene_start();
	sh("%s", command);
	tap_need_eq(scene_audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&scene_guest);
	mend();
}

static void port_in_deleted_closes_and_is_mended(void)
{
	tap_accident("tc filter del dev tap1 ingress");
}

static void port_in_replaced_by_a_foreign_program(void)
{
	tap_accident("tc filter replace dev tap1 ingress prio 1 handle 1 bpf da object-pinned "
		     SCENE_FOREIGN);
}

static void a_foreign_filter_in_front_of_port_in(void)
{
	tap_accident("tc filter add dev tap1 ingress prio 1 handle 2 bpf da object-pinned "
		     SCENE_FOREIGN);
}

static void a_foreign_filter_of_another_protocol_in_our_place(void)
{
	tap_accident("tc filter del dev tap1 ingress && tc filter add dev tap1 ingress protocol ip "
		     "prio 1 handle 1 bpf da object-pinned " SCENE_FOREIGN);
}

static void clsact_of_the_tap_removed_closes_and_is_mended(void)
{
	tap_accident("tc qdisc del dev tap1 clsact");
}

/* The programs' results without "da" are class numbers, not verdicts. */
static void our_program_without_its_verdict_is_noticed(void)
{
	scene_start();
	sh("tc filter replace dev tap1 ingress prio 1 handle 1 bpf object-pinned "
	   "/sys/fs/bpf/az-%d/prog_port_in", getpid());
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	mend();
}

static void port_out_deleted_is_noticed_and_mended(void)
{
	scene_start();
	sh("tc filter del dev tap1 egress");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_through(&scene_guest);
	mend();
}

static void a_filter_behind_ours_is_left_alone(void)
{
	scene_start();
	sh("tc filter add dev tap1 ingress prio 2 bpf da object-pinned " SCENE_FOREIGN);
	tap_need_eq(fence_audit_port(world, 1), 0);
	mend();
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	sh("tc filter show dev tap1 ingress | grep -q foreign");
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
}

static void tap_recreated_closes_and_is_mended(void)
{
	scene_start();
	sh("ip link del tap1");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	guest_plug(&scene_guest);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&scene_guest);
	mend();
}

static void a_tap_that_is_gone_can_be_withdrawn(void)
{
	struct fence_slot record;

	scene_start();
	sh("ip link del tap1");
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	tap_need_eq(fence_slot_read(world, 1, &record), -ENOENT);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
}

static void an_ingress_qdisc_on_the_tap_is_used_and_stays(void)
{
	world_open();
	scene_guest = guest_make(1);
	sh("tc qdisc add dev tap1 ingress");
	tap_need_eq(guest_enrol(&scene_guest), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	server_start("127.0.0.1", 8080);
	need_through(&scene_guest);
	sh("tc filter del dev tap1 ingress");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&scene_guest);
	mend();
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	sh("tc qdisc show dev tap1 | grep -q 'qdisc ingress'");
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
	need_silence(&scene_guest);
}

/* Who is enrolled does not notice; who is not is held by the bridge itself. */
static void br_in_deleted_is_noticed_and_mended(void)
{
	struct guest outside;

	scene_start();
	outside = guest_make(2);
	sh("tc filter del dev br0 ingress");
	tap_need_eq(scene_audit_bridge(), FENCE_LOST_BRIDGE);
	need_through(&scene_guest);
	need_silence(&outside);
	mend();
	need_silence(&outside);
}

static void br_out_deleted_closes_and_is_mended(void)
{
	bridge_accident("tc filter del dev br0 egress");
}

static void clsact_of_the_bridge_removed_closes_and_is_mended(void)
{
	bridge_accident("tc qdisc del dev br0 clsact");
}

static void br_in_replaced_by_a_foreign_program(void)
{
	scene_start();
	sh("tc filter replace dev br0 ingress prio 1 handle 1 bpf da object-pinned " SCENE_FOREIGN);
	tap_need_eq(scene_audit_bridge(), FENCE_LOST_BRIDGE);
	mend();
}

static void a_foreign_filter_in_front_of_br_out(void)
{
	bridge_accident("tc filter add dev br0 egress prio 1 handle 2 bpf da object-pinned "
			SCENE_FOREIGN);
}

static void bridge_recreated_closes_and_is_mended(void)
{
	scene_start();
	sh("ip link del br0");
	need_silence(&scene_guest);
	world_bridge_make();
	tap_need_eq(scene_audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&scene_guest);
	mend();
}

static void steer_detached_resets_and_is_mended(void)
{
	scene_start();
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_steer", getpid());
	tap_need_eq(fence_audit_links(world), FENCE_LOST_STEER);
	tap_need_eq(client_end(client_begin(guest_socket(&scene_guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	mend();
}

static void cg_in_detached_is_noticed_and_mended(void)
{
	scene_start();
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_cg_in", getpid());
	tap_need_eq(fence_audit_links(world), FENCE_LOST_CGROUP);
	need_through(&scene_guest);
	mend();
}

/* Each of them, one by one. */
static void a_missing_or_foreign_pin_is_noticed_and_mended(void)
{
	static const char *const pins[] = {
		"link_steer", "link_cg_in", "prog_port_in", "prog_cg_in", "map_slots", "map_gdrop",
	};
	struct failure failure = { 0 };
	char path[64];
	unsigned int i;

	scene_start();
	for (i = 0; i < TAP_COUNT(pins); i++) {
		scene_pin_path(path, pins[i]);
		tap_need_eq(unlink(path), 0);
		tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
		tap_need_eq(rename(SCENE_FOREIGN, path), 0);
		tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
		tap_need_msg(!fence_repair_links(world, &failure), "%s", failure.text);
		tap_need_eq(fence_audit_links(world), 0);
		scene_foreign_pin();
	}
	mend();
}

static void the_pin_directory_is_mended(void)
{
	char path[64];

	scene_start();
	scene_pin_path(path, "");
	tap_need_eq(chmod(path, 0755), 0);
	tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
	mend();
	sh("rm -r %s", path);
	tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
	mend();
}

static const struct tap_test tests[] = {
	TAP_TEST(port_in_deleted_closes_and_is_mended),
	TAP_TEST(port_in_replaced_by_a_foreign_program),
	TAP_TEST(a_foreign_filter_in_front_of_port_in),
	TAP_TEST(a_foreign_filter_of_another_protocol_in_our_place),
	TAP_TEST(clsact_of_the_tap_removed_closes_and_is_mended),
	TAP_TEST(our_program_without_its_verdict_is_noticed),
	TAP_TEST(port_out_deleted_is_noticed_and_mended),
	TAP_TEST(a_filter_behind_ours_is_left_alone),
	TAP_TEST(tap_recreated_closes_and_is_mended),
	TAP_TEST(a_tap_that_is_gone_can_be_withdrawn),
	TAP_TEST(an_ingress_qdisc_on_the_tap_is_used_and_stays),
	TAP_TEST(br_in_deleted_is_noticed_and_mended),
	TAP_TEST(br_out_deleted_closes_and_is_mended),
	TAP_TEST(clsact_of_the_bridge_removed_closes_and_is_mended),
	TAP_TEST(br_in_replaced_by_a_foreign_program),
	TAP_TEST(a_foreign_filter_in_front_of_br_out),
	TAP_TEST(bridge_recreated_closes_and_is_mended),
	TAP_TEST(steer_detached_resets_and_is_mended),
	TAP_TEST(cg_in_detached_is_noticed_and_mended),
	TAP_TEST(a_missing_or_foreign_pin_is_noticed_and_mended),
	TAP_TEST(the_pin_directory_is_mended),
};

int main(int argc, char **argv)
{
	int status;

	world_prepare();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	world_end();
	return status;
}
