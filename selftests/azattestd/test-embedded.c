// SPDX-License-Identifier: GPL-2.0
// Promises of the embedded CA: its certificates' profiles, and a crash at any step.

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <selftests/lib/tap.h>
#include <userspace/azattestd/azattestd.h>

static char top[] = "/tmp/azattest-embedded-XXXXXX";
static char path[64], signer[512];
static struct state state;
static struct leaf leaf;
static struct failure failure;
static struct config config;

/* Link-time hook: dies at the step it is told. */
static int steps_to_live = -1;

void state_step(void)
{
	if (steps_to_live >= 0 && steps_to_live-- == 0)
		kill(getpid(), SIGKILL);
}

static void fresh(const char *name, enum keytype type)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
	memset(&config, 0, sizeof(config));
	strcpy(config.name, "node1.attest.example.net");
	strcpy(config.ca_issuers_url, "http://169.254.169.253/metadata/attested/issuer.cer");
	config.key_type = type;
	config.lifetime_days = 30;
	config.uid = geteuid() ? (uid_t)-1 : 65534;
	config.gid = geteuid() ? (gid_t)-1 : 65534;
	tap_need_msg(!state_open(&state, path, &failure), "%s", failure.text);
}

static int make_leaf(const char *program)
{
	const struct source_host host = {
		.state = &state, .config = &config, .signer = program, .sync = "",
	};

	return source_run(&host, &failure);
}

static void run(void)
{
	tap_need_msg(!make_leaf(signer), "%s", failure.text);
	tap_need_msg(!leaf_load(&leaf, &state, &failure), "%s", failure.text);
}

static EVP_PKEY *read_key(void)
{
	char folder[STATE_LEAF_NAME], file[128];
	EVP_PKEY *key;
	FILE *in;

	state_leaf_name(leaf.number, folder);
	snprintf(file, sizeof(file), "%s/%s/key.pem", path, folder);
	in = fopen(file, "r");
	tap_need(in);
	key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
	fclose(in);
	tap_need(key);
	return key;
}

/* profiles */

static int count_extension(X509 *cert, int nid)
{
	int at = -1, count = 0;

	while ((at = X509_get_ext_by_NID(cert, nid, at)) >= 0)
		count++;
	return count;
}

static bool critical(X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

static void need_san(void)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf.cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name;

	tap_need_eq(sk_GENERAL_NAME_num(names), 1);
	name = sk_GENERAL_NAME_value(names, 0);
	tap_need_eq(name->type, GEN_DNS);
	tap_need_eq(ASN1_STRING_length(name->d.dNSName), strlen(config.name));
	tap_need(!memcmp(ASN1_STRING_get0_data(name->d.dNSName), config.name, strlen(config.name)));
	GENERAL_NAMES_free(names);
}

static void need_one_ca_issuers_url(void)
{
	AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(leaf.cert, NID_info_access, NULL, NULL);
	const ACCESS_DESCRIPTION *only;

	tap_need_eq(count_extension(leaf.cert, NID_info_access), 1);
	tap_need_eq(sk_ACCESS_DESCRIPTION_num(info), 1);
	only = sk_ACCESS_DESCRIPTION_value(info, 0);
	tap_need_eq(OBJ_obj2nid(only->method), NID_ad_ca_issuers);
	tap_need_eq(only->location->type, GEN_URI);
	tap_need(!memcmp(ASN1_STRING_get0_data(only->location->d.uniformResourceIdentifier),
			 config.ca_issuers_url, strlen(config.ca_issuers_url)));
	AUTHORITY_INFO_ACCESS_free(info);
}

static void need_leaf_profile(uint32_t usage)
{
	char name[80];
	int64_t now = time(NULL);

	X509_NAME_get_text_by_NID(X509_get_subject_name(leaf.cert), NID_commonName, name, 80);
	tap_need(!strcmp(name, config.name));
	tap_need_eq(X509_NAME_entry_count(X509_get_subject_name(leaf.cert)), 1);
	need_san();
	need_one_ca_issuers_url();
	tap_need_eq(X509_get_extended_key_usage(leaf.cert),
		    XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_SMIME);
	tap_need_eq(X509_get_key_usage(leaf.cert), usage);
	tap_need(critical(leaf.cert, NID_key_usage) && critical(leaf.cert, NID_basic_constraints));
	tap_need_eq(X509_check_ca(leaf.cert), 0);
	tap_need(X509_get0_subject_key_id(leaf.cert) && X509_get0_authority_key_id(leaf.cert));
	tap_need_eq(X509_get_version(leaf.cert), X509_VERSION_3);
	tap_need(leaf.not_before < now && leaf.not_before > now - 7200);
	tap_need(llabs(leaf.not_after - (now + 30 * 86400)) < 60);
}

static void need_ca_profile(X509 *cert, long pathlen)
{
	char organization[80];
	int64_t begin, end;

	tap_need_eq(X509_check_ca(cert), 1);
	tap_need_eq(X509_get_pathlen(cert), pathlen);
	tap_need_eq(X509_get_key_usage(cert), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	tap_need(critical(cert, NID_key_usage) && critical(cert, NID_basic_constraints));
	tap_need(X509_get0_subject_key_id(cert) && X509_get0_authority_key_id(cert));
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_organizationName, organization,
				  sizeof(organization));
	tap_need(!strcmp(organization, CERTIFICATE_SELF_ISSUED));
	tap_need_eq(certificate_times(cert, &begin, &end), 0);
	tap_need(end - begin > 9 * 365 * 86400LL);
}

static void need_chain(void)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *middle = sk_X509_new_null();

	sk_X509_push(middle, leaf.issuer);
	X509_STORE_add_cert(store, leaf.root);
	X509_STORE_CTX_init(ctx, store, leaf.cert, middle);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SMIME_SIGN);
	tap_need_msg(X509_verify_cert(ctx) == 1, "%s",
		     X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(middle);
}

static void need_whole(void)
{
	EVP_PKEY *key = read_key();

	tap_need_eq(X509_check_private_key(leaf.cert, key), 1);
	EVP_PKEY_free(key);
	need_chain();
}

static void leaf_and_ca_have_the_contracts_profile(void)
{
	fresh("p256", KEYTYPE_P_256);
	run();
	need_leaf_profile(KU_DIGITAL_SIGNATURE);
	need_ca_profile(leaf.root, -1);
	need_ca_profile(leaf.issuer, 0);
	need_whole();
	tap_need(leaf_fits(&leaf, &config));
	leaf_free(&leaf);
}

static void rsa_leaf_may_encipher_too(void)
{
	fresh("rsa", KEYTYPE_RSA_2048);
	run();
	need_leaf_profile(KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
	need_whole();
	leaf_free(&leaf);
}

static void leaf_never_outlives_its_issuer(void)
{
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);
	const struct certificate_profile profile = { .name = "node1", .days = 30 };
	X509 *issuer = certificate_root(key, CERTIFICATE_SELF_ISSUED), *cert;
	int64_t begin, end, last = time(NULL) + 86400;

	ASN1_TIME_set(X509_getm_notAfter(issuer), last);
	cert = certificate_leaf(key, &profile, issuer, key);
	tap_need(cert && !certificate_times(cert, &begin, &end));
	tap_need_eq(end, last);
	X509_free(cert);
	X509_free(issuer);
	EVP_PKEY_free(key);
}

static void certificate_of_other_settings_does_not_fit(void)
{
	struct config other;

	fresh("fits", KEYTYPE_P_256);
	run();
	other = config;
	strcpy(other.name, "node2.attest.example.net");
	tap_need(!leaf_fits(&leaf, &other));
	other = config;
	other.key_type = KEYTYPE_RSA_2048;
	tap_need(!leaf_fits(&leaf, &other));
	other = config;
	strcpy(other.ca_issuers_url, "http://ca.example.net/issuer.cer");
	tap_need(!leaf_fits(&leaf, &other));
	leaf_free(&leaf);
}

static void renewal_makes_a_new_key_under_the_same_ca(void)
{
	EVP_PKEY *first, *second;
	X509 *root;

	fresh("renew", KEYTYPE_P_256);
	run();
	first = read_key();
	root = X509_dup(leaf.root);
	run();
	tap_need_eq(leaf.number, 2);
	second = read_key();
	tap_need(EVP_PKEY_eq(first, second) != 1);
	tap_need_eq(X509_cmp(root, leaf.root), 0);
	need_whole();
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	X509_free(root);
	leaf_free(&leaf);
}

/* No private key but those of leaf and issuing CA lies anywhere. */
static void root_key_is_on_no_disk(void)
{
	char command[256];

	fresh("rootkey", KEYTYPE_P_256);
	run();
	snprintf(command, sizeof(command),
		 "test \"$(grep -rlE 'PRIVATE KEY' %s | sort | xargs -n1 basename | xargs)\" = "
		 "'issuing.key key.pem'", path);
	tap_need_eq(system(command), 0);
	leaf_free(&leaf);
}

/* crashes */

static int run_to_death(void *arg)
{
	steps_to_live = *(int *)arg;
	return make_leaf(signer) ? 1 : 0;
}

/* What is there is whole, and what is not there is made by the next start. */
static void need_recovery(int step)
{
	X509 *root = NULL;

	if (state_newest_leaf(&state)) {
		tap_need_msg(!leaf_load(&leaf, &state, &failure), "step %d: %s", step, failure.text);
		need_whole();
		root = X509_dup(leaf.root);
	}
	run();
	need_whole();
	tap_need(!root || !X509_cmp(root, leaf.root));
	X509_free(root);
	leaf_free(&leaf);
}

static void kill_at_every_step_leaves_a_whole_state_or_none(void)
{
	int step, status;
	char name[32];

	for (step = 0; ; step++) {
		snprintf(name, sizeof(name), "kill-%d", step);
		fresh(name, KEYTYPE_P_256);
		status = tap_join(tap_spawn(run_to_death, &step, TAP_KEEP_ALL));
		if (!status)
			break;
		tap_need_eq(status, 128 + SIGKILL);
		need_recovery(step);
		state_close(&state);
	}
	tap_diag("%d steps", step);
	tap_need(step > 20);
}

static void kill_at_every_step_of_a_renewal_keeps_the_older_leaf(void)
{
	int step, status;

	fresh("kill-renewal", KEYTYPE_P_256);
	run();
	for (step = 0; ; step++) {
		uint64_t before = state_newest_leaf(&state);

		status = tap_join(tap_spawn(run_to_death, &step, TAP_KEEP_ALL));
		tap_need(state_newest_leaf(&state) - before <= 1);
		tap_need_msg(!leaf_load(&leaf, &state, &failure), "step %d: %s", step, failure.text);
		need_whole();
		if (!status)
			break;
		tap_need_eq(status, 128 + SIGKILL);
	}
	tap_need(step > 10);
	leaf_free(&leaf);
}

/* damage */

static void cut_file(const char *folder, const char *name, off_t length)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/%s/%s", path, folder, name);
	tap_need(!truncate(file, length));
}

static void truncated_files_are_named_not_used(void)
{
	static const char *const leaf_files[] = { "cert.pem", "issuer.pem", "root.pem" };
	static const char *const ca_files[] = { "root.pem", "issuing.pem", "issuing.key" };
	char name[32], want[64];

	for (size_t i = 0; i < 6; i++) {
		const char *file = i < 3 ? leaf_files[i] : ca_files[i - 3];
		int ret;

		snprintf(name, sizeof(name), "cut-%zu", i);
		fresh(name, KEYTYPE_P_256);
		run();
		leaf_free(&leaf);
		cut_file(i < 3 ? "leaf-000001" : "ca", file, 100);
		memset(&failure, 0, sizeof(failure));
		ret = i < 3 ? leaf_load(&leaf, &state, &failure) :
			make_leaf(signer);
		snprintf(want, sizeof(want), "/%s/%s: ", i < 3 ? "leaf-000001" : "ca", file);
		tap_need(ret < 0);
		tap_need_eq(failure.exit, EXIT_STATE);
		tap_need_msg(strstr(failure.text, want), "%s", failure.text);
		tap_need(!leaf.number);
	}
}

static void missing_signer_program_is_told(void)
{
	fresh("nosigner", KEYTYPE_P_256);
	tap_need(make_leaf("/nonexistent/azattest-signer") < 0);
	tap_need_msg(strstr(failure.text, "exit code 127"), "%s", failure.text);
	tap_need_eq(state_newest_leaf(&state), 0);
}

/* the documented commands */

static void write_document(const char *file)
{
	static const char content[] = "{\"nonce\":\"1234567890\"}";
	uint8_t buf[8192], *first;
	EVP_PKEY *key = read_key();
	struct cms *cms;
	FILE *out = fopen(file, "w");
	int length;

	tap_need_eq(cms_open(&cms, key, leaf.cert, leaf.issuer, 0), 0);
	length = cms_sign(cms, content, sizeof(content) - 1, buf, sizeof(buf), &first);
	tap_need(out && length > 0 && fwrite(first, 1, (size_t)length, out) == (size_t)length);
	tap_need(!fclose(out));
	cms_close(cms);
	EVP_PKEY_free(key);
}

static void need_commands(const char *name, enum keytype type)
{
	char file[128], command[1024];

	fresh(name, type);
	run();
	snprintf(file, sizeof(file), "%s/document", path);
	write_document(file);
	snprintf(command, sizeof(command),
		 "set -e; cd %s; exec 2>err; cp leaf-000001/root.pem leaf-000001/issuer.pem .\n"
		 "base64 -w0 document >signature\n"
		 "base64 -d signature >document.der\n"
		 "openssl pkcs7 -inform DER -in document.der -print_certs -out leaf.pem\n"
		 "openssl smime -verify -inform DER -in document.der -noverify >json\n"
		 "test \"$(cat json)\" = '{\"nonce\":\"1234567890\"}'\n"
		 "openssl verify -CAfile root.pem -untrusted issuer.pem leaf.pem >/dev/null\n"
		 "cat root.pem issuer.pem >root+issuer.pem\n"
		 "openssl smime -verify -inform DER -in document.der -CAfile root+issuer.pem >json2\n"
		 "cmp json json2\n"
		 "if openssl smime -verify -inform DER -in document.der -CAfile /etc/ssl/cert.pem "
		 ">/dev/null; then exit 1; fi\n", path);
	tap_need_eq(system(command), 0);
	leaf_free(&leaf);
}

static void documented_openssl_commands_accept_rsa_2048(void)
{
	need_commands("cmd-2048", KEYTYPE_RSA_2048);
}

static void documented_openssl_commands_accept_rsa_3072(void)
{
	need_commands("cmd-3072", KEYTYPE_RSA_3072);
}

static void documented_openssl_commands_accept_p256(void)
{
	need_commands("cmd-p256", KEYTYPE_P_256);
}

static const struct tap_test tests[] = {
	TAP_TEST(leaf_and_ca_have_the_contracts_profile),
	TAP_TEST(rsa_leaf_may_encipher_too),
	TAP_TEST(leaf_never_outlives_its_issuer),
	TAP_TEST(certificate_of_other_settings_does_not_fit),
	TAP_TEST(renewal_makes_a_new_key_under_the_same_ca),
	TAP_TEST(root_key_is_on_no_disk),
	TAP_TEST(kill_at_every_step_leaves_a_whole_state_or_none),
	TAP_TEST(kill_at_every_step_of_a_renewal_keeps_the_older_leaf),
	TAP_TEST(truncated_files_are_named_not_used),
	TAP_TEST(missing_signer_program_is_told),
	TAP_TEST(documented_openssl_commands_accept_rsa_2048),
	TAP_TEST(documented_openssl_commands_accept_rsa_3072),
	TAP_TEST(documented_openssl_commands_accept_p256),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	spawn_default_path(signer, sizeof(signer), "azattest-signer-fake");
	if (!mkdtemp(top))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
