/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of "azattestctl module reload".
 *
 *   reload.c       the command: what is stopped, in which order it comes back
 *   reload_pins.c  which processes have the module's devices open
 */
#ifndef AZATTESTCTL_RELOAD_H
#define AZATTESTCTL_RELOAD_H

#include "doctor.h"

/* A process that has a device of the module open. */
struct pin {
	pid_t pid;
	char name[32];
	char unit[64];		/* of systemd; "" if it is none of ours */
};

#define PINS_MAX	64

struct pins {
	struct pin pin[PINS_MAX];
	size_t count;		/* may be more than there is room for */
};

/* @root stands before each path of the host's: "". */
void pins_find(const char *root, struct pins *pins);

/*
 * The whole of it but the question: an exit code. @confirm is told who holds the module and which
 * version comes: RELOAD_GO, or the exit code that this is the end with.
 */
#define RELOAD_GO	(-1)
int reload_run(const char *root, int (*confirm)(const struct pins *pins, const char *version));

#endif
