// SPDX-License-Identifier: GPL-2.0
// Owns the scene of most accidents: one guest that gets through, and a foreign program.

#include "scene.h"

#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

struct guest scene_guest;

void scene_foreign_pin(void)
{
	const struct bpf_insn accept[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", accept, 2, NULL);

	tap_need(fd >= 0);
	unlink(SCENE_FOREIGN);
	tap_need_eq(bpf_obj_pin(fd, SCENE_FOREIGN), 0);
	close(fd);
}

void scene_pin_path(char path[64], const char *name)
{
	snprintf(path, 64, "/sys/fs/bpf/az-%d%s%s", getpid(), *name ? "/" : "", name);
}

void scene_start(void)
{
	world_open();
	scene_foreign_pin();
	scene_guest = guest_make(1);
	tap_need_eq(guest_enrol(&scene_guest), 0);
	server_start("127.0.0.1", 8080);
	need_through(&scene_guest);
}

unsigned int scene_audit_bridge(void)
{
	return fence_audit_bridge(world, world_ifindex("br0"), true);
}
