// SPDX-License-Identifier: GPL-2.0
// Promises of what azattestctl tells of azattestd as JSON: it is what docs/schemas says.

#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char ctl[500];

__attribute__((format(printf, 1, 2)))
static bool can(const char *format, ...)
{
	char command[2000];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	fflush(stdout);
	return !system(command);
}

static bool fits(const char *schema, const char *file)
{
	return can("jsonschema -i '%s' " AZ_TOP "/docs/schemas/%s.json >&2", rig_path(file), schema);
}

/* What @command prints has to fit. */
static void need_fits(const char *command, const char *schema)
{
	char file[40];

	snprintf(file, sizeof(file), "%s.out", schema);
	tap_need_msg(can("%s --json >'%s'", command, rig_path(file)), "%s", command);
	tap_need_msg(fits(schema, file), "%s: no %s", command, schema);
}

static const char *ask(const char *words)
{
	static char command[800];

	snprintf(command, sizeof(command), "%s --socket '%s' --api /nowhere %s", ctl,
		 rig_path("run/azattestd.sock"), words);
	return command;
}

static void begin(const char *name)
{
	rig_start_ready(name, RIG_P256);
}

static void certificate_and_sync_fit_their_schemas(void)
{
	begin("certificate");
	need_fits(ask("certificate show"), "certificate");
	need_fits(ask("sync"), "sync");
	need_fits(ask("certificate show"), "certificate");
	need_fits(ask("status"), "status");
	rig_stop();
}

static void decommission_and_what_it_leaves_fit_their_schemas(void)
{
	begin("decommission");
	need_fits(ask("decommission --yes"), "decommission");
	need_fits(ask("certificate show"), "certificate");
	rig_stop();
}

static void each_line_of_the_audit_journal_fits_its_schema(void)
{
	begin("audit");
	tap_need_eq(rig_ask_status(20201001, "a", ""), AZATTEST_STATUS_OK);
	tap_need_eq(rig_ask_status(20201001, "a", "gold"), AZATTEST_STATUS_DENIED);
	rig_stop();
	tap_need(can("%s audit show --json '%s' | split -l 1 - '%s'", ctl, rig_path("state/audit"),
		     rig_path("line-")));
	tap_need(can("grep -lq issued '%s'* && jsonschema $(printf ' -i %%s' '%s'*) " AZ_TOP
		     "/docs/schemas/audit.json >&2", rig_path("line-"), rig_path("line-")));
}

static void control_a_wrong_and_a_missing_member_are_seen(void)
{
	begin("control");
	need_fits(ask("certificate show"), "certificate");
	tap_need(can("sed 's/\"generation\": 1,/\"generation\": \"1\",/' '%s' >'%s'",
		     rig_path("certificate.out"), rig_path("typed")));
	tap_need(!fits("certificate", "typed"));
	tap_need(can("grep -v '\"sha256\"' '%s' | tr -d '\\n' | sed 's/, *}/}/g' >'%s'",
		     rig_path("certificate.out"), rig_path("less")));
	tap_need(!fits("certificate", "less"));
	rig_stop();
}

static const struct tap_test tests[] = {
	TAP_TEST(certificate_and_sync_fit_their_schemas),
	TAP_TEST(decommission_and_what_it_leaves_fit_their_schemas),
	TAP_TEST(each_line_of_the_audit_journal_fits_its_schema),
	TAP_TEST(control_a_wrong_and_a_missing_member_are_seen),
};

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", ctl, sizeof(ctl) - 40);

	if (n <= 0 || system("command -v jsonschema >/dev/null"))
		tap_skip_all("no jsonschema: scripts/deps");
	ctl[n] = 0;
	strcpy(strrchr(ctl, '/'), "/../bin/azattestctl");
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
