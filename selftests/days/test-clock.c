// SPDX-License-Identifier: GPL-2.0
// Promises of a host's states over time: age, way, next step, and clocks that are wrong.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/days/days.h>

static struct rig rig;
static struct fakeclock *clock_page;

static void open_cmp(const char *name, const char *more)
{
	clock_page = days_open(&rig, name);
	rig_start_ca(&rig, "");
	rig_configure(&rig, RIG_CMP "%s", rig.port, more);
}

static void open_embedded(const char *name)
{
	clock_page = days_open(&rig, name);
	rig_configure(&rig, "source = embedded\n");
}

static void need_host(const char *state, const char *sub, const char *reason)
{
	if (tap_wait(days_settled(&rig) && rig_says(&rig, "host", "state", state) &&
		     rig_says(&rig, "host", "sub", sub) && rig_says(&rig, "host", "reason", reason)))
		return;
	tap_fail(__FILE__, __LINE__, "never %s (%s): %s, but %s", state, sub, reason,
		 json_dumps(json_object_get(rig_ask(&rig, "status"), "host"), 0));
}

static unsigned int log_count(const char *text)
{
	char command[200];
	unsigned int count = 0;
	FILE *in;

	snprintf(command, sizeof(command), "grep -c '%s' %s", text, rig_path(&rig, "log"));
	in = popen(command, "r");
	tap_need(in && fscanf(in, "%u", &count) == 1);
	pclose(in);
	return count;
}

static int64_t leaf_end(void)
{
	return rig_number(&rig, "certificate", "not_after");
}

static void states_have_their_way_age_and_next_step(void)
{
	open_cmp("states", "");
	rig_stop_ca(&rig);
	rig_start(&rig);
	need_host("Error", "no-certificate", "CA unreachable for 0 s: tried http://127.0.0.1:");
	tap_need(rig_says(&rig, "host", "next_step", "azattest-sync --check"));
	days_pass(clock_page, 3 * DAY);
	need_host("Error", "no-certificate", "CA unreachable for 3 days: tried http://127.0.0.1:");
	tap_need(rig_number(&rig, "host", "age") >= 3 * DAY);
	rig_start_ca(&rig, "");
	days_pass(clock_page, 2 * HOUR);
	need_host("Active", "ok", "");
	tap_need_eq(rig_number(&rig, "host", "age"), 0);
	tap_need(rig_says(&rig, "host", "next_step", ""));
	rig_stop_ca(&rig);
	days_pass(clock_page, 21 * DAY);
	need_host("Active", "renewal-failing", "CA unreachable for 0 s");
	tap_need(rig_number(&rig, "host", "age") == 21 * DAY);
	rig_stop(&rig);
}

/* Four looks a day, an attempt at each: one line a day, from seven days before the end on. */
static void end_is_warned_of_once_a_day_and_told_in_status(void)
{
	open_cmp("warned", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig_stop_ca(&rig);
	days_set(clock_page, leaf_end() - 7 * DAY);
	clock_page->ahead_s += 23 * DAY;
	need_host("Active", "renewal-failing", "CA unreachable");
	tap_need(json_is_false(rig_status(&rig, "host", "ends_soon")));
	tap_need_eq(log_count("the certificate ends in"), 0);
	for (int step = 0; step < 12; step++) {
		days_pass(clock_page, 6 * HOUR);
		need_host("Active", "ending", "the certificate ends in");
		tap_need(json_is_true(rig_status(&rig, "host", "ends_soon")));
		tap_need_eq(log_count("azattestd: the certificate ends in"), 1 + step / 4);
	}
	need_host("Active", "ending", "ends in 4 days: CA unreachable for 3 days: tried ");
	rig_stop(&rig);
}

static void documents_end_with_the_certificate_to_the_second(void)
{
	int64_t end, expires;

	open_cmp("boundary", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, &expires), AZATTEST_STATUS_OK);
	tap_need_eq(expires, clock_page->wall_s + 6 * HOUR);
	rig_stop_ca(&rig);
	end = leaf_end();
	days_pass(clock_page, end - clock_page->wall_s - 6 * HOUR);
	need_host("Active", "ending", "the certificate ends in");
	tap_need_eq(days_ask(&rig, clock_page, &expires), AZATTEST_STATUS_OK);
	tap_need_eq(expires, end);
	days_pass(clock_page, 6 * HOUR - 1);
	need_host("Active", "ending", "less than 1 day");
	tap_need_eq(days_ask(&rig, clock_page, &expires), AZATTEST_STATUS_OK);
	tap_need_eq(expires, end);
	days_pass(clock_page, 1);
	tap_need_eq(days_ask(&rig, clock_page, &expires), AZATTEST_STATUS_EXPIRED);
	need_host("Expired", "renewal-failing", "CA unreachable for ");
	tap_need_wait(rig.module->host_state == AZATTEST_HOST_EXPIRED);
	rig_start_ca(&rig, "");
	days_pass(clock_page, 2 * HOUR);
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop(&rig);
}

/* Its timers did not run meanwhile, and nobody has set the clock. */
static void a_host_that_slept_past_the_end_signs_nothing_and_renews_when_it_wakes(void)
{
	open_cmp("slept", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	days_sleep(clock_page, 10 * DAY);
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop_ca(&rig);
	days_sleep(clock_page, 40 * DAY);
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_EXPIRED);
	need_host("Expired", "renewal-failing", "CA unreachable for ");
	tap_need(rig_says(&rig, "clock", "problem", ""));
	rig_start_ca(&rig, "");
	days_pass(clock_page, 2 * HOUR);
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop(&rig);
}

/* A host without a battery, before its time service has spoken. */
static void clock_that_was_never_set_is_no_expired_certificate(void)
{
	int64_t now;

	open_cmp("1970", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig_stop(&rig);
	now = clock_page->wall_s;
	days_set(clock_page, 40);
	rig_start(&rig);
	need_host("Error", "clock", "the clock says 1970-01-01 00:00 UTC: it was never set");
	tap_need(rig_says(&rig, "host", "next_step", "set the clock"));
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_EXPIRED);
	days_set(clock_page, now + 60);
	need_host("Active", "ok", "");
	tap_need(rig_says(&rig, "clock", "problem", ""));
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop(&rig);
}

/* The host is its own CA: what it dates by such a clock, nobody could verify later. */
static void own_ca_is_not_made_before_the_clock_is_set(void)
{
	int64_t now;

	open_embedded("own-1970");
	now = clock_page->wall_s;
	days_set(clock_page, 40);
	rig_start(&rig);
	need_host("Error", "no-certificate", "this host's clock was never set");
	tap_need(strstr(rig_sync(&rig), "clock was never set"));
	tap_need_eq(rig_shell(&rig, "test ! -e state/ca"), 0);
	days_set(clock_page, now);
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop(&rig);
}

/* No CA need be asked, so nobody need be either. */
static void own_certificate_of_a_clock_that_was_ahead_is_made_anew(void)
{
	int64_t now;

	open_embedded("ahead");
	rig_start(&rig);
	need_host("Active", "ok", "");
	days_pass(clock_page, HOUR);
	now = clock_page->wall_s;
	days_set(clock_page, now + 25 * DAY);
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2 && rig_all_ready(&rig));
	days_set(clock_page, now);
	need_host("Error", "clock", "begins only in 24 days: the clock was set back by 25 days");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_EXPIRED);
	days_pass(clock_page, HOUR);
	tap_need_wait(rig_number(&rig, "signers", "generation") == 3 && rig_all_ready(&rig));
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	rig_stop(&rig);
}

static void need_new_ca(const char *reason)
{
	const char *why = rig_sync(&rig);

	tap_need_msg(strstr(why, reason) && strstr(why, "remove the folder ca to begin with a new root"),
		     "\"%s\" lacks \"%s\"", why, reason);
	tap_need_eq(rig_shell(&rig, "rm -r state/ca"), 0);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	need_host("Active", "ok", "");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
}

/* What verifiers trust is changed by hand only. */
static void own_ca_outside_of_its_time_issues_nothing(void)
{
	int64_t now;

	open_embedded("own-ca");
	now = clock_page->wall_s;
	days_set(clock_page, now + 3 * DAY);
	rig_start(&rig);
	need_host("Active", "ok", "");
	days_set(clock_page, now);
	need_host("Error", "clock", "begins only in 2 days");
	need_new_ca("/ca: begins only in 2 days: this host's clock was ahead when it was made");
	days_pass(clock_page, 3650 * DAY);
	need_host("Expired", "renewal-failing", "/ca: ends in 3 days: remove the folder ca");
	tap_need_eq(rig_shell(&rig, "test \"$(ls -d state/leaf-*)\" = state/leaf-000002"), 0);
	need_new_ca("/ca: ends in 3 days");
	rig_stop(&rig);
}

static void clock_that_is_set_while_we_look_is_told(void)
{
	int64_t now;

	open_cmp("jump", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	now = clock_page->wall_s;
	days_set(clock_page, now + 400 * DAY + HOUR);
	/* The CA has the same wrong clock, and is not asked. */
	rig_stop_ca(&rig);
	need_host("Expired", "clock", "the clock was set ahead by 400 days");
	tap_need(rig_says(&rig, "host", "next_step", "the certificate is valid again then"));
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_EXPIRED);
	days_set(clock_page, now);
	tap_need_wait(rig_says(&rig, "host", "state", "Active"));
	tap_need(rig_says(&rig, "clock", "problem", "the clock was set back by 400 days"));
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	days_set(clock_page, now - 2 * DAY - HOUR);
	need_host("Error", "clock", "begins only in 2 days: the clock was set back by 2 days");
	days_set(clock_page, now);
	tap_need_wait(rig_says(&rig, "host", "state", "Active"));
	days_pass(clock_page, 25 * HOUR);
	need_host("Active", "ok", "");
	tap_need(rig_says(&rig, "clock", "problem", ""));
	rig_stop(&rig);
}

/* Set while the daemon was away, in the same boot: told too. */
static void clock_that_was_set_meanwhile_is_told(void)
{
	open_cmp("meanwhile", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig_stop(&rig);
	days_pass(clock_page, 3 * DAY);
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig_stop(&rig);
	days_set(clock_page, clock_page->wall_s + 2 * DAY + HOUR);
	rig_start(&rig);
	need_host("Active", "clock", "the clock was set ahead by 2 days");
	rig_stop(&rig);
}

/* In another boot nothing tells a jump from a wait; but time does not go back. */
static void clock_behind_the_last_boots_is_told_until_a_ca_agrees(void)
{
	open_cmp("behind", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	days_pass(clock_page, 5 * DAY);
	need_host("Active", "ok", "");
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "sed -i 's/ boot .*/ boot another/' state/clock"), 0);
	days_set(clock_page, clock_page->wall_s - 3 * DAY);
	rig_start(&rig);
	need_host("Active", "clock", "the clock is 3 days behind what this host has seen (2030-01-06");
	tap_need_eq(days_ask(&rig, clock_page, NULL), AZATTEST_STATUS_OK);
	tap_need(!*rig_sync(&rig));
	need_host("Active", "ok", "");
	rig_stop(&rig);
}

static void damaged_note_of_the_clock_is_made_anew(void)
{
	static const char *const damages[] = {
		"truncate -s 7 state/clock", "echo seen -5 since-boot 1 boot x >state/clock",
		"head -c 5000 /dev/zero >state/clock", ": >state/clock", "chmod 666 state/clock",
		"rm state/clock; ln -s /etc/hostname state/clock", "rm state/clock; mkdir -m 700 state/clock",
	};

	open_cmp("damaged", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig_stop(&rig);
	for (size_t i = 0; i < TAP_COUNT(damages); i++) {
		tap_need_eq(rig_shell(&rig, "%s", damages[i]), 0);
		rig_start(&rig);
		need_host("Active", "ok", "");
		rig_stop(&rig);
		tap_need_eq(log_count("tells nothing about the clock"), i + 1);
	}
}

static int hear_that_it_goes_on(void *arg)
{
	(void)arg;
	return strstr(rig_sync(&rig), "it goes on in the background, see \"azattestctl status\"") ?
		EXIT_SUCCESS : EXIT_FAILURE;
}

static void who_waits_too_long_for_a_sync_is_told(void)
{
	pid_t client;

	open_cmp("patience", "");
	rig_start(&rig);
	need_host("Active", "ok", "");
	rig.module->defect = FAKEMODULE_DEFECT_HANG_IN_JOIN;
	client = tap_spawn(hear_that_it_goes_on, NULL, -1);
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2);
	days_pass(clock_page, 200);
	tap_need_eq(tap_join(client), EXIT_SUCCESS);
	rig.module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(rig_all_ready(&rig));
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(states_have_their_way_age_and_next_step),
	TAP_TEST(end_is_warned_of_once_a_day_and_told_in_status),
	TAP_TEST(documents_end_with_the_certificate_to_the_second),
	TAP_TEST(a_host_that_slept_past_the_end_signs_nothing_and_renews_when_it_wakes),
	TAP_TEST(clock_that_was_never_set_is_no_expired_certificate),
	TAP_TEST(own_ca_is_not_made_before_the_clock_is_set),
	TAP_TEST(own_certificate_of_a_clock_that_was_ahead_is_made_anew),
	TAP_TEST(own_ca_outside_of_its_time_issues_nothing),
	TAP_TEST(clock_that_is_set_while_we_look_is_told),
	TAP_TEST(clock_that_was_set_meanwhile_is_told),
	TAP_TEST(clock_behind_the_last_boots_is_told_until_a_ca_agrees),
	TAP_TEST(damaged_note_of_the_clock_is_made_anew),
	TAP_TEST(who_waits_too_long_for_a_sync_is_told),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
