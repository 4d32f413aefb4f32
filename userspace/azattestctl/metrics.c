// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl metrics": what daemon and module count, in Prometheus' text format.

#include "module.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * docs/metrics.md lists all of them. A family is written in one piece; who does
 * not answer is "up 0", and its families are left out: a zero would be a lie.
 */
struct metric {
	const char *object, *key;	/* of the answer; object NULL: its top */
	const char *name;
	const char *type;
	const char *help;
};

#define GAUGE	"gauge"
#define COUNTER	"counter"

static const struct metric of_daemon[] = {
	{ "host", "since", "azattest_host_state_since_timestamp_seconds", GAUGE,
	  "When the host's state began." },
	{ "certificate", "not_before", "azattest_certificate_not_before_timestamp_seconds", GAUGE,
	  "Begin of the certificate." },
	{ "certificate", "not_after", "azattest_certificate_not_after_timestamp_seconds", GAUGE,
	  "End of the certificate." },
	{ "certificate", "seconds_left", "azattest_certificate_remaining_seconds", GAUGE,
	  "Time to the end of the certificate, negative after it." },
	{ "host", "ends_soon", "azattest_certificate_ends_soon", GAUGE,
	  "1: the certificate should have been renewed long ago." },
	{ "sync", "renewals", "azattest_renewals_total", COUNTER,
	  "New certificates since the start of azattestd." },
	{ "sync", "failed", "azattest_renewal_failures_total", COUNTER,
	  "Attempts that brought none." },
	{ "sync", "failures", "azattest_renewal_failures_in_a_row", GAUGE,
	  "Attempts that brought none since the last that did." },
	{ "sync", "failing_since", "azattest_renewal_failing_since_timestamp_seconds", GAUGE,
	  "When the first of these was, 0: none." },
	{ "clock", "doubt", "azattest_clock_doubt", GAUGE,
	  "1: something speaks against the host's clock." },
	{ "signers", "wanted", "azattest_signers_wanted", GAUGE, "Signers that should run." },
	{ "signers", "ready", "azattest_signers_ready", GAUGE, "Signers that do." },
	{ "signers", "restarts", "azattest_signer_restarts_total", COUNTER,
	  "Signers that ended unasked." },
	{ "signers", "generation", "azattest_certificate_generation", GAUGE,
	  "Number of key and certificate." },
	{ "counters", "issued", "azattest_documents_issued_total", COUNTER, "Documents signed." },
	{ "counters", "issuer", "azattest_issuer_certificates_total", COUNTER,
	  "Issuing certificates handed out." },
	{ "counters", "lines_lost", "azattest_journal_lines_lost_total", COUNTER,
	  "Lines about documents that did not get to the journal." },
	{ NULL, "uptime", "azattest_uptime_seconds", GAUGE, "Age of azattestd's process." },
};

static const struct metric of_module[] = {
	{ NULL, "signers", "azattest_module_signers", GAUGE, "Signers that have joined." },
	{ NULL, "bindings", "azattest_module_bindings", GAUGE, "VMs that have an identity." },
	{ NULL, "grants", "azattest_module_grants", GAUGE, "Unused grants." },
	{ NULL, "connections", "azattest_module_connections", GAUGE, "Open vsock connections." },
	{ NULL, "queued", "azattest_module_requests_queued", GAUGE, "Requests that wait." },
	{ NULL, "inflight", "azattest_module_requests_inflight", GAUGE,
	  "Requests that a signer has." },
};

static void print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_one(const char *name, const char *type, const char *help, long long value)
{
	print_head(name, type, help);
	printf("%s %lld\n", name, value);
}

/* Three characters have to be escaped. */
static void print_label(const char *name, const char *value, const char *comma)
{
	printf("%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", stdout);
			continue;
		}
		if (*value == '"' || *value == '\\')
			putchar('\\');
		putchar(*value);
	}
	printf("\"%s", comma);
}

static void print_table(const json_t *answer, const struct metric *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct metric *m = &table[i];
		const json_t *object = m->object ? json_object_get(answer, m->object) : answer;
		const json_t *value = json_object_get(object, m->key);

		if (json_is_integer(value) || json_is_boolean(value))
			print_one(m->name, m->type, m->help,
				  json_is_boolean(value) ? json_is_true(value) :
				  json_integer_value(value));
	}
}

static const char *text_of(const json_t *answer, const char *object, const char *key)
{
	return json_string_value(json_object_get(json_object_get(answer, object), key)) ?: "";
}

/* Exactly one of them is 1. */
static void print_states(const json_t *status)
{
	static const char *const states[] = { "Inactive", "Active", "Expired", "Error" };
	static const char name[] = "azattest_host_state";

	print_head(name, GAUGE, "1 for the state that the host is in.");
	for (size_t i = 0; i < COUNT(states); i++) {
		printf("%s{", name);
		print_label("state", states[i], "");
		printf("} %d\n", !strcmp(states[i], text_of(status, "host", "state")));
	}
}

static void print_infos(const json_t *status)
{
	print_head("azattest_host_info", GAUGE, "Way of the state, version of azattestd.");
	fputs("azattest_host_info{", stdout);
	print_label("sub", text_of(status, "host", "sub"), ",");
	print_label("version", json_string_value(json_object_get(status, "version")) ?: "", "");
	puts("} 1");
	if (!json_is_object(json_object_get(status, "certificate")))
		return;
	print_head("azattest_certificate_info", GAUGE, "What is no number of the certificate.");
	fputs("azattest_certificate_info{", stdout);
	print_label("name", text_of(status, "certificate", "name"), ",");
	print_label("serial", text_of(status, "certificate", "serial"), ",");
	print_label("source", text_of(status, "certificate", "source"), ",");
	print_label("key_type", text_of(status, "certificate", "key_type"), ",");
	print_label("key_level", text_of(status, "key", "level"), "");
	puts("} 1");
}

static void print_refused(const json_t *status)
{
	json_t *refused = json_object_get(json_object_get(status, "counters"), "refused");
	static const char name[] = "azattest_documents_refused_total";
	const char *reason;
	json_t *value;

	print_head(name, COUNTER, "Requests that signers answered with a refusal.");
	json_object_foreach(refused, reason, value) {
		printf("%s{", name);
		print_label("reason", reason, "");
		printf("} %lld\n", (long long)json_integer_value(value));
	}
}

static bool is_name(const char *text)
{
	for (; islower((unsigned char)*text) || *text == '_'; text++)
		;
	return !*text;
}

static void print_module_counters(const json_t *module)
{
	json_t *counters = json_object_get(module, "counters"), *value;
	char name[100];
	const char *key;

	json_object_foreach(counters, key, value) {
		if (!is_name(key))
			continue;
		snprintf(name, sizeof(name), "azattest_module_%.60s_total", key);
		print_one(name, COUNTER, "Of the module since it was loaded: see its counters.",
			  json_integer_value(value));
	}
}

static void print_daemon(const struct ctl *ctl)
{
	int exit;
	json_t *status = ask_daemon(ctl, "status", &exit);

	print_one("azattest_up", GAUGE, "1: azattestd answers.", !!status);
	if (status) {
		print_states(status);
		print_infos(status);
		print_refused(status);
		print_table(status, of_daemon, COUNT(of_daemon));
	}
	json_decref(status);
}

static void print_module(const char *command)
{
	int exit;
	json_t *module = module_status(command, &exit);

	print_one("azattest_module_up", GAUGE, "1: the module answers.", !!module);
	if (module) {
		print_table(module, of_module, COUNT(of_module));
		print_module_counters(module);
	}
	json_decref(module);
}

int metrics_command(const struct ctl *ctl, int argc, char **argv)
{
	if (argc > 1) {
		say("metrics: takes no \"%s\": see azattestctl help", argv[1]);
		return EXIT_USAGE;
	}
	print_daemon(ctl);
	print_module(argv[0]);
	return output_end(argv[0]);
}
