// SPDX-License-Identifier: GPL-2.0
// Owns the checks of REST access: azattest-hostd and -restd, bridge, fence, the host's firewall.

#include "doctor.h"

#include <string.h>

#include <userspace/common/common.h>

static const json_t *legacy_of(const struct doctor *doctor)
{
	return json_object_get(doctor->hostd, "legacy");
}

/* Was on when azattest-hostd was last there; its records are root's. */
static bool was_on(const struct doctor *doctor)
{
	return host_says(doctor->root, "/var/lib/azattest/hostd/legacy.json", "true");
}

void doctor_hostd(const struct doctor *doctor, struct finding *finding)
{
	const char *version = member_text(doctor->hostd, "version");
	bool on = !doctor->hostd && was_on(doctor);

	if (!doctor->hostd) {
		finding_set(finding, on ? VERDICT_FAIL : VERDICT_WARN, "%s%s",
			    on ? "REST access is on, and nobody keeps it: " : "", doctor->hostd_why);
		finding_fix(finding, "systemctl enable --now azattest-hostd; journalctl -u azattest-hostd "
			    "-n 20 says why it ended");
	} else if (strcmp(version, AZATTEST_PRODUCT_VERSION)) {
		finding_set(finding, VERDICT_FAIL, "version %s runs, %s is installed", version,
			    AZATTEST_PRODUCT_VERSION);
		finding_fix(finding, "systemctl restart azattest-hostd: VMs keep what they have");
	} else {
		finding_set(finding, VERDICT_PASS, "version %s runs", version);
	}
}

/* True if there is nothing to look at: said. */
static bool not_in_use(const struct doctor *doctor, struct finding *finding)
{
	if (!doctor->hostd) {
		finding_set(finding, VERDICT_WARN, "not known: azattest-hostd does not answer");
		finding_fix(finding, "see azattest-hostd");
		return true;
	}
	if (json_is_true(json_object_get(legacy_of(doctor), "enabled")))
		return false;
	finding_set(finding, VERDICT_PASS, "REST access is off");
	return true;
}

/* The problem of one of these @parts, a NULL ends them; NULL: there is none. */
static const char *problem_of(const struct doctor *doctor, const char *const *parts)
{
	const json_t *problems = json_object_get(legacy_of(doctor), "problems");
	const json_t *names = json_object_get(legacy_of(doctor), "problemParts"), *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name)
		for (size_t p = 0; parts[p]; p++)
			if (json_is_string(name) && !strcmp(json_string_value(name), parts[p]))
				return json_string_value(json_array_get(problems, i));
	return NULL;
}

static void judge(const struct doctor *doctor, const char *const *parts, const char *good,
		  const char *fix, struct finding *finding)
{
	const char *problem;

	if (not_in_use(doctor, finding))
		return;
	problem = problem_of(doctor, parts);
	finding_set(finding, problem ? VERDICT_FAIL : VERDICT_PASS, "%s", problem ? problem : good);
	if (problem)
		finding_fix(finding, "%s", fix);
}

void doctor_restd(const struct doctor *doctor, struct finding *finding)
{
	static const char *const parts[] = { "restd", NULL };

	judge(doctor, parts, "connected", "systemctl enable --now azattest-restd; journalctl -u "
	      "azattest-restd -n 20", finding);
}

void doctor_bridge(const struct doctor *doctor, struct finding *finding)
{
	static const char *const parts[] = { "network", "vlans", NULL };

	judge(doctor, parts, "as it should be", "mend what it names, then: azattestctl legacy on",
	      finding);
}

void doctor_fence(const struct doctor *doctor, struct finding *finding)
{
	static const char *const parts[] = { "fence", "records", NULL };

	judge(doctor, parts, "closed, and as it should be",
	      "mend what it names, then: azattestctl legacy on", finding);
}

void doctor_firewall(const struct doctor *doctor, struct finding *finding)
{
	static const char *const parts[] = { "firewall", NULL };

	judge(doctor, parts, "no rule is known to drop what guests send",
	      "the command at the line's end lasts until the next reload: docs/hostnet.md, \"Firewall\"",
	      finding);
}
