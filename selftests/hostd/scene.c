// SPDX-License-Identifier: GPL-2.0
// Owns the scene of most promises: REST access is on, restd runs, one guest is served.

#include "scene.h"

struct rig_guest scene_guest, scene_other;

int scene_bind(unsigned int number)
{
	int fd = azbind_new(number, 0, -1, -1, NULL);

	tap_need_msg(fd >= 0, "BIND: %d", fd);
	return fd;
}

void scene_begin(void)
{
	rig_start();
	rig_legacy(true);
	rig_restd_start();
}

int scene_begin_served(void)
{
	int binding;

	scene_begin();
	rig_guest(&scene_guest, "azt1");
	binding = scene_bind(SCENE_VM);
	rig_add(SCENE_VM, "azt1", 0);
	tap_need_wait(rig_guest_served(&scene_guest, SCENE_VM));
	tap_need(rig_vm_is(SCENE_VM, "active"));
	return binding;
}

void scene_end(void)
{
	rig_restd_kill();
	rig_legacy(false);
	rig_can("ip link del azt1 2>/dev/null; ip link del azt2 2>/dev/null");
	rig_stop();
}
