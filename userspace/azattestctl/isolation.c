// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl selftest isolation": attempts that must get nothing, and a host as before.

#include "isolation.h"
#include "module.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct attempt {
	const char *name;
	enum outcome (*run)(const struct isolation *host, struct said *line);
	const char *what;
} attempts[] = {
	{ "loopback", isolation_loopback, "a process of the host asks by vsock" },
	{ "forged-cid", isolation_forged_cid, "a process asks with a CID that is not its own" },
	{ "device", isolation_device, "a process asks by /dev/azattest without a binding" },
	{ "host-process", isolation_process, "a process of the host asks by HTTP" },
	{ "foreign-port", isolation_foreign_port, "a port that is not enrolled asks by HTTP" },
	{ "stolen-slot", isolation_stolen_slot, "the same with an enrolled VM's slot for its address" },
};

static const char *const words[] = { "PASS", "FAIL", "SKIP" };

enum outcome said(struct said *line, enum outcome outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
	return outcome;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

/* ---- what the host is like ---- */

static void read_door(struct isolation *host, const json_t *status)
{
	const json_t *legacy = json_object_get(status, "legacy");
	char range[32];

	host->rest = json_is_true(json_object_get(legacy, "enabled")) &&
		json_is_true(json_object_get(json_object_get(status, "restd"), "connected"));
	snprintf(host->bridge, sizeof(host->bridge), "%s", text_of(legacy, "bridge"));
	snprintf(range, sizeof(range), "%s", text_of(legacy, "range"));
	range[strcspn(range, "/")] = 0;
	host->door.sin_family = AF_INET;
	host->door.sin_port = htons((uint16_t)json_integer_value(json_object_get(legacy, "port")));
	if (inet_pton(AF_INET, text_of(legacy, "address"), &host->door.sin_addr) != 1 ||
	    inet_pton(AF_INET, range, &host->slot) != 1)
		host->rest = false;
	host->slot.s_addr = htonl(ntohl(host->slot.s_addr) + 1);
}

/* NULL: it does not answer. */
static json_t *call_hostd(const struct ctl *ctl, const char *path)
{
	struct hostd_answer answer;

	hostd_call(ctl, "GET", path, NULL, &answer);
	if (answer.status == 200)
		return answer.json;
	json_decref(answer.json);
	return NULL;
}

/* Each VM as "UUID STATE GENERATION": what an attempt could have moved. */
static void add_vms(json_t *picture, const json_t *vms)
{
	const json_t *vm;
	char line[128];
	size_t i;

	json_array_foreach((json_t *)vms, i, vm) {
		snprintf(line, sizeof(line), "%s, generation %lld", text_of(vm, "state"),
			 (long long)json_integer_value(json_object_get(vm, "generation")));
		json_object_set_new(picture, text_of(vm, "uuid"), json_string(line));
	}
}

/* The state that must be the same afterwards: name and value. */
static json_t *take_picture(const struct ctl *ctl)
{
	char why[300];
	json_t *status = ask_daemon_quietly(ctl, "status", why, sizeof(why));
	json_t *hostd = call_hostd(ctl, "/v1/status"), *vms = call_hostd(ctl, "/v1/vms");
	const json_t *legacy = json_object_get(hostd, "legacy");
	json_t *picture = json_object();

	json_object_set_new(picture, "azattestd", json_string(text_of(json_object_get(status, "host"),
								      "state")));
	json_object_set_new(picture, "REST access", json_string(text_of(legacy, "state")));
	json_object_set_new(picture, "repairs",
			    json_integer(json_integer_value(json_object_get(legacy, "repairs"))));
	add_vms(picture, json_object_get(vms, "vms"));
	json_decref(status);
	json_decref(hostd);
	json_decref(vms);
	return picture;
}

static enum outcome compare(const json_t *before, const json_t *after, struct said *line)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)before, name, value)
		if (!json_equal(value, json_object_get(after, name)))
			return said(line, OUTCOME_FAIL, "%s is another than before: if nobody else changed "
				    "it, report it", name);
	return said(line, OUTCOME_PASS, "%zu facts are as before", json_object_size(before));
}

/* ---- the command ---- */

struct result {
	json_t *list;
	unsigned int count[3];
};

static void add(struct result *result, const char *name, const char *what, enum outcome outcome,
		struct said *line)
{
	output_plain(line->text);
	result->count[outcome]++;
	json_array_append_new(result->list,
			      json_pack("{s:s, s:s, s:s, s:s}", "attempt", name, "verdict", words[outcome],
					"what", what, "text", line->text));
}

static void try_all(const struct ctl *ctl, struct isolation *host, struct result *result)
{
	json_t *before = take_picture(ctl), *after;
	struct said line;

	for (size_t i = 0; i < COUNT(attempts); i++) {
		enum outcome outcome = attempts[i].run(host, &line);

		add(result, attempts[i].name, attempts[i].what, outcome, &line);
	}
	after = take_picture(ctl);
	add(result, "status", "the host is as it was", compare(before, after, &line), &line);
	json_decref(before);
	json_decref(after);
}

static void print_result(const struct result *result)
{
	const json_t *one;
	size_t i;

	json_array_foreach(result->list, i, one) {
		output_word(text_of(one, "verdict"));
		printf("  %-14s %s: %s\n", text_of(one, "attempt"), text_of(one, "what"),
		       text_of(one, "text"));
	}
	printf("%u PASS, %u FAIL, %u SKIP\n", result->count[OUTCOME_PASS],
	       result->count[OUTCOME_FAIL], result->count[OUTCOME_SKIP]);
}

static void look_around(const struct ctl *ctl, struct isolation *host)
{
	json_t *status = call_hostd(ctl, "/v1/status"), *module;
	int exit;

	read_door(host, status);
	json_decref(status);
	module = module_status("selftest isolation", &exit);
	host->port = (unsigned int)json_integer_value(json_object_get(module, "listener"));
	json_decref(module);
}

int selftest_command(const struct ctl *ctl, int argc, char **argv)
{
	struct isolation host = { .device = "/dev/azattest" };
	struct result result = { .list = json_array() };
	bool as_json;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	if (geteuid()) {
		say("selftest isolation: makes a network namespace, for which one must be root");
		return EXIT_REFUSED;
	}
	look_around(ctl, &host);
	try_all(ctl, &host, &result);
	if (as_json)
		output_json(result.list);
	else
		print_result(&result);
	json_decref(result.list);
	if (output_end(argv[0]))
		return EXIT_FAILURE;
	return result.count[OUTCOME_FAIL] ? EXIT_UNHEALTHY : EXIT_SUCCESS;
}
