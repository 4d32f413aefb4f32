// SPDX-License-Identifier: GPL-2.0
// Owns the memory that holds the key and everything libcrypto makes of it: secret, or locked.

#include "signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <openssl/crypto.h>

/*
 * One mapping, never given back: libcrypto copies a key into many places
 * (Montgomery contexts, blinding, encodings), so all of its memory is treated
 * as the key. Blocks have sizes of powers of two; a freed one waits in the
 * list of its size. The mapping is private to this process: two processes
 * with one arena would corrupt it.
 */
#define ARENA_SIZE	(4u << 20)
#define GUARD_SIZE	(64u << 10)	/* a frame that is larger than a page hits it, too */
#define STACK_SIZE	(512u << 10)
#define MAPPED_SIZE	(ARENA_SIZE + GUARD_SIZE + STACK_SIZE)
#define CLASS_MIN	5	/* 32 bytes: header and the smallest block */
#define CLASS_MAX	22

struct block {
	union {
		struct block *next;	/* while free */
		size_t class;		/* while used */
	};
	size_t pad;		/* what follows is aligned to 16 */
};

static struct {
	uint8_t *base;
	size_t used;
	struct block *free[CLASS_MAX + 1];
} arena;

/* The power of two that holds @size, its header too. */
static size_t class_of(size_t size)
{
	size_t last = (size + sizeof(struct block) - 1) | ((1u << CLASS_MIN) - 1);

	return 64 - (size_t)__builtin_clzl(last);
}

void *arena_alloc(size_t size)
{
	struct block *block;
	size_t class;

	if (!size || size > ARENA_SIZE / 2)
		return NULL;
	class = class_of(size);
	block = arena.free[class];
	if (block) {
		arena.free[class] = block->next;
	} else {
		if ((size_t)1 << class > ARENA_SIZE - arena.used)
			return NULL;
		block = (struct block *)(arena.base + arena.used);
		arena.used += (size_t)1 << class;
	}
	block->class = class;
	return block + 1;
}

void arena_free(void *p)
{
	struct block *block = p;
	size_t class;

	if (!p)
		return;
	block--;
	class = block->class;
	block->next = arena.free[class];
	arena.free[class] = block;
}

void *arena_realloc(void *p, size_t size)
{
	struct block *block = p;
	size_t old;
	void *fresh;

	if (!p)
		return arena_alloc(size);
	if (!size) {
		arena_free(p);
		return NULL;
	}
	old = ((size_t)1 << block[-1].class) - sizeof(*block);
	if (size <= old)
		return p;
	fresh = arena_alloc(size);
	if (!fresh)
		return NULL;
	memcpy(fresh, p, old);
	OPENSSL_cleanse(p, old);
	arena_free(p);
	return fresh;
}

size_t arena_used(void)
{
	return arena.used;
}

static void *crypto_alloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return arena_alloc(size);
}

static void *crypto_realloc(void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return arena_realloc(p, size);
}

static void crypto_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	arena_free(p);
}

/*
 * memfd_secret(2): no process can read it, by no call, and the kernel itself has
 * no mapping of it. Kernel 6.1 has it with secretmem.enable=1 only.
 */
static void *map_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *base = MAP_FAILED;

	if (fd < 0)
		return base;
	if (!ftruncate(fd, MAPPED_SIZE))
		base = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return base;
}

static void *map_locked(void)
{
	void *base = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (base == MAP_FAILED || (!mlock(base, MAPPED_SIZE) &&
				   !madvise(base, MAPPED_SIZE, MADV_DONTDUMP)))
		return base;
	munmap(base, MAPPED_SIZE);
	return MAP_FAILED;
}

int arena_open(void)
{
	enum arena_memory memory = ARENA_SECRET;

	arena.base = map_secret();
	if (arena.base == MAP_FAILED) {
		memory = ARENA_LOCKED;
		arena.base = map_locked();
	}
	/* Shared memory is a child's too, and a child would corrupt it. */
	if (arena.base == MAP_FAILED || madvise(arena.base, MAPPED_SIZE, MADV_DONTFORK) ||
	    mprotect(arena.base + ARENA_SIZE, GUARD_SIZE, PROT_NONE))
		return -errno;
	return CRYPTO_set_mem_functions(crypto_alloc, crypto_realloc, crypto_free) ?
		(int)memory : -EBUSY;
}

static int (*arena_work)(void);

static void run(void)
{
	exit(arena_work());
}

/* Nothing comes back: what was on the first stack is older than any key. */
void arena_run(int (*work)(void))
{
	ucontext_t context;

	arena_work = work;
	if (!getcontext(&context)) {
		context.uc_stack.ss_sp = arena.base + ARENA_SIZE + GUARD_SIZE;
		context.uc_stack.ss_size = STACK_SIZE;
		context.uc_link = NULL;
		makecontext(&context, run, 0);
		setcontext(&context);
	}
	abort();
}
