// SPDX-License-Identifier: GPL-2.0
// Owns the child that fetches a certificate, and when it may be tried again.

#include "azattestd.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define RETRY_FIRST_MS	(30 * 1000LL)
#define RETRY_LAST_MS	(60 * 60 * 1000LL)
/* Longest wait when this little is left of the certificate. */
#define RETRY_URGENT_MS	(5 * 60 * 1000LL)
#define URGENT_S	86400

/* A source blocks and holds secrets (the embedded CA's key): both end with its child. */
static int run_source(const struct azattestd *d, const struct source_host *host,
		      struct failure *failure)
{
	(void)d;
	return source_run(host, failure);
}

/* Name, size and time of what is there: whoever replaces it changes one of them. */
static uint64_t look(const char *directory)
{
	char path[CONFIG_TEXT_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/cert.pem", directory);
	if (stat(path, &st))
		return 0;
	return (uint64_t)st.st_ino ^ (uint64_t)st.st_size << 20 ^
	       (uint64_t)st.st_mtim.tv_sec << 32 ^ (uint64_t)st.st_mtim.tv_nsec;
}

int renew_start(struct azattestd *d)
{
	struct renew *renew = &d->renew;

	renew->last_s = time(NULL);
	renew->run++;
	renew->seen = look(d->config.directory);
	renew->keeper = d->keeper.now.pid;
	renew->overtaken = false;
	return errand_start(d, &renew->errand, run_source);
}

/* A quarter more or less: a fleet whose CA comes back does not come all at once. */
static int64_t jitter(int64_t wait)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return wait;
	return wait - wait / 4 + wait / 2 * random / UINT16_MAX;
}

static void retry_later(struct azattestd *d)
{
	struct renew *renew = &d->renew;
	int64_t wait = RETRY_FIRST_MS << (renew->failures < 7 ? renew->failures : 7);
	int64_t last = RETRY_LAST_MS;

	if (d->leaf.number && d->leaf.not_after - time(NULL) < URGENT_S)
		last = RETRY_URGENT_MS;
	renew->failed++;
	if (!renew->failures++) {
		history_failing(d, renew->errand.failure.text);
		renew->failing_s = history_failing_since(d);
	}
	renew->next_ms = clock_boot_ms() + jitter(wait < last ? wait : last);
}

void renew_failed(struct azattestd *d, const char *why)
{
	failure_set(&d->renew.errand.failure, EXIT_FAILURE, 0, "%s", why);
	retry_later(d);
}

bool renew_directory_changed(struct azattestd *d)
{
	return d->config.source == CONFIG_FILE && look(d->config.directory) != d->renew.seen;
}

/* A keeper that died is no reason: one that dies of each question would be asked for ever. */
bool renew_again(struct azattestd *d, int status)
{
	struct renew *renew = &d->renew;

	if (!status || !keeper_ready(d) || renew->keeper == d->keeper.now.pid)
		return false;
	errand_ended(&renew->errand, status);
	renew->next_ms = 0;
	return true;
}

int renew_ended(struct azattestd *d, int status)
{
	struct renew *renew = &d->renew;
	int ret = errand_ended(&renew->errand, status);

	if (!ret) {
		renew->failures = 0;
		renew->taken++;
		renew->wanted = false;
		return 0;
	}
	retry_later(d);
	return ret;
}
