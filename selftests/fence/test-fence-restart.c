// SPDX-License-Identifier: GPL-2.0
// What a restart adopts, what another build replaces, what removal leaves, and that
// a slot, a tap and a further bridge are enrolled as they should be.

#include <selftests/fence/scene.h>

#include <unistd.h>

#include <linux/netlink.h>

#include <bpf/bpf.h>

#include <userspace/fence/internal.h>

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

	scene_start();
	sock = client_need(&scene_guest, &seen);
	packets = received();
	fence_close(world);
	client_echo(sock);
	need_through(&scene_guest);
	tap_need(world_adopt());
	tap_need(received() > packets);
	packets = received();
	world_bridge();
	tap_need_eq(guest_enrol(&scene_guest), 0);
	/* Counted on, not from 0; a late ACK may have come meanwhile. */
	tap_need(received() >= packets);
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(scene_audit_bridge(), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	client_echo(sock);
	need_through(&scene_guest);
}

/* What an older load left on taps is gone: its slots mean nothing now. The bridge stays shut. */
static void need_replaced(void)
{
	struct fence_slot record;

	fence_close(world);
	tap_need(!world_adopt());
	/* Where restd's cgroup is, nobody has said yet: cg_in there is ours all the same. */
	tap_need_eq(fence_audit_links(world), 0);
	tap_need_eq(fence_slot_read(world, 1, &record), -ENOENT);
	tap_need_eq(fence_audit_port(world, 1), FENCE_LOST_PORT);
	sh("! tc filter show dev tap1 ingress | grep -q port_in");
	tap_need_eq(scene_audit_bridge(), FENCE_LOST_BRIDGE);
	need_silence(&scene_guest);
	world_bridge();
	need_silence(&scene_guest);
	tap_need_eq(guest_enrol(&scene_guest), 0);
	tap_need_eq(fence_audit_port(world, 1), 0);
	tap_need_eq(scene_audit_bridge(), 0);
}

/* Until restd connects again, this is all that keeps forged packets from it. */
static bool cg_in_is_pinned_program(void)
{
	struct bpf_link_info link = { 0 };
	struct bpf_prog_info program = { 0 };
	uint32_t size = sizeof(link);
	char path[64];

	scene_pin_path(path, "link_cg_in");
	tap_need(!bpf_obj_get_info_by_fd(bpf_obj_get(path), &link, &size));
	scene_pin_path(path, "prog_cg_in");
	size = sizeof(program);
	tap_need(!bpf_obj_get_info_by_fd(bpf_obj_get(path), &program, &size));
	return link.cgroup.cgroup_id && link.prog_id == program.id;
}

static void another_build_replaces_everything(void)
{
	char from[64], to[64];
	int other;

	scene_start();
	tap_need(cg_in_is_pinned_program());
	scene_pin_path(from, "prog_br_drop");
	scene_pin_path(to, "prog_port_in");
	other = bpf_obj_get(from);
	tap_need_eq(unlink(to), 0);
	tap_need_eq(bpf_obj_pin(other, to), 0);
	need_replaced();
	tap_need(cg_in_is_pinned_program());
}

static void filters_without_pins_do_not_outlive_a_new_load(void)
{
	char path[64];

	scene_start();
	scene_pin_path(path, "");
	sh("rm -r %s", path);
	need_replaced();
}

static void removal_leaves_no_trace_but_what_is_others(void)
{
	struct failure failure = { 0 };
	char path[64];

	scene_start();
	guest_make(2);
	sh("tc qdisc add dev tap2 clsact && tc filter add dev tap2 ingress prio 7 bpf da object-pinned "
	   SCENE_FOREIGN);
	tap_need_msg(!fence_remove(world, &failure), "%s", failure.text);
	sh("! tc qdisc show dev tap1 | grep -q clsact");
	sh("! tc qdisc show dev br0 | grep -q clsact");
	sh("tc filter show dev tap2 ingress | grep -q foreign");
	scene_pin_path(path, "");
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

	scene_start();
	guest_make(2);
	tap_need_eq(enrol(1, "tap2", 2, 7), -EBUSY);
	tap_need_eq(enrol(2, "tap1", 2, 7), -EBUSY);
	tap_need_eq(enrol(0, "tap2", 2, 7), -EINVAL);
	tap_need_eq(enrol(WORLD_SLOTS, "tap2", 2, 7), -EINVAL);
	tap_need_eq(enrol(2, NULL, 2, 7), -ENODEV);
	need_through(&scene_guest);
	packets = received();
	tap_need_eq(enrol(1, "tap1", 1, 7), 0);
	tap_need_eq(received(), packets);
	tap_need_eq(enrol(1, "tap1", 1, 8), 0);
	tap_need_eq(received(), 0);
	need_through(&scene_guest);
}

static void a_further_bridge_drops_and_its_ports_use_the_first(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };
	struct failure failure = { 0 };
	unsigned int second;

	scene_start();
	sh("ip link add br1 type bridge && ip link set br1 up && ip link set tap1 nomaster && "
	   "ip link set tap1 master br1");
	second = world_ifindex("br1");
	tap_need_msg(!fence_set_bridge(world, second, mac, false, &failure), "%s", failure.text);
	tap_need_eq(fence_audit_bridge(world, second, false), 0);
	need_through(&scene_guest);
	sh("tc filter del dev br1 egress");
	tap_need_eq(fence_audit_bridge(world, second, false), FENCE_LOST_BRIDGE);
	tap_need_eq(fence_set_bridge(world, second, mac, false, &failure), 0);
	tap_need_eq(fence_audit_bridge(world, second, false), 0);
	tap_need_eq(fence_set_bridge(world, 99999, mac, false, &failure), -ENODEV);
}

/* An answer to each question that may come: "not permitted". */
static void what_another_process_sends_is_no_answer(void)
{
	struct { struct nlmsghdr head; struct nlmsgerr error; } answer[500] = { 0 };
	struct sockaddr_nl to = { 0 };
	socklen_t size = sizeof(to);
	int fd;

	scene_start();
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	for (unsigned int i = 0; i < TAP_COUNT(answer); i++) {
		answer[i].head.nlmsg_len = sizeof(answer[i]);
		answer[i].head.nlmsg_type = NLMSG_ERROR;
		answer[i].head.nlmsg_seq = i + 1;
		answer[i].error.error = -EPERM;
	}
	tap_need(!getsockname(world->netlink, (struct sockaddr *)&to, &size) && to.nl_pid);
	tap_need_eq(sendto(fd, answer, sizeof(answer), 0, (struct sockaddr *)&to, sizeof(to)),
		    sizeof(answer));
	tap_need_eq(fence_audit_port(world, 1), 0);
	close(fd);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_restart_adopts_all_and_connections_live_on),
	TAP_TEST(what_another_process_sends_is_no_answer),
	TAP_TEST(another_build_replaces_everything),
	TAP_TEST(filters_without_pins_do_not_outlive_a_new_load),
	TAP_TEST(removal_leaves_no_trace_but_what_is_others),
	TAP_TEST(a_slot_and_a_tap_belong_to_one_vm),
	TAP_TEST(a_further_bridge_drops_and_its_ports_use_the_first),
};

int main(int argc, char **argv)
{
	int status;

	world_prepare();
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	world_end();
	return status;
}
