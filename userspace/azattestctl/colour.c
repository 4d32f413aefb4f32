// SPDX-License-Identifier: GPL-2.0
// Owns colours: which words have one, and when there are any.

#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GREEN	"\033[32m"
#define YELLOW	"\033[33m"
#define RED	"\033[31m"
#define PLAIN	"\033[0m"

static const struct {
	const char *word, *colour;
} words[] = {
	{ "Active", GREEN }, { "active", GREEN }, { "PASS", GREEN },
	{ "Inactive", YELLOW }, { "waiting", YELLOW }, { "draining", YELLOW },
	{ "degraded", YELLOW }, { "WARN", YELLOW },
	{ "Expired", RED }, { "Error", RED }, { "FAIL", RED },
};

/* As its users agreed on it: set and not empty. */
static bool wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") && isatty(STDOUT_FILENO);
}

void output_word(const char *word)
{
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i].word, word) || !wanted())
			continue;
		printf("%s%s" PLAIN, words[i].colour, word);
		return;
	}
	fputs(word, stdout);
}
