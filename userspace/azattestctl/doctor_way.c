// SPDX-License-Identifier: GPL-2.0
// Owns the checks of ways to others: to the CA, and to VMMs that libvirt starts.

#include "doctor.h"

#include <stdio.h>
#include <string.h>

/* azattest-sync's own try of all of the way; it asks for nothing and changes nothing. */
static void try_ca(struct finding *finding)
{
	char path[512], text[500];
	char *argv[] = { path, (char *)"--check", NULL };
	int ret;

	program_path("azattest-sync", path, sizeof(path));
	ret = program_run(argv, text, sizeof(text));
	finding_set(finding, ret ? VERDICT_FAIL : VERDICT_PASS, "%s", text);
	if (ret)
		finding_fix(finding, "mend what it names; azattest-sync --check tries it again");
}

void doctor_ca(const struct doctor *doctor, struct finding *finding)
{
	const char *source = member_text(json_object_get(doctor->daemon, "sync"), "source");

	if (!*source) {
		finding_set(finding, VERDICT_WARN, "not tried: azattestd does not say whether there is one");
		finding_fix(finding, "azattest-sync --check tries the way to it");
	} else if (!strcmp(source, "embedded")) {
		finding_set(finding, VERDICT_PASS, "source embedded: the host is its own");
	} else if (!strcmp(source, "file")) {
		finding_set(finding, VERDICT_PASS, "source file: somebody carries certificates");
	} else if (!doctor->is_root) {
		finding_unseen(finding, "the way to it");
	} else {
		try_ca(finding);
	}
}

/* Scope 3 is for everybody, until the next boot; 2 leaves it to who has CAP_SYS_PTRACE. */
void doctor_libvirt(const struct doctor *doctor, struct finding *finding)
{
	static const char *const sockets[] = { "/run/libvirt/libvirt-sock",
					       "/run/libvirt/virtqemud-sock" };
	bool runs = false;
	struct stat st;
	char scope[8];

	for (size_t i = 0; i < COUNT(sockets); i++)
		runs |= !host_stat(doctor->root, sockets[i], &st);
	if (host_read(doctor->root, "/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope)) > 0 &&
	    *scope == '3') {
		finding_set(finding, VERDICT_WARN, "kernel.yama.ptrace_scope is 3: nobody can take the "
			    "vsock descriptor of a VMM that runs");
		finding_fix(finding, "start such VMs by azattest-run; the scope can only be changed by a "
			    "reboot");
		return;
	}
	finding_set(finding, VERDICT_PASS, runs ? "libvirt runs; Yama is no obstacle" :
		    "no libvirt on this host");
}
