/* SPDX-License-Identifier: GPL-2.0 */
/* memory.c: where in another process's memory bytes are, for who may read it (CAP_SYS_PTRACE). */
#ifndef SELFTESTS_SEAL_MEMORY_H
#define SELFTESTS_SEAL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/bn.h>

#define MEMORY_PIECE	16
#define MEMORY_PIECES	1024

/* What is looked for: pieces, because of what was overwritten in part a part is left. */
struct memory_pieces {
	unsigned int count;
	uint8_t bytes[MEMORY_PIECES][MEMORY_PIECE];
};

/* Each piece of them that begins at a multiple of 8. */
void memory_add(struct memory_pieces *pieces, const void *bytes, size_t length);
/* As files have the number, and as the processor has it. */
void memory_add_number(struct memory_pieces *pieces, const BIGNUM *number);

/*
 * Regions of the process's memory that have a piece, but for the signer's arena: secret memory
 * cannot be read, and locked memory is known to have keys.
 */
unsigned int memory_with(pid_t pid, const struct memory_pieces *pieces);
/* Regions that have all of these bytes together, wherever. */
unsigned int memory_with_bytes(pid_t pid, const void *bytes, size_t length);

/* Whether its stack is in memory that is neither swapped nor dumped. */
bool memory_stack_is_guarded(pid_t pid);

#endif
