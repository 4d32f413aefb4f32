// SPDX-License-Identifier: GPL-2.0
// Owns asking a host again while that may help.
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "cli.h"

#define DELAY_FIRST_MS	200
#define DELAY_MAX_MS	5000

int ask_parse_wait(const char *command, const char *text, double *wait)
{
	char *end;

	*wait = strtod(text, &end);
	if (*text == '\0' || *end != '\0' || !(*wait >= 0 && *wait <= 86400))
		return report_usage(command, "--wait %s: not a number of "
				    "seconds from 0 to 86400", text);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Half to all of the step, so that guests of one boot do not ask in chorus. */
static double jittered(double step_ms)
{
	unsigned int random = 0;

	if (getrandom(&random, sizeof(random), 0) < 0)
		random = 1u << 31;
	return step_ms * (0.5 + 0.5 * random / 4294967296.0) / 1000;
}

static void pause_for(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };

	t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* The last try is made when the time is up. */
int ask_run(const struct door *door, double wait, door_question *question,
	    void *arg, struct azattest_fault *fault)
{
	double end = now() + wait, step = DELAY_FIRST_MS;
	int rc, said = 0;

	for (;;) {
		double delay = jittered(step), left = end - now();

		rc = door_ask(door, question, arg, fault);
		if (!rc || !azattest_code_retryable(rc) || left <= 0)
			return rc;
		if (rc != said)
			report_note(door->command, "%s (%s): trying again for "
				    "%.0f s", fault->text,
				    azattest_code_name(rc), left);
		said = rc;
		pause_for(delay < left ? delay : left);
		step = step * 2 < DELAY_MAX_MS ? step * 2 : DELAY_MAX_MS;
	}
}
