// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl module": numbers, counters and limits of the loaded module.

#include "module.h"

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>

static const struct field fields[] = {
	{ AZATTEST_STATUS_A_VERSION, FIELD_TEXT, "version" },
	{ AZATTEST_STATUS_A_SIGNER_PROTOCOL, FIELD_NUMBER, "signer_protocol" },
	{ AZATTEST_STATUS_A_LISTENER, FIELD_NUMBER, "listener" },
	{ AZATTEST_STATUS_A_SIGNERS, FIELD_NUMBER, "signers" },
	{ AZATTEST_STATUS_A_SIGNER_GENERATION, FIELD_NUMBER, "signer_generation" },
	{ AZATTEST_STATUS_A_BINDINGS, FIELD_NUMBER, "bindings" },
	{ AZATTEST_STATUS_A_GRANTS, FIELD_NUMBER, "grants" },
	{ AZATTEST_STATUS_A_CONNECTIONS, FIELD_NUMBER, "connections" },
	{ AZATTEST_STATUS_A_QUEUED, FIELD_NUMBER, "queued" },
	{ AZATTEST_STATUS_A_INFLIGHT, FIELD_NUMBER, "inflight" },
};

static const struct field limit_fields[] = {
	{ AZATTEST_LIMIT_A_VALUE, FIELD_NUMBER, "value" },
	{ AZATTEST_LIMIT_A_MIN, FIELD_NUMBER, "min" },
	{ AZATTEST_LIMIT_A_MAX_VALUE, FIELD_NUMBER, "max" },
};

static const char *state_word(struct nlattr *attr)
{
	switch (attr && nla_len(attr) == sizeof(uint32_t) ? nla_get_u32(attr) : UINT32_MAX) {
	case AZATTEST_HOST_NO_SIGNER:
		return "no-signer";
	case AZATTEST_HOST_READY:
		return "ready";
	case AZATTEST_HOST_EXPIRED:
		return "expired";
	default:
		return "unknown";
	}
}

static const char *name_of(struct nlattr *attr)
{
	return attr && nla_len(attr) ? nla_get_string(attr) : "";
}

static void add_counter(struct nlattr *nest, json_t *counters)
{
	struct nlattr *a[FIELDS_TYPE_MAX + 1];
	struct nlattr *value;

	fields_of_nest(nest, a);
	value = a[AZATTEST_COUNTER_A_VALUE];
	if (value && nla_len(value) == sizeof(uint64_t))
		json_object_set_new(counters, name_of(a[AZATTEST_COUNTER_A_NAME]),
				    json_integer((json_int_t)nla_get_u64(value)));
}

static void add_limit(struct nlattr *nest, json_t *limits)
{
	struct nlattr *a[FIELDS_TYPE_MAX + 1];

	fields_of_nest(nest, a);
	json_object_set_new(limits, name_of(a[AZATTEST_LIMIT_A_NAME]),
			    fields_json(limit_fields, COUNT(limit_fields), a));
}

/* Counters and limits come many times: no table of attributes holds them. */
static void read_status(struct nlmsghdr *answer, json_t *out)
{
	json_t *counters = json_object(), *limits = json_object(), *numbers;
	struct nlattr *attrs[FIELDS_TYPE_MAX + 1], *a;
	int rest;

	fields_of_message(answer, attrs);
	numbers = fields_json(fields, COUNT(fields), attrs);
	json_object_update(out, numbers);
	json_decref(numbers);
	json_object_set_new(out, "host_state",
			    json_string(state_word(attrs[AZATTEST_STATUS_A_HOST_STATE])));
	nlmsg_for_each_attr(a, answer, GENL_HDRLEN, rest) {
		if (nla_type(a) == AZATTEST_STATUS_A_COUNTER)
			add_counter(a, counters);
		else if (nla_type(a) == AZATTEST_STATUS_A_LIMIT)
			add_limit(a, limits);
	}
	json_object_set_new(out, "counters", counters);
	json_object_set_new(out, "limits", limits);
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_numbers(const json_t *status)
{
	const char *version = json_string_value(json_object_get(status, "version"));
	long long listener = number_of(status, "listener");

	printf("module:      version %s, signer protocol %lld\n", version ? version : "?",
	       number_of(status, "signer_protocol"));
	if (listener)
		printf("listener:    vsock port %lld\n", listener);
	else
		puts("listener:    none");
	printf("host:        %s\n", json_string_value(json_object_get(status, "host_state")));
	printf("signers:     %lld, generation %lld\n", number_of(status, "signers"),
	       number_of(status, "signer_generation"));
	printf("bindings:    %lld\n", number_of(status, "bindings"));
	printf("grants:      %lld unused\n", number_of(status, "grants"));
	printf("connections: %lld\n", number_of(status, "connections"));
	printf("requests:    %lld queued, %lld in flight\n", number_of(status, "queued"),
	       number_of(status, "inflight"));
}

static void print_counters(const json_t *status, bool all)
{
	json_t *counters = json_object_get(status, "counters"), *value;
	const char *name;

	puts(all ? "counters:" : "counters that are not zero:");
	json_object_foreach(counters, name, value)
		if (all || json_integer_value(value))
			printf("  %-24s %lld\n", name, (long long)json_integer_value(value));
}

static void print_limits(const json_t *status)
{
	json_t *limits = json_object_get(status, "limits"), *limit;
	const char *name;

	puts("limits:");
	json_object_foreach(limits, name, limit)
		printf("  %-24s %lld (%lld to %lld)\n", name, number_of(limit, "value"),
		       number_of(limit, "min"), number_of(limit, "max"));
}

json_t *module_status(const char *command, int *exit)
{
	struct about about = { .command = command };
	struct question q;
	json_t *status;

	*exit = question_begin(&q, AZATTEST_CMD_STATUS_GET, 0);
	if (*exit)
		return NULL;
	status = json_object();
	if (!status)
		abort();
	*exit = question_finish(&q, &about, read_status, status);
	if (!*exit)
		return status;
	json_decref(status);
	return NULL;
}

int module_command(const struct ctl *ctl, int argc, char **argv)
{
	bool as_json = false, all = false;
	json_t *status;
	int exit;

	(void)ctl;
	if (!arguments_json_all(argc, argv, &as_json, &all) || !arguments_none_left(argc, argv))
		return EXIT_USAGE;
	status = module_status(argv[0], &exit);
	if (!status)
		return exit;
	if (as_json) {
		output_json(status);
	} else {
		print_numbers(status);
		print_counters(status, all);
		print_limits(status);
	}
	json_decref(status);
	return output_end(argv[0]);
}
