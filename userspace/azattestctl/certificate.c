// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl certificate show": the certificate in use, its chain, what came before it.

#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A member that another wrote, fit for a terminal. */
static void get_text(const json_t *object, const char *key, char *out, size_t size)
{
	snprintf(out, size, "%s", json_string_value(json_object_get(object, key)) ?: "");
	output_plain(out);
}

static const char *get_time(const json_t *object, const char *key, char out[32])
{
	time_t seconds = json_integer_value(json_object_get(object, key));
	struct tm tm;

	strcpy(out, "-");
	if (seconds && gmtime_r(&seconds, &tm))
		strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm);
	return out;
}

static void print_line(const char *title, const json_t *object, const char *key)
{
	char text[600];

	get_text(object, key, text, sizeof(text));
	printf("%-13s%s\n", title, text);
}

static void print_certificate(const json_t *answer)
{
	const json_t *certificate = json_object_get(answer, "certificate");
	char begin[32], end[32];

	if (!json_is_object(certificate)) {
		puts("certificate: none");
		return;
	}
	print_line("certificate:", certificate, "name");
	print_line("serial:", certificate, "serial");
	printf("valid:       %s to %s (%lld days left)\n",
	       get_time(certificate, "not_before", begin), get_time(certificate, "not_after", end),
	       (long long)json_integer_value(json_object_get(certificate, "days_left")));
	printf("generation:  %lld\n",
	       (long long)json_integer_value(json_object_get(answer, "generation")));
	print_line("source:", certificate, "source");
	print_line("key:", certificate, "key_type");
	print_line("key level:", json_object_get(answer, "key"), "level");
}

static void print_chain(const json_t *chain)
{
	static const char *const titles[] = { "leaf:", "issued by:", "root:" };
	size_t i, count = json_array_size(chain);
	json_t *link;

	json_array_foreach((json_t *)chain, i, link) {
		char end[32];

		print_line(i && i + 1 == count ? titles[2] : titles[i < 2 ? i : 1], link, "subject");
		print_line("  serial", link, "serial");
		printf("  until      %s\n", get_time(link, "not_after", end));
		print_line("  sha256", link, "sha256");
	}
}

static void print_event(const json_t *event)
{
	char what[32], source[32], serial[80], why[400], when[32], end[32];

	get_text(event, "event", what, sizeof(what));
	get_text(event, "source", source, sizeof(source));
	get_text(event, "serial", serial, sizeof(serial));
	get_text(event, "error", why, sizeof(why));
	printf("  %s  %-8s", get_time(event, "time", when), what);
	if (*source)
		printf(" %s", source);
	if (*serial)
		printf(" generation %lld, serial %s, until %s",
		       (long long)json_integer_value(json_object_get(event, "generation")), serial,
		       get_time(event, "not_after", end));
	printf("%s%s\n", *why ? ": " : "", why);
}

static void print_history(const json_t *history)
{
	json_t *event;
	size_t i;

	if (!json_array_size(history))
		return;
	puts("history:");
	json_array_foreach((json_t *)history, i, event)
		print_event(event);
}

int certificate_show_command(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	answer = ask_daemon(ctl, "certificate", &exit);
	if (!answer)
		return exit;
	if (as_json) {
		output_json(answer);
	} else {
		print_certificate(answer);
		print_chain(json_object_get(answer, "chain"));
		print_history(json_object_get(answer, "history"));
	}
	json_decref(answer);
	return output_end(argv[0]);
}
