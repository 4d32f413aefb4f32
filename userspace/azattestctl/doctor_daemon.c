// SPDX-License-Identifier: GPL-2.0
// Owns the checks of azattestd: whether it answers, and what it says of state, certificate, key, clock.

#include "doctor.h"

#include <string.h>

#include <userspace/common/common.h>

/* That it does not answer is one finding; the others only say that they do not know. */
static bool unknown(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->daemon)
		return false;
	finding_set(finding, VERDICT_WARN, "not known: azattestd does not answer");
	finding_fix(finding, "see azattestd");
	return true;
}

void doctor_azattestd(const struct doctor *doctor, struct finding *finding)
{
	const char *version = member_text(doctor->daemon, "version");

	if (!doctor->daemon) {
		finding_set(finding, VERDICT_FAIL, "%s", doctor->daemon_why);
		finding_fix(finding, "systemctl enable --now azattestd; journalctl -u azattestd -n 20 says "
			    "why it ended");
	} else if (strcmp(version, AZATTEST_PRODUCT_VERSION)) {
		finding_set(finding, VERDICT_FAIL, "version %s runs, %s is installed", version,
			    AZATTEST_PRODUCT_VERSION);
		finding_fix(finding, "systemctl restart azattestd");
	} else {
		finding_set(finding, VERDICT_PASS, "version %s runs", version);
	}
}

void doctor_host(const struct doctor *doctor, struct finding *finding)
{
	const json_t *host = json_object_get(doctor->daemon, "host");
	bool active = !strcmp(member_text(host, "state"), "Active");
	const char *reason = member_text(host, "reason"), *next = member_text(host, "next_step");

	if (unknown(doctor, finding))
		return;
	finding_set(finding, !active ? VERDICT_FAIL : *reason ? VERDICT_WARN : VERDICT_PASS,
		    "%s%s%s", member_text(host, "state"), *reason ? ": " : "", reason);
	if (finding->verdict != VERDICT_PASS)
		finding_fix(finding, "%s", *next ? next : "azattestctl status");
}

void doctor_certificate(const struct doctor *doctor, struct finding *finding)
{
	const json_t *certificate = json_object_get(doctor->daemon, "certificate");
	const json_t *host = json_object_get(doctor->daemon, "host");
	long long left = member_number(certificate, "seconds_left");

	if (unknown(doctor, finding))
		return;
	if (!json_is_object(certificate)) {
		finding_set(finding, VERDICT_FAIL, "there is none");
		finding_fix(finding, "azattestctl sync");
	} else if (left <= 0) {
		finding_set(finding, VERDICT_FAIL, "%s ended %lld days ago",
			    member_text(certificate, "name"), -left / 86400);
		finding_fix(finding, "azattestctl sync");
	} else {
		finding_set(finding, json_is_true(json_object_get(host, "ends_soon")) ? VERDICT_WARN :
			    VERDICT_PASS, "%s, source %s, %lld days left",
			    member_text(certificate, "name"), member_text(certificate, "source"),
			    left / 86400);
		finding_fix(finding, "%s", finding->verdict ? "azattestctl sync" : "");
	}
}

void doctor_renewal(const struct doctor *doctor, struct finding *finding)
{
	const json_t *sync = json_object_get(doctor->daemon, "sync");

	if (unknown(doctor, finding))
		return;
	if (!member_number(sync, "failures")) {
		finding_set(finding, VERDICT_PASS, "no attempt has failed since the last success");
		return;
	}
	finding_set(finding, VERDICT_WARN, "fails, %lld times so far: %s",
		    member_number(sync, "failures"), member_text(sync, "error"));
	finding_fix(finding, "mend what it names, then: azattestctl sync");
}

void doctor_key(const struct doctor *doctor, struct finding *finding)
{
	const json_t *key = json_object_get(doctor->daemon, "key");
	const char *level = member_text(key, "level"), *reason = member_text(key, "reason");

	if (unknown(doctor, finding))
		return;
	if (*member_text(key, "error")) {
		finding_set(finding, VERDICT_FAIL, "%s", member_text(key, "error"));
		finding_fix(finding, "docs/keys.md, \"When a key does not open\", has each such line");
	} else if (!strcmp(level, "none")) {
		finding_set(finding, VERDICT_WARN, "there is no key yet");
		finding_fix(finding, "see certificate");
	} else if (*reason) {
		finding_set(finding, VERDICT_WARN, "level %s; not better: %s", level, reason);
		finding_fix(finding, "see tpm; or [key] level = %s, if that is what you want", level);
	} else {
		finding_set(finding, VERDICT_PASS, "level %s, memory %s", level,
			    member_text(key, "memory"));
	}
}

void doctor_clock(const struct doctor *doctor, struct finding *finding)
{
	const char *problem = member_text(json_object_get(doctor->daemon, "clock"), "problem");

	if (*problem) {
		finding_set(finding, VERDICT_FAIL, "%s", problem);
		finding_fix(finding, "set the clock: timedatectl; documents carry its time");
	} else if (doctor->clock_loose) {
		finding_set(finding, VERDICT_WARN, "nobody keeps it right: it is not synchronised");
		finding_fix(finding, "install chrony, or: timedatectl set-ntp true");
	} else {
		finding_set(finding, VERDICT_PASS, "synchronised%s",
			    doctor->daemon ? ", and nothing speaks against it" : "");
	}
}
