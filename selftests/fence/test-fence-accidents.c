// SPDX-License-Identifier: GPL-2.0
// What happens when parts of the fence are taken away: closed, noticed, mended; and restarts.

#include <selftests/fence/world.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include <bpf/bpf.h>

#define FOREIGN	"/sys/fs/bpf/foreign"	/* a program that accepts everything */

static struct guest guest;

static void foreign_pin(void)
{
	const struct bpf_insn accept[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", accept, 2, NULL);

	tap_need(fd >= 0);
	unlink(FOREIGN);
	tap_need_eq(bpf_obj_pin(fd, FOREIGN), 0);
	close(fd);
}

static void pin_path(char path[64], const char *name)
{
	snprintf(path, 64, "/sys/fs/bpf/az-%d%s%s", getpid(), *name ? "/" : "", name);
}

/* One guest that is through, and its server. */
static void start(void)
{
	world_open();
	foreign_pin();
	guest = guest_make(1);
	tap_need_eq(guest_enrol(&guest), 0);
	server_start("127.0.0.1", 8080);
	need_through(&guest);
}

static unsigned int audit_bridge(void)
{
	return fence_audit_bridge(world, world_ifindex("br0"), true);
}

static void mend(void)
{
	struct failure failure = { 0 };

	tap_need_msg(!fence_repair_links(world, &failure), "%s", failure.text);
	world_bridge();
	tap_need_eq(guest_enrol(&guest), 0);
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(audit_bridge(), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	need_through(&guest);
}

static void tap_accident(const char *command)
{
	start();
	sh("%s", command);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&guest);
	mend();
}

static void bridge_accident(const char *command)
{
	start();
	sh("%s", command);
	tap_need_eq(audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&guest);
	mend();
}

static void port_in_deleted_closes_and_is_mended(void)
{
	tap_accident("tc filter del dev tap1 ingress");
}

static void port_in_replaced_by_a_foreign_program(void)
{
	tap_accident("tc filter replace dev tap1 ingress prio 1 handle 1 bpf da object-pinned " FOREIGN);
}

static void a_foreign_filter_in_front_of_port_in(void)
{
	tap_accident("tc filter add dev tap1 ingress prio 1 handle 2 bpf da object-pinned " FOREIGN);
}

static void a_foreign_filter_of_another_protocol_in_our_place(void)
{
	tap_accident("tc filter del dev tap1 ingress && tc filter add dev tap1 ingress protocol ip "
		     "prio 1 handle 1 bpf da object-pinned " FOREIGN);
}

static void clsact_of_the_tap_removed_closes_and_is_mended(void)
{
	tap_accident("tc qdisc del dev tap1 clsact");
}

/* The programs' results without "da" are class numbers, not verdicts. */
static void our_program_without_its_verdict_is_noticed(void)
{
	start();
	sh("tc filter replace dev tap1 ingress prio 1 handle 1 bpf object-pinned "
	   "/sys/fs/bpf/az-%d/prog_port_in", getpid());
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	mend();
}

static void port_out_deleted_is_noticed_and_mended(void)
{
	start();
	sh("tc filter del dev tap1 egress");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_through(&guest);
	mend();
}

static void a_filter_behind_ours_is_left_alone(void)
{
	start();
	sh("tc filter add dev tap1 ingress prio 2 bpf da object-pinned " FOREIGN);
	tap_need_eq(fence_audit_port(world, 1), 0);
	mend();
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	sh("tc filter show dev tap1 ingress | grep -q foreign");
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
}

static void tap_recreated_closes_and_is_mended(void)
{
	start();
	sh("ip link del tap1");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	guest_plug(&guest);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&guest);
	mend();
}

static void a_tap_that_is_gone_can_be_withdrawn(void)
{
	struct fence_slot record;

	start();
	sh("ip link del tap1");
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	tap_need_eq(fence_slot_read(world, 1, &record), -ENOENT);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
}

static void an_ingress_qdisc_on_the_tap_is_used_and_stays(void)
{
	world_open();
	guest = guest_make(1);
	sh("tc qdisc add dev tap1 ingress");
	tap_need_eq(guest_enrol(&guest), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	server_start("127.0.0.1", 8080);
	need_through(&guest);
	sh("tc filter del dev tap1 ingress");
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	need_silence(&guest);
	mend();
	tap_need_eq(fence_withdraw(world, 1, &(struct failure) { 0 }), 0);
	sh("tc qdisc show dev tap1 | grep -q 'qdisc ingress'");
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
	need_silence(&guest);
}

/* Who is enrolled does not notice; who is not is held by the bridge itself. */
static void br_in_deleted_is_noticed_and_mended(void)
{
	struct guest outside;

	start();
	outside = guest_make(2);
	sh("tc filter del dev br0 ingress");
	tap_need_eq(audit_bridge(), FENCE_LOST_BRIDGE);
	need_through(&guest);
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
	start();
	sh("tc filter replace dev br0 ingress prio 1 handle 1 bpf da object-pinned " FOREIGN);
	tap_need_eq(audit_bridge(), FENCE_LOST_BRIDGE);
	mend();
}

static void a_foreign_filter_in_front_of_br_out(void)
{
	bridge_accident("tc filter add dev br0 egress prio 1 handle 2 bpf da object-pinned " FOREIGN);
}

static void bridge_recreated_closes_and_is_mended(void)
{
	start();
	sh("ip link del br0");
	need_silence(&guest);
	world_bridge_make();
	tap_need_eq(audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&guest);
	mend();
}

static void steer_detached_resets_and_is_mended(void)
{
	start();
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_steer", getpid());
	tap_need_eq(fence_audit_links(world), FENCE_LOST_STEER);
	tap_need_eq(client_end(client_begin(guest_socket(&guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	mend();
}

static void cg_in_detached_is_noticed_and_mended(void)
{
	start();
	sh("bpftool link detach pinned /sys/fs/bpf/az-%d/link_cg_in", getpid());
	tap_need_eq(fence_audit_links(world), FENCE_LOST_CGROUP);
	need_through(&guest);
	mend();
}

/* Each of them, one by one. */
static void a_missing_or_foreign_pin_is_noticed_and_mended(void)
{
	static const char *const pins[] = {
		"link_steer", "link_cg_in", "prog_port_in", "prog_cg_in", "map_slots", "map_events",
	};
	struct failure failure = { 0 };
	char path[64];
	unsigned int i;

	start();
	for (i = 0; i < TAP_COUNT(pins); i++) {
		pin_path(path, pins[i]);
		tap_need_eq(unlink(path), 0);
		tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
		tap_need_eq(rename(FOREIGN, path), 0);
		tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
		tap_need_msg(!fence_repair_links(world, &failure), "%s", failure.text);
		tap_need_eq(fence_audit_links(world), 0);
		foreign_pin();
	}
	mend();
}

static void the_pin_directory_is_mended(void)
{
	char path[64];

	start();
	pin_path(path, "");
	tap_need_eq(chmod(path, 0755), 0);
	tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
	mend();
	sh("rm -r %s", path);
	tap_need_eq(fence_audit_links(world), FENCE_LOST_PINS);
	mend();
}

static uint64_t received(void)
{
	struct fence_slot record;

	tap_need_eq(fence_slot_read(world, 1, &record), 0);
	return record.rx_packets;
}

static void a_restart_adopts_all_and_connections_live_on(void)
{
	uint64_t packets;
	uint32_t seen;
	int sock;

	start();
	sock = client_need(&guest, &seen);
	packets = received();
	fence_close(world);
	client_echo(sock);
	need_through(&guest);
	tap_need(world_adopt());
	tap_need(received() > packets);
	packets = received();
	world_bridge();
	tap_need_eq(guest_enrol(&guest), 0);
	tap_need_eq(received(), packets);
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(audit_bridge(), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	client_echo(sock);
	need_through(&guest);
}

/* What an older load left on taps is gone: its slots mean nothing now. The bridge stays shut. */
static void need_replaced(void)
{
	struct fence_slot record;

	fence_close(world);
	tap_need(!world_adopt());
	tap_need_eq(fence_slot_read(world, 1, &record), -ENOENT);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
	tap_need_eq(audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&guest);
	world_bridge();
	need_silence(&guest);
	tap_need_eq(guest_enrol(&guest), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	tap_need_eq(audit_bridge(), 0);
}

static void another_build_replaces_everything(void)
{
	char from[64], to[64];
	int other;

	start();
	pin_path(from, "prog_br_drop");
	pin_path(to, "prog_port_in");
	other = bpf_obj_get(from);
	tap_need_eq(unlink(to), 0);
	tap_need_eq(bpf_obj_pin(other, to), 0);
	need_replaced();
}

static void filters_without_pins_do_not_outlive_a_new_load(void)
{
	char path[64];

	start();
	pin_path(path, "");
	sh("rm -r %s", path);
	need_replaced();
}

static void removal_leaves_no_trace_but_what_is_others(void)
{
	struct failure failure = { 0 };
	char path[64];

	start();
	guest_make(2);
	sh("tc qdisc add dev tap2 clsact && tc filter add dev tap2 ingress prio 7 bpf da object-pinned "
	   FOREIGN);
	tap_need_msg(!fence_remove(world, &failure), "%s", failure.text);
	sh("! tc qdisc show dev tap1 | grep -q clsact");
	sh("! tc qdisc show dev br0 | grep -q clsact");
	sh("tc filter show dev tap2 ingress | grep -q foreign");
	pin_path(path, "");
	tap_need(access(path, F_OK) && errno == ENOENT);
	sh("! bpftool net show | grep -q sk_lookup");
	fence_close(world);
}

static int enrol(unsigned int slot, const char *tap, uint8_t vm, uint64_t generation)
{
	struct failure failure = { 0 };
	uint8_t uuid[16] = { vm };
	int ret = fence_enrol(world, slot, tap ? world_ifindex(tap) : 99999, uuid, generation, &failure);

	tap_need(!ret == !failure.text[0]);
	return ret;
}

static void a_slot_and_a_tap_belong_to_one_vm(void)
{
	uint64_t packets;

	start();
	guest_make(2);
	tap_need_eq(enrol(1, "tap2", 2, 7), -EBUSY);
	tap_need_eq(enrol(2, "tap1", 2, 7), -EBUSY);
	tap_need_eq(enrol(0, "tap2", 2, 7), -EINVAL);
	tap_need_eq(enrol(WORLD_SLOTS, "tap2", 2, 7), -EINVAL);
	tap_need_eq(enrol(2, NULL, 2, 7), -ENODEV);
	need_through(&guest);
	packets = received();
	tap_need_eq(enrol(1, "tap1", 1, 7), 0);
	tap_need_eq(received(), packets);
	tap_need_eq(enrol(1, "tap1", 1, 8), 0);
	tap_need_eq(received(), 0);
	need_through(&guest);
}

static void a_further_bridge_drops_and_its_ports_use_the_first(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };
	struct failure failure = { 0 };
	unsigned int second;

	start();
	sh("ip link add br1 type bridge && ip link set br1 up && ip link set tap1 nomaster && "
	   "ip link set tap1 master br1");
	second = world_ifindex("br1");
	tap_need_msg(!fence_set_bridge(world, second, mac, false, &failure), "%s", failure.text);
	tap_need_eq(fence_audit_bridge(world, second, false), 0);
	need_through(&guest);
	sh("tc filter del dev br1 egress");
	tap_need_eq(fence_audit_bridge(world, second, false), FENCE_LOST_BRIDGE);
	tap_need_eq(fence_set_bridge(world, second, mac, false, &failure), 0);
	tap_need_eq(fence_audit_bridge(world, second, false), 0);
	tap_need_eq(fence_set_bridge(world, 99999, mac, false, &failure), -ENODEV);
}

static int open_with(struct fence_config config)
{
	struct failure failure = { 0 };
	struct fence *fence;
	bool adopted;
	int ret = fence_open(&fence, &config, &adopted, &failure);

	tap_need(!ret == !failure.text[0]);
	tap_diag("%s", failure.text);
	if (!ret)
		fence_close(fence);
	return ret;
}

static const struct fence_config good = {
	.pin_dir = "/sys/fs/bpf/az-config",
	.address = { { 0xfda9fea9 } },
	.port = WORLD_PORT,
	.base = WORLD_BASE,
	.slots = WORLD_SLOTS,
	.syn_rate = 5,
	.syn_burst = 20,
};

static void a_configuration_that_cannot_be_is_refused(void)
{
	struct fence_config c;

	c = good, c.address[0].s_addr = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.address[1].s_addr = htonl(WORLD_BASE + 5);
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.port = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.slots = 1;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.slots = FENCE_SLOTS_MAX + 1;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.base = 0xffffff00;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.syn_rate = 0;
	tap_need_eq(open_with(c), -EINVAL);
	c = good, c.syn_burst = 1000001;
	tap_need_eq(open_with(c), -EINVAL);
}

/* Who listens was told the old range: until it is told the new one, nobody gets to it. */
static void another_range_takes_the_socket_away(void)
{
	struct failure failure = { 0 };
	struct fence_config c = good;
	bool adopted;
	char path[64];

	start();
	fence_close(world);
	pin_path(path, "");
	c.pin_dir = path;
	c.slots = WORLD_SLOTS / 2;
	tap_need_msg(!fence_open(&world, &c, &adopted, &failure), "%s", failure.text);
	tap_need(adopted);
	tap_need_eq(client_end(client_begin(guest_socket(&guest, AF_INET, SOCK_STREAM, 0))),
		    ECONNREFUSED);
	server_start("127.0.0.1", 8081);
	need_through(&guest);
}

static void a_pin_directory_that_is_not_ours_is_refused(void)
{
	struct fence_config c = good;

	sh("rm -rf %s; mkdir -m 755 %s %s/sub", good.pin_dir, good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), -EEXIST);
	sh("chmod 700 %s; chown 65534 %s", good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), -EEXIST);
	sh("rm -r %s; mkdir -m 755 %s", good.pin_dir, good.pin_dir);
	tap_need_eq(open_with(good), 0);
	sh("[ $(stat -c %%a %s) = 700 ]; rm -r %s", good.pin_dir, good.pin_dir);
	c.pin_dir = "/tmp/az-config";
	tap_need_eq(open_with(c), -ENOENT);
}

static void a_missing_capability_is_named(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	struct failure failure = { 0 };
	struct fence *fence;
	bool adopted;

	tap_need_eq(syscall(SYS_capget, &header, data), 0);
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	data[CAP_TO_INDEX(CAP_PERFMON)].effective &= ~CAP_TO_MASK(CAP_PERFMON);
	tap_need_eq(syscall(SYS_capset, &header, data), 0);
	tap_need_eq(fence_open(&fence, &good, &adopted, &failure), -EPERM);
	tap_need_msg(strstr(failure.text, "CAP_PERFMON"), "%s", failure.text);
	data[CAP_TO_INDEX(CAP_BPF)].effective &= ~CAP_TO_MASK(CAP_BPF);
	tap_need_eq(syscall(SYS_capset, &header, data), 0);
	tap_need_eq(fence_open(&fence, &good, &adopted, &failure), -EPERM);
	tap_need_msg(strstr(failure.text, "CAP_BPF"), "%s", failure.text);
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
	TAP_TEST(a_restart_adopts_all_and_connections_live_on),
	TAP_TEST(another_build_replaces_everything),
	TAP_TEST(filters_without_pins_do_not_outlive_a_new_load),
	TAP_TEST(removal_leaves_no_trace_but_what_is_others),
	TAP_TEST(a_slot_and_a_tap_belong_to_one_vm),
	TAP_TEST(a_further_bridge_drops_and_its_ports_use_the_first),
	TAP_TEST(a_configuration_that_cannot_be_is_refused),
	TAP_TEST(another_range_takes_the_socket_away),
	TAP_TEST(a_pin_directory_that_is_not_ours_is_refused),
	TAP_TEST(a_missing_capability_is_named),
};

int main(int argc, char **argv)
{
	int status;

	world_prepare();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	world_end();
	return status;
}
