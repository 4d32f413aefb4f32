// SPDX-License-Identifier: GPL-2.0
// Owns in which of its states the host is: which, in what way, why, and what to do next.

#include "azattestd.h"

#include <string.h>
#include <time.h>

#include <userspace/common/accept.h>

/*
 * Derived from what is true now, never from what was last written:
 *
 *   Inactive  no-certificate  the first one is on its way
 *             decommissioned  by an administrator
 *   Active    ok | renewing | ending | renewal-failing | clock | key
 *   Expired   renewing | renewal-failing | clock
 *   Error     no-certificate | clock | signers | key | audit
 */
static const char set_clock[] = "set the clock (timedatectl)";

static void say(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* The source's last words, with their age: "CA unreachable for 3 days: tried ...". */
static void describe_failure(const struct azattestd *d, int64_t now, char *out, size_t size)
{
	static const char unreachable[] = "CA unreachable: ";
	const char *text = d->renew.errand.failure.text;
	bool gone = !strncmp(text, unreachable, strlen(unreachable));
	int64_t age = now - d->renew.failing_s;
	char span[ACCEPT_SPAN];

	snprintf(out, size, "%s for %s: %.560s", gone ? "CA unreachable" : "renewal failing",
		 accept_span(age > 0 ? age : 0, span), gone ? text + strlen(unreachable) : text);
}

static void describe_retry(const struct azattestd *d, char *out, size_t size)
{
	bool sync = d->config.source == CONFIG_CMP || d->config.source == CONFIG_EXEC;
	int64_t wait = (d->renew.next_ms - clock_boot_ms()) / 1000;
	char span[ACCEPT_SPAN];

	snprintf(out, size, "tried again in %s; \"azattestctl sync\" tries now%s",
		 accept_span(wait > 0 ? wait : 0, span),
		 sync ? ", \"azattest-sync --check\" tries all of the way to the CA" : "");
}

/* Days at which the end of a certificate is a warning: it should be renewed long before. */
static int64_t warn_days(const struct config *config)
{
	return config->renew_days < CONDITION_WARN_DAYS ? config->renew_days : CONDITION_WARN_DAYS;
}

bool condition_ends_soon(const struct azattestd *d, int64_t now)
{
	return d->leaf.number && now < d->leaf.not_after &&
	       (d->leaf.not_after - now) / 86400 < warn_days(&d->config);
}

static void describe_end(const struct azattestd *d, int64_t now, struct status *status)
{
	int64_t left = (d->leaf.not_after - now) / 86400;
	char why[sizeof(status->reason)];

	say(why, sizeof(why), *status->reason ? status->reason : "it is being renewed");
	snprintf(status->reason, sizeof(status->reason), "the certificate ends in %s%lld day%s: %.500s",
		 left ? "" : "less than ", (long long)(left ? left : 1), left > 1 ? "s" : "", why);
}

static void derive_active(const struct azattestd *d, int64_t now, struct status *status)
{
	status->state = STATUS_ACTIVE;
	status->sub = d->renew.failures ? "renewal-failing" : d->renew.errand.pid ? "renewing" : "ok";
	if (condition_ends_soon(d, now)) {
		status->sub = "ending";
		describe_end(d, now, status);
	} else if (*d->keeper.error) {
		status->sub = "key";
		snprintf(status->reason, sizeof(status->reason), "key: %s", d->keeper.error);
	} else if (!d->renew.failures && clock_doubt(&d->clock, now) != CLOCK_FINE) {
		status->sub = "clock";
		clock_describe(&d->clock, now, status->reason, sizeof(status->reason));
		say(status->next, sizeof(status->next), set_clock);
	}
}

/* Nothing is wrong with the certificate: what is wrong, is the clock. */
static void derive_before_begin(const struct azattestd *d, int64_t now, struct status *status)
{
	char span[ACCEPT_SPAN], why[200];

	clock_describe(&d->clock, now, why, sizeof(why));
	status->state = STATUS_ERROR;
	status->sub = "clock";
	snprintf(status->reason, sizeof(status->reason),
		 "the certificate begins only in %s%s%s: documents are refused until then",
		 accept_span(d->leaf.not_before - now, span), *why ? ": " : "", why);
	snprintf(status->next, sizeof(status->next), "%s; the certificate itself is in order",
		 set_clock);
}

static void derive_expired(const struct azattestd *d, int64_t now, struct status *status)
{
	char why[200], failure[sizeof(status->reason)];

	status->state = STATUS_EXPIRED;
	status->sub = d->renew.failures ? "renewal-failing" : "renewing";
	if (!clock_explains_end(&d->clock, now, d->leaf.not_after))
		return;
	status->sub = "clock";
	clock_describe(&d->clock, d->clock.jumped_at, why, sizeof(why));
	say(failure, sizeof(failure), status->reason);
	snprintf(status->reason, sizeof(status->reason),
		 "%s, and the certificate has ended by that%s%.400s", why, *failure ? "; " : "", failure);
	snprintf(status->next, sizeof(status->next),
		 "if the clock is wrong, %s: the certificate is valid again then", set_clock);
}

static void derive_without_signers(const struct azattestd *d, struct status *status)
{
	const struct supervise *s = &d->supervise;

	/* Starting or being replaced; what was true before is told on. */
	if (s->failures < SUPERVISE_REPEATED)
		return;
	status->state = STATUS_ERROR;
	status->sub = "signers";
	snprintf(status->reason, sizeof(status->reason), "signers end again and again: %s", s->why);
	say(status->next, sizeof(status->next), "journalctl -u azattestd tells what each said");
}

/* Its line ends with what to do. */
static void derive_without_key(const struct azattestd *d, struct status *status)
{
	status->state = STATUS_ERROR;
	status->sub = "key";
	snprintf(status->reason, sizeof(status->reason), "key: %s", d->keeper.error);
	*status->next = 0;
}

static void derive_held(const struct azattestd *d, struct status *status)
{
	status->state = STATUS_ERROR;
	status->sub = "audit";
	snprintf(status->reason, sizeof(status->reason), "the audit journal cannot be written, and "
		 "audit-required is yes: %s", strerror(d->audit.trail.error));
	say(status->next, sizeof(status->next), "make space: it is tried again each second");
}

void condition_derive(const struct azattestd *d, int64_t now, struct status *status)
{
	*status->reason = 0;
	*status->next = 0;
	if (d->retire.since) {
		status->state = STATUS_INACTIVE;
		status->sub = "decommissioned";
		retire_describe(d, status->reason, sizeof(status->reason));
		say(status->next, sizeof(status->next),
		    "\"azattestctl recommission\" takes the host into service again");
		return;
	}
	if (d->renew.failures) {
		describe_failure(d, now, status->reason, sizeof(status->reason));
		describe_retry(d, status->next, sizeof(status->next));
	}
	if (*d->keeper.error && !keeper_ready(d) && !supervise_count(&d->supervise, SUPERVISE_READY)) {
		derive_without_key(d, status);
	} else if (!d->leaf.number) {
		status->state = d->renew.failures ? STATUS_ERROR : STATUS_INACTIVE;
		status->sub = "no-certificate";
	} else if (now < d->leaf.not_before) {
		derive_before_begin(d, now, status);
	} else if (now >= d->leaf.not_after) {
		derive_expired(d, now, status);
	} else if (d->audit.held) {
		derive_held(d, status);
	} else if (supervise_count(&d->supervise, SUPERVISE_READY)) {
		derive_active(d, now, status);
	} else {
		derive_without_signers(d, status);
	}
}
