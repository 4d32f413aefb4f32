// SPDX-License-Identifier: GPL-2.0
// Promises of azattestctl module reload, where systemctl, rmmod and modprobe write down what they are told.

#include "fakehost.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestctl/reload.h>

static char text[2000];
static char said_text[2000];
static const struct pins *shown;

/* What main.c has. */
void say(const char *format, ...)
{
	size_t length = strlen(said_text);
	va_list args;

	va_start(args, format);
	vsnprintf(said_text + length, sizeof(said_text) - length, format, args);
	va_end(args);
}

static int yes(const struct pins *pins, const char *version)
{
	shown = pins;
	tap_need(!strcmp(version, "0.2.0"));
	return RELOAD_GO;
}

static int no(const struct pins *pins, const char *version)
{
	(void)pins;
	(void)version;
	return EXIT_USAGE;
}

static void script(const char *path, const char *body)
{
	char full[1200];

	snprintf(full, sizeof(full), "#!/bin/sh\nroot=%s\necho \"${0##*/} $*\" >>$root/log\n%s\n",
		 fakehost_root(), body);
	fakehost_file(path, full, 0755);
}

/* A host with all three daemons, and a module that can be exchanged. */
static void begin(void)
{
	fakehost_file("/sys/module/azattest/version", "0.1.0\n", 0444);
	fakehost_file("/proc/misc", "120 azattest\n121 azattest-signer\n241 vhost-vsock\n", 0444);
	script("/usr/bin/systemctl", "[ $1 != is-active ] || ! [ -e $root/down-$2 ]");
	script("/usr/sbin/rmmod", ":");
	script("/usr/sbin/modprobe", ":");
	script("/usr/sbin/modinfo", "echo 0.2.0");
	fakehost_file("/log", "", 0644);
	said_text[0] = 0;
}

/* A process with one descriptor, of that minor number. */
static void process(int pid, const char *name, const char *cgroup, unsigned int minor_number)
{
	char path[300], node[300];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fakehost_file(path, name, 0444);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	fakehost_file(path, cgroup, 0444);
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fakehost_folder(path, 0700);
	snprintf(node, sizeof(node), "%s/node-%u", fakehost_root(), minor_number);
	if (mknod(node, S_IFCHR | 0600, makedev(10, minor_number)) && errno != EEXIST)
		tap_skip("no device nodes can be made here: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/proc/%d/fd/7", fakehost_root(), pid);
	tap_need(!symlink(node, path));
}

static void log_is(const char *want)
{
	tap_need(host_read(fakehost_root(), "/log", text, sizeof(text)) >= 0);
	tap_need_msg(!strcmp(text, want), "it was told: %s", text);
}

static const char untouched[] = "modinfo --field=version azattest\n";

static void all_is_stopped_exchanged_and_started(void)
{
	begin();
	process(100, "azattestd\n", "0::/system.slice/azattestd.service\n", 121);
	process(101, "azattest-restd\n", "0::/system.slice/azattest-restd.service\n", 120);
	tap_need_eq(reload_run(fakehost_root(), yes), 0);
	tap_need_eq(shown->count, 2);
	log_is("modinfo --field=version azattest\n"
	       "systemctl is-active azattest-restd.service\nsystemctl stop azattest-restd.service\n"
	       "systemctl is-active azattest-hostd.service\nsystemctl stop azattest-hostd.service\n"
	       "systemctl is-active azattestd.service\nsystemctl stop azattestd.service\n"
	       "rmmod azattest\nmodprobe azattest\n"
	       "systemctl start azattestd.service\nsystemctl start azattest-hostd.service\n"
	       "systemctl start azattest-restd.service\n");
}

static void what_did_not_run_is_not_started(void)
{
	begin();
	fakehost_file("/down-azattest-hostd.service", "", 0644);
	fakehost_file("/down-azattest-restd.service", "", 0644);
	tap_need_eq(reload_run(fakehost_root(), yes), 0);
	tap_need(host_read(fakehost_root(), "/log", text, sizeof(text)) > 0);
	tap_need(!strstr(text, "start azattest-hostd") && !strstr(text, "stop azattest-restd"));
	tap_need(strstr(text, "start azattestd.service"));
}

static void a_vmm_that_holds_the_module_is_a_refusal(void)
{
	begin();
	process(100, "azattestd\n", "0::/system.slice/azattestd.service\n", 121);
	process(4711, "qemu-system-x86\n", "0::/machine.slice/vm.scope\n", 120);
	tap_need_eq(reload_run(fakehost_root(), yes), EXIT_REFUSED);
	tap_need_msg(strstr(said_text, "process 4711 (qemu-system-x86)"), "%s", said_text);
	tap_need(!strstr(said_text, "process 100"));
	log_is(untouched);
}

/* Whoever has a user's manager can call slices and services as he likes. */
static void a_unit_that_only_looks_like_ours_is_a_refusal(void)
{
	begin();
	process(4711, "x\n", "0::/user.slice/azattestd.service\n", 120);
	process(4712, "y\n", "0::/user.slice/user@7.service/system.slice/azattestd.service\n", 120);
	process(4713, "z\n", "0::/system.slice/azattestd.scope\n", 120);
	tap_need_eq(reload_run(fakehost_root(), yes), EXIT_REFUSED);
	tap_need(strstr(said_text, "4711") && strstr(said_text, "4712") && strstr(said_text, "4713"));
	log_is(untouched);
}

static void the_descriptor_store_is_hostds(void)
{
	begin();
	process(1, "systemd\n", "0::/init.scope\n", 120);
	tap_need_eq(reload_run(fakehost_root(), yes), 0);
}

static void other_devices_pin_nothing(void)
{
	begin();
	process(4711, "qemu\n", "0::/machine.slice/vm.scope\n", 241);
	tap_need_eq(reload_run(fakehost_root(), yes), 0);
	tap_need_eq(shown->count, 0);
}

static void who_does_not_confirm_changes_nothing(void)
{
	begin();
	tap_need_eq(reload_run(fakehost_root(), no), EXIT_USAGE);
	log_is(untouched);
}

static void nothing_is_stopped_for_a_module_that_is_not_there(void)
{
	begin();
	script("/usr/sbin/modinfo", "echo 'modinfo: ERROR: Module azattest not found.' >&2; exit 1");
	tap_need_eq(reload_run(fakehost_root(), yes), EXIT_REFUSED);
	tap_need(strstr(said_text, "Module azattest not found"));
	log_is(untouched);
}

static void a_module_that_is_not_loaded_is_not_reloaded(void)
{
	begin();
	fakehost_remove("/sys/module/azattest/version");
	snprintf(text, sizeof(text), "%s/sys/module/azattest", fakehost_root());
	tap_need(!rmdir(text));
	tap_need_eq(reload_run(fakehost_root(), yes), EXIT_NO_DAEMON);
	log_is("");
}

static void daemons_come_back_whatever_fails(void)
{
	static const char *const failing[] = { "/usr/sbin/rmmod", "/usr/sbin/modprobe" };

	for (size_t i = 0; i < TAP_COUNT(failing); i++) {
		begin();
		script(failing[i], "false");
		tap_need_eq(reload_run(fakehost_root(), yes), EXIT_REFUSED);
		tap_need(host_read(fakehost_root(), "/log", text, sizeof(text)) > 0);
		tap_need(strstr(text, "start azattestd.service") &&
			 strstr(text, "start azattest-hostd.service") &&
			 strstr(text, "start azattest-restd.service"));
		tap_need(strstr(said_text, i ? "does not load" : "does not unload"));
	}
}

static void a_unit_that_does_not_stop_ends_it(void)
{
	begin();
	script("/usr/bin/systemctl", "[ \"$1 $2\" != 'stop azattest-hostd.service' ]");
	tap_need_eq(reload_run(fakehost_root(), yes), EXIT_REFUSED);
	tap_need(host_read(fakehost_root(), "/log", text, sizeof(text)) > 0);
	tap_need(!strstr(text, "rmmod") && strstr(text, "start azattest-restd.service") &&
		 strstr(text, "start azattest-hostd.service") && !strstr(text, "azattestd.service"));
}

static const struct tap_test tests[] = {
	TAP_TEST(all_is_stopped_exchanged_and_started),
	TAP_TEST(what_did_not_run_is_not_started),
	TAP_TEST(a_vmm_that_holds_the_module_is_a_refusal),
	TAP_TEST(a_unit_that_only_looks_like_ours_is_a_refusal),
	TAP_TEST(the_descriptor_store_is_hostds),
	TAP_TEST(other_devices_pin_nothing),
	TAP_TEST(who_does_not_confirm_changes_nothing),
	TAP_TEST(nothing_is_stopped_for_a_module_that_is_not_there),
	TAP_TEST(a_module_that_is_not_loaded_is_not_reloaded),
	TAP_TEST(daemons_come_back_whatever_fails),
	TAP_TEST(a_unit_that_does_not_stop_ends_it),
};

int main(int argc, char **argv)
{
	return fakehost_main(tests, TAP_COUNT(tests), argc, argv);
}
