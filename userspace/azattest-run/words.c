// SPDX-License-Identifier: GPL-2.0
// Owns the words of the VMM's command line: {vhostfd} becomes a number.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define PART_LEN	(sizeof(WORDS_VHOSTFD) - 1)

static unsigned int count_parts(const char *word)
{
	unsigned int n = 0;

	for (; (word = strstr(word, WORDS_VHOSTFD)); word += PART_LEN)
		n++;
	return n;
}

/* NULL: no memory. */
static char *replace(const char *word, const char *number)
{
	size_t size = strlen(word) + count_parts(word) * strlen(number) + 1;
	char *out = malloc(size), *to = out;
	const char *part;

	if (!out)
		return NULL;
	for (; (part = strstr(word, WORDS_VHOSTFD)); word = part + PART_LEN) {
		to = mempcpy(to, word, (size_t)(part - word));
		to = stpcpy(to, number);
	}
	strcpy(to, word);
	return out;
}

/*
 * Replaces it wherever it stands in @words, which end with NULL. The new words
 * live as long as the process. Returns how many words changed, or -ENOMEM.
 */
int words_replace(char **words, int fd)
{
	char number[16];
	int changed = 0;

	snprintf(number, sizeof(number), "%d", fd);
	for (; *words; words++) {
		if (!count_parts(*words))
			continue;
		*words = replace(*words, number);
		if (!*words)
			return -ENOMEM;
		changed++;
	}
	return changed;
}
