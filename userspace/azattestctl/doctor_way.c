// SPDX-License-Identifier: GPL-2.0
// Owns the checks of ways to others: to the CA, and to VMMs that libvirt starts.

#include "doctor.h"
#include "program.h"

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

static bool is_there(const struct doctor *doctor, const char *path)
{
	struct stat st;

	return !host_stat(doctor->root, path, &st);
}

static bool is_active(const struct doctor *doctor, const char *unit)
{
	char path[256], word[64];
	char *argv[] = { path, (char *)"is-active", (char *)unit, NULL };

	snprintf(path, sizeof(path), "%s/usr/bin/systemctl", doctor->root);
	return !program_run(argv, word, sizeof(word));
}

/* Scope 3 is for everybody, until the next boot; 2 leaves it to who has CAP_SYS_PTRACE. */
static bool is_forbidden(const struct doctor *doctor)
{
	char scope[8];

	return host_read(doctor->root, "/proc/sys/kernel/yama/ptrace_scope", scope,
			 sizeof(scope)) > 0 && *scope == '3';
}

void doctor_take(const struct doctor *doctor, struct finding *finding)
{
	if (is_forbidden(doctor)) {
		finding_set(finding, VERDICT_WARN, "kernel.yama.ptrace_scope is 3: nobody can take the "
			    "vsock device of a VMM that runs");
		finding_fix(finding, "start such VMs by azattest-run; the scope can only be changed by a "
			    "reboot");
	} else if (!is_there(doctor, "/run/azattest-take.sock")) {
		finding_set(finding, VERDICT_WARN, "azattest-take is not to be asked: VMs that run cannot be "
			    "bound");
		finding_fix(finding, "systemctl enable --now azattest-take.socket");
	} else {
		finding_set(finding, VERDICT_PASS, "azattest-take can be asked, and Yama is no obstacle");
	}
}

/* "web1: why; web2: why" of those that wait, as far as there is room. */
static void waiting_text(const json_t *bindings, char *text, size_t size)
{
	const json_t *binding;
	size_t used = 0, i;

	*text = 0;
	json_array_foreach((json_t *)bindings, i, binding) {
		if (!bound_waits(binding) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s: %s", used ? "; " : "",
					 bound_called(binding), bound_reason(binding));
	}
}

void doctor_bindings(const struct doctor *doctor, struct finding *finding)
{
	size_t all = json_array_size(doctor->bindings), waiting = bound_waiting(doctor->bindings);
	char text[500];

	if (!doctor->bindings) {
		finding_set(finding, VERDICT_WARN, "not known: azattest-hostd does not tell them");
		finding_fix(finding, "see azattest-hostd");
	} else if (waiting) {
		waiting_text(doctor->bindings, text, sizeof(text));
		finding_set(finding, VERDICT_WARN, "%zu of %zu VMs without identity: %s", waiting, all,
			    text);
		finding_fix(finding, "mend what it names, and azattest-hostd binds them by itself; "
			    "azattestctl status lists all");
	} else {
		finding_set(finding, VERDICT_PASS, "%zu VMs are bound by azattest-hostd, none waits", all);
	}
}

/* A package of its own; an administrator's unit counts as well. */
static bool is_installed(const struct doctor *doctor)
{
	return is_there(doctor, "/usr/lib/systemd/system/azattest-libvirt.service") ||
		is_there(doctor, "/lib/systemd/system/azattest-libvirt.service") ||
		is_there(doctor, "/etc/systemd/system/azattest-libvirt.service");
}

void doctor_libvirt(const struct doctor *doctor, struct finding *finding)
{
	bool runs = is_there(doctor, "/run/libvirt/libvirt-sock") ||
		is_there(doctor, "/run/libvirt/virtqemud-sock");

	if (!runs) {
		finding_set(finding, VERDICT_PASS, "no libvirt on this host");
	} else if (!is_active(doctor, "azattest-libvirt.service")) {
		finding_set(finding, VERDICT_WARN, "libvirt runs, azattest-libvirt does not: VMs are not bound "
			    "by themselves");
		finding_fix(finding, "%ssystemctl enable --now azattest-libvirt",
			    is_installed(doctor) ? "" : "apt install azattest-libvirt; ");
	} else {
		finding_set(finding, VERDICT_PASS, "azattest-libvirt binds VMs when they start");
	}
}
