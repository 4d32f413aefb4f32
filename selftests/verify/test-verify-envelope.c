// SPDX-License-Identifier: GPL-2.0
// Tests that only the one envelope is accepted: one signer, SHA-256, content
// inside, no attributes, the signer's own certificate and signature.
#include <openssl/cms.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "maker.h"

static void good_rsa_accepted(void)
{
	need_doc(&(struct maker_doc){ 0 }, AZATTEST_E_OK);
}

static void good_p256_accepted(void)
{
	need_doc(&(struct maker_doc){ .leaf = maker.ec_leaf,
				      .key = maker.ec_key }, AZATTEST_E_OK);
}

static void good_rsa3072_accepted(void)
{
	EVP_PKEY *key = maker_rsa(3072);
	X509 *leaf = maker_cert(&(struct maker_cert){ .issuer = maker.issuer,
				.issuer_key = maker.issuer_key, .key = key });

	need_doc(&(struct maker_doc){ .leaf = leaf, .key = key },
		 AZATTEST_E_OK);
	X509_free(leaf);
	EVP_PKEY_free(key);
}

static void not_signed_data_refused(void)
{
	static const unsigned char empty[] = { 0x30, 0x00 };
	struct bytes der = { memcpy(malloc(2), empty, 2), 2 };

	need_code(&(struct ask){ 0 }, der, AZATTEST_E_SIGNED_DATA);
	/* 1.2.840.113549.1.7.2 -> .1: plain data */
	need_code(&(struct ask){ 0 },
		  bytes_patch(maker_good(), "\xf7\x0d\x01\x07\x02",
			      "\xf7\x0d\x01\x07\x01", 5), AZATTEST_E_SIGNED_DATA);
}

static void set_version(PKCS7 *p7)
{
	ASN1_INTEGER_set(p7->d.sign->version, 3);
}

static void set_signer_version(PKCS7 *p7)
{
	PKCS7_SIGNER_INFO *si =
		sk_PKCS7_SIGNER_INFO_value(p7->d.sign->signer_info, 0);

	ASN1_INTEGER_set(si->version, 3);
}

static void other_version_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = set_version },
		 AZATTEST_E_SIGNED_DATA);
	need_doc(&(struct maker_doc){ .edit = set_signer_version },
		 AZATTEST_E_SIGNERS);
}

static void key_id_signer_refused(void)
{
	const char *content = maker_content(NULL, NULL, 0, 0);
	BIO *bio = BIO_new_mem_buf(content, -1);
	X509 *leaf = X509_dup(maker.leaf);
	X509_EXTENSION *key_id;
	CMS_ContentInfo *cms;
	struct bytes der = { 0 };

	key_id = X509V3_EXT_conf_nid(NULL, &(X509V3_CTX){ .subject_cert = leaf },
				     NID_subject_key_identifier, "hash");
	tap_need(key_id && X509_add_ext(leaf, key_id, -1));
	X509_sign(leaf, maker.issuer_key, EVP_sha256());
	cms = CMS_sign(leaf, maker.key, NULL, bio,
		       CMS_BINARY | CMS_NOATTR | CMS_USE_KEYID);
	tap_need(cms);
	der.len = (size_t)i2d_CMS_ContentInfo(cms, &der.data);
	need_code(&(struct ask){ 0 }, der, AZATTEST_E_SIGNED_DATA);
	CMS_ContentInfo_free(cms);
	X509_EXTENSION_free(key_id);
	X509_free(leaf);
	BIO_free(bio);
}

static void no_signer_refused(void)
{
	PKCS7 *p7 = maker_pkcs7(&(struct maker_doc){ 0 });

	PKCS7_SIGNER_INFO_free(
		sk_PKCS7_SIGNER_INFO_pop(p7->d.sign->signer_info));
	need_code(&(struct ask){ 0 }, maker_der(p7), AZATTEST_E_SIGNERS);
}

/* Both signatures are good: still nobody can say who vouches. */
static void two_signers_refused(void)
{
	const char *content = maker_content(NULL, NULL, 0, 0);
	BIO *bio = BIO_new_mem_buf(content, -1);
	int flags = PKCS7_BINARY | PKCS7_NOATTR;
	PKCS7 *p7 = PKCS7_sign(maker.leaf, maker.key, NULL, bio,
			       flags | PKCS7_PARTIAL);

	tap_need(PKCS7_sign_add_signer(p7, maker.ec_leaf, maker.ec_key,
				       EVP_sha256(), flags));
	tap_need(PKCS7_final(p7, bio, flags));
	need_code(&(struct ask){ 0 }, maker_der(p7), AZATTEST_E_SIGNERS);
	BIO_free(bio);
}

static void sha1_refused(void)
{
	need_doc(&(struct maker_doc){ .md = EVP_sha1() }, AZATTEST_E_DIGEST);
}

static void sha384_refused(void)
{
	need_doc(&(struct maker_doc){ .md = EVP_sha384() }, AZATTEST_E_DIGEST);
}

static PKCS7_SIGNER_INFO *signer(PKCS7 *p7)
{
	return sk_PKCS7_SIGNER_INFO_value(p7->d.sign->signer_info, 0);
}

static void set_azure_digest(PKCS7 *p7)
{
	X509_ALGOR *all = sk_X509_ALGOR_value(p7->d.sign->md_algs, 0);

	X509_ALGOR_set0(all, OBJ_nid2obj(NID_sha256WithRSAEncryption),
			V_ASN1_NULL, NULL);
	X509_ALGOR_set0(signer(p7)->digest_alg,
			OBJ_nid2obj(NID_sha256WithRSAEncryption), V_ASN1_NULL,
			NULL);
}

static void azure_digest_accepted_only_when_asked_for(void)
{
	struct ask ask = { .options = AZATTEST_VERIFY_OPTIONS_INIT };
	struct maker_doc doc = { .edit = set_azure_digest };

	need_doc(&doc, AZATTEST_E_DIGEST);
	ask.options.at = MAKER_NOW;
	ask.options.flags = AZATTEST_VERIFY_AZURE_DIGEST;
	need_code(&ask, maker_doc(&doc), AZATTEST_E_OK);
	need_code(&ask, maker_good(), AZATTEST_E_OK);
}

static void set_one_digest(PKCS7 *p7)
{
	X509_ALGOR_set0(sk_X509_ALGOR_value(p7->d.sign->md_algs, 0),
			OBJ_nid2obj(NID_sha384), V_ASN1_NULL, NULL);
}

static void set_digest_parameters(PKCS7 *p7)
{
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();

	ASN1_OCTET_STRING_set(s, (const unsigned char *)"x", 1);
	X509_ALGOR_set0(signer(p7)->digest_alg, OBJ_nid2obj(NID_sha256),
			V_ASN1_OCTET_STRING, s);
}

static void digest_named_differently_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = set_one_digest },
		 AZATTEST_E_DIGEST);
	need_doc(&(struct maker_doc){ .edit = set_digest_parameters },
		 AZATTEST_E_DIGEST);
}

static void set_pss(PKCS7 *p7)
{
	X509_ALGOR_set0(signer(p7)->digest_enc_alg, OBJ_nid2obj(NID_rsassaPss),
			V_ASN1_UNDEF, NULL);
}

static void set_rsa(PKCS7 *p7)
{
	X509_ALGOR_set0(signer(p7)->digest_enc_alg,
			OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL);
}

static void other_signature_algorithm_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = set_pss }, AZATTEST_E_ALGORITHM);
	need_doc(&(struct maker_doc){ .leaf = maker.ec_leaf,
				      .key = maker.ec_key, .edit = set_rsa },
		 AZATTEST_E_ALGORITHM);
}

static void detached_refused(void)
{
	need_doc(&(struct maker_doc){ .flags = PKCS7_DETACHED },
		 AZATTEST_E_DETACHED);
}

/* The second id-data in the bytes is the content's type. */
static void other_content_type_refused(void)
{
	need_code(&(struct ask){ 0 },
		  bytes_patch(maker_good(), "\xf7\x0d\x01\x07\x01",
			      "\xf7\x0d\x01\x07\x63", 5), AZATTEST_E_CONTENT_TYPE);
}

static void add_unsigned_attribute(PKCS7 *p7)
{
	PKCS7_add_attribute(signer(p7), NID_friendlyName, V_ASN1_UTF8STRING,
			    ASN1_UTF8STRING_new());
}

static void attributes_refused(void)
{
	need_doc(&(struct maker_doc){ .attributes = true },
		 AZATTEST_E_ATTRIBUTES);
	need_doc(&(struct maker_doc){ .edit = add_unsigned_attribute },
		 AZATTEST_E_ATTRIBUTES);
}

static void add_crl(PKCS7 *p7)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = ASN1_TIME_set(NULL, MAKER_NOW);

	X509_CRL_set_issuer_name(crl, X509_get_subject_name(maker.issuer));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_sign(crl, maker.issuer_key, EVP_sha256());
	tap_need(PKCS7_add_crl(p7, crl));
	X509_CRL_free(crl);
	ASN1_TIME_free(now);
}

static void revocation_list_inside_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = add_crl },
		 AZATTEST_E_REVOCATIONS);
}

static void other_certificate_first_does_not_matter(void)
{
	need_doc(&(struct maker_doc){ .first = maker.ec_leaf }, AZATTEST_E_OK);
	need_doc(&(struct maker_doc){ .first = maker.issuer,
				      .second = maker.root }, AZATTEST_E_OK);
}

/* A forger puts a good leaf first and signs with a certificate of its own. */
static void forger_behind_good_certificate_refused(void)
{
	X509 *own = maker_cert(&(struct maker_cert){ .key = maker.other_key });

	need_doc(&(struct maker_doc){ .first = maker.leaf, .leaf = own,
				      .key = maker.other_key },
		 AZATTEST_E_UNTRUSTED);
	X509_free(own);
}

/* The same issuer and number as a good leaf, but not made by that issuer. */
static void forger_with_copied_name_and_number_refused(void)
{
	X509 *own = maker_cert(&(struct maker_cert){
		.key = maker.other_key, .issuer = maker.issuer,
		.issuer_key = maker.other_key,
		.serial = ASN1_INTEGER_get(X509_get_serialNumber(maker.leaf)) });

	need_doc(&(struct maker_doc){ .leaf = own, .key = maker.other_key },
		 AZATTEST_E_CHAIN);
	need_doc(&(struct maker_doc){ .leaf = own, .key = maker.other_key,
				      .first = maker.leaf },
		 AZATTEST_E_SIGNER_CERT);
	X509_free(own);
}

static void missing_certificate_refused(void)
{
	need_doc(&(struct maker_doc){ .no_leaf = true },
		 AZATTEST_E_SIGNER_CERT);
	need_doc(&(struct maker_doc){ .no_leaf = true, .first = maker.ec_leaf },
		 AZATTEST_E_SIGNER_CERT);
}

static void add_many(PKCS7 *p7)
{
	int i;

	for (i = 0; i < 9; i++)
		PKCS7_add_certificate(p7, maker.issuer);
}

static void crowded_bag_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = add_many },
		 AZATTEST_E_SIGNER_CERT);
}

/* Good certificate, good chain, and a signature over something else. */
static void chain_without_signature_refused(void)
{
	struct bytes der = maker_good();

	need_code(&(struct ask){ 0 }, bytes_patch(der, "standard", "enhanced", 8),
		  AZATTEST_E_SIGNATURE);
	need_doc(&(struct maker_doc){ .leaf = maker.ec_leaf,
				      .key = maker.ec_key,
				      .edit = NULL }, AZATTEST_E_OK);
}

static void swap_signature(PKCS7 *p7)
{
	ASN1_OCTET_STRING *s = signer(p7)->enc_digest;

	((unsigned char *)ASN1_STRING_get0_data(s))[17] ^= 1;
}

static void altered_signature_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = swap_signature },
		 AZATTEST_E_SIGNATURE);
}

static void drop_signature(PKCS7 *p7)
{
	ASN1_STRING_set0(signer(p7)->enc_digest, NULL, 0);
}

static void empty_signature_refused(void)
{
	need_doc(&(struct maker_doc){ .edit = drop_signature },
		 AZATTEST_E_SIGNATURE);
}

static void no_path_leaks(void);

static const struct tap_test tests[] = {
	TAP_TEST(good_rsa_accepted),
	TAP_TEST(good_p256_accepted),
	TAP_TEST(good_rsa3072_accepted),
	TAP_TEST(not_signed_data_refused),
	TAP_TEST(other_version_refused),
	TAP_TEST(key_id_signer_refused),
	TAP_TEST(no_signer_refused),
	TAP_TEST(two_signers_refused),
	TAP_TEST(sha1_refused),
	TAP_TEST(sha384_refused),
	TAP_TEST(azure_digest_accepted_only_when_asked_for),
	TAP_TEST(digest_named_differently_refused),
	TAP_TEST(other_signature_algorithm_refused),
	TAP_TEST(detached_refused),
	TAP_TEST(other_content_type_refused),
	TAP_TEST(attributes_refused),
	TAP_TEST(revocation_list_inside_refused),
	TAP_TEST(other_certificate_first_does_not_matter),
	TAP_TEST(forger_behind_good_certificate_refused),
	TAP_TEST(forger_with_copied_name_and_number_refused),
	TAP_TEST(missing_certificate_refused),
	TAP_TEST(crowded_bag_refused),
	TAP_TEST(chain_without_signature_refused),
	TAP_TEST(altered_signature_refused),
	TAP_TEST(empty_signature_refused),
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
