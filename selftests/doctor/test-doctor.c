// SPDX-License-Identifier: GPL-2.0
// Promises of each check of azattestctl doctor, on hosts that are folders and daemons that are JSON.

#include "fakehost.h"

#include <stdio.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestctl/doctor.h>

#define GOOD_DAEMON "{\"version\": \"0.1.0\", \"host\": {\"state\": \"Active\", \"reason\": \"\"}," \
	" \"clock\": {\"problem\": \"\"}, \"certificate\": {\"name\": \"n\", \"source\": \"cmp\"," \
	" \"seconds_left\": 864000}, \"sync\": {\"source\": \"embedded\", \"failures\": 0}," \
	" \"key\": {\"level\": \"tpm\", \"configured\": \"auto\", \"memory\": \"secret\"}}"
#define GOOD_HOSTD "{\"version\": \"0.1.0\", \"legacy\": {\"enabled\": true, \"problems\": []," \
	" \"problemParts\": []}}"

static struct doctor doctor;
static struct finding finding;

/* A host on which all is well, but for what the test then changes. */
static void begin(void)
{
	doctor = (struct doctor) {
		.root = fakehost_root(), .release = "6.1.0-1", .is_root = true, .group = getgid(),
		.daemon = json_loads(GOOD_DAEMON, 0, NULL), .hostd = json_loads(GOOD_HOSTD, 0, NULL),
	};
	tap_need(doctor.daemon && doctor.hostd);
}

static void end(void)
{
	json_decref(doctor.daemon);
	json_decref(doctor.hostd);
}

/* What a failing check says must have a fix, and what passes must have none. */
static void need(void (*check)(const struct doctor *, struct finding *), enum verdict verdict,
		 const char *words)
{
	finding = (struct finding) { 0 };
	check(&doctor, &finding);
	tap_need_msg(finding.verdict == verdict && strstr(finding.text, words),
		     "verdict %d, not %d, or no \"%s\" in: %s", finding.verdict, verdict, words,
		     finding.text);
	tap_need_msg(!*finding.fix == (verdict == VERDICT_PASS), "fix of \"%s\": %s", finding.text,
		     finding.fix);
}

static void need_fix(const char *words)
{
	tap_need_msg(strstr(finding.fix, words), "no \"%s\" in: %s", words, finding.fix);
}

static void set(json_t *of, const char *object, const char *key, json_t *value)
{
	tap_need(!json_object_set_new(json_object_get(of, object), key, value));
}

static void vsock_is_what_the_kernel_has_not_what_udev_made(void)
{
	begin();
	fakehost_file("/dev/vhost-vsock", "", 0600);
	fakehost_file("/proc/misc", "232 kvm\n", 0444);
	need(doctor_vsock, VERDICT_FAIL, "vhost_vsock is not there");
	need_fix("modprobe vhost_vsock");
	fakehost_file("/proc/misc", "232 kvm\n241 vhost-vsock\n", 0444);
	need(doctor_vsock, VERDICT_PASS, "is there");
	end();
}

static void what_only_rest_needs_fails_only_with_rest(void)
{
	static const int errors[] = { ENOSYS, EINVAL };

	begin();
	need(doctor_bpf, VERDICT_PASS, "BPF links");
	for (size_t i = 0; i < TAP_COUNT(errors); i++) {
		doctor.bpf_links = errors[i];
		need(doctor_bpf, VERDICT_FAIL, "no BPF links");
	}
	need(doctor_cgroup, VERDICT_FAIL, "cgroup2");
	need(doctor_bpffs, VERDICT_FAIL, "/sys/fs/bpf");
	set(doctor.hostd, "legacy", "enabled", json_false());
	need(doctor_bpf, VERDICT_WARN, "no BPF links");
	need(doctor_cgroup, VERDICT_WARN, "cgroup2");
	need(doctor_bpffs, VERDICT_WARN, "/sys/fs/bpf");
	doctor.bpf_links = EPERM;
	need(doctor_bpf, VERDICT_WARN, "cannot be seen");
	need_fix("root");
	end();
}

static void mounts_are_read_by_kind_and_place(void)
{
	begin();
	fakehost_file("/proc/self/mountinfo",
		      "24 1 0:22 / /proc rw shared:5 - proc proc rw\n"
		      "25 1 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		      "26 1 0:24 / /sys/fs/bpf rw - tmpfs bpf rw\n", 0444);
	need(doctor_cgroup, VERDICT_PASS, "/sys/fs/cgroup/unified");
	need(doctor_bpffs, VERDICT_FAIL, "/sys/fs/bpf");
	fakehost_file("/proc/self/mountinfo",
		      "26 1 0:24 / /sys/fs/bpf rw,nosuid shared:9 - bpf bpf rw,mode=700\n", 0444);
	need(doctor_bpffs, VERDICT_PASS, "/sys/fs/bpf");
	end();
}

static void secret_memory_is_of_kernel_and_daemon(void)
{
	begin();
	need(doctor_secretmem, VERDICT_PASS, "even root");
	set(doctor.daemon, "key", "memory", json_string("locked"));
	need(doctor_secretmem, VERDICT_WARN, "locked memory");
	doctor.secret_memory = ENOSYS;
	need(doctor_secretmem, VERDICT_WARN, "no secret memory");
	need_fix("secretmem.enable=1");
	end();
}

static void a_tpm_is_missed_only_where_it_is_wanted(void)
{
	begin();
	need(doctor_tpm, VERDICT_WARN, "/dev/tpmrm0");
	set(doctor.daemon, "key", "configured", json_string("host-key"));
	need(doctor_tpm, VERDICT_PASS, "wants none");
	set(doctor.daemon, "key", "configured", json_string("tpm"));
	fakehost_file("/dev/tpmrm0", "", 0660);
	need(doctor_tpm, VERDICT_PASS, "is there");
	fakehost_file("/sys/class/tpm/tpm0/tpm_version_major", "1\n", 0444);
	need(doctor_tpm, VERDICT_WARN, "no TPM 2.0");
	end();
}

static void a_module_that_is_not_loaded_has_the_way_to_load_it(void)
{
	begin();
	need(doctor_module, VERDICT_FAIL, "not built for kernel 6.1.0-1");
	need_fix("linux-headers-6.1.0-1");
	fakehost_file("/lib/modules/6.1.0-1/modules.dep",
		      "updates/azattest.ko: kernel/net/vmw_vsock/vsock.ko\n", 0644);
	need(doctor_module, VERDICT_FAIL, "not loaded");
	need_fix("modprobe azattest");
	tap_need(!strstr(finding.fix, "mokutil"));
	end();
}

static void a_module_of_another_version_is_a_failure(void)
{
	begin();
	fakehost_file("/sys/module/azattest/version", "0.1.0\n", 0444);
	need(doctor_module, VERDICT_PASS, "0.1.0");
	fakehost_file("/sys/module/azattest/version", "0.0.9\n", 0644);
	need(doctor_module, VERDICT_FAIL, "0.0.9 is loaded, these programs are 0.1.0");
	need_fix("module reload");
	end();
}

static void a_module_of_other_sources_is_a_warning(void)
{
	begin();
	fakehost_file("/sys/module/azattest/version", "0.1.0\n", 0444);
	fakehost_file("/sys/module/azattest/srcversion", "A1\n", 0444);
	fakehost_file("/usr/sbin/modinfo", "#!/bin/sh\n[ \"$*\" = '--field=srcversion azattest' ] && echo A1\n",
		      0755);
	need(doctor_module, VERDICT_PASS, "0.1.0");
	fakehost_file("/sys/module/azattest/srcversion", "B2\n", 0644);
	need(doctor_module, VERDICT_WARN, "other sources");
	need_fix("module reload");
	fakehost_file("/usr/sbin/modinfo", "#!/bin/sh\nexit 1\n", 0755);
	need(doctor_module, VERDICT_PASS, "0.1.0");
	end();
}

static void devices_that_others_may_open_are_a_failure(void)
{
	begin();
	need(doctor_devices, VERDICT_FAIL, "is not there");
	fakehost_file("/dev/azattest", "", 0660);
	fakehost_file("/dev/azattest-signer", "", 0600);
	need(doctor_devices, VERDICT_PASS, "group azattest");
	doctor.group = getgid() + 1;
	need(doctor_devices, VERDICT_WARN, "not to azattest");
	fakehost_file("/dev/azattest", "", 0600);
	need(doctor_devices, VERDICT_WARN, "0600");
	fakehost_file("/dev/azattest", "", 0666);
	need(doctor_devices, VERDICT_FAIL, "mode 0666");
	fakehost_file("/dev/azattest-signer", "", 0660);
	need(doctor_devices, VERDICT_FAIL, "/dev/azattest-signer");
	end();
}

static void a_key_that_others_may_read_is_a_failure(void)
{
	begin();
	need(doctor_state, VERDICT_PASS, "makes it");
	fakehost_folder("/var/lib/azattest", 0700);
	fakehost_file("/var/lib/azattest/leaf-000001/cert.pem", "", 0644);
	fakehost_file("/var/lib/azattest/leaf-000001/key.sealed", "", 0600);
	need(doctor_state, VERDICT_PASS, "root's alone");
	fakehost_file("/var/lib/azattest/leaf-000001/key.sealed", "", 0604);
	need(doctor_state, VERDICT_FAIL, "leaf-000001/key.sealed has mode 0604");
	need_fix("chmod 0600");
	fakehost_folder("/var/lib/azattest", 0755);
	need(doctor_state, VERDICT_FAIL, "/var/lib/azattest has mode 0755");
	need_fix("chmod 0700");
	fakehost_folder("/var/lib/azattest", 0700);
	doctor.is_root = false;
	need(doctor_state, VERDICT_WARN, "cannot be seen");
	end();
}

static void a_daemon_that_does_not_answer_is_one_failure(void)
{
	begin();
	json_decref(doctor.daemon);
	doctor.daemon = NULL;
	strcpy(doctor.daemon_why, "nobody is there");
	need(doctor_azattestd, VERDICT_FAIL, "nobody is there");
	need_fix("systemctl enable --now azattestd");
	need(doctor_host, VERDICT_WARN, "not known");
	need(doctor_certificate, VERDICT_WARN, "not known");
	need(doctor_renewal, VERDICT_WARN, "not known");
	need(doctor_key, VERDICT_WARN, "not known");
	need(doctor_ca, VERDICT_WARN, "not tried");
	need(doctor_clock, VERDICT_PASS, "synchronised");
	end();
}

static void daemons_of_another_version_are_failures(void)
{
	begin();
	need(doctor_azattestd, VERDICT_PASS, "0.1.0");
	need(doctor_hostd, VERDICT_PASS, "0.1.0");
	json_object_set_new(doctor.daemon, "version", json_string("0.0.9"));
	json_object_set_new(doctor.hostd, "version", json_string("0.0.9"));
	need(doctor_azattestd, VERDICT_FAIL, "version 0.0.9 runs, 0.1.0 is installed");
	need(doctor_hostd, VERDICT_FAIL, "version 0.0.9 runs, 0.1.0 is installed");
	end();
}

static void the_hosts_own_next_step_is_the_fix(void)
{
	begin();
	need(doctor_host, VERDICT_PASS, "Active");
	set(doctor.daemon, "host", "reason", json_string("the certificate ends in 2 days"));
	need(doctor_host, VERDICT_WARN, "ends in 2 days");
	need_fix("azattestctl status");
	set(doctor.daemon, "host", "state", json_string("Error"));
	set(doctor.daemon, "host", "next_step", json_string("make space"));
	need(doctor_host, VERDICT_FAIL, "Error: the certificate");
	need_fix("make space");
	end();
}

static void a_certificate_is_judged_by_its_days(void)
{
	begin();
	need(doctor_certificate, VERDICT_PASS, "10 days left");
	set(doctor.daemon, "host", "ends_soon", json_true());
	need(doctor_certificate, VERDICT_WARN, "10 days left");
	set(doctor.daemon, "certificate", "seconds_left", json_integer(-2 * 86400));
	need(doctor_certificate, VERDICT_FAIL, "ended 2 days ago");
	json_object_set_new(doctor.daemon, "certificate", json_null());
	need(doctor_certificate, VERDICT_FAIL, "none");
	need_fix("azattestctl sync");
	need(doctor_renewal, VERDICT_PASS, "no attempt");
	set(doctor.daemon, "sync", "failures", json_integer(3));
	set(doctor.daemon, "sync", "error", json_string("CA refuses"));
	need(doctor_renewal, VERDICT_WARN, "3 times so far: CA refuses");
	end();
}

static void a_key_that_could_be_kept_better_is_a_warning(void)
{
	begin();
	need(doctor_key, VERDICT_PASS, "level tpm");
	set(doctor.daemon, "key", "level", json_string("host-key"));
	set(doctor.daemon, "key", "reason", json_string("no TPM"));
	need(doctor_key, VERDICT_WARN, "level host-key; not better: no TPM");
	set(doctor.daemon, "key", "error", json_string("PCR 7 has changed"));
	need(doctor_key, VERDICT_FAIL, "PCR 7");
	end();
}

static void a_clock_that_nobody_keeps_is_a_warning(void)
{
	begin();
	doctor.clock_loose = true;
	need(doctor_clock, VERDICT_WARN, "not synchronised");
	set(doctor.daemon, "clock", "problem", json_string("it was set back by 3 days"));
	need(doctor_clock, VERDICT_FAIL, "set back");
	end();
}

static void the_way_to_a_ca_is_tried_only_where_there_is_one(void)
{
	begin();
	need(doctor_ca, VERDICT_PASS, "embedded");
	set(doctor.daemon, "sync", "source", json_string("file"));
	need(doctor_ca, VERDICT_PASS, "carries");
	set(doctor.daemon, "sync", "source", json_string("cmp"));
	doctor.is_root = false;
	need(doctor_ca, VERDICT_WARN, "cannot be seen");
	end();
}

static void a_hostd_that_is_missed_fails_only_if_rest_was_on(void)
{
	begin();
	json_decref(doctor.hostd);
	doctor.hostd = NULL;
	strcpy(doctor.hostd_why, "nobody is there");
	need(doctor_hostd, VERDICT_WARN, "nobody is there");
	need(doctor_bridge, VERDICT_WARN, "not known");
	fakehost_file("/var/lib/azattest/hostd/legacy.json", "{\"enabled\":true}", 0600);
	need(doctor_hostd, VERDICT_FAIL, "REST access is on");
	end();
}

static void each_problem_of_rest_is_its_parts(void)
{
	begin();
	need(doctor_restd, VERDICT_PASS, "connected");
	need(doctor_bridge, VERDICT_PASS, "as it should be");
	need(doctor_fence, VERDICT_PASS, "closed");
	need(doctor_firewall, VERDICT_PASS, "no rule");
	set(doctor.hostd, "legacy", "problems", json_pack("[ssss]", "b", "f", "r", "nft insert"));
	set(doctor.hostd, "legacy", "problemParts",
	    json_pack("[ssss]", "network", "fence", "restd", "firewall"));
	need(doctor_bridge, VERDICT_FAIL, "b");
	need(doctor_fence, VERDICT_FAIL, "f");
	need(doctor_restd, VERDICT_FAIL, "r");
	need(doctor_firewall, VERDICT_FAIL, "nft insert");
	set(doctor.hostd, "legacy", "enabled", json_false());
	need(doctor_firewall, VERDICT_PASS, "off");
	end();
}

static void only_the_scope_for_everybody_hinders(void)
{
	begin();
	need(doctor_take, VERDICT_WARN, "azattest-take is not to be asked");
	need_fix("azattest-take.socket");
	fakehost_file("/run/azattest-take.sock", "", 0600);
	need(doctor_take, VERDICT_PASS, "can be asked");
	fakehost_file("/proc/sys/kernel/yama/ptrace_scope", "2\n", 0644);
	need(doctor_take, VERDICT_PASS, "no obstacle");
	fakehost_file("/proc/sys/kernel/yama/ptrace_scope", "3\n", 0644);
	need(doctor_take, VERDICT_WARN, "ptrace_scope is 3");
	need_fix("azattest-run");
	end();
}

static void bind(const char *name, const char *state, const char *reason)
{
	json_array_append_new(doctor.bindings,
			      json_pack("{s:s, s:s, s:s, s:s}", "uuid", "c0ffee42-...", "name", name,
					"state", state, "reason", reason));
}

static void a_vm_that_waits_for_its_identity_is_a_warning_with_its_reason(void)
{
	begin();
	need(doctor_bindings, VERDICT_WARN, "not known");
	doctor.bindings = json_array();
	need(doctor_bindings, VERDICT_PASS, "0 VMs");
	bind("web1", "bound", "");
	need(doctor_bindings, VERDICT_PASS, "1 VMs are bound");
	bind("web2", "waiting", "azattest-take: no answer");
	bind("", "waiting", "another VMM's device has that CID");
	need(doctor_bindings, VERDICT_WARN, "2 of 3 VMs without identity: web2: azattest-take: no answer; "
	     "c0ffee42-...: another VMM's device has that CID");
	need_fix("azattestctl status");
	for (unsigned int i = 0; i < 50; i++)
		bind("web3", "waiting", "there are too many to be named in one line");
	need(doctor_bindings, VERDICT_WARN, "52 of 53");
	json_decref(doctor.bindings);
	end();
}

static void libvirt_without_its_daemon_is_a_warning(void)
{
	begin();
	need(doctor_libvirt, VERDICT_PASS, "no libvirt");
	fakehost_file("/run/libvirt/virtqemud-sock", "", 0666);
	need(doctor_libvirt, VERDICT_WARN, "azattest-libvirt does not");
	need_fix("apt install azattest-libvirt; systemctl enable");
	fakehost_file("/lib/systemd/system/azattest-libvirt.service", "", 0644);
	need(doctor_libvirt, VERDICT_WARN, "azattest-libvirt does not");
	tap_need_msg(!strncmp(finding.fix, "systemctl enable", 16), "%s", finding.fix);
	fakehost_file("/usr/bin/systemctl", "#!/bin/sh\n[ \"$*\" = 'is-active azattest-libvirt.service' ]\n",
		      0755);
	need(doctor_libvirt, VERDICT_PASS, "binds VMs");
	end();
}

/* Daemons of another release, or strangers at their sockets. */
static void answers_without_members_are_survived(void)
{
	begin();
	json_decref(doctor.daemon);
	json_decref(doctor.hostd);
	doctor.daemon = json_object();
	doctor.hostd = json_pack("{s:{s:b, s:[i], s:[ni]}}", "legacy", "enabled", 1,
				 "problems", 1, "problemParts", 2);
	need(doctor_azattestd, VERDICT_FAIL, "version  runs");
	need(doctor_host, VERDICT_FAIL, "");
	need(doctor_certificate, VERDICT_FAIL, "none");
	need(doctor_ca, VERDICT_WARN, "not tried");
	need(doctor_key, VERDICT_PASS, "level");
	need(doctor_bridge, VERDICT_PASS, "");
	end();
}

static const struct tap_test tests[] = {
	TAP_TEST(vsock_is_what_the_kernel_has_not_what_udev_made),
	TAP_TEST(what_only_rest_needs_fails_only_with_rest),
	TAP_TEST(mounts_are_read_by_kind_and_place),
	TAP_TEST(secret_memory_is_of_kernel_and_daemon),
	TAP_TEST(a_tpm_is_missed_only_where_it_is_wanted),
	TAP_TEST(a_module_that_is_not_loaded_has_the_way_to_load_it),
	TAP_TEST(a_module_of_another_version_is_a_failure),
	TAP_TEST(a_module_of_other_sources_is_a_warning),
	TAP_TEST(devices_that_others_may_open_are_a_failure),
	TAP_TEST(a_key_that_others_may_read_is_a_failure),
	TAP_TEST(a_daemon_that_does_not_answer_is_one_failure),
	TAP_TEST(daemons_of_another_version_are_failures),
	TAP_TEST(the_hosts_own_next_step_is_the_fix),
	TAP_TEST(a_certificate_is_judged_by_its_days),
	TAP_TEST(a_key_that_could_be_kept_better_is_a_warning),
	TAP_TEST(a_clock_that_nobody_keeps_is_a_warning),
	TAP_TEST(the_way_to_a_ca_is_tried_only_where_there_is_one),
	TAP_TEST(a_hostd_that_is_missed_fails_only_if_rest_was_on),
	TAP_TEST(each_problem_of_rest_is_its_parts),
	TAP_TEST(only_the_scope_for_everybody_hinders),
	TAP_TEST(a_vm_that_waits_for_its_identity_is_a_warning_with_its_reason),
	TAP_TEST(libvirt_without_its_daemon_is_a_warning),
	TAP_TEST(answers_without_members_are_survived),
};

int main(int argc, char **argv)
{
	if (getuid())
		tap_skip_all("needs root, whose files these are");
	return fakehost_main(tests, TAP_COUNT(tests), argc, argv);
}
