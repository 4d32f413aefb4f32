/* SPDX-License-Identifier: GPL-2.0 */
/* The scene of most accidents: a host of world.h with one guest that gets through. */
#ifndef SELFTESTS_FENCE_SCENE_H
#define SELFTESTS_FENCE_SCENE_H

#include <selftests/fence/world.h>

#define SCENE_FOREIGN	"/sys/fs/bpf/foreign"	/* a program that accepts everything */

extern struct guest scene_guest;

/* One guest that is through, its server, and SCENE_FOREIGN. */
void scene_start(void);
/* SCENE_FOREIGN anew, after something took it. */
void scene_foreign_pin(void);
/* Where the fence's pin of that name is; "": their directory. */
void scene_pin_path(char path[64], const char *name);
unsigned int scene_audit_bridge(void);

#endif
