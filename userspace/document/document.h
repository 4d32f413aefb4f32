/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of the document library: what is signed, and the envelope around it.
 *
 *   versions.c  which api-versions exist and which members each one has
 *   content.c   typed fields -> compact JSON
 *   der.c       DER written from the end to the beginning
 *   cms.c       a key and its certificate, parsed once; JSON -> SignedData
 *
 * Nothing here allocates for a document, opens a file or asks for the time.
 */
#ifndef AZATTEST_DOCUMENT_H
#define AZATTEST_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* versions.c */

/* First api-version that has an attested document. */
#define VERSIONS_FIRST_DOCUMENT	20181001u

/* Members that came after the first document, ordered by their arrival. */
enum versions_member {
	VERSIONS_SUBSCRIPTION_ID,
	VERSIONS_SKU,
	VERSIONS_LICENSE_TYPE,
};

/* Published versions, ascending, dates as decimal numbers. */
const uint32_t *versions_list(size_t *count);
/* A published version, whether or not it has a document. */
bool versions_known(uint32_t version);
/* A published version that has a document. */
bool versions_has_document(uint32_t version);
bool versions_has_member(uint32_t version, enum versions_member member);

/* content.c */

/* A document's lifetime, unless its certificate ends before. */
#define CONTENT_LIFETIME	(6 * 60 * 60)
#define CONTENT_NONCE_MAX	32
/* Bytes of UTF-8 in one configured field; content_check_field() holds it. */
#define CONTENT_FIELD_MAX	128
/* Enough for any content: eight fields that all need escapes, and the rest. */
#define CONTENT_MAX		(8 * CONTENT_FIELD_MAX * 6 + 512)

/* What the configuration says about VMs of one profile. NULL is "". */
struct content_fields {
	const char *license_type;
	const char *plan_name;
	const char *plan_product;
	const char *plan_publisher;
	const char *sku;
	const char *subscription_id;
};

/**
 * struct content - everything that a document says
 * @api_version: versions_has_document() is true for it
 * @fields:      of the VM's profile
 * @uuid:        of the VM, bytes in the order of the text form
 * @nonce:       @nonce_len bytes, or unused with 0: the expiry time then
 * @now:         createdOn, seconds since 1970 in UTC
 * @not_after:   end of the signing certificate, the same clock
 */
struct content {
	uint32_t api_version;
	const struct content_fields *fields;
	const uint8_t *uuid;
	const uint8_t *nonce;
	size_t nonce_len;
	int64_t now;
	int64_t not_after;
};

/*
 * Writes the JSON, without a NUL; returns its length.
 *
 *   -EPROTONOSUPPORT  @api_version has no document
 *   -EINVAL           a nonce too long or out of its byte table
 *   -EKEYEXPIRED      @now is not before @not_after
 *   -ERANGE           @now before 1970 or after 2099: two digits of a year
 *   -EILSEQ           a field is no UTF-8
 *   -ENOSPC           @size is too small; nothing is ever cut off
 */
int content_build(const struct content *content, char *buf, size_t size);

/* expiresOn of a document made at @now. */
int64_t content_expiry(int64_t now, int64_t not_after);

/*
 * Whether a configured value may stand in a document: 0, -EMSGSIZE over
 * CONTENT_FIELD_MAX, -EILSEQ no UTF-8, -EINVAL control characters.
 */
int content_check_field(const char *value);

/* The contract's byte table: 1 to CONTENT_NONCE_MAX of A-Z a-z 0-9 - _ */
bool content_nonce_ok(const uint8_t *nonce, size_t length);

/* der.c */

/* @pos moves from the end of the buffer down; NULL once it did not fit. */
struct der {
	uint8_t *start;
	uint8_t *pos;
	uint8_t *end;
};

void der_begin(struct der *der, void *buf, size_t size);
/* How much is written: hand it to der_wrap() later. */
size_t der_written(const struct der *der);
void der_bytes(struct der *der, const void *bytes, size_t length);
/* Puts tag and length before all that was written since @mark. */
void der_wrap(struct der *der, uint8_t tag, size_t mark);
/* Length of the whole, its first byte in *@first; -ENOSPC. */
int der_end(const struct der *der, uint8_t **first);

/* cms.c */

/* The digest field says sha256WithRSAEncryption: most verifiers refuse it. */
#define CMS_AZURE_EXACT		(1u << 0)
/* The issuing certificate stands behind the leaf. */
#define CMS_EMBED_CHAIN		(1u << 1)
#define CMS_FLAGS		(CMS_AZURE_EXACT | CMS_EMBED_CHAIN)

struct cms;

/*
 * Takes references to nothing: @key, @leaf and @issuer may be freed after.
 * @issuer may be NULL without CMS_EMBED_CHAIN.
 *
 *   -EINVAL      unknown flag; CMS_EMBED_CHAIN without @issuer
 *   -EKEYREJECTED @leaf is not for @key
 *   -EOPNOTSUPP  key is neither RSA nor EC P-256; CMS_AZURE_EXACT without RSA
 *   -ENOMEM      and other failures of libcrypto
 */
int cms_open(struct cms **out, EVP_PKEY *key, X509 *leaf, X509 *issuer,
	     unsigned int flags);
void cms_close(struct cms *cms);

/* Bytes that cms_sign() needs for @length bytes of content. */
size_t cms_space(const struct cms *cms, size_t length);

/*
 * Signs and writes the document to the end of @buf; its length is returned,
 * its first byte in *@first.
 *
 *   -EINVAL  content does not begin with '{'
 *   -ENOSPC  @size below cms_space()
 *   -EIO     libcrypto did not sign
 */
int cms_sign(struct cms *cms, const void *content, size_t length,
	     void *buf, size_t size, uint8_t **first);

#endif
