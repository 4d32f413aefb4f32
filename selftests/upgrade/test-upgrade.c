// SPDX-License-Identifier: GPL-2.0
// Promises of azattestd about state that an earlier version has left: kept samples, each of its format.

/*
 * selftests/upgrade/azattestd-N is the state directory of a host of format N, kept as it was
 * written. A new format gets its own beside the older ones, which stay:
 *   AZ_SAMPLE=selftests/upgrade/azattestd-N build/selftests/test-upgrade today_can_be_kept
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <selftests/days/days.h>
#include <userspace/azattestd/config.h>

#define FORMATS	1

static struct rig rig;

static void open_host(const char *name)
{
	days_open(&rig, name);
	rig.key = "level = host-key";
	rig_configure(&rig, "source = embedded\n");
}

/* git keeps no modes. */
static void take_sample(unsigned int format)
{
	char program[400];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	tap_need(length > 0);
	program[length] = 0;
	*strrchr(program, '/') = 0;
	tap_need_eq(rig_shell(&rig, "cp -r %s/../../selftests/upgrade/azattestd-%u state && "
			      "chmod -R u=rwX,go= state && cp -a state before", program, format), 0);
}

static void open_sample(const char *name, unsigned int format)
{
	open_host(name);
	take_sample(format);
}

/* No new key and no new certificate: verifiers see the same host. */
static void need_same_keys(void)
{
	tap_need_eq(rig_shell(&rig, "cmp state/ca/root.pem before/ca/root.pem && "
			      "diff -r state/leaf-000001 before/leaf-000001 && ! ls -d state/leaf-000002"), 0);
}

static void service_goes_on_with_its_keys(void)
{
	for (unsigned int format = 1; format <= FORMATS; format++) {
		char name[16];

		snprintf(name, sizeof(name), "keys%u", format);
		open_sample(name, format);
		rig_start_active(&rig);
		rig_need_document(&rig);
		need_same_keys();
		rig_stop(&rig);
	}
}

/* As all were before there was a number. */
static void state_without_a_number_gets_one(void)
{
	open_sample("none", 1);
	tap_need(!unlink(rig_path(&rig, "state/format")));
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "test \"$(cat state/format)\" = 1"), 0);
	need_same_keys();
	rig_stop(&rig);
}

static void history_and_journal_go_on(void)
{
	open_sample("history", 1);
	rig_start_active(&rig);
	tap_need(json_array_size(json_object_get(rig_ask(&rig, "certificate"), "history")) > 0);
	tap_need_eq(rig_shell(&rig, "head -c 200 before/audit/audit-000001.jsonl >a && "
			      "head -c 200 state/audit/audit-000001.jsonl >b && cmp a b"), 0);
	rig_stop(&rig);
}

static void a_newer_format_is_refused_and_untouched(void)
{
	open_sample("newer", 1);
	tap_need_eq(rig_shell(&rig, "echo 2 >state/format && cp state/format before/"), 0);
	rig_start(&rig);
	tap_need_eq(tap_join(rig.daemon), EXIT_STATE);
	tap_need(rig_log_has(&rig, "is of format 2, this version knows those up to 1: a newer azattest has "
			     "written it: install that one again"));
	tap_need_eq(rig_shell(&rig, "diff -r before state"), 0);
}

static void today_can_be_kept(void)
{
	const char *to = getenv("AZ_SAMPLE");

	open_host("today");
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "test \"$(cat state/format)\" = %u", FORMATS), 0);
	if (to)
		tap_need_eq(rig_shell(&rig, "mkdir -p %s && cp -r state/. %s", to, to), 0);
}

static const struct tap_test tests[] = {
	TAP_TEST(service_goes_on_with_its_keys),
	TAP_TEST(state_without_a_number_gets_one),
	TAP_TEST(history_and_journal_go_on),
	TAP_TEST(a_newer_format_is_refused_and_untouched),
	TAP_TEST(today_can_be_kept),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
