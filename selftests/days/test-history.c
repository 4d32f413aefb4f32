// SPDX-License-Identifier: GPL-2.0
// Promises of the history of certificates: what came, what did not and since when, kept and bounded.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/days/days.h>

static struct rig rig;
static struct fakeclock *clock_page;

static void open_cmp(const char *name)
{
	clock_page = days_open(&rig, name);
	rig_start_ca(&rig, "");
	rig_configure(&rig, RIG_CMP, rig.port);
	rig_start_active(&rig);
}

static const json_t *history(void)
{
	return json_object_get(rig_ask(&rig, "certificate"), "history");
}

/* @back 0: the newest. */
static const char *text(size_t back, const char *key)
{
	size_t count = json_array_size(history());
	const json_t *entry = count > back ? json_array_get(history(), count - 1 - back) : NULL;

	return json_string_value(json_object_get(entry, key)) ?: "";
}

static void each_event_is_an_entry_and_outages_are_one(void)
{
	char serial[80];

	open_cmp("events");
	tap_need_eq(json_array_size(history()), 1);
	tap_need(!strcmp(text(0, "event"), "issued") && !strcmp(text(0, "source"), "cmp"));
	tap_need(!*rig_sync(&rig));
	tap_need_eq(json_array_size(history()), 2);
	rig_stop_ca(&rig);
	for (int i = 0; i < 5; i++)
		tap_need(*rig_sync(&rig));
	tap_need_eq(json_array_size(history()), 3);
	tap_need(!strcmp(text(0, "event"), "failing") && strstr(text(0, "error"), "CA unreachable"));
	rig_start_ca(&rig, "");
	rig.module->defect = FAKEMODULE_DEFECT_DIE_IN_JOIN;
	tap_need(*rig_sync(&rig));
	rig.module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(rig_all_ready(&rig));
	tap_need(!strcmp(text(2, "event"), "issued") && !strcmp(text(1, "event"), "dropped"));
	snprintf(serial, sizeof(serial), "%s", text(2, "serial"));
	tap_need(!strcmp(serial, text(1, "serial")) && *text(1, "error"));
	rig_stop(&rig);
}

/* Its age is that of the outage, not of the process. */
static void outage_is_as_old_after_a_restart(void)
{
	open_cmp("restart");
	rig_stop_ca(&rig);
	tap_need(*rig_sync(&rig));
	days_pass(clock_page, 2 * DAY);
	rig_stop(&rig);
	days_pass(clock_page, 3 * DAY);
	rig_start_active(&rig);
	tap_need_eq(json_array_size(history()), 2);
	tap_need(*rig_sync(&rig));
	tap_need_eq(json_array_size(history()), 2);
	tap_need_wait(rig_says(&rig, "host", "reason", "CA unreachable for 5 days: tried "));
	rig_start_ca(&rig, "");
	tap_need(!*rig_sync(&rig));
	tap_need_eq(json_array_size(history()), 3);
	rig_stop(&rig);
}

static void history_is_bounded_and_damage_costs_its_lines_only(void)
{
	static const char fill[] =
		"for i in $(seq 200); do echo '{\"time\":'$i',\"event\":\"issued\"}'; done >state/history;"
		"for l in '[]' '{' '{\"time\":\"x\",\"event\":\"issued\"}' '{\"time\":1}' '' ; do "
		"echo \"$l\"; done >>state/history; echo '{\"time\":201,\"event\":\"issued\"}' >>state/history;"
		"printf '{\"time\":202,\"event\":\"iss' >>state/history; chmod 600 state/history";
	static const char *const useless[] = {
		"head -c 300000 /dev/zero >state/history", "rm state/history; mkdir -m 700 state/history",
		"rmdir state/history; : >state/history; chmod 666 state/history",
	};

	open_cmp("bounded");
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "%s", fill), 0);
	rig_start_active(&rig);
	tap_need_eq(json_array_size(history()), 64);
	tap_need_eq(json_integer_value(json_object_get(json_array_get(history(), 63), "time")), 201);
	tap_need(!*rig_sync(&rig));
	tap_need_eq(json_array_size(history()), 64);
	tap_need(*text(0, "serial"));
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "test $(wc -l <state/history) = 64"), 0);
	for (size_t i = 0; i < TAP_COUNT(useless); i++) {
		tap_need_eq(rig_shell(&rig, "%s", useless[i]), 0);
		rig_start_active(&rig);
		tap_need_eq(json_array_size(history()), 0);
		rig_stop(&rig);
	}
	tap_need(rig_log_has(&rig, "history: begun anew: "));
}

/* As openssl reads the very files. */
static void certificate_show_tells_chain_serial_and_history(void)
{
	open_cmp("show");
	rig_stop_ca(&rig);
	tap_need(*rig_sync(&rig));
	tap_need_eq(rig_shell(&rig,
		"CTL='bin/azattestctl --socket run/azattestd.sock'; $CTL certificate show >said; cat said >&2;"
		"serial=$(openssl x509 -in state/leaf-000001/cert.pem -noout -serial | cut -d= -f2);"
		"grep -qx \"serial:      $serial\" said && grep -qx 'certificate: " RIG_NAME "' said && "
		"grep -qx 'key level:   file' said && grep -qx 'source:      cmp' said && "
		"grep -qx 'leaf:        CN=" RIG_NAME "' said && grep -q '^issued by:   CN=' said && "
		"grep -q '^root:        CN=' said && "
		"grep -qx \"  sha256     $(openssl x509 -in state/leaf-000001/root.pem -noout -fingerprint "
		"-sha256 | cut -d= -f2 | tr -d : | tr A-F a-f)\" said && "
		"grep -qE \"^  2030-01-01 .* issued   cmp generation 1, serial $serial, until 2030-\" said && "
		"grep -qE '^  2030-01-01 .* failing  cmp: CA unreachable: tried ' said"), 0);
	tap_need_eq(rig_shell(&rig, "CTL='bin/azattestctl --socket run/azattestd.sock'; "
			      "$CTL certificate show --json | grep -q '\"sha256\": ' && "
			      "{ $CTL certificate show x 2>said; test $? = 2; } && "
			      "{ $CTL certificate 2>said; test $? = 2; } && grep -q 'no command' said"), 0);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(each_event_is_an_entry_and_outages_are_one),
	TAP_TEST(outage_is_as_old_after_a_restart),
	TAP_TEST(history_is_bounded_and_damage_costs_its_lines_only),
	TAP_TEST(certificate_show_tells_chain_serial_and_history),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
