// SPDX-License-Identifier: GPL-2.0
// Promises of renewals that are interrupted: nothing usable goes before its replacement, nothing stays behind.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <selftests/certificate/rig.h>

static struct rig rig;

static void open_cmp(const char *name)
{
	rig_open_cmp(&rig, name);
	rig_start_active(&rig);
}

static int sync_client(void *arg)
{
	(void)arg;
	return !rig_ask(&rig, "sync");	/* the daemon may be gone before it answers */
}

static bool there(const char *name)
{
	return !access(rig_path(&rig, name), F_OK);
}

/* One pair, and no folder that was begun: it would hold a key. */
static int only_leaf(const char *name)
{
	return rig_shell(&rig, "test \"$(cd state && echo leaf-*)\" = %s && "
			 "test -z \"$(ls -d state/*.new 2>/dev/null)\"", name);
}

/* The new signers do not get ready: as long as that lasts there are both pairs. */
static void older_pair_stays_until_the_newer_one_has_signed(void)
{
	pid_t client;

	open_cmp("stays");
	rig.module->defect = FAKEMODULE_DEFECT_HANG_IN_JOIN;
	client = tap_spawn(sync_client, NULL, -1);
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2 &&
		      !rig_number(&rig, "signers", "ready"));
	tap_need(there("state/leaf-000002/key.pem") && there("state/leaf-000001/key.pem"));
	tap_need(rig_says(&rig, "host", "state", "Active"));
	rig_need_document(&rig);
	rig_kill(&rig);
	tap_join(client);
	tap_need(there("state/leaf-000002/key.pem") && there("state/leaf-000001/key.pem"));
	rig.module->defect = FAKEMODULE_DEFECT_NONE;
	rig_start_active(&rig);
	rig_need_document(&rig);
	tap_need_eq(only_leaf("leaf-000002"), 0);
	rig_stop(&rig);
}

static bool sync_runs(void)
{
	/* The brackets: it does not find the shell that looks for it. */
	return !rig_shell(&rig, "pgrep -f \"[a]zattest-sync --config $PWD/conf\" >/dev/null");
}

/* Were it left alone, azattest-sync would wait for the CA for ten minutes. */
static void stop_in_a_renewal_ends_all_of_it(void)
{
	pid_t client;

	open_cmp("stop");
	tap_need_eq(rig_shell(&rig, "sed -i 's/sync-timeout = 20/sync-timeout = 600/' conf"), 0);
	kill(rig.daemon, SIGHUP);
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode hang");
	client = tap_spawn(sync_client, NULL, -1);
	tap_need_wait(sync_runs());
	rig_stop(&rig);
	tap_join(client);
	tap_need_wait(!sync_runs());
	tap_need(there("state/leaf-000001/key.pem"));
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "");
	rig_start_active(&rig);
	rig_need_document(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	tap_need_eq(only_leaf("leaf-000001"), 0);
	tap_need(!*rig_sync(&rig));
	tap_need_eq(only_leaf("leaf-000002"), 0);
	rig_stop(&rig);
}

static void failed_renewal_leaves_no_key_behind(void)
{
	open_cmp("behind");
	rig_stop_ca(&rig);
	tap_need(*rig_sync(&rig));
	tap_need_eq(only_leaf("leaf-000001"), 0);
	rig_start_ca(&rig, "--test-mode wrong-key");
	tap_need(*rig_sync(&rig));
	tap_need_eq(only_leaf("leaf-000001"), 0);
	rig_stop(&rig);
}

/* Who makes the key has no words for it: room is made sure of before. */
static void full_disk_is_told_before_a_key_is_made(void)
{
	open_cmp("full");
	rig_stop(&rig);
	tap_need_eq(rig_shell(&rig, "rm -r state && mkdir -m 700 state"), 0);
	if (mount("tmpfs", rig_path(&rig, "state"), "tmpfs", 0, "size=256k,mode=0700"))
		tap_skip("no tmpfs may be mounted here");
	rig_start_active(&rig);
	tap_need(rig_shell(&rig, "dd if=/dev/zero of=state/ballast bs=4k 2>/dev/null"));
	tap_need(strstr(rig_sync(&rig), "key.pem: cannot be written: No space left on device"));
	tap_need(!rig_log_has(&rig, "no key was made"));
	tap_need_eq(only_leaf("leaf-000001"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
	umount2(rig_path(&rig, "state"), MNT_DETACH);
}

static const struct tap_test tests[] = {
	TAP_TEST(older_pair_stays_until_the_newer_one_has_signed),
	TAP_TEST(stop_in_a_renewal_ends_all_of_it),
	TAP_TEST(failed_renewal_leaves_no_key_behind),
	TAP_TEST(full_disk_is_told_before_a_key_is_made),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
