// SPDX-License-Identifier: GPL-2.0
// Owns the host's state: derived from what is true now, told with its age.

#include "azattestd.h"

#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

static const char *const names[] = {
	[STATUS_INACTIVE] = "Inactive",
	[STATUS_ACTIVE] = "Active",
	[STATUS_EXPIRED] = "Expired",
	[STATUS_ERROR] = "Error",
};

const char *status_name(enum status_state state)
{
	return names[state];
}

const char *status_source(enum config_source source)
{
	return source == CONFIG_EMBEDDED ? "embedded (self-issued)" : config_sources[source];
}

/* CAs and programs write as they like; without this one byte would end all answers. */
json_t *status_text(const char *text)
{
	json_t *json = json_string(text);
	char ascii[sizeof(((struct status *)NULL)->reason)];

	if (json)
		return json;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

/* Once a day and not more: a line that repeats itself is not read. */
static void warn_of_end(struct azattestd *d, int64_t now)
{
	if (!condition_ends_soon(d, now)) {
		d->status.warned = 0;
		return;
	}
	if (d->status.warned && now >= d->status.warned && now - d->status.warned < 86400)
		return;
	d->status.warned = now;
	log_line(LOG_WARNING, "%s", d->status.reason);
}

static void announce(const struct azattestd *d, const struct status *next)
{
	const char *own = d->leaf.source == CONFIG_EMBEDDED && d->leaf.number ? " (self-issued)" : "";
	const char *colon = *next->reason ? ": " : "";

	if (next->state != d->status.state || strcmp(next->sub, d->status.sub))
		log_line(next->state == STATUS_ACTIVE && !*next->reason ? LOG_INFO : LOG_WARNING,
			 "host is %s%s%s%s", names[next->state], own, colon, next->reason);
	if (next->state != d->status.state || strcmp(next->reason, d->status.reason))
		sd_notifyf(0, "STATUS=%s%s%s%s", names[next->state], own, colon, next->reason);
}

void status_update(struct azattestd *d)
{
	struct status next;
	int64_t now = time(NULL);

	if (d->stopping)
		return;
	clock_tick(d);
	next = d->status;
	if (!d->status.sub)
		d->status.sub = next.sub = "no-certificate";
	condition_derive(d, now, &next);
	if (next.state != d->status.state || !next.since)
		next.since = now;
	announce(d, &next);
	if (next.state != d->status.state)
		audit_state(d, names[d->status.state], names[next.state], next.reason);
	d->status = next;
	warn_of_end(d, now);
}

static json_t *certificate_json(const struct azattestd *d)
{
	const struct leaf *leaf = &d->leaf;
	int64_t now = time(NULL);
	char subject[128] = "", serial[SHOW_SERIAL];

	if (!leaf->number)
		return json_null();
	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf->cert), NID_commonName, subject,
				  sizeof(subject));
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
			 "source", status_source(leaf->source), "name", subject,
			 "serial", show_serial(leaf->cert, serial),
			 "key_type", keytype_name(d->config.key_type),
			 "not_before", (json_int_t)leaf->not_before,
			 "not_after", (json_int_t)leaf->not_after,
			 "age", (json_int_t)(now - leaf->not_before),
			 "seconds_left", (json_int_t)(leaf->not_after - now),
			 "days_left", (json_int_t)((leaf->not_after - now) / 86400));
}

/* Times are seconds since 1970, 0: none. */
static json_t *sync_json(const struct azattestd *d)
{
	const struct renew *renew = &d->renew;
	int64_t wait = renew->next_ms - clock_boot_ms(), now = time(NULL), next;

	next = renew->failures ? now + (wait > 0 ? wait / 1000 : 0) :
		d->leaf.number ? d->leaf.not_after - (int64_t)d->config.renew_days * 86400 : now;
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			 "source", config_sources[d->config.source], "running", !!renew->errand.pid,
			 "last", (json_int_t)renew->last_s,
			 "next", (json_int_t)next,
			 "renewals", (json_int_t)renew->taken, "failed", (json_int_t)renew->failed,
			 "failures", (json_int_t)renew->failures,
			 "failing_since", (json_int_t)(renew->failures ? renew->failing_s : 0),
			 "error", status_text(renew->failures ? renew->errand.failure.text : ""));
}

/* How the key in use is kept, and why new ones are not kept better. */
static json_t *key_json(const struct azattestd *d)
{
	const struct keeper_report *keeper = &d->keeper.now.report;
	json_t *pcrs = json_array();

	for (int i = 0; i < SEAL_PCR_COUNT; i++)
		if (d->leaf.level == SEAL_TPM && d->config.pcrs >> i & 1)
			json_array_append_new(pcrs, json_integer(i));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}",
			 "level", d->leaf.number ? seal_levels[d->leaf.level] : "none",
			 "configured", seal_levels[d->config.key_level],
			 "memory", supervise_ready(&d->supervise) ?
				   keeper_memory(d->supervise.memory) : "none",
			 "pcrs", pcrs,
			 "reason", status_text(keeper_ready(d) ? keeper->why : ""),
			 "error", status_text(d->keeper.error));
}

static json_t *signers_json(const struct azattestd *d)
{
	const struct supervise *s = &d->supervise;
	json_t *pids = json_array();

	for (size_t i = 0; i < sizeof(s->signer) / sizeof(s->signer[0]); i++)
		if (s->signer[i].phase == SUPERVISE_READY)
			json_array_append_new(pids, json_integer(s->signer[i].pid));
	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:o}",
			 "wanted", (int)s->wanted, "ready", (int)supervise_ready(s),
			 "generation", (json_int_t)d->leaf.number,
			 "epoch", (json_int_t)s->epoch,
			 "restarts", (json_int_t)s->restarts, "pids", pids);
}

static json_t *counters_json(const struct azattestd *d)
{
	json_t *refused = json_object();

	for (uint32_t status = 1; status <= AZATTEST_STATUS_MAX; status++)
		json_object_set_new(refused, journal_status_name(status),
				    json_integer((json_int_t)d->journal.refused[status]));
	return json_pack("{s:I, s:I, s:o, s:I}",
			 "issued", (json_int_t)d->journal.issued,
			 "issuer", (json_int_t)d->journal.issuer, "refused", refused,
			 "lines_lost", (json_int_t)d->journal.lost);
}

static json_t *host_json(const struct azattestd *d)
{
	const struct status *status = &d->status;
	int64_t age = time(NULL) - status->since;

	return json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:b}",
			 "state", names[status->state], "sub", status->sub,
			 "reason", status_text(status->reason), "next_step", status_text(status->next),
			 "since", (json_int_t)status->since, "age", (json_int_t)(age > 0 ? age : 0),
			 "ends_soon", condition_ends_soon(d, time(NULL)));
}

/* "problem" is "" for a clock that nothing speaks against. */
static json_t *clock_json(const struct azattestd *d)
{
	char problem[200];

	clock_describe(&d->clock, time(NULL), problem, sizeof(problem));
	return json_pack("{s:s, s:b, s:I}", "problem", problem, "doubt", !!*problem,
			 "now", (json_int_t)time(NULL));
}

json_t *status_json(struct azattestd *d)
{
	status_update(d);
	return json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I}",
			 "ok", 1, "version", AZATTEST_PRODUCT_VERSION,
			 "host", host_json(d), "clock", clock_json(d),
			 "certificate", certificate_json(d), "sync", sync_json(d),
			 "key", key_json(d),
			 "signers", signers_json(d), "counters", counters_json(d),
			 "audit", audit_json(d),
			 "uptime", (json_int_t)(watch_now_ms() - d->started) / 1000);
}
