/* SPDX-License-Identifier: GPL-2.0 */
/* A VMM that runs already: a process with the words, the devices and the guest of one. */
#ifndef SELFTESTS_HOSTD_VMM_H
#define SELFTESTS_HOSTD_VMM_H

#include <stdint.h>
#include <sys/types.h>

/* This program's path. */
extern char vmm_program[400];

/* First of all in main(): a VMM is this program once more, and does not come back. */
void vmm_begin(int argc, char **argv);

/*
 * Its command line names VM @number (0: none) and says CID @says (0: none); it has
 * @devices vhost-vsock descriptors, the first with CID @has, each further one 100 above.
 */
pid_t vmm_start(unsigned int number, uint32_t says, uint32_t has, unsigned int devices);

/* What the guest of the VMM started last is answered: a status, or -errno. */
int vmm_guest_hears(void);
/* The same on a connection that stays open, from the first such question on. */
int vmm_guest_hears_again(void);

#endif
