// SPDX-License-Identifier: GPL-2.0
// Owns the way out of service: the certificate revoked, the keys destroyed, for good; and back.

#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509v3.h>

/*
 *   STATE/decommissioned   "since SECONDS revoked yes|no|asked"
 *
 * In this order: the note is on disk; the CA revokes; the note says so; signers
 * end and the keys go. A CA that refuses, or does not answer, takes the note away
 * again. Whatever a crash has left of it is finished at the next start: nothing
 * is signed by a host whose certificate may be revoked.
 */
#define NOTE		"decommissioned"
#define NOTE_MAX	80
#define UNKNOWN		1	/* since when; 0 is "in service" */

const char *const revocation_names[] = {
	[REVOCATION_NONE] = "no", [REVOCATION_DONE] = "yes", [REVOCATION_ASKED] = "asked",
};

/* Whether the source that is configured knows the CA that issued, and how to ask it. */
static bool can_revoke(const struct azattestd *d)
{
	return d->leaf.number && d->leaf.source == CONFIG_CMP && d->config.source == CONFIG_CMP;
}

static int run_revocation(const struct azattestd *d, const struct source_host *host,
			  struct failure *failure)
{
	return source_sync_revoke(host, d->leaf.cert, failure);
}

static int write_note(struct azattestd *d, enum revocation revoked, struct failure *failure)
{
	char line[NOTE_MAX];

	snprintf(line, sizeof(line), "since %" PRIi64 " revoked %s\n", (int64_t)time(NULL),
		 revocation_names[revoked]);
	return state_replace(&d->state, NOTE, line, strlen(line), failure);
}

static int remove_note(struct azattestd *d, struct failure *failure)
{
	if (!unlinkat(d->state.dir, NOTE, 0) && !fsync(d->state.dir))
		return 0;
	return failure_set(failure, EXIT_STATE, -errno, "%s/" NOTE ": cannot be removed: %s",
			   d->state.path, strerror(errno));
}

static int finish(struct azattestd *d, enum revocation revoked, struct failure *failure)
{
	struct retire *retire = &d->retire;
	int ret;

	ret = write_note(d, revoked, failure);
	/* Revoked is revoked: the note that was there before still ends its service. */
	if (ret && revoked == REVOCATION_NONE)
		return ret;
	if (ret)
		log_line(LOG_ERR, "decommission: %s", failure->text);
	retire->since = time(NULL);
	retire->revoked = revoked;
	audit_decommissioned(d);
	supervise_retire(d);
	keeper_stop(d);
	ret = state_destroy_keys(&d->state, failure);
	history_retired(d);
	leaf_free(&d->leaf);
	d->proved = 0;
	d->renew.failures = 0;
	d->renew.wanted = false;
	log_line(LOG_NOTICE, "decommissioned: %s, keys %s", revoked == REVOCATION_DONE ? "the CA has revoked the certificate" :
		 "no certificate was revoked", ret ? "not all destroyed" : "destroyed");
	status_update(d);
	return ret;
}

int retire_begin(struct azattestd *d, bool revoke, struct failure *failure)
{
	int ret;

	if (d->retire.errand.pid)
		return failure_set(failure, EXIT_FAILURE, -EBUSY, "decommission: another one is asking the "
				   "CA just now: look at azattestctl status in a minute");
	if (d->retire.since)
		return state_destroy_keys(&d->state, failure);
	if (d->renew.errand.pid)
		return failure_set(failure, EXIT_FAILURE, -EBUSY, "decommission: a renewal is under way: "
				   "try again when azattestctl status says it is over");
	if (!revoke || !can_revoke(d))
		return finish(d, REVOCATION_NONE, failure);
	ret = write_note(d, REVOCATION_ASKED, failure);
	if (ret)
		return ret;
	ret = errand_start(d, &d->retire.errand, run_revocation);
	if (!ret)
		return -EINPROGRESS;
	if (remove_note(d, failure))
		log_line(LOG_ERR, "decommission: %s", failure->text);
	return failure_set(failure, EXIT_FAILURE, ret, "decommission: cannot start its process: %s",
			   strerror(-ret));
}

void retire_revoked(struct azattestd *d, int status)
{
	struct errand *errand = &d->retire.errand;
	struct failure failure;
	char text[800];

	if (errand_ended(errand, status)) {
		if (d->stopping)
			return;		/* the next start finishes it: the CA may have done it */
		if (remove_note(d, &failure))
			log_line(LOG_ERR, "decommission: %s", failure.text);
		snprintf(text, sizeof(text), "not revoked, and nothing was changed: %s; "
			 "--no-revoke goes on without", errand->failure.text);
		log_line(LOG_ERR, "decommission: %s", text);
		control_retired(d, text);
		return;
	}
	control_retired(d, finish(d, REVOCATION_DONE, &failure) ? failure.text : NULL);
}

/* back */

int retire_undo(struct azattestd *d, struct failure *failure)
{
	int ret;

	if (!d->retire.since)
		return failure_set(failure, EXIT_FAILURE, -EALREADY,
				   "recommission: this host is in service: see azattestctl status");
	ret = remove_note(d, failure);
	if (ret)
		return ret;
	d->retire.since = 0;
	d->renew.next_ms = 0;
	log_line(LOG_NOTICE, "recommissioned");
	audit_recommissioned(d);
	status_update(d);
	return 0;
}

/* A note that cannot be read is one: who put it there did not want this host to sign. */
void retire_open(struct azattestd *d)
{
	struct failure failure;
	char line[NOTE_MAX] = "", revoked[6] = "";
	int length = state_read(&d->state, ".", NOTE, line, sizeof(line) - 1, &failure);

	if (length == -ENOENT)
		return;
	line[length > 0 ? length : 0] = 0;
	if (sscanf(line, "since %" SCNi64 " revoked %5s", &d->retire.since, revoked) != 2 ||
	    d->retire.since <= 0)
		d->retire.since = UNKNOWN;
	for (unsigned int i = REVOCATION_NONE; i <= REVOCATION_ASKED; i++)
		if (!strcmp(revoked, revocation_names[i]))
			d->retire.revoked = (enum revocation)i;
	/* It is there still: the other life did not come to say which one it was. */
	if (!leaf_load(&d->leaf, &d->state, &failure)) {
		audit_decommissioned(d);
		history_retired(d);
		leaf_free(&d->leaf);
	}
	if (state_destroy_keys(&d->state, &failure))
		log_line(LOG_ERR, "decommissioned, but: %s", failure.text);
}

/* words */

void retire_describe(const struct azattestd *d, char *out, size_t size)
{
	static const char *const words[] = {
		[REVOCATION_NONE] = "no certificate was revoked",
		[REVOCATION_DONE] = "the certificate is revoked",
		[REVOCATION_ASKED] = "the CA was asked to revoke the certificate, and no answer was heard",
	};
	time_t since = d->retire.since;
	char when[32] = "a time unknown";
	struct tm tm;

	if (since != UNKNOWN && gmtime_r(&since, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	snprintf(out, size, "decommissioned at %s, %s", when, words[d->retire.revoked]);
}

json_t *retire_json(const struct azattestd *d)
{
	char text[160];

	retire_describe(d, text, sizeof(text));
	return json_pack("{s:b, s:b, s:s, s:I, s:s}", "ok", 1, "revoked",
			 d->retire.revoked == REVOCATION_DONE,
			 "source", config_sources[d->config.source],
			 "since", (json_int_t)d->retire.since, "text", text);
}
