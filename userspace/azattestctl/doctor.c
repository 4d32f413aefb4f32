// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl doctor": the checks in their order, and how what they find is shown.

#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kernel first: what is wrong further up is often wrong because of it. */
static const struct check checks[] = {
	{ "vsock", doctor_vsock },
	{ "bpf", doctor_bpf },
	{ "cgroup2", doctor_cgroup },
	{ "bpffs", doctor_bpffs },
	{ "secretmem", doctor_secretmem },
	{ "tpm", doctor_tpm },
	{ "module", doctor_module },
	{ "devices", doctor_devices },
	{ "configuration", doctor_config },
	{ "state-directory", doctor_state },
	{ "azattestd", doctor_azattestd },
	{ "host", doctor_host },
	{ "certificate", doctor_certificate },
	{ "renewal", doctor_renewal },
	{ "key", doctor_key },
	{ "clock", doctor_clock },
	{ "ca", doctor_ca },
	{ "azattest-hostd", doctor_hostd },
	{ "azattest-restd", doctor_restd },
	{ "bridge", doctor_bridge },
	{ "fence", doctor_fence },
	{ "firewall", doctor_firewall },
	{ "take", doctor_take },
	{ "bindings", doctor_bindings },
	{ "libvirt", doctor_libvirt },
};

static const char *const words[] = { "PASS", "WARN", "FAIL" };

/* Text of daemons and of CAs stays one line, in one character set. */
static json_t *plain(char *text)
{
	json_t *json;

	output_plain(text);
	json = json_string(text);
	if (json)
		return json;
	for (char *p = text; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(text);
}

static json_t *run_check(const struct check *check, const struct doctor *doctor,
			 unsigned int count[3])
{
	struct finding finding = { 0 };

	check->run(doctor, &finding);
	count[finding.verdict]++;
	return json_pack("{s:s, s:s, s:o, s:o}", "check", check->name,
			 "verdict", words[finding.verdict],
			 "text", plain(finding.text), "fix", plain(finding.fix));
}

json_t *doctor_report(const struct ctl *ctl)
{
	unsigned int count[3] = { 0 };
	json_t *found = json_array();
	struct doctor doctor;

	doctor_gather(&doctor, ctl);
	for (size_t i = 0; i < COUNT(checks); i++)
		json_array_append_new(found, run_check(&checks[i], &doctor, count));
	doctor_release(&doctor);
	return json_pack("{s:s, s:i, s:i, s:i, s:o}",
			 "verdict", words[count[2] ? 2 : count[1] ? 1 : 0],
			 "pass", count[0], "warn", count[1], "fail", count[2], "checks", found);
}

void doctor_print(const json_t *report, FILE *to)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(report, "checks"), i, check) {
		const char *fix = member_text(check, "fix");

		if (to == stdout)
			output_word(member_text(check, "verdict"));
		else
			fputs(member_text(check, "verdict"), to);
		fprintf(to, "  %-16s %s\n", member_text(check, "check"), member_text(check, "text"));
		if (*fix)
			fprintf(to, "      %-16s fix: %s\n", "", fix);
	}
	fprintf(to, "%lld PASS, %lld WARN, %lld FAIL\n", member_number(report, "pass"),
		member_number(report, "warn"), member_number(report, "fail"));
}

int doctor_command(const struct ctl *ctl, int argc, char **argv)
{
	json_t *report;
	bool as_json;
	int exit;

	if (!arguments_json(argc, argv, &as_json))
		return EXIT_USAGE;
	report = doctor_report(ctl);
	if (!report)
		abort();
	if (as_json)
		output_json(report);
	else
		doctor_print(report, stdout);
	exit = member_number(report, "fail") ? EXIT_UNHEALTHY : EXIT_SUCCESS;
	json_decref(report);
	return output_end(argv[0]) ? EXIT_FAILURE : exit;
}
