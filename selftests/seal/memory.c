// SPDX-License-Identifier: GPL-2.0
// Owns the search for bytes in another process's memory.

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/lib/tap.h>

#define REGION_MAX	(64ul << 20)	/* the sanitizer's shadow is larger, and no copy */

void memory_add(struct memory_pieces *pieces, const void *bytes, size_t length)
{
	tap_need(length >= MEMORY_PIECE);
	for (size_t at = 0; at + MEMORY_PIECE <= length; at += 8) {
		tap_need(pieces->count < MEMORY_PIECES);
		memcpy(pieces->bytes[pieces->count++], (const uint8_t *)bytes + at, MEMORY_PIECE);
	}
}

void memory_add_number(struct memory_pieces *pieces, const BIGNUM *number)
{
	uint8_t bytes[512];
	int length = BN_num_bytes(number);

	tap_need((size_t)length <= sizeof(bytes));
	tap_need_eq(BN_bn2binpad(number, bytes, length), length);
	memory_add(pieces, bytes, (size_t)length);
	tap_need_eq(BN_bn2lebinpad(number, bytes, length), length);
	memory_add(pieces, bytes, (size_t)length);
}

/* one region */

struct look {
	const struct memory_pieces *pieces;	/* or: */
	const void *bytes;
	size_t length;
};

static bool has(const struct look *look, const uint8_t *copy, size_t n)
{
	if (!look->pieces)
		return memmem(copy, n, look->bytes, look->length);
	for (unsigned int i = 0; i < look->pieces->count; i++)
		if (memmem(copy, n, look->pieces->bytes[i], MEMORY_PIECE))
			return true;
	return false;
}

static bool region_has(int mem, unsigned long from, size_t size, const struct look *look)
{
	uint8_t *copy = malloc(size);
	bool found;
	ssize_t n;

	tap_need(copy);
	n = pread(mem, copy, size, (off_t)from);
	found = n > 0 && has(look, copy, (size_t)n);
	free(copy);
	return found;
}

/* all of them */

struct region {
	unsigned long from, to;
	char line[300];
	bool readable;
	bool guarded;	/* neither swapped nor dumped */
};

/* The next one that smaps tells of: its last line is that of its flags. */
static bool next_region(FILE *smaps, struct region *region)
{
	char line[300], mode[5];
	unsigned long from, to;

	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) == 3) {
			*region = (struct region) { .from = from, .to = to, .readable = *mode == 'r' };
			snprintf(region->line, sizeof(region->line), "%.*s", (int)strcspn(line, "\n"), line);
		} else if (!strncmp(line, "VmFlags:", 8)) {
			region->guarded = strstr(line, " lo") && strstr(line, " dd");
			return true;
		}
	}
	return false;
}

static FILE *open_regions(pid_t pid)
{
	char path[40];
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "r");
	tap_need(smaps);
	return smaps;
}

/* The arena is no place where a piece would be too many. */
static bool is_left_out(const struct region *region, const struct look *look)
{
	return !region->readable || region->to - region->from > REGION_MAX ||
	       (look->pieces && region->guarded);
}

static unsigned int look_into(pid_t pid, const struct look *look)
{
	struct region region = { 0 };
	unsigned int found = 0;
	char path[40];
	FILE *smaps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0 && errno == EACCES)
		tap_skip("needs CAP_SYS_PTRACE, to read the memory of another process");
	tap_need(mem >= 0);
	smaps = open_regions(pid);
	while (next_region(smaps, &region)) {
		if (is_left_out(&region, look) ||
		    !region_has(mem, region.from, region.to - region.from, look))
			continue;
		tap_diag("found in %d: %s", pid, region.line);
		found++;
	}
	fclose(smaps);
	close(mem);
	return found;
}

/* Of who waits in a system call: its number, six arguments, stack and code. */
static unsigned long stack_pointer(pid_t pid)
{
	unsigned long sp = 0;
	char path[40];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	in = fopen(path, "r");
	tap_need(in);
	if (fscanf(in, "%*s %*s %*s %*s %*s %*s %*s %lx", &sp) != 1)
		sp = 0;
	fclose(in);
	return sp;
}

bool memory_stack_is_guarded(pid_t pid)
{
	struct region region = { 0 };
	unsigned long sp = 0;
	FILE *smaps;

	tap_need_wait((sp = stack_pointer(pid)));
	smaps = open_regions(pid);
	while (next_region(smaps, &region))
		if (sp >= region.from && sp < region.to)
			break;
	fclose(smaps);
	tap_need(sp >= region.from && sp < region.to);
	return region.guarded;
}

unsigned int memory_with(pid_t pid, const struct memory_pieces *pieces)
{
	return look_into(pid, &(struct look) { .pieces = pieces });
}

unsigned int memory_with_bytes(pid_t pid, const void *bytes, size_t length)
{
	return look_into(pid, &(struct look) { .bytes = bytes, .length = length });
}
