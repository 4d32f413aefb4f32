/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of ours, executed with the descriptors that they are to have and no other. */
#ifndef AZATTESTD_SPAWN_H
#define AZATTESTD_SPAWN_H

#include <sys/types.h>

/* spawn.c */

#define SPAWN_FDS	8

struct spawn {
	const char *path;	/* of azattest-signer or azattest-keeper */
	char *const *argv;
	int fds[SPAWN_FDS];	/* become 3, 4 and so on; -1: none */
	unsigned int count;	/* of them */
};

/* Pid of the child, or -errno. It has nothing else of ours. */
pid_t spawn_signer(const struct spawn *spawn);
/* azattest-sync with @socket for its standard descriptors. Pid, or -errno. */
pid_t spawn_sync(const char *path, const char *config_path, int socket);
/* A program beside our own; "" if that cannot be told. */
void spawn_default_path(char *path, size_t size, const char *name);

#endif
