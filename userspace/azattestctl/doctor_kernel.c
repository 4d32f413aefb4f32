// SPDX-License-Identifier: GPL-2.0
// Owns the checks of what the running kernel has: vsock, BPF links, cgroup2, secret memory, a TPM.

#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What only REST access needs is no failure where nobody uses that. */
static enum verdict grade(const struct doctor *doctor)
{
	const json_t *legacy = json_object_get(doctor->hostd, "legacy");

	return json_is_true(json_object_get(legacy, "enabled")) ? VERDICT_FAIL : VERDICT_WARN;
}

void doctor_vsock(const struct doctor *doctor, struct finding *finding)
{
	if (host_says(doctor->root, "/proc/misc", " vhost-vsock")) {
		finding_set(finding, VERDICT_PASS, "vhost_vsock is there");
		return;
	}
	finding_set(finding, VERDICT_FAIL, "vhost_vsock is not there: no VM gets vsock");
	finding_fix(finding, "modprobe vhost_vsock; without such a module: a kernel with "
		    "CONFIG_VHOST_VSOCK");
}

void doctor_bpf(const struct doctor *doctor, struct finding *finding)
{
	if (!doctor->bpf_links) {
		finding_set(finding, VERDICT_PASS, "the kernel has BPF links");
	} else if (doctor->bpf_links == EPERM) {
		finding_unseen(finding, "whether the kernel has BPF links");
	} else {
		finding_set(finding, grade(doctor), "the kernel has no BPF links: %s: no REST access",
			    strerror(doctor->bpf_links));
		finding_fix(finding, "boot a kernel with CONFIG_BPF_SYSCALL, 6.1 or newer");
	}
}

/* "... / /sys/fs/bpf rw - bpf bpf rw": point and kind of each mount. */
static bool is_mounted(const struct doctor *doctor, const char *kind, char *point, size_t size)
{
	char path[512], line[1024], type[64];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", doctor->root);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *rest = strstr(line, " - ");

		found = rest && sscanf(rest, " - %63s", type) == 1 && !strcmp(type, kind) &&
			sscanf(line, "%*s %*s %*s %*s %511s", path) == 1;
	}
	if (file)
		fclose(file);
	if (found)
		snprintf(point, size, "%s", path);
	return found;
}

void doctor_cgroup(const struct doctor *doctor, struct finding *finding)
{
	char point[512];

	if (is_mounted(doctor, "cgroup2", point, sizeof(point))) {
		finding_set(finding, VERDICT_PASS, "cgroup2 is mounted at %s", point);
		return;
	}
	finding_set(finding, grade(doctor), "no cgroup2 is mounted: the fence cannot guard "
		    "azattest-restd");
	finding_fix(finding, "boot with systemd.unified_cgroup_hierarchy=1");
}

void doctor_bpffs(const struct doctor *doctor, struct finding *finding)
{
	char point[512];

	if (is_mounted(doctor, "bpf", point, sizeof(point)) && !strcmp(point, "/sys/fs/bpf")) {
		finding_set(finding, VERDICT_PASS, "a bpf file system is mounted at %s", point);
		return;
	}
	finding_set(finding, grade(doctor), "no bpf file system at /sys/fs/bpf: the fence cannot be "
		    "pinned");
	finding_fix(finding, "mount -t bpf bpf /sys/fs/bpf");
}

void doctor_secretmem(const struct doctor *doctor, struct finding *finding)
{
	const char *memory = member_text(json_object_get(doctor->daemon, "key"), "memory");

	if (!doctor->secret_memory && strcmp(memory, "locked")) {
		finding_set(finding, VERDICT_PASS, "the kernel has memory that even root cannot read");
		return;
	}
	finding_set(finding, VERDICT_WARN, "%s: root can read keys out of signers' memory",
		    doctor->secret_memory ? "the kernel gives no secret memory" :
		    "signers have locked memory, no secret one");
	finding_fix(finding, doctor->secret_memory ? "boot with secretmem.enable=1" :
		    "systemctl restart azattestd; is memfd_secret in the unit's call list?");
}

static bool wants_tpm(const struct doctor *doctor)
{
	const char *level = member_text(json_object_get(doctor->daemon, "key"), "configured");

	return !*level || !strcmp(level, "auto") || !strcmp(level, "tpm");
}

void doctor_tpm(const struct doctor *doctor, struct finding *finding)
{
	char version[16];
	struct stat st;

	if (!wants_tpm(doctor)) {
		finding_set(finding, VERDICT_PASS, "the configuration wants none");
	} else if (host_read(doctor->root, "/sys/class/tpm/tpm0/tpm_version_major", version,
			     sizeof(version)) > 0 && *version != '2') {
		finding_set(finding, VERDICT_WARN, "the TPM is no TPM 2.0: keys are not sealed by it");
		finding_fix(finding, "set the firmware to TPM 2.0, or [key] level = host-key");
	} else if (host_stat(doctor->root, "/dev/tpmrm0", &st)) {
		finding_set(finding, VERDICT_WARN, "no /dev/tpmrm0: keys are not sealed by a TPM");
		finding_fix(finding, "enable the TPM in the firmware; on a host without: [key] level = "
			    "host-key");
	} else {
		finding_set(finding, VERDICT_PASS, "/dev/tpmrm0 is there");
	}
}
