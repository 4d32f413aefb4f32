// SPDX-License-Identifier: GPL-2.0
// Owns the refusal to enrol VMs on a host whose documents they could not get, or where REST access is off.

#include "vm.h"

#include <string.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static int refuse(const char *command, const json_t *host)
{
	const char *reason = text_of(host, "reason"), *next = text_of(host, "next_step");
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	say("%s: host %s is %s%s%s: %s", command, name, text_of(host, "state"), *reason ? ": " : "",
	    reason, *next ? next : "azattestctl status tells what to do");
	return EXIT_NOT_ACTIVE;
}

int managed_rest(const struct ctl *ctl, const char *command)
{
	struct hostd_answer answer;
	const json_t *legacy;
	bool on;
	int exit = hostd_ask(ctl, command, NULL, "GET", "/v1/status", NULL, &answer);

	if (exit)
		return exit;
	legacy = json_object_get(answer.json, "legacy");
	on = json_is_true(json_object_get(legacy, "enabled"));
	json_decref(answer.json);
	if (on)
		return 0;
	say("%s: REST access is off: azattestctl legacy on", command);
	return EXIT_REFUSED;
}

/*
 * An azattestd that does not answer may be restarting, and VMs wait for it:
 * that is no reason to refuse.
 */
int managed_host(const struct ctl *ctl, const char *command)
{
	char why[300];
	json_t *status = ask_daemon_quietly(ctl, "status", why, sizeof(why));
	const json_t *host = json_object_get(status, "host");
	const char *state = text_of(host, "state");
	int exit = 0;

	if (!strcmp(state, "Inactive") || !strcmp(state, "Expired"))
		exit = refuse(command, host);
	json_decref(status);
	return exit;
}
