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

#define CMP	"source = cmp\nca-url = http://127.0.0.1:%u/\n"

static void open_cmp(const char *name)
{
	rig_open(&rig, name);
	rig_start_ca(&rig, "");
	rig_configure(&rig, CMP, rig.port);
}

static void need_generation(long long number)
{
	tap_need_eq(rig_number(&rig, "signers", "generation"), number);
}

/* No folder but that of this generation, once it is proved; one key file in it. */
static bool only_leaf_is(unsigned int number)
{
	return !rig_shell(&rig, "test \"$(cd state && ls -d leaf-*)\" = leaf-%06u && "
			  "openssl x509 -in state/leaf-%06u/cert.pem -noout -pubkey >pub && "
			  "openssl pkey -in state/leaf-%06u/key.pem -pubout | cmp -s - pub && "
			  "openssl verify -CAfile trust.pem -untrusted state/leaf-%06u/issuer.pem "
			  "state/leaf-%06u/cert.pem >/dev/null", number, number, number, number,
			  number);
}

static void host_enrols_and_renews_with_a_new_key(void)
{
	open_cmp("cycle");
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "certificate", "source", "cmp"));
	rig_need_document(&rig);
	tap_need(only_leaf_is(1));
	tap_need_eq(rig_shell(&rig, "cp pub pub1"), 0);
	tap_need_msg(!*rig_sync(&rig), "%s", rig_sync(&rig));
	need_generation(2);
	rig_need_document(&rig);
	tap_need(only_leaf_is(2));
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
	open_cmp("identity");
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
	tap_need_msg(only_leaf_is(1), "%s: the older pair is not as it was", wrong->mode);
	need_generation(1);
	rig_need_document(&rig);
	tap_need(rig_says(&rig, "sync", "error", wrong->reason));
}

static void wrong_answers_keep_the_older_pair_each_with_its_reason(void)
{
	char options[64];

	open_cmp("wrong");
	rig_configure(&rig, CMP "sync-timeout = 3\n", rig.port);
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
	open_cmp("revoked");
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
	open_cmp("credentials");
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
	open_cmp("late");
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
	open_cmp("move");
	rig_configure(&rig, "source = embedded\n");
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "certificate", "source", "embedded (self-issued)"));
	rig_stop_ca(&rig);
	rig_configure(&rig, CMP, rig.port);
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
	open_cmp("short");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode short-lived");
	rig_configure(&rig, CMP "renew-days = 0\n", rig.port);
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

	open_cmp("twice");
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
	open_cmp("root");
	rig_start_active(&rig);
	tap_need_eq(tap_join(tap_spawn(sync_as_nobody, NULL, -1)), 0);
	need_generation(1);
	rig_stop(&rig);
}

static void azattestctl_syncs_and_says_it_in_one_line(void)
{
	open_cmp("ctl");
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

/* At many moments of a renewal; the next start has one whole pair and goes on. */
static void killed_renewal_never_spoils_the_state(void)
{
	pid_t client;

	open_cmp("kill");
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
	tap_need(only_leaf_is((unsigned int)rig_number(&rig, "signers", "generation")));
	rig_stop(&rig);
}

static void full_disk_keeps_the_older_pair(void)
{
	open_cmp("full");
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
	open_cmp("unproved");
	rig_start_active(&rig);
	rig.module->defect = FAKEMODULE_DEFECT_DIE_IN_JOIN;
	tap_need(strstr(rig_sync(&rig), "leaf-000002 was dropped"));
	rig.module->defect = FAKEMODULE_DEFECT_NONE;
	tap_need_wait(rig_all_ready(&rig));
	need_generation(1);
	tap_need(only_leaf_is(1));
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* other sources */

static void write_script(const char *body)
{
	FILE *out = fopen(rig_path(&rig, "script"), "w");

	tap_need(out && fprintf(out, "#!/bin/sh\n%s\n", body) > 0 && !fclose(out));
	tap_need(!chmod(rig_path(&rig, "script"), 0755));
}

/* A CA of openssl's, made by hand. */
static void make_openssl_ca(void)
{
	tap_need_eq(rig_shell(&rig,
		"openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out trust.pem -days 99 "
		"-subj /CN=root 2>/dev/null && chmod 644 trust.pem root.key && "
		"printf 'basicConstraints=critical,CA:FALSE\\nkeyUsage=critical,digitalSignature\\n"
		"extendedKeyUsage=serverAuth,clientAuth,emailProtection\\nsubjectAltName=DNS:"
		RIG_NAME "\\n' >ext"), 0);
}

static void program_of_source_exec_gets_the_request(void)
{
	char body[600];

	rig_open(&rig, "exec");
	make_openssl_ca();
	snprintf(body, sizeof(body), "cd %s; test \"$AZATTEST_NAME\" = " RIG_NAME " || exit 9; "
		 "test \"$(id -u)\" = 1 || exit 8; "
		 "openssl x509 -req -CA trust.pem -CAkey root.key -set_serial 7 "
		 "-days $AZATTEST_LIFETIME_DAYS -extfile ext 2>/dev/null", rig.dir);
	write_script(body);
	rig_configure(&rig, "source = exec\nexec = %s\n", rig_path(&rig, "script"));
	rig_start_active(&rig);
	tap_need(rig_says(&rig, "certificate", "source", "exec"));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static bool went_live(unsigned int times)
{
	return !rig_shell(&rig, "test $(grep -c 'generation 1 is live' log) = %u", times);
}

/* The folder that the renewal writes is not what a crash left, though new signers tidy up. */
static void renewal_goes_on_while_signers_are_replaced(void)
{
	char body[600];

	rig_open(&rig, "meet");
	make_openssl_ca();
	rig_configure(&rig, "source = embedded\n");
	rig_start_active(&rig);
	snprintf(body, sizeof(body), "cd %s; until test -e go; do sleep 0.1; done; "
		 "openssl x509 -req -CA trust.pem -CAkey root.key -set_serial 7 "
		 "-days $AZATTEST_LIFETIME_DAYS -extfile ext 2>/dev/null", rig.dir);
	write_script(body);
	rig_configure(&rig, "source = exec\nexec = %s\n", rig_path(&rig, "script"));
	kill(rig.daemon, SIGHUP);
	tap_need_wait(went_live(2) && !rig_shell(&rig, "test -e state/leaf-000002.new/key.pem"));
	kill(rig.daemon, SIGHUP);
	tap_need_wait(went_live(3));
	tap_need_eq(rig_shell(&rig, "touch go"), 0);
	tap_need_wait(rig_says(&rig, "certificate", "source", "exec"));
	tap_need_wait(only_leaf_is(2));
	tap_need(!rig_log_has(&rig, "renewal failed"));
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* Also while the next attempt is under way. */
static void reason_of_the_last_failure_stays_until_the_next_ends(void)
{
	rig_open(&rig, "reason");
	make_openssl_ca();
	write_script("echo >&2 'quota exceeded'; exit 3");
	rig_configure(&rig, "source = exec\nexec = %s\n", rig_path(&rig, "script"));
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "sync", "error", "quota exceeded"));
	write_script("exec sleep 1003");
	kill(rig.daemon, SIGHUP);
	tap_need_wait(!rig_shell(&rig, "pgrep -u 1 -fx 'sleep 1003' >/dev/null"));
	tap_need(rig_says(&rig, "sync", "error", "quota exceeded"));
	rig_stop(&rig);
}

static void failing_program_is_told_with_its_last_words(void)
{
	rig_open(&rig, "exec-bad");
	make_openssl_ca();
	write_script("echo >&2 'quota exceeded'; exit 3");
	rig_configure(&rig, "source = exec\nexec = %s\n", rig_path(&rig, "script"));
	tap_need_eq(rig_shell(&rig, "sed -i 's/sync-timeout = 20/sync-timeout = 2/' conf"), 0);
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "sync", "error", "exit code 3: quota exceeded"));
	/* In no encoding of ours: told, and status still answers. */
	write_script("printf >&2 'zu gro\\337'; exit 3");
	tap_need(strstr(rig_sync(&rig), "exit code 3: zu gro?"));
	tap_need_wait(rig_says(&rig, "sync", "error", "exit code 3: zu gro?") &&
		      rig_says(&rig, "host", "reason", "exit code 3: zu gro?"));
	write_script("exec yes");
	tap_need(strstr(rig_sync(&rig), "wrote more than 65536 bytes"));
	write_script("sleep 1000 & exec sleep 1000");
	tap_need(strstr(rig_sync(&rig), "did not finish within 2 s"));
	write_script("echo nothing of use");
	tap_need(strstr(rig_sync(&rig), "is not 1 to 8 certificates"));
	write_script("kill -9 $$");
	tap_need(strstr(rig_sync(&rig), "killed by signal 9"));
	rig_stop(&rig);
}

static void cfssl_issues_through_exec(void)
{
	rig_open(&rig, "cfssl");
	if (rig_shell(&rig, "command -v cfssl cfssljson >/dev/null"))
		tap_skip("no cfssl (Debian package golang-cfssl)");
	tap_need_eq(rig_shell(&rig,
		"echo '{\"CN\":\"fleet root\",\"key\":{\"algo\":\"rsa\",\"size\":2048}}' >root.json && "
		"cfssl gencert -initca root.json 2>/dev/null | cfssljson -bare root && "
		"cp root.pem trust.pem && chmod 644 trust.pem root-key.pem && "
		"echo '{\"signing\":{\"default\":{\"expiry\":\"720h\",\"usages\":[\"signing\","
		"\"server auth\",\"client auth\",\"s/mime\"]}}}' >cfssl.json"), 0);
	write_script("cd $(dirname $0) && cat >/tmp/azattest-$$.csr && "
		     "cfssl sign -ca root.pem -ca-key root-key.pem -config cfssl.json "
		     "-hostname $AZATTEST_NAME /tmp/azattest-$$.csr 2>/dev/null | "
		     "sed -n 's/.*\"cert\":\"\\([^\"]*\\)\".*/\\1/p' | sed 's/\\\\n/\\n/g'; "
		     "rm /tmp/azattest-$$.csr");
	rig_configure(&rig, "source = exec\nexec = %s\n", rig_path(&rig, "script"));
	rig_start(&rig);
	if (!tap_wait(rig_all_ready(&rig)))
		tap_fail(__FILE__, __LINE__, "%s",
			 json_string_value(rig_status(&rig, "sync", "error")));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void answer_request(const char *days)
{
	tap_need_eq(rig_shell(&rig,
		"openssl x509 -req -in drop/request.pem -CA trust.pem -CAkey root.key -set_serial 7 "
		"-days %s -extfile ext -out drop/new 2>/dev/null && mv drop/new drop/cert.pem", days), 0);
}

static void certificate_in_the_directory_is_taken(void)
{
	rig_open(&rig, "file");
	make_openssl_ca();
	rig_configure(&rig, "source = file\ndirectory = %s\n", rig_path(&rig, "drop"));
	rig_start(&rig);
	tap_need_wait(rig_says(&rig, "host", "reason", "waiting for"));
	tap_need_eq(rig_shell(&rig, "cp drop/request.pem first"), 0);
	answer_request("2");
	tap_need_wait(rig_says(&rig, "sync", "error", "it would be renewed at once"));
	tap_need_eq(rig_shell(&rig, "cmp drop/request.pem first"), 0);
	answer_request("30");
	tap_need_wait(rig_all_ready(&rig));
	rig_need_document(&rig);
	tap_need_eq(rig_shell(&rig, "test ! -e state/pending"), 0);
	/* The next one is for another key, and this one is not taken twice. */
	tap_need(strstr(rig_sync(&rig), "is for another key"));
	tap_need_eq(rig_shell(&rig, "cmp -s drop/request.pem first"), 1);
	answer_request("30");
	tap_need_wait(rig_number(&rig, "signers", "generation") == 2 && rig_all_ready(&rig));
	rig_need_document(&rig);
	rig_stop(&rig);
}

static void sync_behind_a_socket_serves_and_says_why_not(void)
{
	open_cmp("socket");
	if (rig_shell(&rig, "command -v systemd-socket-activate >/dev/null"))
		tap_skip("no systemd-socket-activate");
	tap_need_eq(rig_shell(&rig, "ln -s $SYNC sync"), 0);
	rig_start_socket(&rig);
	rig_start_active(&rig);
	rig_need_document(&rig);
	rig_stop_ca(&rig);
	tap_need(strstr(rig_sync(&rig), "CA unreachable: tried "));
	rig_start_ca(&rig, "");
	tap_need(!*rig_sync(&rig));
	tap_kill(rig.socket);
	tap_need(strstr(rig_sync(&rig), "is azattest-sync.socket started?"));
	rig_need_document(&rig);
	rig_stop(&rig);
}

/* azattest-sync alone */

static void check_tries_everything_and_changes_nothing(void)
{
	open_cmp("check");
	tap_need_eq(rig_shell(&rig, "$SYNC --config conf --check >said && grep -q '^ok: http' said && "
			      "test -z \"$($CA list)\""), 0);
	tap_need_eq(rig_shell(&rig, "$CA enrol " RIG_NAME " >/dev/null; $SYNC --config conf --check 2>said"),
		    5);
	rig_stop_ca(&rig);
	tap_need_eq(rig_shell(&rig, "$SYNC --config conf --check 2>said"), 4);
	rig_configure(&rig, "source = embedded\n");
	tap_need_eq(rig_shell(&rig, "$SYNC --config conf --check 2>said"), 3);
	tap_need_eq(rig_shell(&rig, "$SYNC --bogus 2>said"), 2);
}

static void bad_requests_are_refused(void)
{
	open_cmp("requests");
	tap_need_eq(rig_shell(&rig, "$SYNC --config conf </dev/null 2>said"), 2);
	tap_need_eq(rig_shell(&rig, "head -c 100000 /dev/zero | $SYNC --config conf 2>said"), 2);
	tap_need_eq(rig_shell(&rig, "openssl req -new -newkey rsa:2048 -nodes -keyout key -subj "
			      "/CN=other.test -outform DER -out other 2>/dev/null && "
			      "$SYNC --config conf <other 2>said"), 5);
	tap_need_eq(rig_shell(&rig, "openssl req -new -newkey rsa:2048 -nodes -keyout key -subj "
			      "/CN=" RIG_NAME " -outform DER -out good 2>/dev/null && "
			      "$SYNC --config conf <good >out && openssl x509 -in out -noout"), 0);
	/* One bit of the signature. */
	tap_need_eq(rig_shell(&rig, "head -c -1 good >bad; printf x >>bad; "
			      "$SYNC --config conf <bad 2>said"), 2);
}

/* What it can do once it speaks to the CA. */
static void sync_has_no_rights(void)
{
	open_cmp("rights");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode hang");
	tap_need_eq(rig_shell(&rig,
		"openssl req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=" RIG_NAME
		" -out csr 2>/dev/null; $SYNC --config conf <csr 2>said & "
		"until grep -q '^Seccomp:.*2' /proc/$!/status; do "
		"kill -0 $! || exit 1; sleep 0.1; done; "
		"cp /proc/$!/status status; kill -9 $!; "
		"grep -q '^Uid:.1.1.1.1' status && grep -q '^Gid:.1.1.1.1' status && "
		"grep -q '^Groups:.*[^0-9 \t]*$' status && grep -q '^NoNewPrivs:.1' status && "
		"! grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]' status"), 0);
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
	TAP_TEST_SLOW(killed_renewal_never_spoils_the_state, 600),
	TAP_TEST(full_disk_keeps_the_older_pair),
	TAP_TEST(leaf_that_no_signer_works_with_gives_way),
	TAP_TEST(program_of_source_exec_gets_the_request),
	TAP_TEST(renewal_goes_on_while_signers_are_replaced),
	TAP_TEST(reason_of_the_last_failure_stays_until_the_next_ends),
	TAP_TEST(failing_program_is_told_with_its_last_words),
	TAP_TEST(cfssl_issues_through_exec),
	TAP_TEST(certificate_in_the_directory_is_taken),
	TAP_TEST(sync_behind_a_socket_serves_and_says_why_not),
	TAP_TEST(check_tries_everything_and_changes_nothing),
	TAP_TEST(bad_requests_are_refused),
	TAP_TEST(sync_has_no_rights),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
