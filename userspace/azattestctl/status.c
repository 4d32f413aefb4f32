// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl status": how this host stands, for people or for programs.

#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "3 days", "2 h", "40 s": one unit is enough to judge an age. */
static const char *print_age(long long seconds, char *out, size_t size)
{
	if (seconds >= 2 * 86400)
		snprintf(out, size, "%lld days", seconds / 86400);
	else if (seconds >= 2 * 3600)
		snprintf(out, size, "%lld h", seconds / 3600);
	else if (seconds >= 120)
		snprintf(out, size, "%lld min", seconds / 60);
	else
		snprintf(out, size, "%lld s", seconds);
	return out;
}

static void print_certificate(const json_t *certificate)
{
	time_t end = number_of(certificate, "not_after");
	char until[32] = "";
	struct tm tm;

	if (!json_is_object(certificate)) {
		puts("certificate: none");
		return;
	}
	if (gmtime_r(&end, &tm))
		strftime(until, sizeof(until), "%Y-%m-%d %H:%M UTC", &tm);
	printf("certificate: %s, %s, until %s (%lld days left)\n", text_of(certificate, "name"),
	       text_of(certificate, "key_type"), until, number_of(certificate, "days_left"));
	printf("source:      %s\n", text_of(certificate, "source"));
}

/* Only when something is wrong: when the next certificate is due is no news. */
static void print_sync(const json_t *sync)
{
	long long since = number_of(sync, "failing_since"), next = number_of(sync, "next");
	long long now = time(NULL);
	char age[32], wait[32];

	if (!since)
		return;
	printf("renewal:     failing for %s (source %s), next attempt in %s: %s\n",
	       print_age(now - since, age, sizeof(age)), text_of(sync, "source"),
	       print_age(next > now ? next - now : 0, wait, sizeof(wait)), text_of(sync, "error"));
}

/* Unless the host's own line has said it. */
static void print_clock(const json_t *clock, const json_t *host)
{
	const char *problem = text_of(clock, "problem");

	if (*problem && !strstr(text_of(host, "reason"), problem))
		printf("clock:       %s\n", problem);
}

/* "tpm (PCRs 0,7), memory: secret"; what would be better is no news when all is well. */
static void print_key(const json_t *key)
{
	const json_t *pcrs = json_object_get(key, "pcrs"), *pcr;
	size_t i;

	printf("key:         %s", text_of(key, "level"));
	json_array_foreach(pcrs, i, pcr)
		printf("%s%lld", i ? "," : " (PCRs ", (long long)json_integer_value(pcr));
	printf("%s, memory: %s", json_array_size(pcrs) ? ")" : "", text_of(key, "memory"));
	if (*text_of(key, "reason"))
		printf("; not better: %s", text_of(key, "reason"));
	putchar('\n');
}

static void print_counters(const json_t *counters)
{
	const json_t *refused = json_object_get(counters, "refused");
	const char *name;
	json_t *value;

	printf("documents:   %lld issued", number_of(counters, "issued"));
	json_object_foreach((json_t *)refused, name, value)
		if (json_integer_value(value))
			printf(", %lld refused (%s)", (long long)json_integer_value(value), name);
	putchar('\n');
	if (number_of(counters, "lines_lost"))
		printf("journal:     %lld lines lost\n", number_of(counters, "lines_lost"));
}

static void print_audit(const json_t *audit)
{
	long long since = number_of(audit, "failing_since");
	char age[32];

	if (!json_is_true(json_object_get(audit, "on")))
		puts("audit:       off");
	else if (since)
		printf("audit:       not written for %s, %lld lines missing: %s\n",
		       print_age(time(NULL) - since, age, sizeof(age)), number_of(audit, "missing"),
		       text_of(audit, "error"));
	else
		printf("audit:       %lld lines\n", number_of(audit, "seq"));
}

static void print_status(const json_t *status)
{
	const json_t *host = json_object_get(status, "host");
	const json_t *signers = json_object_get(status, "signers");
	char age[32];

	printf("host:        ");
	output_word(text_of(host, "state"));
	printf(" (%s) for %s%s%s\n", text_of(host, "sub"),
	       print_age(number_of(host, "age"), age, sizeof(age)),
	       *text_of(host, "reason") ? ": " : "", text_of(host, "reason"));
	if (*text_of(host, "next_step"))
		printf("next step:   %s\n", text_of(host, "next_step"));
	print_clock(json_object_get(status, "clock"), host);
	print_certificate(json_object_get(status, "certificate"));
	print_sync(json_object_get(status, "sync"));
	print_key(json_object_get(status, "key"));
	printf("signers:     %lld of %lld, generation %lld, %lld restarts\n",
	       number_of(signers, "ready"), number_of(signers, "wanted"),
	       number_of(signers, "generation"), number_of(signers, "restarts"));
	print_counters(json_object_get(status, "counters"));
	print_audit(json_object_get(status, "audit"));
}

/* Only if there are any; those that wait each with what is to be mended. */
static void print_bindings(const json_t *bindings)
{
	size_t waiting = bound_waiting(bindings), i;
	const json_t *binding;

	if (json_array_size(bindings))
		printf("bindings:    %zu bound by azattest-hostd, %zu waiting\n",
		       json_array_size(bindings) - waiting, waiting);
	json_array_foreach((json_t *)bindings, i, binding) {
		char text[1024];

		if (!bound_waits(binding))
			continue;
		snprintf(text, sizeof(text), "%s: %s", bound_called(binding), bound_reason(binding));
		output_plain(text);
		printf("waiting:     %s\n", text);
	}
}

/* What azattest-hostd says, beside what azattestd says: null if it does not answer. */
static void add_hostd(json_t *status, struct hostd_answer *hostd, json_t *bindings)
{
	json_object_set(status, "bindings", bindings ? bindings : json_null());
	json_object_set_new(status, "hostd", hostd->status == 200 ? hostd->json : json_null());
	if (hostd->status == 200)
		hostd->json = NULL;
	properties_of_status(status);
}

int status_command(const struct ctl *ctl, int argc, char **argv)
{
	struct hostd_answer hostd;
	json_t *status, *bindings;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	status = ask_daemon(ctl, "status", &exit);
	if (!status)
		return exit;
	hostd_call(ctl, "GET", "/v1/status", NULL, &hostd);
	/* Who has not told its status is not asked again. */
	bindings = hostd.status == 200 ? hostd_bindings(ctl) : NULL;
	if (as_json) {
		add_hostd(status, &hostd, bindings);
		output_json(status);
	} else {
		print_status(status);
		rest_print_status(&hostd);
		print_bindings(bindings);
	}
	exit = strcmp(text_of(json_object_get(status, "host"), "state"), "Active") ?
		EXIT_NOT_ACTIVE : EXIT_SUCCESS;
	json_decref(hostd.json);
	json_decref(bindings);
	json_decref(status);
	return output_end(argv[0]) ? EXIT_FAILURE : exit;
}
