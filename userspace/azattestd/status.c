// SPDX-License-Identifier: GPL-2.0
// Owns the host's state: derived from what is true now, told with its age.

#include "azattestd.h"

#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <systemd/sd-daemon.h>

#define WARN_DAYS	7

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
	char ascii[sizeof(((struct failure *)NULL)->text)];

	if (json)
		return json;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *p = ascii; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

/* Days at which the end of a certificate is a warning: it should be renewed long before. */
static int64_t warn_days(const struct config *config)
{
	return config->renew_days < WARN_DAYS ? config->renew_days : WARN_DAYS;
}

static void warn_of_end(const struct azattestd *d, struct status *status)
{
	int64_t left = (d->leaf.not_after - time(NULL)) / 86400;
	char renewal[sizeof(status->reason)];

	if (left >= warn_days(&d->config))
		return;
	snprintf(renewal, sizeof(renewal), "%s", *status->reason ? status->reason :
		 "it is being renewed");
	snprintf(status->reason, sizeof(status->reason), "the certificate ends in %s%lld day%s: %.200s",
		 left ? "" : "less than ", (long long)(left ? left : 1), left > 1 ? "s" : "", renewal);
}

static void derive(const struct azattestd *d, struct status *status)
{
	const struct supervise *s = &d->supervise;
	int64_t now = time(NULL);

	*status->reason = 0;
	if (d->renew.failures)
		snprintf(status->reason, sizeof(status->reason), "renewal failed: %.250s",
			 d->renew.failure.text);
	if (!d->leaf.number) {
		status->state = d->renew.failures ? STATUS_ERROR : STATUS_INACTIVE;
		return;
	}
	if (now >= d->leaf.not_after || now < d->leaf.not_before) {
		status->state = STATUS_EXPIRED;
		if (now < d->leaf.not_before && !*status->reason)
			strcpy(status->reason, "the clock is before the certificate's begin");
		return;
	}
	if (supervise_count(s, SUPERVISE_READY)) {
		status->state = STATUS_ACTIVE;
		warn_of_end(d, status);
	} else if (s->failures >= SUPERVISE_REPEATED) {
		status->state = STATUS_ERROR;
		snprintf(status->reason, sizeof(status->reason), "signers end again and again: %s",
			 s->why);
	}
	/* else: starting or being replaced; what was true before is told on */
}

void status_update(struct azattestd *d)
{
	struct status next = d->status;

	if (d->stopping)
		return;
	derive(d, &next);
	if (next.state != d->status.state || !next.since)
		next.since = time(NULL);
	if (next.state != d->status.state || strcmp(next.reason, d->status.reason)) {
		const char *own = d->leaf.source == CONFIG_EMBEDDED && d->leaf.number ?
			" (self-issued)" : "";

		log_line(next.state == STATUS_ACTIVE && !*next.reason ? LOG_INFO : LOG_WARNING,
			 "host is %s%s%s%s", names[next.state], own,
			 *next.reason ? ": " : "", next.reason);
		sd_notifyf(0, "STATUS=%s%s%s%s", names[next.state], own,
			   *next.reason ? ": " : "", next.reason);
	}
	d->status = next;
}

static json_t *certificate_json(const struct azattestd *d)
{
	const struct leaf *leaf = &d->leaf;
	int64_t now = time(NULL);
	char subject[128] = "";
	BIGNUM *number;
	char *serial;
	json_t *json;

	if (!leaf->number)
		return json_null();
	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf->cert), NID_commonName, subject,
				  sizeof(subject));
	number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(leaf->cert), NULL);
	serial = number ? BN_bn2hex(number) : NULL;
	json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}",
			 "source", status_source(leaf->source), "name", subject,
			 "serial", serial ? serial : "",
			 "key_type", keytype_name(d->config.key_type),
			 "not_before", (json_int_t)leaf->not_before,
			 "not_after", (json_int_t)leaf->not_after,
			 "age", (json_int_t)(now - leaf->not_before),
			 "days_left", (json_int_t)((leaf->not_after - now) / 86400));
	OPENSSL_free(serial);
	BN_free(number);
	return json;
}

/* Times are seconds since 1970, 0: none. */
static json_t *sync_json(const struct azattestd *d)
{
	const struct renew *renew = &d->renew;
	int64_t wait = renew->next_ms - watch_now_ms(), now = time(NULL), next;

	next = renew->failures ? now + (wait > 0 ? wait / 1000 : 0) :
		d->leaf.number ? d->leaf.not_after - (int64_t)d->config.renew_days * 86400 : now;
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o}",
			 "source", config_sources[d->config.source], "running", !!renew->pid,
			 "last", (json_int_t)renew->last_s,
			 "next", (json_int_t)next,
			 "failures", (json_int_t)renew->failures,
			 "failing_since", (json_int_t)(renew->failures ? renew->failing_s : 0),
			 "error", status_text(renew->failures ? renew->failure.text : ""));
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

json_t *status_json(struct azattestd *d)
{
	status_update(d);
	return json_pack("{s:b, s:s, s:{s:s, s:o, s:I, s:I}, s:o, s:o, s:{s:s}, s:o, s:o, s:I}",
			 "ok", 1, "version", AZATTEST_PRODUCT_VERSION,
			 "host", "state", names[d->status.state], "reason",
			 status_text(d->status.reason), "since", (json_int_t)d->status.since,
			 "age", (json_int_t)(time(NULL) - d->status.since),
			 "certificate", certificate_json(d), "sync", sync_json(d),
			 "key", "level", "file",
			 "signers", signers_json(d), "counters", counters_json(d),
			 "uptime", (json_int_t)(watch_now_ms() - d->started) / 1000);
}
