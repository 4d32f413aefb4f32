// SPDX-License-Identifier: GPL-2.0
// Tests who may sign: the chain to the anchor, the certificate's times, key,
// purposes and name, and whether the host issued it itself.
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#include "maker.h"

/* A document by a leaf that the fleet's issuing CA has made so. */
static struct bytes by_leaf(struct maker_cert spec)
{
	struct bytes der;
	X509 *leaf;

	if (!spec.issuer) {
		spec.issuer = maker.issuer;
		spec.issuer_key = maker.issuer_key;
	}
	leaf = maker_cert(&spec);
	der = maker_doc(&(struct maker_doc){ .leaf = leaf, .key = spec.key });
	X509_free(leaf);
	return der;
}

static void need_leaf(struct maker_cert spec, int code)
{
	need_code(&(struct ask){ 0 }, by_leaf(spec), code);
}

static void issuer_missing_refused(void)
{
	need_code(&(struct ask){ .no_issuer = true }, maker_good(),
		  AZATTEST_E_ISSUER);
}

static void issuer_from_the_bag_accepted(void)
{
	struct maker_doc doc = { .second = maker.issuer };

	need_code(&(struct ask){ .no_issuer = true }, maker_doc(&doc),
		  AZATTEST_E_OK);
}

/* Roots as --issuer, or inside the document, give no trust. */
static void root_given_as_issuer_not_trusted(void)
{
	X509 *other = maker_ca("Other root", "Other", NULL, NULL,
			       maker.other_key);
	struct maker_doc doc = { .first = maker.issuer, .second = maker.root };

	need_code(&(struct ask){ .anchor = other, .issuer = maker.root },
		  maker_doc(&doc), AZATTEST_E_UNTRUSTED);
	need_code(&(struct ask){ .anchor = other }, maker_good(),
		  AZATTEST_E_ISSUER);
	X509_free(other);
}

/* The same name and another key: a root of that name vouches for nothing. */
static void namesake_of_root_not_trusted(void)
{
	X509 *fake = maker_ca("Fleet root", "Example", NULL, NULL,
			      maker.other_key);

	need_code(&(struct ask){ .anchor = fake }, maker_good(),
		  AZATTEST_E_CHAIN);
	X509_free(fake);
}

static void issuing_ca_alone_is_no_anchor(void)
{
	need_code(&(struct ask){ .anchor = maker.issuer }, maker_good(),
		  AZATTEST_E_TRUST);
}

static void root_and_issuer_in_one_file_accepted(void)
{
	struct azattest_verify_options o = AZATTEST_VERIFY_OPTIONS_INIT;
	struct azattest_trust *trust = azattest_trust_new();
	struct azattest_document *document;
	struct bytes der = maker_good();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	o.at = MAKER_NOW;
	PEM_write_bio_X509(bio, maker.issuer);
	PEM_write_bio_X509(bio, maker.root);
	len = BIO_get_mem_data(bio, &text);
	tap_need_eq(azattest_trust_add(trust, AZATTEST_TRUST_ANCHORS, text,
				       (size_t)len, NULL), 0);
	tap_need_eq(azattest_verify(trust, der.data, der.len, &o, &document,
				    NULL), 0);
	azattest_document_free(document);
	azattest_trust_free(trust);
	BIO_free(bio);
	free(der.data);
}

static void trust_file_that_is_none_refused(void)
{
	static const char *const bad[] = {
		"", "x", "-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		"\x30\x03\x02\x01\x01",
	};
	struct azattest_trust *trust = azattest_trust_new();
	struct azattest_fault fault;
	size_t i;

	for (i = 0; i < TAP_COUNT(bad); i++)
		tap_need_eq(azattest_trust_add(trust, AZATTEST_TRUST_ANCHORS,
				bad[i], strlen(bad[i]), &fault),
			    AZATTEST_E_TRUST);
	azattest_trust_free(trust);
}

static void certificate_times_hold(void)
{
	/* its documents end before it does, or LIFETIME would be the word */
	need_leaf((struct maker_cert){ .until = -HOUR }, AZATTEST_E_CERT_TIME);
	need_leaf((struct maker_cert){ .from = HOUR }, AZATTEST_E_CERT_TIME);
	need_leaf((struct maker_cert){ .from = -1, .until = 7 * HOUR },
		  AZATTEST_E_OK);
}

static void verification_time_is_the_callers(void)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };

	ask.options.at = MAKER_NOW + 40LL * 24 * HOUR;
	need_code(&ask, maker_good(), AZATTEST_E_CERT_TIME);
	ask.options.at = MAKER_NOW - 2LL * 24 * HOUR;
	need_code(&ask, maker_good(), AZATTEST_E_CERT_TIME);
}

/* 0 is the present; the documents here are of another year. */
static void without_a_time_it_is_now(void)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };
	int64_t now = time(NULL);
	bool past = now < MAKER_NOW - 24 * HOUR ||
		    now > MAKER_NOW + 29LL * 24 * HOUR;

	if (!past)
		tap_skip("the clock says the tests' own time");
	need_code(&ask, maker_good(), AZATTEST_E_CERT_TIME);
}

static void leaf_issued_by_leaf_refused(void)
{
	X509 *middle = maker_cert(&(struct maker_cert){ .cn = "middle",
		.issuer = maker.issuer, .issuer_key = maker.issuer_key,
		.key = maker.other_key });
	X509 *leaf = maker_cert(&(struct maker_cert){ .issuer = middle,
		.issuer_key = maker.other_key });

	need_doc(&(struct maker_doc){ .leaf = leaf, .second = middle },
		 AZATTEST_E_CHAIN);
	X509_free(middle);
	X509_free(leaf);
}

static void need_middle(struct maker_cert spec, int code)
{
	X509 *middle, *leaf;

	spec.cn = "middle";
	spec.issuer = maker.issuer;
	spec.issuer_key = maker.issuer_key;
	spec.key = maker.other_key;
	middle = maker_cert(&spec);
	leaf = maker_cert(&(struct maker_cert){ .issuer = middle,
		.issuer_key = maker.other_key });
	need_doc(&(struct maker_doc){ .leaf = leaf, .second = middle }, code);
	X509_free(middle);
	X509_free(leaf);
}

/* Neither a key usage alone nor a mark of old browsers makes a CA. */
static void issuer_without_ca_mark_refused(void)
{
	need_middle((struct maker_cert){ .basic = "", .eku = "",
		.usage = "critical,keyCertSign" }, AZATTEST_E_CHAIN);
	need_middle((struct maker_cert){ .basic = "", .eku = "", .usage = "",
		.ns_type = "sslCA,emailCA,objCA" }, AZATTEST_E_CHAIN);
	need_middle((struct maker_cert){ .basic = "critical,CA:TRUE",
		.eku = "", .usage = "critical,keyCertSign" }, AZATTEST_E_OK);
}

static void issuer_for_other_purposes_refused(void)
{
	static const struct { const char *eku; int code; } rows[] = {
		{ "timeStamping", AZATTEST_E_CHAIN },
		{ "codeSigning,OCSPSigning", AZATTEST_E_CHAIN },
		{ "emailProtection", AZATTEST_E_OK },
		{ "serverAuth,clientAuth", AZATTEST_E_OK },
	};
	size_t i;

	for (i = 0; i < TAP_COUNT(rows); i++)
		need_middle((struct maker_cert){ .basic = "critical,CA:TRUE",
			.usage = "critical,keyCertSign", .eku = rows[i].eku },
			rows[i].code);
}

static void weak_digest_in_chain_refused(void)
{
	need_leaf((struct maker_cert){ .md = EVP_sha1() }, AZATTEST_E_CHAIN);
}

static void weak_or_foreign_key_refused(void)
{
	static const char *const groups[] = { "P-384", "secp256k1", "P-224" };
	EVP_PKEY *key = maker_rsa(1024);
	size_t i;

	need_leaf((struct maker_cert){ .key = key }, AZATTEST_E_KEY);
	EVP_PKEY_free(key);
	for (i = 0; i < TAP_COUNT(groups); i++) {
		key = maker_ec(groups[i]);
		need_leaf((struct maker_cert){ .key = key }, AZATTEST_E_KEY);
		EVP_PKEY_free(key);
	}
}

static X509 *ed25519_leaf;

static void put_ed25519(PKCS7 *p7)
{
	X509_free(sk_X509_pop(p7->d.sign->cert));
	X509_up_ref(ed25519_leaf);
	sk_X509_push(p7->d.sign->cert, ed25519_leaf);
}

static void ed25519_key_refused(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	ed25519_leaf = maker_cert(&(struct maker_cert){
		.issuer = maker.issuer, .issuer_key = maker.issuer_key,
		.key = key,
		.serial = ASN1_INTEGER_get(X509_get_serialNumber(maker.leaf)) });
	need_doc(&(struct maker_doc){ .edit = put_ed25519 }, AZATTEST_E_KEY);
	X509_free(ed25519_leaf);
	EVP_PKEY_free(key);
}

static void ca_as_signer_refused(void)
{
	need_leaf((struct maker_cert){ .basic = "critical,CA:TRUE",
		.usage = "critical,digitalSignature,keyCertSign" },
		AZATTEST_E_CA);
	need_leaf((struct maker_cert){ .basic = "" }, AZATTEST_E_CA);
}

static void key_usage_must_be_for_signatures(void)
{
	need_leaf((struct maker_cert){ .usage = "" }, AZATTEST_E_KEY_USAGE);
	need_leaf((struct maker_cert){ .usage = "critical,keyEncipherment" },
		  AZATTEST_E_KEY_USAGE);
	need_leaf((struct maker_cert){
		.usage = "critical,digitalSignature,keyCertSign" },
		AZATTEST_E_KEY_USAGE);
	need_leaf((struct maker_cert){
		.usage = "critical,digitalSignature,keyEncipherment" },
		AZATTEST_E_OK);
}

static void purpose_must_fit(void)
{
	need_leaf((struct maker_cert){ .eku = "" }, AZATTEST_E_EXT_KEY_USAGE);
	need_leaf((struct maker_cert){ .eku = "clientAuth" },
		  AZATTEST_E_EXT_KEY_USAGE);
	need_leaf((struct maker_cert){ .eku = "codeSigning,timeStamping" },
		  AZATTEST_E_EXT_KEY_USAGE);
	need_leaf((struct maker_cert){ .eku = "anyExtendedKeyUsage" },
		  AZATTEST_E_EXT_KEY_USAGE);
	need_leaf((struct maker_cert){ .eku = "emailProtection" },
		  AZATTEST_E_OK);
	need_leaf((struct maker_cert){ .eku = "serverAuth,clientAuth" },
		  AZATTEST_E_OK);
}

static void unknown_critical_extension_refused(void)
{
	X509 *leaf = maker_cert(&(struct maker_cert){ .issuer = maker.issuer,
		.issuer_key = maker.issuer_key });
	X509_EXTENSION *ext = X509V3_EXT_conf(NULL, NULL, "1.2.3.4",
					      "critical,DER:0500");

	tap_need(ext && X509_add_ext(leaf, ext, -1));
	X509_sign(leaf, maker.issuer_key, EVP_sha256());
	need_doc(&(struct maker_doc){ .leaf = leaf }, AZATTEST_E_CHAIN);
	X509_EXTENSION_free(ext);
	X509_free(leaf);
}

static void need_name(const char *san, const char *rule, int code)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };

	ask.options.at = MAKER_NOW;
	ask.options.name = rule;
	need_code(&ask, by_leaf((struct maker_cert){ .key = maker.ec_key,
						     .san = san }), code);
}

static void exact_name_rule(void)
{
	need_name(NULL, MAKER_NAME, AZATTEST_E_OK);
	need_name("DNS:NODE1.Attest.example.NET", MAKER_NAME, AZATTEST_E_OK);
	need_name("DNS:other.example.net,DNS:" MAKER_NAME, MAKER_NAME,
		  AZATTEST_E_OK);
	need_name("DNS:node2.attest.example.net", MAKER_NAME, AZATTEST_E_NAME);
	need_name("DNS:x" MAKER_NAME, MAKER_NAME, AZATTEST_E_NAME);
	need_name("DNS:" MAKER_NAME ".evil.net", MAKER_NAME, AZATTEST_E_NAME);
}

static void suffix_name_rule_stops_at_labels(void)
{
	const char *rule = ".attest.example.net";

	need_name(NULL, rule, AZATTEST_E_OK);
	need_name("DNS:a.b.attest.example.net", rule, AZATTEST_E_OK);
	need_name("DNS:attest.example.net", rule, AZATTEST_E_NAME);
	need_name("DNS:evilattest.example.net", rule, AZATTEST_E_NAME);
	need_name("DNS:node1.attest.example.net.evil.net", rule,
		  AZATTEST_E_NAME);
	need_name("DNS:.attest.example.net", rule, AZATTEST_E_NAME);
}

/* What is no dNSName does not count, nor what names many hosts. */
static void only_literal_dns_names_count(void)
{
	need_name("URI:https://" MAKER_NAME, MAKER_NAME, AZATTEST_E_NAME);
	need_name("email:x@" MAKER_NAME, MAKER_NAME, AZATTEST_E_NAME);
	need_name("DNS:*.attest.example.net", ".attest.example.net",
		  AZATTEST_E_NAME);
	need_name("", MAKER_NAME, AZATTEST_E_NAME);	/* the CN has it */
	need_name("", NULL, AZATTEST_E_OK);
}

/* "node1.attest.example.net\0.evil.net" ends in C where it seems to. */
static void name_with_nul_refused(void)
{
	static const char name[] = MAKER_NAME "\0.evil.net";
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *entry = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };
	X509 *leaf = maker_cert(&(struct maker_cert){ .issuer = maker.issuer,
		.issuer_key = maker.issuer_key, .san = "" });

	ASN1_STRING_set(text, name, sizeof(name) - 1);
	GENERAL_NAME_set0_value(entry, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, entry);
	tap_need(X509_add1_ext_i2d(leaf, NID_subject_alt_name, names, 0, 0));
	X509_sign(leaf, maker.issuer_key, EVP_sha256());
	ask.options.at = MAKER_NOW;
	ask.options.name = MAKER_NAME;
	need_code(&ask, maker_doc(&(struct maker_doc){ .leaf = leaf }),
		  AZATTEST_E_NAME);
	GENERAL_NAMES_free(names);
	X509_free(leaf);
}

struct own_ca {
	X509 *root, *issuer, *leaf;
};

static struct own_ca make_own_ca(const char *root_org, const char *issuer_org)
{
	struct own_ca own;

	own.root = maker_ca("host root", root_org, NULL, NULL, maker.root_key);
	own.issuer = maker_ca("host issuing CA", issuer_org, own.root,
			      maker.root_key, maker.issuer_key);
	own.leaf = maker_cert(&(struct maker_cert){ .issuer = own.issuer,
		.issuer_key = maker.issuer_key });
	return own;
}

static void free_own_ca(struct own_ca *own)
{
	X509_free(own->root);
	X509_free(own->issuer);
	X509_free(own->leaf);
}

static void need_self_issued(const char *root_org, const char *issuer_org,
			     bool want)
{
	struct own_ca own = make_own_ca(root_org, issuer_org);
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT,
			   .anchor = own.root, .issuer = own.issuer };
	struct maker_doc doc = { .leaf = own.leaf };
	struct azattest_document *document;
	struct bytes der = maker_doc(&doc);

	ask.options.at = MAKER_NOW;
	tap_need_eq(ask_code(&ask, der, &document), 0);
	tap_need_eq(document->self_issued, want);
	azattest_document_free(document);
	ask.options.flags = AZATTEST_VERIFY_REQUIRE_ISSUED;
	need_code(&ask, der, want ? AZATTEST_E_SELF_ISSUED : AZATTEST_E_OK);
	free_own_ca(&own);
}

static void self_issued_is_said_and_refused_when_asked(void)
{
	const char *mark = "azattest self-issued";

	need_self_issued(mark, mark, true);
	need_self_issued(mark, "Example", true);
	need_self_issued("Example", mark, true);
	need_self_issued("Example", "Example", false);
	need_self_issued("azattest self-issued ", NULL, false);
	need_self_issued("Azattest Self-Issued", NULL, false);
}

static void no_path_leaks(void);

static const struct tap_test tests[] = {
	TAP_TEST(issuer_missing_refused),
	TAP_TEST(issuer_from_the_bag_accepted),
	TAP_TEST(root_given_as_issuer_not_trusted),
	TAP_TEST(namesake_of_root_not_trusted),
	TAP_TEST(issuing_ca_alone_is_no_anchor),
	TAP_TEST(root_and_issuer_in_one_file_accepted),
	TAP_TEST(trust_file_that_is_none_refused),
	TAP_TEST(certificate_times_hold),
	TAP_TEST(verification_time_is_the_callers),
	TAP_TEST(without_a_time_it_is_now),
	TAP_TEST(leaf_issued_by_leaf_refused),
	TAP_TEST(issuer_without_ca_mark_refused),
	TAP_TEST(issuer_for_other_purposes_refused),
	TAP_TEST(weak_digest_in_chain_refused),
	TAP_TEST(weak_or_foreign_key_refused),
	TAP_TEST(ed25519_key_refused),
	TAP_TEST(ca_as_signer_refused),
	TAP_TEST(key_usage_must_be_for_signatures),
	TAP_TEST(purpose_must_fit),
	TAP_TEST(unknown_critical_extension_refused),
	TAP_TEST(exact_name_rule),
	TAP_TEST(suffix_name_rule_stops_at_labels),
	TAP_TEST(only_literal_dns_names_count),
	TAP_TEST(name_with_nul_refused),
	TAP_TEST(self_issued_is_said_and_refused_when_asked),
	TAP_TEST(no_path_leaks),
};

static void no_path_leaks(void)
{
	need_no_leaks(tests, TAP_COUNT(tests) - 1);
}

int main(int argc, char **argv)
{
	maker_start();
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
