// SPDX-License-Identifier: GPL-2.0
/* Loading without memory: the module is there as a whole, or it never was. */
#include <selftests/faults/fault.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <selftests/device/rig.h>
#include <selftests/lib/azmodule.h>
#include <selftests/netlink/client.h>

static bool loaded(void)
{
	return !access("/sys/module/azattest/refcnt", F_OK);
}

/* Everything of it: both devices, the family, the listener. */
static void needs_whole(void)
{
	struct client_status *s = tap_shared(sizeof(*s));
	struct client c;
	int fd = azbind_open();

	tap_need(fd >= 0);
	close(fd);
	fd = fakesigner_open();
	tap_need(fd >= 0);
	close(fd);
	client_need(&c);
	tap_need_eq(client_status(&c, s), 0);
	tap_need_eq(s->listener, 253);
	client_close(&c);
}

static void needs_nothing(void)
{
	struct client c;

	tap_need(!loaded());
	tap_need(!azbind_present());
	tap_need(access(AZATTEST_SIGNER_DEVICE, F_OK));
	tap_need_eq(client_open(&c), -ENOENT);
	client_close(&c);
}

/* The kernel says ENFILE for a socket that it has no memory for. */
static bool no_memory(int err)
{
	return err == -ENOMEM || err == -ENFILE;
}

static void load_is_whole_or_enomem(void)
{
	struct fault f;
	int fd, err;

	azmodule_need();
	fd = azmodule_open();
	tap_need_wait(azmodule_unload() == 0);
	for (fault_begin(&f, "finit_module"); fault_next(&f);) {
		fault_arm(&f);
		err = azmodule_init(fd);
		fault_disarm(&f);
		if (err) {
			tap_need_msg(no_memory(err), "turn %u: errno %d", f.nth, -err);
			needs_nothing();
		} else {
			needs_whole();
			tap_need_wait(azmodule_unload() == 0);
		}
	}
	close(fd);
	/* Leave the host as it was. */
	azmodule_load();
	needs_whole();
}

static bool leaks_are_watched(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file)
		return false;
	/* As long as it was given: with line ends in it. */
	tap_need(fread(line, 1, sizeof(line) - 1, file));
	fclose(file);
	return strstr(line, "kmemleak=on");
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(load_is_whole_or_enomem, 1800),
};

int main(int argc, char **argv)
{
	fault_need();
	azbind_need_module();
	/*
	 * To selftests/run: the module says why it does not load, and the kernel
	 * warns where its own allocations for a module fail, kmemleak's among them.
	 */
	tap_diag("expect-klog: azattest: cannot listen on vsock port");
	tap_diag("expect-klog: Call Trace:");
	tap_diag("expect-klog: WARNING: CPU: [0-9]+ PID: [0-9]+ at kernel/trace/trace_events.c");
	if (leaks_are_watched())
		tap_diag("expect-klog: kmemleak: Cannot allocate a scan area");
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
