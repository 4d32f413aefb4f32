// SPDX-License-Identifier: GPL-2.0
// Promises of the rules by which a CA's certificate is taken: each alone can refuse.

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <selftests/lib/tap.h>
#include <userspace/common/accept.h>
#include <userspace/common/certificate.h>
#include <userspace/common/common.h>
#include <userspace/common/ownfile.h>

#define NAME	"node1.example.net"
#define DAY	86400

static EVP_PKEY *root_key, *issuing_key, *key;
static X509 *root, *issuing;
static STACK_OF(X509) *trust, *others;
static char why[300];

static void make_ca(void)
{
	root_key = keytype_generate(KEYTYPE_P_256);
	issuing_key = keytype_generate(KEYTYPE_P_256);
	key = keytype_generate(KEYTYPE_P_256);
	root = certificate_root(root_key, "test");
	issuing = certificate_issuing(issuing_key, "test", root, root_key);
	trust = sk_X509_new_null();
	others = sk_X509_new_null();
	tap_need(sk_X509_push(trust, root) && sk_X509_push(others, issuing));
}

static X509 *make_leaf(void)
{
	const struct certificate_profile profile = {
		.name = NAME, .days = 30, .ca_issuers_url = "http://ca.example.net/issuer.cer",
	};
	X509 *leaf = certificate_leaf(key, &profile, issuing, issuing_key);

	tap_need(leaf);
	return leaf;
}

static struct accept_rules rules_now(void)
{
	return (struct accept_rules) {
		.key = key, .name = NAME, .lifetime_days = 30, .renew_days = 10, .trust = trust,
		.now = time(NULL),
	};
}

static int check(X509 *leaf, const struct accept_rules *rules)
{
	*why = 0;
	return accept_check(rules, leaf, others, NULL, why, sizeof(why));
}

static void sign(X509 *leaf)
{
	tap_need(X509_sign(leaf, issuing_key, EVP_sha256()) > 0);
}

/* The same certificate with one extension less, or another. */
static void set_extension(X509 *leaf, int nid, const char *value)
{
	int at = X509_get_ext_by_NID(leaf, nid, -1);
	X509_EXTENSION *extension;

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(leaf, at));
	if (value) {
		extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
		tap_need(extension && X509_add_ext(leaf, extension, -1) == 1);
		X509_EXTENSION_free(extension);
	}
	sign(leaf);
}

static void need_refused(X509 *leaf, const struct accept_rules *rules, const char *reason)
{
	tap_need_msg(check(leaf, rules) == -EKEYREJECTED, "taken, but: %s", reason);
	tap_need_msg(strstr(why, reason), "\"%s\" lacks \"%s\"", why, reason);
	tap_need(!strchr(why, '\n'));
}

static void good_leaf_is_taken_with_its_chain(void)
{
	struct accept_rules rules;
	STACK_OF(X509) *chain = NULL;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	tap_need_msg(!accept_check(&rules, leaf, others, &chain, why, sizeof(why)), "%s", why);
	tap_need_eq(sk_X509_num(chain), 3);
	tap_need(!X509_cmp(sk_X509_value(chain, 0), leaf) &&
		 !X509_cmp(sk_X509_value(chain, 1), issuing) &&
		 !X509_cmp(sk_X509_value(chain, 2), root));
	sk_X509_pop_free(chain, X509_free);
	X509_free(leaf);
}

static void each_extension_is_looked_at(void)
{
	static const struct {
		int nid;
		const char *value, *reason;
	} table[] = {
		{ NID_ext_key_usage, NULL, "no extended key usage" },
		{ NID_ext_key_usage, "clientAuth,emailProtection", "serverAuth is missing" },
		{ NID_ext_key_usage, "serverAuth,emailProtection", "clientAuth is missing" },
		{ NID_ext_key_usage, "serverAuth,clientAuth", "emailProtection is missing" },
		{ NID_key_usage, "critical,keyEncipherment", "without digitalSignature" },
		{ NID_basic_constraints, "critical,CA:TRUE", "is a CA's" },
		{ NID_subject_alt_name, NULL, "is for other names" },
		{ NID_subject_alt_name, "DNS:other.test", "is for other names" },
		{ NID_subject_alt_name, "DNS:" NAME ",DNS:other.test", "is for other names" },
		{ NID_subject_alt_name, "DNS:*.example.net", "is for other names" },
		{ NID_subject_alt_name, "DNS:" NAME ",IP:192.0.2.1", "is for other names" },
		{ NID_info_access, "caIssuers;URI:http://a.example.net/,caIssuers;URI:http://b.example.net/",
		  "has 2 CA Issuers URLs" },
	};
	struct accept_rules rules;

	make_ca();
	rules = rules_now();
	for (size_t i = 0; i < TAP_COUNT(table); i++) {
		X509 *leaf = make_leaf();

		set_extension(leaf, table[i].nid, table[i].value);
		need_refused(leaf, &rules, table[i].reason);
		X509_free(leaf);
	}
}

static void ca_by_key_usage_is_a_ca(void)
{
	struct accept_rules rules;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	set_extension(leaf, NID_basic_constraints, NULL);
	set_extension(leaf, NID_key_usage, "critical,digitalSignature,keyCertSign");
	need_refused(leaf, &rules, "is a CA's");
	X509_free(leaf);
}

static void key_and_name_must_be_those_of_the_request(void)
{
	struct accept_rules rules;
	EVP_PKEY *other = keytype_generate(KEYTYPE_P_256);
	X509 *leaf;

	make_ca();
	leaf = make_leaf();
	rules = rules_now();
	rules.key = other;
	need_refused(leaf, &rules, "is for another key");
	rules = rules_now();
	rules.name = "node2.example.net";
	need_refused(leaf, &rules, "is for another name");
	EVP_PKEY_free(other);
	X509_free(leaf);
}

static void add_common_name(X509 *leaf, const char *name, int length)
{
	tap_need(X509_NAME_add_entry_by_NID(X509_get_subject_name(leaf), NID_commonName, MBSTRING_ASC,
					    (const unsigned char *)name, length, -1, 0) == 1);
	sign(leaf);
}

static void replace_common_name(X509 *leaf, const char *name, int length)
{
	X509_NAME *none = X509_NAME_new();

	tap_need(none && X509_set_subject_name(leaf, none) == 1);
	X509_NAME_free(none);
	add_common_name(leaf, name, length);
}

/* Verifiers do not agree on what they read of two names, or behind a NUL. */
static void common_name_is_one_and_the_whole(void)
{
	struct accept_rules rules;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	replace_common_name(leaf, "NODE1.example.net", -1);
	tap_need_msg(!check(leaf, &rules), "%s", why);
	add_common_name(leaf, "node2.example.net", -1);
	need_refused(leaf, &rules, "more than one common name");
	replace_common_name(leaf, NAME "\0.evil.test", sizeof(NAME) + 10);
	need_refused(leaf, &rules, "is for another name");
	replace_common_name(leaf, "x\n<0>azattestd: forged\x7f", -1);
	need_refused(leaf, &rules, "\"x?<0>azattestd: forged?\"");
	X509_free(leaf);
}

/* What signers are given is bounded: such a one would be stored and never work. */
static void certificate_that_no_signer_takes_is_refused(void)
{
	struct accept_rules rules;
	char text[SETUP_CERT_MAX + 1];
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	memset(text, 'x', sizeof(text));
	text[SETUP_CERT_MAX - 1000] = 0;
	set_extension(leaf, NID_netscape_comment, text);
	tap_need_msg(!check(leaf, &rules), "%s", why);
	text[SETUP_CERT_MAX - 1000] = 'x';
	text[SETUP_CERT_MAX] = 0;
	set_extension(leaf, NID_netscape_comment, text);
	need_refused(leaf, &rules, "bytes: 4096 are the most");
	X509_free(leaf);
}

/* To the second: the last good one, and the first bad one. */
static void times_have_their_edges(void)
{
	struct accept_rules rules;
	int64_t begin, end;
	X509 *leaf;

	make_ca();
	leaf = make_leaf();
	rules = rules_now();
	tap_need(!certificate_times(leaf, &begin, &end));
	rules.now = begin;
	tap_need_msg(!check(leaf, &rules), "%s", why);
	rules.now = begin - 1;
	need_refused(leaf, &rules, "begins only in 1 s");
	rules.now = end - 10 * DAY - 1;
	tap_need_msg(!check(leaf, &rules), "%s", why);
	rules.now = end - 10 * DAY;
	need_refused(leaf, &rules, "it would be renewed at once");
	rules.renew_days = 0;
	rules.now = end - 1;
	tap_need_msg(!check(leaf, &rules), "%s", why);
	rules.now = end;
	need_refused(leaf, &rules, "ended 0 s ago");
	rules = rules_now();
	rules.lifetime_days = 28;	/* the leaf: 30 days and an hour */
	need_refused(leaf, &rules, "longer than lifetime-days (28)");
	X509_free(leaf);
}

static void chain_leads_to_a_given_root_in_three_steps(void)
{
	const struct certificate_profile profile = { .name = NAME, .days = 30 };
	struct accept_rules rules;
	X509 *leaf, *third;
	EVP_PKEY *third_key = keytype_generate(KEYTYPE_P_256);

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	sk_X509_pop(others);
	need_refused(leaf, &rules, "does not lead to a root of ca-trust");
	X509_free(leaf);
	/* Straight under the root is short enough. */
	leaf = certificate_leaf(key, &profile, root, root_key);
	tap_need_msg(!check(leaf, &rules), "%s", why);
	X509_free(leaf);
	third = certificate_root(third_key, "third");
	X509_set_issuer_name(third, X509_get_subject_name(issuing));
	set_extension(issuing, NID_basic_constraints, "critical,CA:TRUE");
	tap_need(X509_sign(issuing, root_key, EVP_sha256()) > 0);
	sign(third);
	set_extension(third, NID_authority_key_identifier, NULL);
	sk_X509_push(others, issuing);
	sk_X509_push(others, third);
	leaf = certificate_leaf(key, &profile, third, third_key);
	need_refused(leaf, &rules, "has a chain of 4 certificates");
	X509_free(leaf);
}

static void weak_signature_is_none(void)
{
	struct accept_rules rules;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	tap_need(X509_sign(leaf, issuing_key, EVP_sha1()) > 0);
	need_refused(leaf, &rules, "does not lead to a root of ca-trust");
	X509_free(leaf);
}

static void expired_issuer_is_none(void)
{
	struct accept_rules rules;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	ASN1_TIME_set(X509_getm_notAfter(issuing), time(NULL) - 60);
	tap_need(X509_sign(issuing, root_key, EVP_sha256()) > 0);
	need_refused(leaf, &rules, "does not lead to a root of ca-trust: certificate has expired");
	X509_free(leaf);
}

/* To the second: with its issuer it may end, after it not. */
static void leaf_that_outlives_a_ca_is_none(void)
{
	struct accept_rules rules;
	int64_t begin, end;
	X509 *leaf;

	make_ca();
	rules = rules_now();
	leaf = make_leaf();
	tap_need(!certificate_times(leaf, &begin, &end));
	ASN1_TIME_set(X509_getm_notAfter(issuing), (time_t)end);
	tap_need(X509_sign(issuing, root_key, EVP_sha256()) > 0);
	tap_need_msg(!check(leaf, &rules), "%s", why);
	ASN1_TIME_set(X509_getm_notAfter(issuing), (time_t)end - 1);
	tap_need(X509_sign(issuing, root_key, EVP_sha256()) > 0);
	need_refused(leaf, &rules, "ends 1 s after the CA's certificate above it");
	X509_free(leaf);
}

/* texts and files */

static size_t append_pem(char *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	tap_need(PEM_write_bio_X509(bio, cert) == 1);
	length = BIO_get_mem_data(bio, &text);
	memcpy(out, text, (size_t)length);
	BIO_free(bio);
	return (size_t)length;
}

static void texts_are_whole_certificates_or_nothing(void)
{
	static char text[ACCEPT_TEXT_MAX];
	STACK_OF(X509) *certs;
	size_t one, length;

	make_ca();
	one = length = append_pem(text, root);
	length += append_pem(text + length, issuing);
	certs = accept_parse(text, length);
	tap_need_eq(sk_X509_num(certs), 2);
	sk_X509_pop_free(certs, X509_free);
	tap_need(!accept_parse(text, 0));
	tap_need(!accept_parse("garbage", 7));
	tap_need(!accept_parse(text, length - 40));	/* the second is cut */
	text[one + 60] = '!';
	tap_need(!accept_parse(text, length));
	for (length = 0; length < (ACCEPT_CERTIFICATES_MAX + 1) * one; length += one)
		append_pem(text + length, root);
	tap_need(!accept_parse(text, length));
}

static void mutated_texts_never_crash(void)
{
	static char text[8192], bad[8192];
	size_t length;

	make_ca();
	length = append_pem(text, issuing);
	for (unsigned int i = 0; i < tap_loops(3000, 30000); i++) {
		size_t size = i % 7 ? length : (size_t)rand() % length;

		memcpy(bad, text, length);
		for (int flips = 0; flips < 1 + rand() % 3; flips++)
			bad[(size_t)rand() % length] = (char)rand();
		sk_X509_pop_free(accept_parse(bad, size), X509_free);
	}
}

static void files_of_others_are_neither_believed_nor_used(void)
{
	char path[] = "/tmp/azattest-own-XXXXXX", link[64], buf[64];
	int fd = mkstemp(path);

	tap_need(fd >= 0 && write(fd, "secret\n", 7) == 7);
	tap_need_eq(ownfile_read(path, OWNFILE_SECRET, 0, buf, sizeof(buf), why, sizeof(why)), 7);
	tap_need(!strcmp(buf, "secret\n"));
	tap_need_eq(ownfile_read(path, OWNFILE_SECRET, 0, buf, 7, why, sizeof(why)), -EFBIG);
	tap_need(!fchmod(fd, 0640));
	tap_need_eq(ownfile_read(path, OWNFILE_SECRET, 0, buf, sizeof(buf), why, sizeof(why)), -EPERM);
	tap_need(strstr(why, "mode is 0640: others may use it"));
	tap_need_eq(ownfile_read(path, OWNFILE_PUBLIC, 0, buf, sizeof(buf), why, sizeof(why)), 7);
	tap_need(!fchmod(fd, 0664));
	tap_need_eq(ownfile_read(path, OWNFILE_PUBLIC, 0, buf, sizeof(buf), why, sizeof(why)), -EPERM);
	tap_need(!fchmod(fd, 0600));
	if (!geteuid()) {
		tap_need(!fchown(fd, 2, 2));
		tap_need_eq(ownfile_read(path, OWNFILE_SECRET, 2, buf, sizeof(buf), why,
					 sizeof(why)), 7);
		tap_need_eq(ownfile_read(path, OWNFILE_SECRET, 1, buf, sizeof(buf), why,
					 sizeof(why)), -EPERM);
		tap_need(strstr(why, "belongs to user 2"));
	}
	snprintf(link, sizeof(link), "%s.fifo", path);
	tap_need(!mkfifo(link, 0600));
	tap_need_eq(ownfile_read(link, OWNFILE_SECRET, 0, buf, sizeof(buf), why, sizeof(why)), -EINVAL);
	tap_need_eq(ownfile_read("/nonexistent", OWNFILE_SECRET, 0, buf, sizeof(buf), why,
				 sizeof(why)), -ENOENT);
	unlink(link);
	unlink(path);
}

static const struct tap_test tests[] = {
	TAP_TEST(good_leaf_is_taken_with_its_chain),
	TAP_TEST(each_extension_is_looked_at),
	TAP_TEST(ca_by_key_usage_is_a_ca),
	TAP_TEST(key_and_name_must_be_those_of_the_request),
	TAP_TEST(common_name_is_one_and_the_whole),
	TAP_TEST(certificate_that_no_signer_takes_is_refused),
	TAP_TEST(times_have_their_edges),
	TAP_TEST(chain_leads_to_a_given_root_in_three_steps),
	TAP_TEST(weak_signature_is_none),
	TAP_TEST(expired_issuer_is_none),
	TAP_TEST(leaf_that_outlives_a_ca_is_none),
	TAP_TEST(texts_are_whole_certificates_or_nothing),
	TAP_TEST(mutated_texts_never_crash),
	TAP_TEST(files_of_others_are_neither_believed_nor_used),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
