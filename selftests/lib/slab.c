// SPDX-License-Identifier: GPL-2.0
/* What the kernel's objects weigh: live ones, by cache. */
#include <selftests/lib/slab.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CACHES "/sys/kernel/slab"

static void shrink(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), CACHES "/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		errno = 0;	/* a cache that is just going: it holds nothing */
	close(fd);
}

/* Free objects leave the processors' lists, and free pages the caches. */
static int shrink_all(void)
{
	DIR *dir = opendir(CACHES);
	struct dirent *entry;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			shrink(entry->d_name);
	closedir(dir);
	return 0;
}

static int count(struct slab_look *look)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	long long objects, size;
	char line[512];

	if (!f)
		return -1;
	look->caches = 0;
	look->bytes = 0;
	while (fgets(line, sizeof(line), f) && look->caches < SLAB_CACHES) {
		struct slab_cache *c = &look->cache[look->caches];

		if (sscanf(line, "%31s %lld %*d %lld", c->name, &objects, &size) != 3)
			continue;
		c->bytes = objects * size;
		look->bytes += c->bytes;
		look->caches++;
	}
	fclose(f);
	return 0;
}

int slab_look(struct slab_look *look)
{
	int64_t last;

	if (shrink_all() || count(look))
		return -1;
	do {
		last = look->bytes;
		if (shrink_all() || count(look))
			return -1;
	} while (look->bytes < last);
	return 0;
}

static int64_t bytes_of(const struct slab_look *look, const char *name)
{
	int64_t sum = 0;

	for (unsigned int i = 0; i < look->caches; i++)
		if (!strcmp(look->cache[i].name, name))
			sum += look->cache[i].bytes;
	return sum;
}

void slab_explain(const struct slab_look *a, const struct slab_look *b, unsigned int n,
		  char *text, int size)
{
	int64_t each;
	int len = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < b->caches && len < size; i++) {
		each = (b->cache[i].bytes - bytes_of(a, b->cache[i].name)) / (int64_t)n;
		if (each > 1)
			len += snprintf(text + len, size - len, "%s%s %lld", len ? ", " : "",
					b->cache[i].name, (long long)each);
	}
}
