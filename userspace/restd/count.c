// SPDX-License-Identifier: GPL-2.0
// Owns the counters, and the one line about them that a guest cannot make more frequent.

#include "restd.h"

#include <stdio.h>

static const char *const names[] = {
#define X(name) #name,
	COUNTS(X)
#undef X
};

static uint64_t now_at[COUNT_MAX], said[COUNT_MAX];
static int64_t last_said;
static bool news;

void count_up(enum count what)
{
	now_at[what]++;
	news = news || (what != COUNT_accepted && what != COUNT_answered);
}

static void say(void)
{
	char line[900] = "";
	size_t length = 0;

	for (size_t i = 0; i < COUNT_MAX && length < sizeof(line); i++)
		if (now_at[i] != said[i]) {
			length += (size_t)snprintf(line + length, sizeof(line) - length, " %s %llu",
						   names[i],
						   (unsigned long long)(now_at[i] - said[i]));
			said[i] = now_at[i];
		}
	log_line(LOG_INFO, "since the last such line:%s", line);
}

int count_report(int64_t now)
{
	if (!news)
		return -1;
	if (last_said && now - last_said < COUNT_INTERVAL_MS)
		return (int)(COUNT_INTERVAL_MS - (now - last_said));
	last_said = now;
	news = false;
	say();
	return -1;
}
