// SPDX-License-Identifier: GPL-2.0
// Promises of decommissioning: revoked, keys gone for good, said what is left to do, and a way back.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <selftests/certificate/rig.h>

#define CTL	"CTL='%s/azattestctl --socket run/azattestd.sock'; "
/* Of the only leaf that is there, whatever its number. */
#define SERIAL	"openssl x509 -in state/leaf-*/cert.pem -noout -serial | cut -d= -f2"

static struct rig rig;

static void open_cmp(const char *name)
{
	rig_open_cmp(&rig, name);
	rig_start_active(&rig);
	rig_need_document(&rig);
	/* Whoever holds the key's file elsewhere holds zeros in the end. */
	tap_need_eq(rig_shell(&rig, SERIAL " >serial; ln state/leaf-000001/key.pem key"), 0);
}

/* Nobody signs, nothing is there to sign with, and nothing is fetched. */
static void need_retired(const char *reason)
{
	tap_need_wait(rig_says(&rig, "host", "sub", "decommissioned") &&
		      !rig_number(&rig, "signers", "ready"));
	tap_need(rig_says(&rig, "host", "state", "Inactive"));
	tap_need(rig_says(&rig, "host", "reason", reason));
	tap_need(json_is_null(json_object_get(rig_ask(&rig, "status"), "certificate")));
	tap_need_eq(rig_shell(&rig, "test -z \"$(ls -d state/leaf-* state/ca state/pending 2>/dev/null)\""),
		    0);
	tap_need_eq(rig_shell(&rig, "! tr -d '\\0' <key | grep -q ."), 0);
	tap_need(strstr(rig_sync(&rig), "azattestctl recommission"));
}

static void need_in_service_with(unsigned int number)
{
	tap_need(rig_all_ready(&rig));
	rig_need_document(&rig);
	tap_need_eq(rig_number(&rig, "signers", "generation"), number);
	tap_need_eq(rig_shell(&rig, "test -s state/leaf-%06u/key.pem -a ! -e state/decommissioned",
			      number), 0);
}

static void need_in_service(void)
{
	need_in_service_with(1);
}

static int crl_has_serial(void)
{
	return rig_shell(&rig, "$CA crl | openssl crl -noout -text | grep -q \"$(cat serial)\"");
}

static int decommission(void *arg)
{
	(void)arg;
	return rig_shell(&rig, CTL "$CTL decommission --yes 2>/dev/null", rig.bin);
}

static void host_is_revoked_and_its_keys_are_gone_for_good(void)
{
	open_cmp("good");
	tap_need(crl_has_serial());
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes >said && test $(wc -l <said) = 1 && "
			      "grep -q '^decommissioned at .*, the certificate is revoked$' said",
			      rig.bin), 0);
	tap_need_eq(crl_has_serial(), 0);
	need_retired("the certificate is revoked");
	/* Again is no failure, and says the same. */
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes --json | grep -q '\"revoked\": true' && "
			      "$CTL certificate show | grep -q \" retired .*$(cat serial)\"", rig.bin), 0);
	rig_stop(&rig);
	rig_start(&rig);
	need_retired("the certificate is revoked");
	tap_need_eq(rig_number(&rig, "sync", "last"), 0);
	rig_stop(&rig);
}

static void unreachable_ca_changes_nothing_unless_told_so(void)
{
	open_cmp("unreachable");
	rig_stop_ca(&rig);
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes 2>said; test $? = 4 && cat said >&2 && "
			      "test $(wc -l <said) = 1 && grep -q 'nothing was changed: CA unreachable' said && "
			      "grep -q -- '--no-revoke goes on without' said", rig.bin), 0);
	need_in_service();
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes --no-revoke >said && "
			      "grep -q 'no certificate was revoked; have the CA revoke it' said",
			      rig.bin), 0);
	need_retired("no certificate was revoked");
	rig_stop(&rig);
}

static void revoked_before_is_as_good(void)
{
	open_cmp("before");
	tap_need_eq(rig_shell(&rig, "$CA revoke $(cat serial)"), 0);
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes", rig.bin), 0);
	need_retired("the certificate is revoked");
	rig_stop(&rig);
}

/* "It is revoked already", by whoever is on the path. */
static void revocation_that_nobody_signed_changes_nothing(void)
{
	open_cmp("forged");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode forge-revoked");
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes 2>said; test $? = 4 && "
			      "cat said >&2 && test $(wc -l <said) = 1 && "
			      "grep -q 'nothing was changed: ' said", rig.bin), 0);
	tap_need(crl_has_serial());
	need_in_service();
	rig_stop(&rig);
}

static void refusing_ca_changes_nothing(void)
{
	open_cmp("refusing");
	tap_need_eq(rig_shell(&rig, "$CA remove " RIG_NAME), 0);
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes 2>said; test $? = 4 && "
			      "grep -q 'nothing was changed: CA refuses' said", rig.bin), 0);
	need_in_service();
	rig_stop(&rig);
}

/* There is no CA elsewhere; its own goes too, and verifiers must be told. */
static void self_issued_host_says_what_is_left_to_do(void)
{
	open_cmp("embedded");
	rig_stop(&rig);
	rig_configure(&rig, "source = embedded\n");
	tap_need_eq(rig_shell(&rig, "rm -r state"), 0);
	rig_start_active(&rig);
	tap_need_eq(rig_shell(&rig, "ln -f state/ca/issuing.key key"), 0);
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes >said && grep -q 'self-issued, .* take "
			      "this host.s root out of what verifiers trust' said", rig.bin), 0);
	need_retired("no certificate was revoked");
	rig_stop(&rig);
	rig_start(&rig);
	need_retired("no certificate was revoked");
	rig_stop(&rig);
}

static void it_asks_before_and_no_is_no(void)
{
	open_cmp("asks");
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission </dev/null 2>said; test $? = 2 && "
			      "grep -q 'give --yes' said", rig.bin), 0);
	if (rig_shell(&rig, "command -v script >/dev/null"))
		tap_skip("no script(1), which makes a terminal");
	tap_need_eq(rig_shell(&rig, CTL "echo y | script -qec \"$CTL decommission\" /dev/null >said; "
			      "test $? = 2 && grep -q 'nothing was changed' said", rig.bin), 0);
	need_in_service();
	tap_need_eq(rig_shell(&rig, CTL "echo yes | script -qec \"$CTL decommission\" /dev/null >said",
			      rig.bin), 0);
	need_retired("the certificate is revoked");
	rig_stop(&rig);
}

static void it_is_for_root(void)
{
	open_cmp("root");
	tap_need_eq(rig_shell(&rig, CTL "for c in 'decommission --yes' 'decommission --yes --no-revoke' "
			      "recommission; do setpriv --reuid 65534 --clear-groups $CTL $c 2>said; "
			      "test $? = 4 && grep -q 'is for root' said || exit 1; done", rig.bin), 0);
	need_in_service();
	rig_stop(&rig);
}

/* Nor does its number come again: in journal and history it names one certificate. */
static void recommission_takes_it_back_with_a_new_key(void)
{
	open_cmp("back");
	tap_need_eq(rig_shell(&rig, CTL "$CTL recommission 2>said; test $? = 4 && "
			      "grep -q 'is in service' said && $CTL decommission --yes && "
			      "$CTL recommission", rig.bin), 0);
	tap_need_wait(rig_all_ready(&rig));
	need_in_service_with(2);
	tap_need_eq(rig_shell(&rig, "test \"$(" SERIAL ")\" != \"$(cat serial)\""), 0);
	rig_stop(&rig);
	rig_start_active(&rig);
	need_in_service_with(2);
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes && $CTL recommission", rig.bin), 0);
	tap_need_wait(rig_all_ready(&rig));
	need_in_service_with(3);
	rig_stop(&rig);
}

static void need_lines(const char *serial, const char *revoked, unsigned int returns)
{
	tap_need_eq(rig_shell(&rig, CTL "$CTL audit verify state/audit >&2 && "
			      "$CTL audit show --json state/audit >lines && "
			      "grep '\"event\":\"decommissioned\"' lines | tail -n 1 | "
			      "grep -q \"\\\"serial\\\":\\\"$(cat %s)\\\",\\\"revoked\\\":\\\"%s\\\"\" && "
			      "test $(grep -c '\"event\":\"recommissioned\"' lines) = %u",
			      rig.bin, serial, revoked, returns), 0);
}

/* Which certificate, and whether somebody has to revoke it still. */
static void audit_journal_tells_of_the_end_and_of_the_return(void)
{
	open_cmp("journal");
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes", rig.bin), 0);
	need_lines("serial", "yes", 0);
	/* What was done before is no event. */
	tap_need_eq(rig_shell(&rig, CTL "$CTL decommission --yes", rig.bin), 0);
	tap_need_eq(rig_shell(&rig, CTL "test $($CTL audit show --json state/audit | "
			      "grep -c '\"event\":\"decommissioned\"') = 1", rig.bin), 0);
	tap_need_eq(rig_shell(&rig, CTL "$CTL recommission", rig.bin), 0);
	tap_need_wait(rig_all_ready(&rig));
	need_lines("serial", "yes", 1);
	tap_need_eq(rig_shell(&rig, SERIAL " >second; ! cmp -s serial second"), 0);
	tap_need_eq(rig_shell(&rig, CTL "{ $CTL recommission 2>said; test $? = 4; } && "
			      "$CTL decommission --yes --no-revoke", rig.bin), 0);
	need_lines("second", "no", 1);
	rig_stop(&rig);
}

/* The note is what counts, also one that is damaged: who put it there wanted no signatures. */
static void what_a_crash_left_is_finished_at_the_next_start(void)
{
	static const char *const notes[] = {
		"echo since 1893456000 revoked no >state/decommissioned", ": >state/decommissioned",
		"head -c 4096 /dev/zero >state/decommissioned", "mkdir -m 700 state/decommissioned",
	};
	char name[32];

	for (size_t i = 0; i < TAP_COUNT(notes); i++) {
		snprintf(name, sizeof(name), "crash-%zu", i);
		open_cmp(name);
		rig_kill(&rig);
		tap_need_eq(rig_shell(&rig, "%s; chmod go-rwx state/decommissioned; "
				      "cp -a state/leaf-000001 state/leaf-000002.new", notes[i]), 0);
		rig_start(&rig);
		need_retired("no certificate was revoked");
		rig_stop(&rig);
		rig_stop_ca(&rig);
	}
}

/* The CA may have revoked it when we died: nobody signs with it until somebody has looked. */
static void a_crash_while_the_ca_is_asked_is_an_end_too(void)
{
	pid_t client;

	open_cmp("asked");
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "--test-mode hang");
	client = tap_spawn(decommission, NULL, -1);
	tap_need_wait(!rig_shell(&rig, "grep -q 'revoked asked$' state/decommissioned 2>/dev/null"));
	/* It is in service until then. */
	rig_need_document(&rig);
	rig_kill(&rig);
	tap_join(client);
	rig_start(&rig);
	need_retired("the CA was asked to revoke the certificate, and no answer was heard");
	need_lines("serial", "asked", 0);
	rig_stop(&rig);
	rig_stop_ca(&rig);
	rig_start_ca(&rig, "");
	rig_start(&rig);
	need_retired("no answer was heard");
	/* That is said once. */
	tap_need_eq(rig_shell(&rig, CTL "test $($CTL audit show --json state/audit | "
			      "grep -c '\"event\":\"decommissioned\"') = 1 && $CTL certificate show | "
			      "grep -q \" retired .*$(cat serial)\"", rig.bin), 0);
	tap_need_eq(rig_shell(&rig, CTL "$CTL recommission", rig.bin), 0);
	tap_need_wait(rig_all_ready(&rig));
	need_in_service_with(2);
	rig_stop(&rig);
}

static void sync_takes_no_nonsense_for_a_revocation(void)
{
	open_cmp("nonsense");
	tap_need_eq(rig_shell(&rig, "printf 'revoke\\nx' | $SYNC --config conf 2>said"), 2);
	tap_need_eq(rig_shell(&rig, "{ echo revoke; openssl x509 -in state/leaf-000001/cert.pem -outform DER; "
			      "echo; } | $SYNC --config conf 2>said"), 2);
	/* Another's is not this host's to revoke. */
	tap_need_eq(rig_shell(&rig, "{ echo revoke; openssl x509 -in state/leaf-000001/issuer.pem -outform "
			      "DER; } | $SYNC --config conf 2>said"), 5);
	tap_need(crl_has_serial());
	rig_configure(&rig, "source = exec\nexec = /bin/true\n");
	tap_need_eq(rig_shell(&rig, "{ echo revoke; openssl x509 -in state/leaf-000001/cert.pem -outform "
			      "DER; } | $SYNC --config conf 2>said"), 2);
	tap_need_eq(rig_shell(&rig, "grep -q 'has no way to revoke' said"), 0);
	rig_stop(&rig);
}

static const struct tap_test tests[] = {
	TAP_TEST(host_is_revoked_and_its_keys_are_gone_for_good),
	TAP_TEST(unreachable_ca_changes_nothing_unless_told_so),
	TAP_TEST(revoked_before_is_as_good),
	TAP_TEST(revocation_that_nobody_signed_changes_nothing),
	TAP_TEST(refusing_ca_changes_nothing),
	TAP_TEST(self_issued_host_says_what_is_left_to_do),
	TAP_TEST(it_asks_before_and_no_is_no),
	TAP_TEST(it_is_for_root),
	TAP_TEST(recommission_takes_it_back_with_a_new_key),
	TAP_TEST(audit_journal_tells_of_the_end_and_of_the_return),
	TAP_TEST(what_a_crash_left_is_finished_at_the_next_start),
	TAP_TEST(a_crash_while_the_ca_is_asked_is_an_end_too),
	TAP_TEST(sync_takes_no_nonsense_for_a_revocation),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
