// SPDX-License-Identifier: GPL-2.0
// Promises of azattest-ca against hostile messages and of what it writes down.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <selftests/certificate/caside.h>
#include <selftests/lib/tap.h>

/* NULL: refused. */
static X509 *enrol(const char *reference, const char *name)
{
	OSSL_CMP_CTX *ctx = caside_client(reference, name);
	X509 *cert = OSSL_CMP_exec_P10CR_ses(ctx);

	if (cert)
		X509_up_ref(cert);
	OSSL_CMP_CTX_free(ctx);
	ERR_clear_error();
	return cert;
}

static int count_file(const char *file, void *arg)
{
	(void)file;
	++*(int *)arg;
	return 0;
}

static int count(const char *folder)
{
	int number = 0;

	tap_need(!folder_each(&caside.ca.folder, folder, count_file, &number, &caside.failure));
	return number;
}

static void host_gets_certificates_for_its_own_name_only(void)
{
	X509 *cert;
	char serial[CA_SERIAL_MAX];

	caside_make("name");
	cert = enrol("node1.test", "node1.test");
	tap_need(cert);
	store_serial(X509_get0_serialNumber(cert), serial);
	X509_free(cert);
	cert = store_find(&caside.ca, serial);
	tap_need(cert);
	X509_free(cert);
	tap_need(!enrol("node1.test", "node2.test"));
	tap_need(!enrol("node2.test", "node2.test"));
	tap_need(!enrol("", "node1.test"));
	caside.secret[0] ^= 1;
	tap_need(!enrol("node1.test", "node1.test"));
	tap_need_eq(count("issued"), 1);
}

static OSSL_CMP_MSG *answer_to(const uint8_t *der, size_t length)
{
	size_t answer_length;
	uint8_t *answer = cmp_answer(&caside.server, der, length, &answer_length);
	BIO *bio = answer ? BIO_new_mem_buf(answer, (int)answer_length) : NULL;
	OSSL_CMP_MSG *message = bio ? d2i_OSSL_CMP_MSG_bio(bio, NULL) : NULL;

	BIO_free(bio);
	OPENSSL_free(answer);
	return message;
}

/* As after a restart, or 64 others: the transaction that it belonged to is forgotten. */
static void forget_transactions(void)
{
	OSSL_CMP_CTX *ctx;
	int after;

	caside.server.mode = TESTMODE_WAIT;
	for (int i = 0; i < 64; i++) {
		uint8_t kept[sizeof(caside.request)];
		size_t length = caside.request_len;

		memcpy(kept, caside.request, sizeof(kept));
		ctx = caside_client("node1.test", "node1.test");
		OSSL_CMP_try_certreq(ctx, OSSL_CMP_P10CR, NULL, &after);
		OSSL_CMP_CTX_free(ctx);
		memcpy(caside.request, kept, sizeof(kept));
		caside.request_len = length;
	}
	caside.server.mode = TESTMODE_NONE;
	ERR_clear_error();
}

static void need_replayed(int bodytype)
{
	OSSL_CMP_MSG *answer = answer_to(caside.request, caside.request_len);

	tap_need(answer);
	tap_need_eq(OSSL_CMP_MSG_get_bodytype(answer), bodytype);
	OSSL_CMP_MSG_free(answer);
	tap_need_eq(count("issued"), 1);
}

/* Whoever recorded a request can send it as often as he likes. */
static void a_request_that_comes_again_is_not_issued_again(void)
{
	char serial[CA_SERIAL_MAX];
	X509 *cert;

	caside_make("replay");
	cert = enrol("node1.test", "node1.test");
	tap_need(cert);
	for (int i = 0; i < 3; i++) {
		forget_transactions();
		need_replayed(3);	/* cp, with the same certificate */
	}
	store_serial(X509_get0_serialNumber(cert), serial);
	tap_need(!revoke_serial(&caside.ca, serial, &caside.failure));
	forget_transactions();
	need_replayed(3);		/* cp, which says "rejection" */
	X509_free(cert);
}

static X509 *enrol_with(X509_REQ *request, const char *reference)
{
	OSSL_CMP_CTX *ctx = caside_client(reference, reference);
	X509 *cert;

	tap_need(OSSL_CMP_CTX_set1_p10CSR(ctx, request) == 1);
	cert = OSSL_CMP_exec_P10CR_ses(ctx);
	if (cert)
		X509_up_ref(cert);
	OSSL_CMP_CTX_free(ctx);
	ERR_clear_error();
	return cert;
}

static void a_key_has_one_certificate_until_it_is_revoked(void)
{
	X509_REQ *request;
	X509 *first, *second;
	char serial[CA_SERIAL_MAX];

	caside_make("key");
	request = caside_request("node1.test");
	first = enrol_with(request, "node1.test");
	second = enrol_with(request, "node1.test");
	tap_need(first && second && !X509_cmp(first, second));
	tap_need_eq(count("issued"), 1);
	store_serial(X509_get0_serialNumber(first), serial);
	tap_need(!revoke_serial(&caside.ca, serial, &caside.failure));
	tap_need(!enrol_with(request, "node1.test"));
	tap_need_eq(count("issued"), 1);
	tap_need_eq(count("keys"), 1);
	X509_free(first);
	X509_free(second);
	X509_REQ_free(request);
}

static void removed_host_gets_none(void)
{
	caside_make("removed");
	tap_need(!store_remove_host(&caside.ca, "node1.test", &caside.failure));
	tap_need(!enrol("node1.test", "node1.test"));
	tap_need_eq(store_remove_host(&caside.ca, "node1.test", &caside.failure), -ENOENT);
	tap_need(strstr(caside.failure.text, "is not enrolled"));
}

/*
 * A message that says the same, under the same MAC: unchanged, or changed only
 * in the octet before the MAC, the last 20. That tells how many bits at the end
 * of the BIT STRING are unused; where they are zero, they make no difference.
 */
static bool same_message(const uint8_t *bad, size_t length)
{
	size_t unused = caside.request_len - 21;

	return length == caside.request_len && !memcmp(bad, caside.request, unused) &&
	       !memcmp(bad + unused + 1, caside.request + unused + 1, 20);
}

/* ASan looks on; whatever is answered, nothing is issued to a changed message. */
static void mutated_messages_never_crash_and_issue_nothing(void)
{
	uint8_t bad[sizeof(caside.request)];
	struct message_from from;
	size_t length;

	caside_make("mutate");
	X509_free(enrol("node1.test", "node1.test"));
	tap_need(!message_read_from(caside.request, caside.request_len, &from));
	tap_need(!strcmp(from.reference, "node1.test"));
	for (unsigned int i = 0; i < tap_loops(1500, 15000); i++) {
		memcpy(bad, caside.request, caside.request_len);
		length = i % 3 ? caside.request_len : (size_t)rand() % caside.request_len;
		for (int flips = 0; flips < 1 + rand() % 4; flips++)
			bad[(size_t)rand() % caside.request_len] ^= (uint8_t)(1 << rand() % 8);
		if (same_message(bad, length))
			continue;
		message_read_from(bad, length, &from);
		OPENSSL_free(cmp_answer(&caside.server, bad, length, &length));
	}
	tap_need_eq(count("issued"), 1);
}

static void headers_are_read_to_their_end_only(void)
{
	struct message_from from;

	caside_make("header");
	X509_free(enrol("node1.test", "node1.test"));
	for (size_t length = 0; length < caside.request_len; length++)
		if (message_read_from(caside.request, length, &from) == 0)
			tap_fail(__FILE__, __LINE__, "cut to %zu bytes it is read", length);
	tap_need(!message_read_from(caside.request, caside.request_len, &from));
}

static void transactions_are_bounded(void)
{
	OSSL_CMP_CTX *first;
	int after;

	caside_make("bounded");
	caside.server.mode = TESTMODE_WAIT;
	first = caside_client("node1.test", "node1.test");
	tap_need(OSSL_CMP_try_certreq(first, OSSL_CMP_P10CR, NULL, &after) == -1);
	caside.server.mode = TESTMODE_NONE;
	for (int i = 0; i < 70; i++)
		X509_free(enrol("node1.test", "node1.test"));
	/* The first has given way: it must begin again, and nothing else happens. */
	tap_need(OSSL_CMP_try_certreq(first, OSSL_CMP_P10CR, NULL, &after) == 0);
	OSSL_CMP_CTX_free(first);
	tap_need_eq(count("issued"), 70);
}

static X509_CRL *read_crl(void)
{
	char *pem = revoke_read_crl(&caside.ca, &caside.failure);
	BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
	X509_CRL *crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;

	tap_need_msg(pem, "%s", caside.failure.text);
	tap_need(crl && X509_CRL_verify(crl, X509_get0_pubkey(caside.ca.issuing)) == 1);
	BIO_free(bio);
	free(pem);
	return crl;
}

static bool is_on_crl(X509 *cert)
{
	X509_CRL *crl = read_crl();
	X509_REVOKED *entry;
	bool on = X509_CRL_get0_by_cert(crl, &entry, cert) == 1;

	X509_CRL_free(crl);
	return on;
}

static void revoked_is_on_the_crl_and_once(void)
{
	char serial[CA_SERIAL_MAX];
	X509 *cert;

	caside_make("revoke");
	cert = enrol("node1.test", "node1.test");
	store_serial(X509_get0_serialNumber(cert), serial);
	tap_need(!revoke_serial(&caside.ca, serial, &caside.failure));
	tap_need_eq(revoke_serial(&caside.ca, serial, &caside.failure), -EALREADY);
	tap_need_eq(revoke_serial(&caside.ca, "00", &caside.failure), -ENOENT);
	tap_need_eq(revoke_serial(&caside.ca, "../root.pem", &caside.failure), -ENOENT);
	tap_need_eq(revoke_serial(&caside.ca, "", &caside.failure), -ENOENT);
	tap_need(is_on_crl(cert));
	X509_free(cert);
}

/* A revoked certificate that ended @days ago. */
static X509 *revoked_and_ended(int days)
{
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);
	X509 *cert = issue_identity(&caside.ca, key, "node1.test", 30, &caside.failure);
	char serial[CA_SERIAL_MAX];

	tap_need(cert && X509_gmtime_adj(X509_getm_notAfter(cert), -days * 86400L) &&
		 X509_sign(cert, caside.ca.key, EVP_sha256()) > 0);
	store_serial(X509_get0_serialNumber(cert), serial);
	tap_need(!store_issued(&caside.ca, cert, &caside.failure));
	tap_need(!revoke_serial(&caside.ca, serial, &caside.failure));
	EVP_PKEY_free(key);
	return cert;
}

/* No sooner than the last CRL of before its end is out of use. */
static void ended_certificate_leaves_the_crl_and_stays_revoked(void)
{
	char serial[CA_SERIAL_MAX];
	X509 *recent, *ended;

	caside_make("ended");
	recent = revoked_and_ended(29);
	ended = revoked_and_ended(31);
	tap_need(is_on_crl(recent) && !is_on_crl(ended));
	store_serial(X509_get0_serialNumber(ended), serial);
	tap_need(revoke_is_revoked(&caside.ca, serial));
	X509_free(recent);
	X509_free(ended);
}

static void crl_names_certificates_of_its_issuing_ca_only(void)
{
	X509 *before, *after;
	X509_CRL *crl;

	caside_make("issuers");
	before = revoked_and_ended(0);
	tap_need(is_on_crl(before));
	tap_need(!store_roll_over(&caside.ca, &caside.failure));
	after = revoked_and_ended(0);
	tap_need(is_on_crl(after));
	crl = read_crl();
	tap_need_eq(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 1);
	X509_CRL_free(crl);
	X509_free(before);
	X509_free(after);
}

/* Without their certificates, which only makes them stay. */
static void add_revocations(unsigned int number)
{
	char file[128];
	FILE *out;

	snprintf(file, sizeof(file), "%s/revoked", caside.path);
	tap_need(!mkdir(file, 0700));
	for (unsigned int i = 0; i < number; i++) {
		snprintf(file, sizeof(file), "%s/revoked/40%030X", caside.path, i);
		out = fopen(file, "w");
		tap_need(out && fprintf(out, "1700000000") > 0 && !fclose(out));
	}
}

static void crl_has_no_end_at_some_thousand_revocations(void)
{
	X509_CRL *crl;
	X509 *cert;

	caside_make("thousands");
	add_revocations(5000);
	cert = revoked_and_ended(0);
	crl = read_crl();
	tap_need_eq(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl)), 5001);
	tap_need(is_on_crl(cert));
	X509_CRL_free(crl);
	X509_free(cert);
}

static int refuse_it(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **text)
{
	(void)ctx;
	(void)cert;
	*text = "PKIStatus: accepted\n<0>azattest-ca: forged";
	return fail_info | 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

/* What a host says is text: it neither decides nor begins a line. */
static void refused_one_is_revoked_whatever_the_words(void)
{
	OSSL_CMP_CTX *ctx;
	char said[4096];
	int pipe_of[2], old = dup(STDERR_FILENO);
	ssize_t length;

	caside_make("words");
	tap_need(!pipe(pipe_of) && old >= 0 && dup2(pipe_of[1], STDERR_FILENO) >= 0);
	ctx = caside_client("node1.test", "node1.test");
	tap_need(OSSL_CMP_CTX_set_certConf_cb(ctx, refuse_it) == 1);
	OSSL_CMP_exec_P10CR_ses(ctx);
	OSSL_CMP_CTX_free(ctx);
	ERR_clear_error();
	dup2(old, STDERR_FILENO);
	length = read(pipe_of[0], said, sizeof(said) - 1);
	tap_need(length > 0);
	said[length] = 0;
	tap_need_msg(strstr(said, "did not take"), "said: %s", said);
	tap_need(!strstr(said, "\n<0>"));
	tap_need_eq(count("revoked"), 1);
}

static void names_that_are_no_files_names_are_refused(void)
{
	static const char *const bad[] = {
		"", ".", "..", "../x", "a/b", "-a", "a b", "a\nb", "a,b", "\xc3\xa4",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		tap_need_msg(!store_name_ok(bad[i]), "\"%s\" is taken", bad[i]);
	tap_need(store_name_ok("node1.attest.example.net"));
}

static void state_of_others_and_damage_are_named(void)
{
	struct ca again = { 0 };
	char file[128];

	caside_make("damage");
	tap_need_eq(store_init(&again, caside.path, "x", KEYTYPE_P_256, &caside.failure), -EEXIST);
	snprintf(file, sizeof(file), "%s/issuing.key", caside.path);
	tap_need(!truncate(file, 40));
	tap_need(store_open(&again, caside.path, &caside.failure) < 0 &&
		 strstr(caside.failure.text, "/issuing.key: "));
	tap_need(!chmod(caside.path, 0755));
	memset(&again, 0, sizeof(again));
	tap_need_eq(store_open(&again, caside.path, &caside.failure), -EPERM);
	tap_need(strstr(caside.failure.text, "must be user"));
	snprintf(file, sizeof(file), "%s/none", caside.top);
	memset(&again, 0, sizeof(again));
	tap_need_eq(store_open(&again, file, &caside.failure), -ENOENT);
	tap_need(strstr(caside.failure.text, "azattest-ca init"));
}

static void roll_over_keeps_the_root(void)
{
	X509 *root, *issuing, *cert;

	caside_make("roll");
	root = X509_dup(caside.ca.root);
	issuing = X509_dup(caside.ca.issuing);
	tap_need_msg(!store_roll_over(&caside.ca, &caside.failure), "%s", caside.failure.text);
	tap_need(X509_cmp(issuing, caside.ca.issuing) && !X509_cmp(root, caside.ca.root));
	tap_need(X509_verify(caside.ca.issuing, X509_get0_pubkey(root)) == 1);
	cert = enrol("node1.test", "node1.test");
	tap_need(cert && X509_verify(cert, X509_get0_pubkey(caside.ca.issuing)) == 1);
	tap_need(!folder_remove(&caside.ca.folder, "root.key", &caside.failure));
	tap_need(store_roll_over(&caside.ca, &caside.failure) < 0 &&
		 strstr(caside.failure.text, "root.key"));
	X509_free(cert);
	X509_free(root);
	X509_free(issuing);
}

static const struct tap_test tests[] = {
	TAP_TEST(host_gets_certificates_for_its_own_name_only),
	TAP_TEST(a_request_that_comes_again_is_not_issued_again),
	TAP_TEST(a_key_has_one_certificate_until_it_is_revoked),
	TAP_TEST(removed_host_gets_none),
	TAP_TEST(mutated_messages_never_crash_and_issue_nothing),
	TAP_TEST(headers_are_read_to_their_end_only),
	TAP_TEST(transactions_are_bounded),
	TAP_TEST(revoked_is_on_the_crl_and_once),
	TAP_TEST(ended_certificate_leaves_the_crl_and_stays_revoked),
	TAP_TEST(crl_names_certificates_of_its_issuing_ca_only),
	TAP_TEST(crl_has_no_end_at_some_thousand_revocations),
	TAP_TEST(refused_one_is_revoked_whatever_the_words),
	TAP_TEST(names_that_are_no_files_names_are_refused),
	TAP_TEST(state_of_others_and_damage_are_named),
	TAP_TEST(roll_over_keeps_the_root),
};

int main(int argc, char **argv)
{
	return caside_main(tests, TAP_COUNT(tests), argc, argv);
}
