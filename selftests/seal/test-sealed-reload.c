// SPDX-License-Identifier: GPL-2.0
// Promises of reloads where keys are sealed: what the TPM is asked again, and what goes on without it.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <selftests/lib/tap.h>
#include <selftests/seal/tpmrig.h>

static struct rig rig;
static struct swtpm tpm;

/* With these lines in [key]. */
static void reload(const char *key)
{
	tpmrig_embedded(&rig, &tpm, key);
	kill(rig.daemon, SIGHUP);
}

/* A reload that raises it is no other than a start: no key below it signs, nor is one made. */
static void a_level_that_a_reload_requires_is_kept_too(void)
{
	static const char *const before[] = { "level = host-key", "level = file" };
	char name[16];

	for (size_t i = 0; i < TAP_COUNT(before); i++) {
		snprintf(name, sizeof(name), "raised-%zu", i);
		tpmrig_open_embedded(&rig, &tpm, name, before[i]);
		rig_start_active(&rig);
		swtpm_stop(&tpm);
		reload("require-level = tpm");
		tpmrig_need_error(&rig, "require-level is tpm and only host-key works here (no TPM: ");
		tap_need(strstr(rig_sync(&rig), "require-level is tpm"));
		tap_need_eq(rig_shell(&rig, "test \"$(ls -d state/leaf-*)\" = state/leaf-000001"), 0);
		/* Lowered again, what was there serves again. */
		reload(before[i]);
		tap_need_wait(rig_says(&rig, "host", "state", "Active") && rig_all_ready(&rig));
		tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
		rig_need_document(&rig);
		swtpm_start(&tpm);
		reload("require-level = tpm");
		tap_need_wait(tpmrig_level_is(&rig, "tpm") && rig_all_ready(&rig));
		tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
		rig_need_document(&rig);
		rig_stop(&rig);
		swtpm_stop(&tpm);
	}
}

static void other_pcrs_need_no_new_root(void)
{
	tpmrig_open_embedded(&rig, &tpm, "pcrs", "level = tpm");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "cp state/ca/root.pem first"), 0);
	reload("level = tpm\npcrs = 0,7,8");
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2 && rig_all_ready(&rig));
	tap_need_eq(rig_shell(&rig, "cmp state/ca/root.pem first && "
			      "test $(ls -d state/seal-* | wc -l) = 1"), 0);
	rig_stop(&rig);
	swtpm_extend(&tpm, 8);
	rig_start(&rig);
	tpmrig_need_error(&rig, "PCR 8");
	rig_stop(&rig);
}

/* Busy, or on its way back: it is asked again, and then all is well. */
static void a_tpm_that_a_reload_misses_is_asked_again(void)
{
	tpmrig_open_embedded(&rig, &tpm, "missed", "level = tpm");
	rig_start_active(&rig);
	swtpm_stop(&tpm);
	kill(rig.daemon, SIGHUP);
	tap_need_wait(rig_says(&rig, "host", "sub", "key") && rig_says(&rig, "host", "reason", "no TPM: "));
	rig_need_document(&rig);
	swtpm_start(&tpm);
	tap_need_wait(rig_says(&rig, "host", "sub", "ok") && rig_says(&rig, "host", "reason", ""));
	tap_need_eq(rig_number(&rig, "signers", "generation"), 1);
	rig_stop(&rig);
}

/* New signers work, and the host says that and nothing else. */
static void reload_to(const char *key, const char *reason)
{
	long long epoch = rig_number(&rig, "signers", "epoch");

	reload(key);
	tap_need_wait(rig_number(&rig, "signers", "epoch") == epoch + 1 && rig_all_ready(&rig) &&
		      rig_says(&rig, "host", "reason", reason) &&
		      !rig_shell(&rig, "test $(pgrep -c -P %d -x azattest-keeper) = 1", rig.daemon));
	tap_need(rig_says(&rig, "host", "reason", reason));
}

static void after_extension_nobody_unseals_until_the_reboot(void)
{
	tpmrig_open_embedded(&rig, &tpm, "extend", "level = tpm\nextend-pcr-after-unseal = 7");
	rig_start_active(&rig);
	/* Renewals and new signers need no TPM. */
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	kill(rig_signer(&rig, 0), SIGKILL);
	tap_need_wait(rig_number(&rig, "signers", "restarts") == 1 && rig_all_ready(&rig));
	rig_need_document(&rig);
	/* Nor do reloads, but for one that wants what only the TPM has. */
	reload_to("level = tpm\nextend-pcr-after-unseal = 7", "");
	reload_to("level = tpm\npcrs = 0,7,8\nextend-pcr-after-unseal = 7",
	       "key: the key was unsealed once in this boot");
	reload_to("level = tpm\nextend-pcr-after-unseal = 7", "");
	rig_need_document(&rig);
	rig_stop(&rig);
	rig_start(&rig);
	tpmrig_need_error(&rig, "the key was unsealed once in this boot, then PCR 7 was extended");
	/* A key that would be lost at the reboot is not made. */
	tap_need(strstr(rig_sync(&rig), "reboot"));
	tap_need_eq(rig_shell(&rig, "test $(ls -d state/seal-* | wc -l) = 1"), 0);
	rig_stop(&rig);
	swtpm_reboot(&tpm);
	rig_start_active(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), 2);
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* The older keeper answers nobody any more, and lives until the newer one takes its place. */
static void freeze_keeper(void)
{
	tap_need_eq(rig_shell(&rig, "pkill -STOP -P %d -x azattest-keeper", rig.daemon), 0);
}

static void a_reload_takes_the_keeper_from_no_signer(void)
{
	tpmrig_open_embedded(&rig, &tpm, "reload", "level = tpm");
	rig_start_active(&rig);
	freeze_keeper();
	kill(rig.daemon, SIGHUP);
	tap_need_wait(rig_number(&rig, "signers", "epoch") == 2 && rig_all_ready(&rig));
	tap_need_eq(rig_number(&rig, "signers", "restarts"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void a_reload_takes_the_keeper_from_no_renewal(void)
{
	pid_t sync;

	tpmrig_open_embedded(&rig, &tpm, "renewal", "level = tpm");
	rig_start_active(&rig);
	freeze_keeper();
	sync = rig_begin_sync(&rig);
	tap_need_wait(json_is_true(rig_status(&rig, "sync", "running")));
	kill(rig.daemon, SIGHUP);
	tap_need_eq(tap_join(sync), 0);
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2 && rig_all_ready(&rig));
	tap_need_eq(rig_number(&rig, "sync", "failed"), 0);
	tap_need_eq(rig_number(&rig, "signers", "restarts"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(a_level_that_a_reload_requires_is_kept_too),
	TAP_TEST(other_pcrs_need_no_new_root),
	TAP_TEST(a_tpm_that_a_reload_misses_is_asked_again),
	TAP_TEST(after_extension_nobody_unseals_until_the_reboot),
	TAP_TEST(a_reload_takes_the_keeper_from_no_signer),
	TAP_TEST(a_reload_takes_the_keeper_from_no_renewal),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
