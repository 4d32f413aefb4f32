// SPDX-License-Identifier: GPL-2.0
// Owns what the audit journal is told: certificates, documents, begin and end (docs/audit.md).

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <uuid/uuid.h>

static const char *const transports[] = { "?", "vsock", "rest", "vmm" };

static void add(struct azattestd *d, const struct audit_text *text)
{
	if (d->audit.on)
		trail_add(&d->audit.trail, time(NULL), text);
}

/* Certificates are rare: nobody should have to wait for the next document to see one. */
static void add_now(struct azattestd *d, const struct audit_text *text)
{
	add(d, text);
	audit_flush(d);
}

/* begin and end */

static void say_start(struct azattestd *d, const struct trail_resume *resume)
{
	struct audit_text text;

	audit_text_begin(&text, "start");
	audit_text_string(&text, "version", AZATTEST_PRODUCT_VERSION);
	audit_text_string(&text, "after", resume->fresh ? "new" : resume->closed ? "stop" : "crash");
	if (resume->cut)
		audit_text_number(&text, "cut", resume->cut);
	if (*resume->damage)
		audit_text_string(&text, "damage", resume->damage);
	add_now(d, &text);
}

static void log_resume(const struct trail_resume *resume)
{
	if (*resume->damage)
		log_line(LOG_ERR, AUDIT_FOLDER "/%s: the journal goes on in a new file: copy the "
			 "folder away and look who changed it", resume->damage);
	else if (resume->cut)
		log_line(LOG_WARNING, AUDIT_FOLDER ": the last line was torn, its %llu bytes were cut",
			 (unsigned long long)resume->cut);
}

static int open_folder(struct azattestd *d, struct failure *failure)
{
	if (mkdirat(d->state.dir, AUDIT_FOLDER, 0700) && errno != EEXIST)
		return failure_set(failure, EXIT_STATE, -errno, "%s/" AUDIT_FOLDER
				   ": cannot be made: %s", d->state.path, strerror(errno));
	return state_folder(&d->state, AUDIT_FOLDER, failure);
}

static void set_bounds(struct azattestd *d)
{
	d->audit.trail.max_bytes = d->config.audit_max_bytes;
	d->audit.trail.max_files = d->config.audit_files;
}

static bool must_hold(const struct azattestd *d)
{
	return d->config.audit_required && (!d->audit.on || d->audit.trail.error);
}

int audit_open(struct azattestd *d, struct failure *failure)
{
	struct trail_resume resume;
	char path[300];
	int dir, ret;

	if (!d->config.audit)
		return 0;
	dir = open_folder(d, failure);
	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "%s/" AUDIT_FOLDER, d->state.path);
	set_bounds(d);
	ret = trail_resume(&d->audit.trail, dir, path, &resume, failure);
	if (ret) {
		close(dir);
		return ret;
	}
	d->audit.on = true;
	log_resume(&resume);
	say_start(d, &resume);
	d->audit.held = must_hold(d);
	return 0;
}

void audit_close(struct azattestd *d, const char *why)
{
	struct audit_text text;

	if (!d->audit.on)
		return;
	audit_text_begin(&text, "stop");
	audit_text_string(&text, "reason", why);
	add(d, &text);
	trail_close(&d->audit.trail);
	d->audit.on = false;
}

void audit_reload(struct azattestd *d)
{
	struct audit_text text;
	struct failure failure;

	set_bounds(d);
	audit_text_begin(&text, "reload");
	add_now(d, &text);
	if (d->audit.on && !d->config.audit)
		audit_close(d, "the configuration has no audit journal");
	else if (!d->audit.on && audit_open(d, &failure))
		log_line(LOG_ERR, "%s", failure.text);
}

void audit_refused_reload(struct azattestd *d, const char *why)
{
	struct audit_text text;

	audit_text_begin(&text, "reload-refused");
	audit_text_string(&text, "reason", why);
	add_now(d, &text);
}

/* time */

static void hold_or_release(struct azattestd *d)
{
	bool hold = must_hold(d);

	if (hold == d->audit.held)
		return;
	d->audit.held = hold;
	supervise_hold(d, hold);
}

void audit_flush(struct azattestd *d)
{
	if (!d->audit.on || d->audit.trail.error)
		return;
	trail_flush(&d->audit.trail);
	/* At once: each document more would be one more without its line. */
	if (d->audit.trail.error && d->supervise.epoch)
		hold_or_release(d);
}

void audit_tick(struct azattestd *d)
{
	if (d->audit.on)
		trail_tick(&d->audit.trail);
	hold_or_release(d);
}

/* documents */

static void put_version(struct audit_text *text, uint32_t version)
{
	char out[16];

	snprintf(out, sizeof(out), "%04u-%02u-%02u", version / 10000 % 10000, version / 100 % 100,
		 version % 100);
	audit_text_string(text, "api_version", out);
}

static void put_request(struct audit_text *text, const struct report *report)
{
	char uuid[37], name[sizeof(report->request.name) + 1];
	uint8_t transport = report->request.transport;

	uuid_unparse_lower(report->request.uuid, uuid);
	snprintf(name, sizeof(name), "%.*s", (int)sizeof(report->request.name),
		 report->request.name);
	audit_text_string(text, "vm", uuid);
	audit_text_string(text, "name", name);
	audit_text_number(text, "binding", report->request.generation);
	audit_text_number(text, "cid", report->request.cid);
	audit_text_string(text, "via", transports[transport <= AZATTEST_TRANSPORT_MAX ? transport : 0]);
	audit_text_number(text, "attempt", report->request.attempt);
	put_version(text, report->request.api_version);
	if (report->request.nonce_len && report->request.nonce_len <= sizeof(report->request.nonce))
		audit_text_hash(text, "nonce_sha256", report->request.nonce,
				report->request.nonce_len);
}

static void say_lost(struct azattestd *d, const struct supervise_signer *signer, uint32_t lines)
{
	struct audit_text text;

	audit_text_begin(&text, "lost");
	audit_text_number(&text, "lines", lines);
	audit_text_number(&text, "signer", (uint64_t)signer->pid);
	add(d, &text);
}

void audit_report(struct azattestd *d, const struct supervise_signer *signer,
		  const struct report *report)
{
	uint32_t status = report->request.status;
	struct audit_text text;

	if (!d->audit.on)
		return;
	if (report->lost)
		say_lost(d, signer, report->lost);
	if (report->request.type == AZATTEST_FRAME_ISSUER && status == AZATTEST_STATUS_OK)
		return;		/* the issuing certificate is public, and no document */
	audit_text_begin(&text, status == AZATTEST_STATUS_OK ? "issued" : "refused");
	put_request(&text, report);
	audit_text_string(&text, "serial", signer->serial);
	if (status == AZATTEST_STATUS_OK)
		audit_text_time(&text, "expires", report->request.expires);
	else
		audit_text_string(&text, "reason", journal_status_name(status));
	trail_add(&d->audit.trail, report->request.time, &text);
}

void audit_signer_ended(struct azattestd *d, pid_t pid, const char *how)
{
	struct audit_text text;

	audit_text_begin(&text, "signer-ended");
	audit_text_number(&text, "signer", (uint64_t)pid);
	audit_text_string(&text, "reason", how);
	add_now(d, &text);
}

/* certificates */

static void put_name(struct audit_text *text, const char *key, const X509_NAME *name)
{
	char out[256] = "";

	X509_NAME_oneline(name, out, sizeof(out));
	audit_text_string(text, key, out);
}

static void put_digest(struct audit_text *text, const X509 *cert)
{
	unsigned char *der = NULL;
	int length = i2d_X509(cert, &der);

	if (length > 0)
		audit_text_hash(text, "certificate_sha256", der, (size_t)length);
	OPENSSL_free(der);
}

void audit_certificate(struct azattestd *d)
{
	const struct leaf *leaf = &d->leaf;
	char serial[SHOW_SERIAL];
	struct audit_text text;

	audit_text_begin(&text, "certificate");
	audit_text_number(&text, "generation", leaf->number);
	audit_text_string(&text, "source", config_sources[leaf->source]);
	audit_text_string(&text, "serial", show_serial(leaf->cert, serial));
	put_name(&text, "subject", X509_get_subject_name(leaf->cert));
	put_name(&text, "issuer", X509_get_issuer_name(leaf->cert));
	audit_text_time(&text, "not_before", leaf->not_before);
	audit_text_time(&text, "not_after", leaf->not_after);
	put_digest(&text, leaf->cert);
	add_now(d, &text);
}

void audit_live(struct azattestd *d)
{
	char serial[SHOW_SERIAL];
	struct audit_text text;

	audit_text_begin(&text, "live");
	audit_text_number(&text, "generation", d->leaf.number);
	audit_text_string(&text, "serial", show_serial(d->leaf.cert, serial));
	audit_text_number(&text, "signers", d->supervise.wanted);
	add_now(d, &text);
}

void audit_dropped(struct azattestd *d, uint64_t generation, const char *why)
{
	struct audit_text text;

	audit_text_begin(&text, "dropped");
	audit_text_number(&text, "generation", generation);
	audit_text_string(&text, "reason", why);
	add_now(d, &text);
}

void audit_renewal_failed(struct azattestd *d)
{
	struct audit_text text;

	audit_text_begin(&text, "renewal-failed");
	audit_text_string(&text, "source", config_sources[d->config.source]);
	audit_text_number(&text, "failures", d->renew.failures);
	audit_text_string(&text, "reason", d->renew.errand.failure.text);
	add_now(d, &text);
}

/* While there is a certificate still: what is revoked must be said by its number. */
void audit_decommissioned(struct azattestd *d)
{
	char serial[SHOW_SERIAL] = "";
	struct audit_text text;

	audit_text_begin(&text, "decommissioned");
	if (d->leaf.number)
		audit_text_string(&text, "serial", show_serial(d->leaf.cert, serial));
	audit_text_string(&text, "revoked", revocation_names[d->retire.revoked]);
	add_now(d, &text);
}

void audit_recommissioned(struct azattestd *d)
{
	struct audit_text text;

	audit_text_begin(&text, "recommissioned");
	add_now(d, &text);
}

void audit_sync(struct azattestd *d, uid_t uid)
{
	struct audit_text text;

	audit_text_begin(&text, "sync");
	audit_text_number(&text, "uid", uid);
	add_now(d, &text);
}

void audit_state(struct azattestd *d, const char *from, const char *to, const char *reason)
{
	struct audit_text text;

	audit_text_begin(&text, "state");
	audit_text_string(&text, "from", from);
	audit_text_string(&text, "to", to);
	audit_text_string(&text, "reason", reason);
	add_now(d, &text);
}

json_t *audit_json(const struct azattestd *d)
{
	const struct trail *trail = &d->audit.trail;
	int error = d->audit.on ? trail->error : 0;

	return json_pack("{s:b, s:b, s:I, s:s, s:I, s:I, s:s}", "on", d->audit.on,
			 "required", d->config.audit_required,
			 "seq", (json_int_t)trail->written.seq, "hash", trail->written.hash,
			 "failing_since", (json_int_t)(error ? trail->failing_s : 0),
			 "missing", (json_int_t)(error ? trail->missing : 0),
			 "error", error ? strerror(error) : "");
}
