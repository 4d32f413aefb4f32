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

#include <selftests/lib/tap.h>
#include <userspace/ca/ca.h>
#include <userspace/common/common.h>

static char top[] = "/tmp/azattest-ca-XXXXXX";
static char path[64];
static struct ca ca;
static struct server server;
static struct failure failure;
static char secret[CA_SECRET_MAX];

static void make(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", top, name);
	memset(&ca, 0, sizeof(ca));
	tap_need_msg(!store_init(&ca, path, "test CA", KEYTYPE_P_256, &failure), "%s",
		     failure.text);
	tap_need_msg(!store_enrol(&ca, "node1.test", secret, &failure), "%s", failure.text);
	tap_need(!revoke_write_crl(&ca, &failure));
	server = (struct server) { .ca = &ca, .days = 30, .key = keytype_generate(KEYTYPE_P_256) };
	server.cert = issue_server(&ca, server.key, "localhost");
	tap_need(server.cert);
}

/* a client in this process: libcrypto's, with cmp_answer() for its transport */

static uint8_t request_der[8192];
static size_t request_len;

static OSSL_CMP_MSG *transfer(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *message)
{
	BIO *bio = BIO_new(BIO_s_mem());
	OSSL_CMP_MSG *answer = NULL;
	char *bytes;
	uint8_t *der;
	size_t length;

	(void)ctx;
	tap_need(i2d_OSSL_CMP_MSG_bio(bio, message) == 1);
	length = (size_t)BIO_get_mem_data(bio, &bytes);
	tap_need(length < sizeof(request_der));
	if (OSSL_CMP_MSG_get_bodytype(message) == 4) {	/* p10cr */
		memcpy(request_der, bytes, length);
		request_len = length;
	}
	der = cmp_answer(&server, (uint8_t *)bytes, length, &length);
	BIO_free(bio);
	if (!der)
		return NULL;
	bio = BIO_new_mem_buf(der, (int)length);
	answer = d2i_OSSL_CMP_MSG_bio(bio, NULL);
	BIO_free(bio);
	OPENSSL_free(der);
	return answer;
}

static X509_REQ *make_request(const char *name)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);

	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_REQ_set_subject_name(request, subject);
	X509_REQ_set_pubkey(request, key);
	tap_need(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	X509_NAME_free(subject);
	EVP_PKEY_free(key);
	return request;
}

static OSSL_CMP_CTX *client(const char *reference, const char *name)
{
	OSSL_CMP_CTX *ctx = OSSL_CMP_CTX_new(NULL, NULL);
	X509_REQ *request = make_request(name);

	OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG);
	tap_need(OSSL_CMP_CTX_set_transfer_cb(ctx, transfer) == 1 &&
		 OSSL_CMP_CTX_set1_referenceValue(ctx, (const unsigned char *)reference,
						  (int)strlen(reference)) == 1 &&
		 OSSL_CMP_CTX_set1_secretValue(ctx, (const unsigned char *)secret,
					       (int)strlen(secret)) == 1 &&
		 OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_UNPROTECTED_ERRORS, 1) == 1 &&
		 OSSL_CMP_CTX_set1_p10CSR(ctx, request) == 1);
	X509_REQ_free(request);
	return ctx;
}

/* NULL: refused. */
static X509 *enrol(const char *reference, const char *name)
{
	OSSL_CMP_CTX *ctx = client(reference, name);
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

	tap_need(!folder_each(&ca.folder, folder, count_file, &number, &failure));
	return number;
}

static void host_gets_certificates_for_its_own_name_only(void)
{
	X509 *cert;
	char serial[CA_SERIAL_MAX];

	make("name");
	cert = enrol("node1.test", "node1.test");
	tap_need(cert);
	store_serial(X509_get0_serialNumber(cert), serial);
	X509_free(cert);
	cert = store_find(&ca, serial);
	tap_need(cert);
	X509_free(cert);
	tap_need(!enrol("node1.test", "node2.test"));
	tap_need(!enrol("node2.test", "node2.test"));
	tap_need(!enrol("", "node1.test"));
	secret[0] ^= 1;
	tap_need(!enrol("node1.test", "node1.test"));
	tap_need_eq(count("issued"), 1);
}

static OSSL_CMP_MSG *answer_to(const uint8_t *der, size_t length)
{
	size_t answer_length;
	uint8_t *answer = cmp_answer(&server, der, length, &answer_length);
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

	server.mode = TESTMODE_WAIT;
	for (int i = 0; i < 64; i++) {
		uint8_t kept[sizeof(request_der)];
		size_t length = request_len;

		memcpy(kept, request_der, sizeof(kept));
		ctx = client("node1.test", "node1.test");
		OSSL_CMP_try_certreq(ctx, OSSL_CMP_P10CR, NULL, &after);
		OSSL_CMP_CTX_free(ctx);
		memcpy(request_der, kept, sizeof(kept));
		request_len = length;
	}
	server.mode = TESTMODE_NONE;
	ERR_clear_error();
}

static void need_replayed(int bodytype)
{
	OSSL_CMP_MSG *answer = answer_to(request_der, request_len);

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

	make("replay");
	cert = enrol("node1.test", "node1.test");
	tap_need(cert);
	for (int i = 0; i < 3; i++) {
		forget_transactions();
		need_replayed(3);	/* cp, with the same certificate */
	}
	store_serial(X509_get0_serialNumber(cert), serial);
	tap_need(!revoke_serial(&ca, serial, &failure));
	forget_transactions();
	need_replayed(3);		/* cp, which says "rejection" */
	X509_free(cert);
}

static X509 *enrol_with(X509_REQ *request, const char *reference)
{
	OSSL_CMP_CTX *ctx = client(reference, reference);
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

	make("key");
	request = make_request("node1.test");
	first = enrol_with(request, "node1.test");
	second = enrol_with(request, "node1.test");
	tap_need(first && second && !X509_cmp(first, second));
	tap_need_eq(count("issued"), 1);
	store_serial(X509_get0_serialNumber(first), serial);
	tap_need(!revoke_serial(&ca, serial, &failure));
	tap_need(!enrol_with(request, "node1.test"));
	tap_need_eq(count("issued"), 1);
	tap_need_eq(count("keys"), 1);
	X509_free(first);
	X509_free(second);
	X509_REQ_free(request);
}

static void removed_host_gets_none(void)
{
	make("removed");
	tap_need(!store_remove_host(&ca, "node1.test", &failure));
	tap_need(!enrol("node1.test", "node1.test"));
	tap_need_eq(store_remove_host(&ca, "node1.test", &failure), -ENOENT);
	tap_need(strstr(failure.text, "is not enrolled"));
}

/*
 * A message that says the same, under the same MAC: unchanged, or changed only
 * in the octet before the MAC, the last 20. That tells how many bits at the end
 * of the BIT STRING are unused; where they are zero, they make no difference.
 */
static bool same_message(const uint8_t *bad, size_t length)
{
	size_t unused = request_len - 21;

	return length == request_len && !memcmp(bad, request_der, unused) &&
	       !memcmp(bad + unused + 1, request_der + unused + 1, 20);
}

/* ASan looks on; whatever is answered, nothing is issued to a changed message. */
static void mutated_messages_never_crash_and_issue_nothing(void)
{
	uint8_t bad[sizeof(request_der)];
	struct message_from from;
	size_t length;

	make("mutate");
	X509_free(enrol("node1.test", "node1.test"));
	tap_need(!message_read_from(request_der, request_len, &from));
	tap_need(!strcmp(from.reference, "node1.test"));
	for (unsigned int i = 0; i < tap_loops(1500, 15000); i++) {
		memcpy(bad, request_der, request_len);
		length = i % 3 ? request_len : (size_t)rand() % request_len;
		for (int flips = 0; flips < 1 + rand() % 4; flips++)
			bad[(size_t)rand() % request_len] ^= (uint8_t)(1 << rand() % 8);
		if (same_message(bad, length))
			continue;
		message_read_from(bad, length, &from);
		OPENSSL_free(cmp_answer(&server, bad, length, &length));
	}
	tap_need_eq(count("issued"), 1);
}

static void headers_are_read_to_their_end_only(void)
{
	struct message_from from;

	make("header");
	X509_free(enrol("node1.test", "node1.test"));
	for (size_t length = 0; length < request_len; length++)
		if (message_read_from(request_der, length, &from) == 0)
			tap_fail(__FILE__, __LINE__, "cut to %zu bytes it is read", length);
	tap_need(!message_read_from(request_der, request_len, &from));
}

static void transactions_are_bounded(void)
{
	OSSL_CMP_CTX *first;
	int after;

	make("bounded");
	server.mode = TESTMODE_WAIT;
	first = client("node1.test", "node1.test");
	tap_need(OSSL_CMP_try_certreq(first, OSSL_CMP_P10CR, NULL, &after) == -1);
	server.mode = TESTMODE_NONE;
	for (int i = 0; i < 70; i++)
		X509_free(enrol("node1.test", "node1.test"));
	/* The first has given way: it must begin again, and nothing else happens. */
	tap_need(OSSL_CMP_try_certreq(first, OSSL_CMP_P10CR, NULL, &after) == 0);
	OSSL_CMP_CTX_free(first);
	tap_need_eq(count("issued"), 70);
}

static void revoked_is_on_the_crl_and_once(void)
{
	char serial[CA_SERIAL_MAX], pem[8192];
	X509_REVOKED *entry;
	X509_CRL *crl;
	X509 *cert;
	BIO *bio;
	int length;

	make("revoke");
	cert = enrol("node1.test", "node1.test");
	store_serial(X509_get0_serialNumber(cert), serial);
	tap_need(!revoke_serial(&ca, serial, &failure));
	tap_need_eq(revoke_serial(&ca, serial, &failure), -EALREADY);
	tap_need_eq(revoke_serial(&ca, "00", &failure), -ENOENT);
	tap_need_eq(revoke_serial(&ca, "../root.pem", &failure), -ENOENT);
	tap_need_eq(revoke_serial(&ca, "", &failure), -ENOENT);
	length = folder_read(&ca.folder, "crl.pem", pem, sizeof(pem), &failure);
	bio = BIO_new_mem_buf(pem, length);
	crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	tap_need(crl && X509_CRL_verify(crl, X509_get0_pubkey(ca.issuing)) == 1);
	tap_need_eq(X509_CRL_get0_by_cert(crl, &entry, cert), 1);
	X509_CRL_free(crl);
	BIO_free(bio);
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

	make("words");
	tap_need(!pipe(pipe_of) && old >= 0 && dup2(pipe_of[1], STDERR_FILENO) >= 0);
	ctx = client("node1.test", "node1.test");
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

	make("damage");
	tap_need_eq(store_init(&again, path, "x", KEYTYPE_P_256, &failure), -EEXIST);
	snprintf(file, sizeof(file), "%s/issuing.key", path);
	tap_need(!truncate(file, 40));
	tap_need(store_open(&again, path, &failure) < 0 && strstr(failure.text, "/issuing.key: "));
	tap_need(!chmod(path, 0755));
	memset(&again, 0, sizeof(again));
	tap_need_eq(store_open(&again, path, &failure), -EPERM);
	tap_need(strstr(failure.text, "must be user"));
	snprintf(file, sizeof(file), "%s/none", top);
	memset(&again, 0, sizeof(again));
	tap_need_eq(store_open(&again, file, &failure), -ENOENT);
	tap_need(strstr(failure.text, "azattest-ca init"));
}

static void roll_over_keeps_the_root(void)
{
	X509 *root, *issuing, *cert;

	make("roll");
	root = X509_dup(ca.root);
	issuing = X509_dup(ca.issuing);
	tap_need_msg(!store_roll_over(&ca, &failure), "%s", failure.text);
	tap_need(X509_cmp(issuing, ca.issuing) && !X509_cmp(root, ca.root));
	tap_need(X509_verify(ca.issuing, X509_get0_pubkey(root)) == 1);
	cert = enrol("node1.test", "node1.test");
	tap_need(cert && X509_verify(cert, X509_get0_pubkey(ca.issuing)) == 1);
	tap_need(!folder_remove(&ca.folder, "root.key", &failure));
	tap_need(store_roll_over(&ca, &failure) < 0 && strstr(failure.text, "root.key"));
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
	TAP_TEST(refused_one_is_revoked_whatever_the_words),
	TAP_TEST(names_that_are_no_files_names_are_refused),
	TAP_TEST(state_of_others_and_damage_are_named),
	TAP_TEST(roll_over_keeps_the_root),
};

int main(int argc, char **argv)
{
	char command[64];
	int status;

	if (!mkdtemp(top))
		return 1;
	status = tap_main(tests, TAP_COUNT(tests), argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : status;
}
