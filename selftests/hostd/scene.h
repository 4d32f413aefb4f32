/* SPDX-License-Identifier: GPL-2.0 */
/* The scene of most promises of azattest-hostd on a host: rig.h with REST access and a guest. */
#ifndef SELFTESTS_HOSTD_SCENE_H
#define SELFTESTS_HOSTD_SCENE_H

#include <selftests/hostd/rig.h>

#define SCENE_VM	1u
#define SCENE_OTHER	2u

extern struct rig_guest scene_guest, scene_other;

/* A binding that lasts until it is closed. */
int scene_bind(unsigned int number);
/* REST access is on, restd runs. */
void scene_begin(void);
/* And scene_guest, which is SCENE_VM, is served; its binding. */
int scene_begin_served(void);
void scene_end(void);

#endif
