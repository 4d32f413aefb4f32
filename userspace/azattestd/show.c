// SPDX-License-Identifier: GPL-2.0
// Owns what is told of the certificate in use: its chain, name by name, and its history.

#include "azattestd.h"

#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

const char *show_serial(X509 *cert, char text[SHOW_SERIAL])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = number ? BN_bn2hex(number) : NULL;

	snprintf(text, SHOW_SERIAL, "%s", hex ? hex : "");
	OPENSSL_free(hex);
	BN_free(number);
	return text;
}

static json_t *name_json(X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *json = NULL;
	char *text;
	long length;

	/* ASCII, whatever is in it. */
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		length = BIO_get_mem_data(bio, &text);
		json = json_stringn(text, (size_t)length);
	}
	BIO_free(bio);
	ERR_clear_error();
	return json ? json : json_string("");
}

static json_t *fingerprint_json(X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[2 * EVP_MAX_MD_SIZE + 1] = "";
	unsigned int length = 0;

	if (X509_digest(cert, EVP_sha256(), digest, &length) != 1)
		length = 0;
	for (unsigned int i = 0; i < length; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
	return json_string(text);
}

static json_t *link_json(X509 *cert)
{
	int64_t begin = 0, end = 0;
	char serial[SHOW_SERIAL];

	certificate_times(cert, &begin, &end);
	return json_pack("{s:o, s:o, s:s, s:I, s:I, s:o}",
			 "subject", name_json(X509_get_subject_name(cert)),
			 "issuer", name_json(X509_get_issuer_name(cert)),
			 "serial", show_serial(cert, serial), "not_before", (json_int_t)begin,
			 "not_after", (json_int_t)end, "sha256", fingerprint_json(cert));
}

/* Leaf first; a leaf straight under its root has that once. */
static json_t *chain_json(const struct leaf *leaf)
{
	json_t *chain = json_array();

	if (!leaf->number)
		return chain;
	json_array_append_new(chain, link_json(leaf->cert));
	json_array_append_new(chain, link_json(leaf->issuer));
	if (X509_cmp(leaf->issuer, leaf->root))
		json_array_append_new(chain, link_json(leaf->root));
	return chain;
}

json_t *show_json(struct azattestd *d)
{
	json_t *status = status_json(d);
	json_t *answer = json_pack("{s:b, s:I, s:O, s:O, s:o, s:O}", "ok", 1,
				   "generation", (json_int_t)d->leaf.number,
				   "certificate", json_object_get(status, "certificate"),
				   "key", json_object_get(status, "key"),
				   "chain", chain_json(&d->leaf), "history", d->history);

	json_decref(status);
	return answer;
}
