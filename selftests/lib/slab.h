/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's objects weigh: live ones, by cache. */
#ifndef SELFTESTS_LIB_SLAB_H
#define SELFTESTS_LIB_SLAB_H

#include <stdint.h>

#define SLAB_CACHES 512

/*
 * /proc/meminfo's "Slab" counts pages, among them those of objects that are
 * free again but for a grace period, or wait in a processor's list: after a
 * thousand short-lived files it says three times what is in use. So all caches
 * are emptied of what is free first, then objects are counted, each with the
 * size of its place.
 */
struct slab_look {
	unsigned int caches;
	struct slab_cache {
		char name[32];
		int64_t bytes;
	} cache[SLAB_CACHES];
	int64_t bytes;		/* in all */
};

/* Looks until nothing is freed any more. -1 with errno: not root, or no SLUB. */
int slab_look(struct slab_look *look);

/* "name 512, filp 256": what grew from a to b by more than a byte for each of n. */
void slab_explain(const struct slab_look *a, const struct slab_look *b, unsigned int n,
		  char *text, int size);

#endif /* SELFTESTS_LIB_SLAB_H */
