// SPDX-License-Identifier: GPL-2.0
// Owns the rules by which a CA's certificate is taken or not, and the clause that says why not.

#include "accept.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "common.h"
#include "ownfile.h"

/* leaf, issuing CA, root: guests are served one issuing certificate. */
#define CHAIN_MAX	3

struct verdict {
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3)))
static int refuse(const struct verdict *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->why, v->size, format, args);
	va_end(args);
	return -EKEYREJECTED;
}

/* A CA's text in a line of ours is in one line. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* All of it, also what stands behind a NUL; and there is no second one. */
static int check_common_name(const struct accept_rules *rules, X509 *leaf,
			     const struct verdict *v)
{
	X509_NAME *subject = X509_get_subject_name(leaf);
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	char cn[80] = "";
	int length = X509_NAME_get_text_by_NID(subject, NID_commonName, cn, sizeof(cn));

	if (length != (int)strlen(rules->name) || strcasecmp(cn, rules->name)) {
		make_printable(cn);
		return refuse(v, "is for another name: its common name is \"%s\", asked for \"%s\"",
			      cn, rules->name);
	}
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
		return refuse(v, "is for other names: it has more than one common name");
	return 0;
}

static int check_name(const struct accept_rules *rules, X509 *leaf, const struct verdict *v)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int count = sk_GENERAL_NAME_num(names), matches;
	int ret = check_common_name(rules, leaf, v);

	GENERAL_NAMES_free(names);
	if (ret)
		return ret;
	matches = X509_check_host(leaf, rules->name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				  X509_CHECK_FLAG_NO_WILDCARDS, NULL);
	if (matches != 1 || count != 1)
		return refuse(v, "is for other names: its subject alternative name must be \"%s\" and "
			      "nothing else", rules->name);
	return 0;
}

/* What the extensions allow the key to do; see the profile in certificate.c. */
static int check_use(X509 *leaf, const struct verdict *v)
{
	uint32_t wanted = XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_SMIME;
	uint32_t uses = X509_get_extended_key_usage(leaf);

	if (X509_get_extension_flags(leaf) & EXFLAG_INVALID)
		return refuse(v, "has an extension that does not parse");
	/* Both: the first takes CA:TRUE without keyCertSign for harmless. */
	if (X509_check_ca(leaf) || X509_get_extension_flags(leaf) & EXFLAG_CA)
		return refuse(v, "is a CA's, not a host's");
	if (uses == UINT32_MAX)
		return refuse(v, "has no extended key usage: the CA must put in serverAuth, clientAuth "
			      "and emailProtection");
	if ((uses & wanted) != wanted)
		return refuse(v, "lacks an extended key usage: %s%s%sis missing",
			      uses & XKU_SSL_SERVER ? "" : "serverAuth ",
			      uses & XKU_SSL_CLIENT ? "" : "clientAuth ",
			      uses & XKU_SMIME ? "" : "emailProtection ");
	if (!(X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE))
		return refuse(v, "has a key usage without digitalSignature");
	return 0;
}

const char *accept_span(int64_t seconds, char text[ACCEPT_SPAN])
{
	if (seconds >= 2 * 86400)
		snprintf(text, ACCEPT_SPAN, "%lld days", (long long)seconds / 86400);
	else if (seconds >= 2 * 3600)
		snprintf(text, ACCEPT_SPAN, "%lld h", (long long)seconds / 3600);
	else if (seconds >= 2 * 60)
		snprintf(text, ACCEPT_SPAN, "%lld min", (long long)seconds / 60);
	else
		snprintf(text, ACCEPT_SPAN, "%lld s", (long long)seconds);
	return text;
}

static int check_times(const struct accept_rules *rules, X509 *leaf, const struct verdict *v)
{
	int64_t begin, end, longest = (int64_t)rules->lifetime_days * 86400 + ACCEPT_SLACK_S;
	char text[ACCEPT_SPAN];

	if (certificate_times(leaf, &begin, &end))
		return refuse(v, "has times that do not parse");
	if (begin > rules->now)
		return refuse(v, "begins only in %s: compare this host's clock with the CA's",
			      accept_span(begin - rules->now, text));
	if (end <= rules->now)
		return refuse(v, "ended %s ago: compare this host's clock with the CA's",
			      accept_span(rules->now - end, text));
	if (end - begin > longest)
		return refuse(v, "is valid for %s, longer than lifetime-days (%u) asks",
			      accept_span(end - begin, text), rules->lifetime_days);
	if (end - rules->now <= (int64_t)rules->renew_days * 86400)
		return refuse(v, "is valid for %s only: with renew-days %u it would be renewed at once",
			      accept_span(end - rules->now, text), rules->renew_days);
	return 0;
}

/* Two CA Issuers URLs break a verification script that is in wide use. */
static int check_issuers_url(X509 *leaf, const struct verdict *v)
{
	AUTHORITY_INFO_ACCESS *info = X509_get_ext_d2i(leaf, NID_info_access, NULL, NULL);
	int count = 0;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(info); i++)
		count += OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(info, i)->method) ==
			 NID_ad_ca_issuers;
	AUTHORITY_INFO_ACCESS_free(info);
	return count > 1 ? refuse(v, "has %d CA Issuers URLs: verifiers read one", count) : 0;
}

static X509_STORE_CTX *open_chain(const struct accept_rules *rules, X509 *leaf,
				  STACK_OF(X509) *others)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (!ctx || X509_STORE_CTX_init(ctx, NULL, leaf, others) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, rules->trust);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)rules->now);
	X509_VERIFY_PARAM_set_auth_level(param, 2);	/* 112 bits: no SHA-1, no RSA-1024 */
	return ctx;
}

/* Longer ones could be stored, and then neither be read again nor be given to signers. */
static int check_sizes(STACK_OF(X509) *chain, const struct verdict *v)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		int size = i2d_X509(sk_X509_value(chain, i), NULL);

		if (size <= 0 || size > SETUP_CERT_MAX)
			return refuse(v, "has a chain with a certificate of %d bytes: %d are the most",
				      size, SETUP_CERT_MAX);
	}
	return 0;
}

/* Documents end with the leaf at last, and must not be believed for longer than those above it. */
static int check_ends(X509 *leaf, STACK_OF(X509) *chain, const struct verdict *v)
{
	int64_t begin, end, above;
	char text[ACCEPT_SPAN];

	if (certificate_times(leaf, &begin, &end))
		return refuse(v, "has times that do not parse");
	for (int i = 1; i < sk_X509_num(chain); i++) {
		if (certificate_times(sk_X509_value(chain, i), &begin, &above))
			return refuse(v, "has a chain with times that do not parse");
		if (above < end)
			return refuse(v, "ends %s after the CA's certificate above it: the CA must "
				      "not issue beyond its own end", accept_span(end - above, text));
	}
	return 0;
}

static int check_chain(const struct accept_rules *rules, X509 *leaf, STACK_OF(X509) *others,
		       STACK_OF(X509) **chain, const struct verdict *v)
{
	X509_STORE_CTX *ctx = open_chain(rules, leaf, others);
	int length, ret = 0;

	if (!ctx)
		return refuse(v, "cannot be checked: no memory");
	if (X509_verify_cert(ctx) != 1)
		ret = refuse(v, "does not lead to a root of ca-trust: %s",
			     X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	length = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
	if (!ret && (length < 2 || length > CHAIN_MAX))
		ret = refuse(v, "has a chain of %d certificates: leaf, issuing CA and root are wanted",
			     length);
	if (!ret)
		ret = check_sizes(X509_STORE_CTX_get0_chain(ctx), v);
	if (!ret)
		ret = check_ends(leaf, X509_STORE_CTX_get0_chain(ctx), v);
	if (!ret && chain)
		*chain = X509_STORE_CTX_get1_chain(ctx);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ret;
}

int accept_check(const struct accept_rules *rules, X509 *leaf, STACK_OF(X509) *others,
		 STACK_OF(X509) **chain, char *why, size_t size)
{
	const struct verdict v = { .why = why, .size = size };
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	int ret;

	if (!key || EVP_PKEY_eq(key, rules->key) != 1)
		return refuse(&v, "is for another key");
	ret = check_name(rules, leaf, &v);
	if (!ret)
		ret = check_use(leaf, &v);
	if (!ret)
		ret = check_times(rules, leaf, &v);
	if (!ret)
		ret = check_issuers_url(leaf, &v);
	return ret ? ret : check_chain(rules, leaf, others, chain, &v);
}

static void free_all(STACK_OF(X509) *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

/* Until the text ends; a damaged block is not skipped. */
static bool parse_all(BIO *bio, STACK_OF(X509) *certs)
{
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, (void *)""))) {
		if (sk_X509_num(certs) == ACCEPT_CERTIFICATES_MAX || !sk_X509_push(certs, cert)) {
			X509_free(cert);
			return false;
		}
	}
	return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE &&
	       sk_X509_num(certs) > 0;
}

STACK_OF(X509) *accept_parse(const char *text, size_t length)
{
	BIO *bio = BIO_new_mem_buf(text, (int)length);
	STACK_OF(X509) *certs = sk_X509_new_null();

	ERR_clear_error();
	if (!bio || !certs || !parse_all(bio, certs)) {
		free_all(certs);
		certs = NULL;
	}
	BIO_free(bio);
	ERR_clear_error();
	return certs;
}

STACK_OF(X509) *accept_read_trust(const char *path, char *why, size_t size)
{
	char *text = malloc(ACCEPT_TEXT_MAX);
	STACK_OF(X509) *certs = NULL;
	int length = text ? ownfile_read(path, OWNFILE_PUBLIC, 0, text, ACCEPT_TEXT_MAX, why, size) :
		-ENOMEM;

	if (length >= 0) {
		certs = accept_parse(text, (size_t)length);
		if (!certs)
			snprintf(why, size, "%s: is not 1 to %d certificates in PEM", path,
				 ACCEPT_CERTIFICATES_MAX);
	}
	free(text);
	return certs;
}
