// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-ca over its years: a new issuing CA, and who is still known to it.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include <selftests/certificate/caside.h>
#include <selftests/lib/tap.h>

struct identity {
	EVP_PKEY *key;
	X509 *cert;
};

/* Link-time hook: dies at the step it is told. */
static int steps_to_live = -1;

void folder_step(void)
{
	if (steps_to_live >= 0 && steps_to_live-- == 0)
		kill(getpid(), SIGKILL);
}

static struct identity make_identity(void)
{
	struct identity identity = { .key = keytype_generate(KEYTYPE_P_256) };

	identity.cert = issue_identity(&caside.ca, identity.key, CASIDE_NAME, 3653,
				       &caside.failure);
	tap_need(identity.cert);
	return identity;
}

/* As azattest-sync with the file of "azattest-ca identity": key, leaf, and the root to trust. */
static bool renews_with(const struct identity *identity)
{
	OSSL_CMP_CTX *ctx = caside_stranger(CASIDE_NAME);
	X509_STORE *trust = X509_STORE_new();
	X509 *cert;

	tap_need(X509_STORE_add_cert(trust, caside.ca.root) == 1 &&
		 OSSL_CMP_CTX_set0_trustedStore(ctx, trust) == 1 &&
		 OSSL_CMP_CTX_set1_cert(ctx, identity->cert) == 1 &&
		 OSSL_CMP_CTX_set1_pkey(ctx, identity->key) == 1);
	cert = OSSL_CMP_exec_P10CR_ses(ctx);
	OSSL_CMP_CTX_free(ctx);
	ERR_clear_error();
	return cert;
}

static void roll_over(void)
{
	tap_need_msg(!store_roll_over(&caside.ca, &caside.failure), "%s", caside.failure.text);
	tap_need_msg(!revoke_write_crl(&caside.ca, &caside.failure), "%s", caside.failure.text);
	caside_reopen();
}

static void revoke_it(const struct identity *identity)
{
	char serial[CA_SERIAL_MAX];

	store_serial(X509_get0_serialNumber(identity->cert), serial);
	tap_need_msg(!revoke_serial(&caside.ca, serial, &caside.failure), "%s",
		     caside.failure.text);
}

static void identity_outlives_every_roll_over(void)
{
	struct identity first, second;

	caside_make("outlives");
	first = make_identity();
	tap_need(renews_with(&first));
	roll_over();
	second = make_identity();
	tap_need(renews_with(&first) && renews_with(&second));
	roll_over();
	tap_need(renews_with(&first) && renews_with(&second));
}

static void revoked_identity_is_refused_before_and_after_a_roll_over(void)
{
	struct identity before, after, good;

	caside_make("revoked");
	before = make_identity();
	after = make_identity();
	good = make_identity();
	revoke_it(&before);
	tap_need(!renews_with(&before) && renews_with(&after));
	roll_over();
	tap_need(!renews_with(&before) && renews_with(&after));
	revoke_it(&after);
	tap_need(!renews_with(&after) && renews_with(&good));
}

/* What cannot be read is not taken for "never revoked". */
static void unreadable_record_of_a_revocation_refuses(void)
{
	char serial[CA_SERIAL_MAX], file[200];
	struct identity identity;

	caside_make("unreadable");
	identity = make_identity();
	store_serial(X509_get0_serialNumber(identity.cert), serial);
	snprintf(file, sizeof(file), "%s/revoked", caside.path);
	tap_need(!mkdir(file, 0700));
	snprintf(file, sizeof(file), "%s/revoked/%s", caside.path, serial);
	tap_need(!mkdir(file, 0700));
	tap_need(!renews_with(&identity));
}

/* A running server knows who got an identity from the issuing CA that came after it. */
static void server_of_before_a_roll_over_takes_identities_of_after(void)
{
	struct ca other = { 0 };
	struct identity identity = { .key = keytype_generate(KEYTYPE_P_256) };

	caside_make("running");
	tap_need(!store_open(&other, caside.path, &caside.failure));
	tap_need(!store_roll_over(&other, &caside.failure));
	identity.cert = issue_identity(&other, identity.key, CASIDE_NAME, 30, &caside.failure);
	tap_need(renews_with(&identity));
	store_close(&other);
}

static int roll_over_to_death(void *arg)
{
	steps_to_live = *(int *)arg;
	return store_roll_over(&caside.ca, &caside.failure) ? 1 : 0;
}

/* The older pair or the newer one, and it issues. */
static void need_works(const struct identity *identity, int step)
{
	struct identity fresh;

	caside_reopen();
	tap_need_msg(X509_check_private_key(caside.ca.issuing, caside.ca.key) == 1,
		     "step %d: no pair", step);
	fresh = make_identity();
	tap_need_msg(renews_with(identity) && renews_with(&fresh), "step %d: refused", step);
	tap_need_msg(!revoke_write_crl(&caside.ca, &caside.failure), "step %d: %s", step,
		     caside.failure.text);
}

static void kill_at_every_step(const struct identity *identity)
{
	int step, status;

	for (step = 0; ; step++) {
		status = tap_join(tap_spawn(roll_over_to_death, &step, TAP_KEEP_ALL));
		need_works(identity, step);
		if (status != 128 + SIGKILL)
			break;
	}
	tap_need_msg(!status, "after %d steps it failed", step);
	tap_need_msg(step >= 6, "only %d steps", step);
}

static void roll_over_killed_at_any_step_leaves_a_ca(void)
{
	struct identity identity;

	caside_make("killed");
	identity = make_identity();
	kill_at_every_step(&identity);
}

/* As versions before wrote it: a file each, and no record of issuing CAs. */
static void make_older_layout(void)
{
	char command[400];

	snprintf(command, sizeof(command), "cd %s && rm -rf issuers && umask 077 && "
		 "openssl x509 -in issuing.key -out issuing.pem && "
		 "openssl pkey -in issuing.key -out only && mv only issuing.key", caside.path);
	tap_need_eq(system(command), 0);
	caside_reopen();
}

static bool has(const char *name)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/%s", caside.path, name);
	return !access(file, F_OK);
}

static void older_layout_opens_and_rolls_over(void)
{
	struct identity identity;

	caside_make("older");
	identity = make_identity();
	make_older_layout();
	tap_need(renews_with(&identity) && has("issuing.pem"));
	roll_over();
	tap_need(renews_with(&identity) && !has("issuing.pem"));
}

static void older_layout_rolled_over_and_killed_leaves_a_ca(void)
{
	struct identity identity;

	caside_make("older-killed");
	identity = make_identity();
	make_older_layout();
	kill_at_every_step(&identity);
	tap_need(!has("issuing.pem"));
}

static void need_survives_blocked(const char *blocked, const struct identity *identity)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/%s", caside.path, blocked);
	tap_need(!mkdir(file, 0700));
	tap_need(store_roll_over(&caside.ca, &caside.failure) < 0);
	tap_need(!rmdir(file));
	tap_need(renews_with(identity));
	need_works(identity, 0);
}

/* Nothing can be written in one folder, then in the other. */
static void roll_over_that_cannot_write_leaves_the_older_pair(void)
{
	struct identity identity;
	X509 *issuing;

	caside_make("blocked");
	identity = make_identity();
	issuing = X509_dup(caside.ca.issuing);
	need_survives_blocked("issuers/.new", &identity);
	need_survives_blocked(".new", &identity);
	tap_need(!X509_cmp(issuing, caside.ca.issuing));
	roll_over();
	tap_need(X509_cmp(issuing, caside.ca.issuing) && renews_with(&identity));
	X509_free(issuing);
}

static const struct tap_test tests[] = {
	TAP_TEST(identity_outlives_every_roll_over),
	TAP_TEST(revoked_identity_is_refused_before_and_after_a_roll_over),
	TAP_TEST(unreadable_record_of_a_revocation_refuses),
	TAP_TEST(server_of_before_a_roll_over_takes_identities_of_after),
	TAP_TEST(roll_over_killed_at_any_step_leaves_a_ca),
	TAP_TEST(older_layout_opens_and_rolls_over),
	TAP_TEST(older_layout_rolled_over_and_killed_leaves_a_ca),
	TAP_TEST(roll_over_that_cannot_write_leaves_the_older_pair),
};

int main(int argc, char **argv)
{
	return caside_main(tests, TAP_COUNT(tests), argc, argv);
}
