// SPDX-License-Identifier: GPL-2.0
// Owns the order of all checks, and the document that comes out of them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib.h"

#define FLAGS	(AZATTEST_VERIFY_REQUIRE_ISSUED | AZATTEST_VERIFY_AZURE_DIGEST)

static bool name_rule_valid(const char *rule)
{
	if (rule[0] == '.')
		rule++;
	return name_valid(rule, strlen(rule));
}

static int check_options(const struct azattest_verify_options *o,
			 struct azattest_fault *fault)
{
	uuid_t uuid;

	if (o->size != sizeof(*o))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "options are of another size: initialise them "
				 "with AZATTEST_VERIFY_OPTIONS_INIT");
	if (o->flags & ~FLAGS)
		return fault_set(fault, AZATTEST_E_ARGUMENT, "unknown flags");
	if (o->nonce && !azattest_nonce_valid(o->nonce))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "the expected nonce is not 1 to 32 of "
				 "A-Z a-z 0-9 - _");
	if (o->vm_id && uuid_parse(o->vm_id, uuid))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "the expected VM id is not a UUID");
	if (o->name && !name_rule_valid(o->name))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "the expected name is neither a DNS name nor "
				 "one after a dot");
	return 0;
}

/* What the chain says of itself, as text. */
static int describe_signer(struct document *d, STACK_OF(X509) *chain,
			   struct azattest_fault *fault)
{
	X509 *leaf = sk_X509_value(chain, 0);
	X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int i, len = 0;

	d->signer_subject = chain_subject(X509_get_subject_name(leaf));
	d->issuer_subject = chain_subject(X509_get_issuer_name(leaf));
	d->anchor_subject = chain_subject(X509_get_subject_name(anchor));
	if (!d->signer_subject || !d->issuer_subject || !d->anchor_subject ||
	    !X509_digest(leaf, EVP_sha256(), digest, &len))
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	for (i = 0; i < len; i++)
		sprintf(d->signer_sha256 + 2 * i, "%02x", digest[i]);
	d->pub.signer_name = d->signer_name;
	d->pub.signer_subject = d->signer_subject;
	d->pub.issuer_subject = d->issuer_subject;
	d->pub.anchor_subject = d->anchor_subject;
	d->pub.signer_sha256 = d->signer_sha256;
	d->pub.signer_not_after = leaf_not_after(leaf);
	d->pub.self_issued = chain_self_issued(chain);
	return 0;
}

/* Signature, chain, purpose, name: who says it. */
static int check_signer(struct document *d, const struct envelope *e,
			const struct azattest_trust *trust,
			const struct azattest_verify_options *o, int64_t now,
			struct azattest_fault *fault)
{
	STACK_OF(X509) *chain = NULL;
	int rc;

	rc = envelope_check_signature(e, trust->lib, fault);
	if (!rc)
		rc = chain_build(trust, e->leaf, e->bag, now, &chain, fault);
	if (!rc)
		rc = leaf_check_profile(e->leaf, fault);
	if (!rc)
		rc = leaf_check_name(e->leaf, o->name, &d->signer_name, fault);
	if (!rc)
		rc = describe_signer(d, chain, fault);
	sk_X509_pop_free(chain, X509_free);
	return rc;
}

static int check_issued(const struct document *d, unsigned int flags,
			struct azattest_fault *fault)
{
	if (!d->pub.self_issued || !(flags & AZATTEST_VERIFY_REQUIRE_ISSUED))
		return 0;
	return fault_set(fault, AZATTEST_E_SELF_ISSUED,
			 "the host issued its own certificate (anchor \"%.160s\")",
			 d->anchor_subject);
}

static int check_all(struct document *d, const struct envelope *e,
		     const struct azattest_trust *trust,
		     const struct azattest_verify_options *o,
		     struct azattest_fault *fault)
{
	int64_t now = o->at ? o->at : (int64_t)time(NULL);
	int rc;

	rc = check_signer(d, e, trust, o, now, fault);
	if (!rc)
		rc = content_parse(d, ASN1_STRING_get0_data(e->content),
				   (size_t)ASN1_STRING_length(e->content),
				   fault);
	if (!rc)
		rc = expect_check(&d->pub, o, now, fault);
	if (!rc)
		rc = check_issued(d, o->flags, fault);
	return rc;
}

static int verify(const struct azattest_trust *trust, const void *der,
		  size_t len, const struct azattest_verify_options *o,
		  struct document *d, struct azattest_fault *fault)
{
	struct envelope e;
	int rc;

	if (len > AZATTEST_INPUT_MAX)
		return fault_set(fault, AZATTEST_E_DER,
				 "the document is longer than %d bytes",
				 AZATTEST_INPUT_MAX);
	rc = envelope_open(&e, trust->lib, der, len, o->flags, fault);
	if (rc)
		return rc;
	rc = check_all(d, &e, trust, o, fault);
	envelope_close(&e);
	return rc;
}

int azattest_verify(const struct azattest_trust *trust,
		    const void *der, size_t len,
		    const struct azattest_verify_options *options,
		    struct azattest_document **document,
		    struct azattest_fault *fault)
{
	struct document *d;
	int rc = check_options(options, fault);

	if (rc)
		return rc;
	if (trust->anchors == 0)
		return fault_set(fault, AZATTEST_E_TRUST,
				 "there is no self-signed certificate to trust");
	d = calloc(1, sizeof(*d));
	if (!d)
		return fault_set(fault, AZATTEST_E_MEMORY, "no memory");
	ERR_set_mark();
	rc = verify(trust, der, len, options, d, fault);
	ERR_pop_to_mark();
	if (rc)
		azattest_document_free(&d->pub);
	else
		*document = &d->pub;
	return rc;
}

void azattest_document_free(struct azattest_document *document)
{
	struct document *d = (struct document *)document;

	if (!d)
		return;
	json_decref(d->root);
	free(d->content);
	free(d->signer_name);
	free(d->signer_subject);
	free(d->issuer_subject);
	free(d->anchor_subject);
	free(d);
}
