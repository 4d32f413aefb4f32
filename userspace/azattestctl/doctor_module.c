// SPDX-License-Identifier: GPL-2.0
// Owns the checks of the kernel module: loaded, of this version, and who may open its devices.

#include "doctor.h"
#include "program.h"

#include <stdio.h>
#include <string.h>

#include <userspace/common/common.h>

/* The last byte of the firmware's variable; the first four are its attributes. */
static bool secure_boot(const struct doctor *doctor)
{
	char bytes[8];
	ssize_t n = host_read(doctor->root, "/sys/firmware/efi/efivars/"
			      "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", bytes,
			      sizeof(bytes));

	return n == 5 && bytes[4] == 1;
}

static void not_loaded(const struct doctor *doctor, struct finding *finding)
{
	char path[256];

	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", doctor->release);
	if (!host_says(doctor->root, path, "/azattest.ko")) {
		finding_set(finding, VERDICT_FAIL, "not loaded, and not built for kernel %s",
			    doctor->release);
		finding_fix(finding, "install linux-headers-%s, then: dkms autoinstall; modprobe azattest",
			    doctor->release);
		return;
	}
	finding_set(finding, VERDICT_FAIL, "not loaded");
	finding_fix(finding, "modprobe azattest%s", secure_boot(doctor) ?
		    " (Secure Boot is on: \"Key was rejected\" means mokutil --import "
		    "/var/lib/dkms/mok.pub, then a reboot)" : "");
}

/* The one on disk was built of other sources than the one that is loaded. */
static bool is_outdated(const struct doctor *doctor)
{
	char path[256], loaded[64], installed[64];
	char *argv[] = { path, (char *)"--field=srcversion", (char *)"azattest", NULL };

	snprintf(path, sizeof(path), "%s/usr/sbin/modinfo", doctor->root);
	if (host_read(doctor->root, "/sys/module/azattest/srcversion", loaded, sizeof(loaded)) <= 0 ||
	    program_run(argv, installed, sizeof(installed)))
		return false;
	loaded[strcspn(loaded, "\n")] = 0;
	return strcmp(loaded, installed);
}

void doctor_module(const struct doctor *doctor, struct finding *finding)
{
	char version[64];
	ssize_t n = host_read(doctor->root, "/sys/module/azattest/version", version,
			      sizeof(version));

	if (n < 0) {
		not_loaded(doctor, finding);
		return;
	}
	version[strcspn(version, "\n")] = 0;
	if (strcmp(version, AZATTEST_PRODUCT_VERSION)) {
		finding_set(finding, VERDICT_FAIL, "version %s is loaded, these programs are %s", version,
			    AZATTEST_PRODUCT_VERSION);
		finding_fix(finding, "azattestctl module reload");
	} else if (is_outdated(doctor)) {
		finding_set(finding, VERDICT_WARN, "version %s is loaded, of other sources than the one that "
			    "is installed", version);
		finding_fix(finding, "azattestctl module reload");
	} else {
		finding_set(finding, VERDICT_PASS, "version %s is loaded", version);
	}
}

/* "/dev/NAME has mode 0666, 0660 is right"; false if it is as it should be. */
static bool wrong_mode(const struct stat *st, const char *name, mode_t mode,
		       struct finding *finding)
{
	if ((st->st_mode & 07777) == mode && !st->st_uid)
		return false;
	finding_set(finding, st->st_mode & 07777 & ~mode ? VERDICT_FAIL : VERDICT_WARN,
		    "/dev/%s is user %u's with mode 0%o: it should be root's with 0%o", name,
		    st->st_uid, st->st_mode & 07777, mode);
	finding_fix(finding, "udevadm trigger --settle --action=change /dev/%s; is 60-azattest.rules "
		    "installed?", name);
	return true;
}

void doctor_devices(const struct doctor *doctor, struct finding *finding)
{
	struct stat node, signer;

	if (host_stat(doctor->root, "/dev/azattest", &node) ||
	    host_stat(doctor->root, "/dev/azattest-signer", &signer)) {
		finding_set(finding, VERDICT_FAIL, "/dev/azattest or /dev/azattest-signer is not there");
		finding_fix(finding, "load the module: modprobe azattest");
		return;
	}
	if (wrong_mode(&signer, "azattest-signer", 0600, finding) ||
	    wrong_mode(&node, "azattest", 0660, finding))
		return;
	if (node.st_gid != doctor->group) {
		finding_set(finding, VERDICT_WARN, "/dev/azattest belongs to group %u, not to azattest: "
			    "VMMs of that group cannot open it", node.st_gid);
		finding_fix(finding, "systemd-sysusers; udevadm trigger --settle --action=change "
			    "/dev/azattest");
		return;
	}
	finding_set(finding, VERDICT_PASS, "group azattest may open /dev/azattest, root alone "
		    "/dev/azattest-signer");
}
