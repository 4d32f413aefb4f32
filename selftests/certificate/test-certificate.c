// SPDX-License-Identifier: GPL-2.0
// Promises of certificate sources: enrol, renew, and nothing usable lost whatever a CA answers.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include <selftests/certificate/rig.h>
#include <selftests/lib/tap.h>

static struct rig rig;

static void need_generation(long long number)
{
	tap_need_eq(rig_number(&rig, "signers", "generation"), number);
}

static void host_enrols_and_renews_with_a_new_key(void)
{
	rig_open_cmp(&rig, "cycle");
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "certificate", "source", "cmp"));
	rig_need_document(&rig);
	tap_need(rig_only_leaf_is(&rig, 1));
	tap_need_eq(rig_shell(&rig, "cp pub pub1"), 0);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	need_generation(2);
	rig_need_document(&rig);
	tap_need(rig_only_leaf_is(&rig, 2));
	tap_need_eq(rig_shell(&rig, "cmp -s pub pub1"), 1);
	tap_need_eq(rig_number(&rig, "sync", "failures"), 0);
	rig_stop(&rig);
	rig_start_active(&rig);
	need_generation(2);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void host_identity_serves_instead_of_the_secret(void)
{
	rig_open_cmp(&rig, "identity");
	tap_need_eq(rig_shell(&rig, "$CA identity " RIG_NAME " --output identity.pem && rm secret"),
		    0);
	rig_start_active(&rig);
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "$CA revoke $(openssl x509 -in identity.pem -noout -serial | "
			      "cut -d= -f2)"), 0);
	tap_need(strstr(rig_sync(&rig), "CA refuses: "));
	need_generation(1);
	rig_stop(&rig);
}

static void https_is_verified_with_the_pinned_root_alone(void)
{
	rig_open(&rig, "https");
	rig_start_ca(&rig, "--tls localhost");
	rig_configure(&rig, "source = cmp\nca-url = https://localhost:%u/\n", rig.port);
	rig_start_active(&rig);
	rig_stop_ca(&rig);
	tap_need_eq(rig_shell(&rig, "mv ca good && $CA init --key-type p-256"), 0);
	rig_start_ca(&rig, "--tls localhost");
	tap_need(strstr(rig_sync(&rig), "is not the CA that is trusted"));
	rig_stop_ca(&rig);
	tap_need_eq(rig_shell(&rig, "rm -r ca && mv good ca"), 0);
	rig_start_ca(&rig, "--tls other.test");
	tap_need(strstr(rig_sync(&rig), "ostname mismatch"));
	need_generation(1);
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* each wrong answer */

static const struct wrong {
	const char *mode;
	const char *reason;
} wrongs[] = {
	{ "wrong-key", "is for another key" },
	{ "wrong-name", "is for another name: its common name is \"other.example.net\"" },
	{ "ca-leaf", "is a CA's" },
	{ "no-eku", "has no extended key usage" },
	{ "future-dated", "begins only in 3 days: compare this host's clock" },
	{ "expired", "ended 3 days ago" },
	{ "short-lived", "it would be renewed at once" },
	{ "long-lived", "is valid for 400 days, longer than lifetime-days (30)" },
	{ "foreign-chain", "does not lead to a root of ca-trust" },
	{ "reject", "CA refuses: " },
	{ "wait", "CA has not decided within 3 s" },
	{ "503", "code=503" },
	{ "hang", "CA did not answer within 3 s" },
	{ "garbage", "CA's answer cannot be used" },
	{ "endless", "CA's answer cannot be used" },
	{ "slow", "CA's answer cannot be used" },
};

static void need_kept(const struct wrong *wrong)
{
	const char *said = rig_sync(&rig);

	tap_need_msg(strstr(said, wrong->reason), "%s: \"%s\" lacks \"%s\"", wrong->mode, said,
		     wrong->reason);
	tap_need(!strchr(said, '\n'));
	tap_need_msg(rig_only_leaf_is(&rig, 1), "%s: the older pair is not as it was", wrong->mode);
	need_generation(1);
	rig_need_document(&rig);
	tap_need(rig_says(&rig, "sync", "error", wrong->reason));
}

static void wrong_answers_keep_the_older_pair_each_with_its_reason(void)
{
	char options[64];

	rig_open_cmp(&rig, "wrong");
	rig_configure(&rig, RIG_CMP "sync-timeout = 3\n", rig.port);
	tap_need_eq(rig_shell(&rig, "sed -i '/sync-timeout = 20/d' conf"), 0);
	rig_start_active(&rig);
	for (size_t i = 0; i < TAP_COUNT(wrongs); i++) {
		rig_stop_ca(&rig);
		snprintf(options, sizeof(options), "--test-mode %s", wrongs[i].mode);
		rig_start_ca(&rig, options);
		need_kept(&wrongs[i]);
	}
	rig_stop_ca(&rig);
	need_kept(&(struct wrong) { "refused", "CA unreachable: tried http://127.0.0.1:" });
	/* The control: it was the CA. */
	rig_start_ca(&rig, "");
	tap_need(!*rig_sync(&rig));
	tap_need(rig_number(&rig, "signers", "generation") >= 2);
	rig_stop(&rig);
}

/* What a client does not take is revoked: nobody could know of it otherwise. */
static void refused_certificate_is_revoked_by_the_ca(void)
{
	rig_open_cmp(&rig, "revoked");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode short-lived");
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "host", "reason", "renewed at once"));
	tap_need_eq(rig_shell(&rig, "test \"$($CA list | grep -vc revoked)\" = 0 && "
			      "$CA crl | openssl crl -noout -text | grep -q 'Serial Number'"), 0);
	rig_stop(&rig);
}

static void bad_credentials_are_told_apart(void)
{
	rig_open_cmp(&rig, "credentials");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "mv secret good && (umask 77; echo wrong >secret)"), 0);
	tap_need(strstr(rig_sync(&rig), "CA refuses: "));
	tap_need_eq(rig_shell(&rig, "chmod 644 secret"), 0);
	tap_need(strstr(rig_sync(&rig), "mode is 0644: others may use it"));
	tap_need_eq(rig_shell(&rig, "chmod 400 secret; chown 2 secret"), 0);
	tap_need(strstr(rig_sync(&rig), "belongs to user 2"));
	tap_need_eq(rig_shell(&rig, "rm secret"), 0);
	tap_need(strstr(rig_sync(&rig), "neither ca-secret-file"));
	tap_need_eq(rig_shell(&rig, "cp good secret; chmod 400 secret; chmod 666 trust.pem"), 0);
	tap_need(strstr(rig_sync(&rig), "trust.pem: mode is 0666: others may change it"));
	tap_need_eq(rig_shell(&rig, "chmod 644 trust.pem; $CA remove " RIG_NAME), 0);
	tap_need(strstr(rig_sync(&rig), "CA refuses: "));
	need_generation(1);
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* a host without certificate */

static void host_without_its_ca_waits_and_goes_on_by_itself(void)
{
	rig_open_cmp(&rig, "late");
	rig_stop_ca(&rig);
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "host", "state", "Error"));
	tap_need(rig_says(&rig, "host", "reason", "CA unreachable for "));
	tap_need(rig_number(&rig, "sync", "failing_since") > 0);
	tap_need(rig_number(&rig, "sync", "next") > rig_number(&rig, "sync", "last"));
	rig_start_ca(&rig, "");
	kill(rig.daemon, SIGHUP);	/* no wait for the back-off */
	tap_need_wait(rig_all_ready(&rig));
	tap_need_eq(rig_number(&rig, "sync", "failures"), 0);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void new_source_replaces_a_self_issued_certificate_only_when_it_can(void)
{
	rig_open_cmp(&rig, "move");
	rig_configure(&rig, "source = embedded\n");
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "certificate", "source", "embedded (self-issued)"));
	rig_stop_ca(&rig);
	rig_configure(&rig, RIG_CMP, rig.port);
	kill(rig.daemon, SIGHUP);
	tap_need_wait(rig_says(&rig, "sync", "error", "CA unreachable"));
	rig_need_document(&rig);
	rig_stop(&rig);
	rig_start_active(&rig);		/* a restart loses nothing either */
	rig_need_document(&rig);
	rig_start_ca(&rig, "");
	tap_need(!*rig_sync(&rig));
	tap_need(rig_says(&rig, "certificate", "source", "cmp"));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void documents_never_outlive_the_certificate(void)
{
	rig_open_cmp(&rig, "short");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode short-lived");
	rig_configure(&rig, RIG_CMP "renew-days = 0\n", rig.port);
	rig_start_active(&rig);
	tap_need(rig_number(&rig, "certificate", "not_after") - time(NULL) <= 3600);
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* interruptions */

static int sync_client(void *arg)
{
	(void)arg;
	return *rig_sync(&rig) ? 1 : 0;
}

static void two_syncs_at_once_are_one_attempt(void)
{
	pid_t clients[6];

	rig_open_cmp(&rig, "twice");
	rig_start_active(&rig);
	kill(rig.daemon, SIGSTOP);
	for (size_t i = 0; i < TAP_COUNT(clients); i++)
		clients[i] = tap_spawn(sync_client, NULL, -1);
	kill(rig.daemon, SIGCONT);
	for (size_t i = 0; i < TAP_COUNT(clients); i++)
		tap_need_eq(tap_join(clients[i]), 0);
	tap_need(rig_number(&rig, "signers", "generation") <= 3);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static int sync_as_nobody(void *arg)
{
	(void)arg;
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 2;
	return strstr(rig_sync(&rig), "sync is for root") ? 0 : 1;
}

static void sync_is_for_root(void)
{
	rig_open_cmp(&rig, "root");
	rig_start_active(&rig);
	tap_need_eq(tap_join(tap_spawn(sync_as_nobody, NULL, -1)), 0);
	need_generation(1);
	rig_stop(&rig);
}

static void azattestctl_syncs_and_says_it_in_one_line(void)
{
	rig_open_cmp(&rig, "ctl");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "CTL='%s/azattestctl --socket run/azattestd.sock'; "
			      "$CTL sync >said && test $(wc -l <said) = 1 && "
			      "grep -q '^generation 2 is in use: source cmp, until ' said && "
			      "$CTL sync --json | grep -q '\"generation\": 3'", rig.bin), 0);
	rig_stop_ca(&rig);
	tap_need_eq(rig_shell(&rig, "CTL='%s/azattestctl --socket run/azattestd.sock'; "
			      "$CTL sync 2>said; test $? = 4 && test $(wc -l <said) = 1 && "
			      "grep -q 'CA unreachable: tried ' said && "
			      "$CTL status | grep -q '^renewal: *failing for .*CA unreachable'",
			      rig.bin), 0);
	rig_stop(&rig);
}

static void azattestctl_shows_on_a_terminal_that_it_waits(void)
{
	rig_open_cmp(&rig, "terminal");
	rig_start_active(&rig);
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode hang");
	tap_need_eq(rig_shell(&rig, "CTL='%s/azattestctl --socket run/azattestd.sock'; "
			      "script -qec \"$CTL sync\" /dev/null >said </dev/null; "
			      "grep -q '^still at it, 10 s' said", rig.bin), 0);
	rig_stop(&rig);
}

/* At many moments of a renewal; the next start has one whole pair and goes on. */
static void kill_renewals(void)
{
	pid_t client;

	rig_start_active(&rig);
	for (unsigned int i = 0; i < tap_loops(12, 100); i++) {
		client = tap_spawn(sync_client, NULL, -1);
		usleep(i * 17000 % 300000);
		rig_kill(&rig);
		tap_join(client);
		rig_start_active(&rig);
		rig_need_document(&rig);
	}
	tap_need(!*rig_sync(&rig));
}

static void killed_renewal_never_spoils_the_state(void)
{
	rig_open_cmp(&rig, "kill");
	kill_renewals();
	tap_need(rig_only_leaf_is(&rig, (unsigned int)rig_number(&rig, "signers", "generation")));
	rig_stop(&rig);
}

/* Nor do wrapping keys pile up, or go before what they open. */
static void killed_renewal_never_spoils_sealed_keys(void)
{
	rig_open_cmp(&rig, "kill-sealed");
	rig.key = "level = host-key";
	rig_configure(&rig, RIG_CMP, rig.port);
	kill_renewals();
	tap_need_eq(rig_shell(&rig, "test $(ls -d state/leaf-* | wc -l) = 1 && "
			      "test $(ls -d state/seal-* | wc -l) = 1 && ! grep -rl 'PRIVATE KEY' state"), 0);
	rig_stop(&rig);
}

static void full_disk_keeps_the_older_pair(void)
{
	rig_open_cmp(&rig, "full");
	tap_need_eq(rig_shell(&rig, "mkdir -m 700 state"), 0);
	if (mount("tmpfs", rig_path(&rig, "state"), "tmpfs", 0, "size=256k,mode=0700"))
		tap_skip("no tmpfs may be mounted here");
	rig_start_active(&rig);
	tap_need(rig_shell(&rig, "dd if=/dev/zero of=state/ballast bs=4k 2>/dev/null"));
	tap_need(strstr(rig_sync(&rig), "No space left on device"));
	need_generation(1);
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "rm state/ballast"), 0);
	tap_need(!*rig_sync(&rig));
	need_generation(2);
	rig_stop(&rig);
	umount2(rig_path(&rig, "state"), MNT_DETACH);
}

/* Its key and its certificate are fine, and no signer works with it. */
static void leaf_that_no_signer_works_with_gives_way(void)
{
	rig_open_cmp(&rig, "unproved");
	rig_start_active(&rig);
	rig.module->defect = FAKEMODULE_DEFECT_DIE_IN_JOIN;
	tap_need(strstr(rig_sync(&rig), "leaf-000002 was dropped"));
	rig.module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(rig_all_ready(&rig));
	need_generation(1);
	tap_need(rig_only_leaf_is(&rig, 1));
	rig_need_document(&rig);
	/* The number of what was dropped names nothing else. */
	tap_need(!*rig_sync(&rig));
	need_generation(3);
	rig_stop(&rig);
}

/* No signer starts, and that is not the fault of what it would start with. */
static void leaf_is_kept_when_the_module_is_away(void)
{
	pid_t sync;

	rig_open_cmp(&rig, "away");
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "mv device away"), 0);
	sync = rig_begin_sync(&rig);
	tap_need_wait(!rig_shell(&rig, "test $(grep -c 'signer: .*is not loaded' log) -gt 4"));
	tap_need_eq(rig_shell(&rig, "mv away device"), 0);
	tap_need_eq(tap_join(sync), 0);
	need_generation(2);
	rig_need_document(&rig);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(host_enrols_and_renews_with_a_new_key),
	TAP_TEST(host_identity_serves_instead_of_the_secret),
	TAP_TEST(https_is_verified_with_the_pinned_root_alone),
	TAP_TEST_SLOW(wrong_answers_keep_the_older_pair_each_with_its_reason, 300),
	TAP_TEST(refused_certificate_is_revoked_by_the_ca),
	TAP_TEST(bad_credentials_are_told_apart),
	TAP_TEST(host_without_its_ca_waits_and_goes_on_by_itself),
	TAP_TEST(new_source_replaces_a_self_issued_certificate_only_when_it_can),
	TAP_TEST(documents_never_outlive_the_certificate),
	TAP_TEST(two_syncs_at_once_are_one_attempt),
	TAP_TEST(sync_is_for_root),
	TAP_TEST(azattestctl_syncs_and_says_it_in_one_line),
	TAP_TEST(azattestctl_shows_on_a_terminal_that_it_waits),
	TAP_TEST_SLOW(killed_renewal_never_spoils_the_state, 600),
	TAP_TEST_SLOW(killed_renewal_never_spoils_sealed_keys, 600),
	TAP_TEST(full_disk_keeps_the_older_pair),
	TAP_TEST(leaf_that_no_signer_works_with_gives_way),
	TAP_TEST(leaf_is_kept_when_the_module_is_away),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
