// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-sync: programs and directories that certify, its socket, and what it may do.

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include <selftests/certificate/rig.h>
#include <selftests/lib/tap.h>

static struct rig rig;

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
	tap_need_wait(rig_only_leaf_is(&rig, 2));
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
	rig_open_cmp(&rig, "socket");
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
	rig_open_cmp(&rig, "check");
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
	rig_open_cmp(&rig, "requests");
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
	rig_open_cmp(&rig, "rights");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode hang");
	tap_need_eq(rig_shell(&rig,
		"openssl req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=" RIG_NAME
		" -out csr 2>/dev/null; $SYNC --config conf <csr 2>said & "
		"until grep -q '^Seccomp:.*2' /proc/$!/status; do "
		"kill -0 $! || exit 1; sleep 0.1; done; "
		"cp /proc/$!/status status; kill -9 $!; "
		"grep -q '^Uid:.1.1.1.1' status && grep -q '^Gid:.1.1.1.1' status && "
		"grep -qE '^Groups:[[:space:]]*$' status && grep -q '^NoNewPrivs:.1' status && "
		"! grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]' status"), 0);
}

static const struct tap_test tests[] = {
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
