// SPDX-License-Identifier: GPL-2.0
// Owns CMP transactions of azattest-ca: who asks, what is issued, what is confirmed or revoked.

#include "ca.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/cmp.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

/*
 * A transaction is a request and its confirmation, on one connection or two.
 * It is known by its id; when all places are taken the oldest gives way, and
 * its client begins again.
 */
#define TRANSACTIONS	64
#define CHECK_AFTER_S	1	/* test mode "wait" */

struct transaction {
	OSSL_CMP_SRV_CTX *srv;		/* NULL: free */
	struct server *server;
	ASN1_OCTET_STRING *id;
	char name[CA_NAME_MAX + 1];	/* the host whose credential protects it */
	X509 *issued;			/* not confirmed yet */
	uint64_t turn;
};

static struct transaction transactions[TRANSACTIONS];
static uint64_t turns;

static void end(struct transaction *t)
{
	OSSL_CMP_SRV_CTX_free(t->srv);
	ASN1_OCTET_STRING_free(t->id);
	X509_free(t->issued);
	memset(t, 0, sizeof(*t));
}

static OSSL_CMP_PKISI *rejection(const struct transaction *t, int bit, const char *text)
{
	log_line(LOG_WARNING, "%s: rejected: %s", t->name, text);
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << bit, text);
}

static bool asks_for_own_name(const struct transaction *t, const X509_REQ *request)
{
	char name[CA_NAME_MAX + 1] = "";

	X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, name,
				  sizeof(name));
	/* Without a credential the transaction has no host's name, and nobody may have it. */
	return store_name_ok(t->name) && !strcasecmp(name, t->name);
}

/* Takes @leaf. */
static OSSL_CMP_PKISI *hand_out(struct transaction *t, X509 *leaf, const char *how, X509 **out)
{
	char serial[CA_SERIAL_MAX];

	store_serial(X509_get0_serialNumber(leaf), serial);
	log_line(LOG_INFO, "%s: %s %s", t->name, how, serial);
	X509_free(t->issued);
	t->issued = leaf;
	*out = X509_dup(leaf);
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

/* NULL if the certificate that this key has is good for @t's host now; else why not. */
static const char *unfit(const struct transaction *t, X509 *cert)
{
	char serial[CA_SERIAL_MAX], name[CA_NAME_MAX + 1] = "";

	store_serial(X509_get0_serialNumber(cert), serial);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	if (strcasecmp(name, t->name))
		return "this key is another host's";
	if (revoke_is_revoked(t->server->ca, serial))
		return "this key's certificate was revoked: make a new key";
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return "this key's certificate has ended: make a new key";
	return NULL;
}

/*
 * A key gets one certificate: whoever sends a host's request once more, and that
 * may be anybody who saw it pass, makes this CA issue and keep nothing.
 */
static OSSL_CMP_PKISI *again(struct transaction *t, X509 *cert, X509 **out)
{
	const char *why = unfit(t, cert);

	if (!why)
		return hand_out(t, cert, "the same once more:", out);
	X509_free(cert);
	return rejection(t, OSSL_CMP_PKIFAILUREINFO_badRequest, why);
}

static OSSL_CMP_PKISI *issue(struct transaction *t, const X509_REQ *request, X509 **out)
{
	struct server *server = t->server;
	EVP_PKEY *key = X509_REQ_get0_pubkey((X509_REQ *)request);
	struct failure failure = { 0 };
	X509 *leaf = key ? store_find_for(server->ca, key) : NULL;

	if (leaf)
		return again(t, leaf, out);
	if (key)
		leaf = issue_leaf(server->ca, key, t->name, server->issuers_url, server->days, &failure);
	if (leaf && server->mode != TESTMODE_NONE)
		leaf = testmode_spoil(server->mode, leaf, server->ca);
	if (leaf)
		return hand_out(t, leaf, "issued", out);
	log_line(LOG_ERR, "%s: %s", t->name, failure.text);
	return rejection(t, OSSL_CMP_PKIFAILUREINFO_systemFailure, "the CA failed: see its log");
}

static bool add_chain(struct ca *ca, STACK_OF(X509) **chain, STACK_OF(X509) **roots)
{
	*chain = sk_X509_new_null();
	*roots = sk_X509_new_null();
	return *chain && *roots &&
	       X509_add_cert(*chain, ca->issuing, X509_ADD_FLAG_UP_REF) == 1 &&
	       X509_add_cert(*roots, ca->root, X509_ADD_FLAG_UP_REF) == 1;
}

static OSSL_CMP_PKISI *on_request(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
				  const OSSL_CRMF_MSG *crm, const X509_REQ *request,
				  X509 **cert, STACK_OF(X509) **chain, STACK_OF(X509) **roots)
{
	struct transaction *t = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);

	(void)message;
	(void)id;
	(void)crm;
	if (!request)
		return rejection(t, OSSL_CMP_PKIFAILUREINFO_badRequest,
				 "this CA takes requests of type p10cr only");
	if (t->server->mode == TESTMODE_REJECT)
		return rejection(t, OSSL_CMP_PKIFAILUREINFO_badCertTemplate,
				 "rejected because test mode is reject");
	if (t->server->mode == TESTMODE_WAIT)
		return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, NULL);
	if (!asks_for_own_name(t, request))
		return rejection(t, OSSL_CMP_PKIFAILUREINFO_notAuthorized,
				 "a host gets certificates for its own name only");
	if (!add_chain(t->server->ca, chain, roots))
		return NULL;
	return issue(t, request, cert);
}

static int on_poll(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
		   OSSL_CMP_MSG **request, int64_t *after)
{
	(void)srv;
	(void)message;
	(void)id;
	*request = NULL;
	*after = CHECK_AFTER_S;
	return 1;
}

static bool is_hash_of(const ASN1_OCTET_STRING *hash, const X509 *cert)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	return X509_digest(cert, EVP_sha256(), digest, &length) == 1 &&
	       (unsigned int)ASN1_STRING_length(hash) == length &&
	       !memcmp(ASN1_STRING_get0_data(hash), digest, length);
}

/* A host's words in a line of ours: nothing in them begins another. */
static const char *words(const OSSL_CMP_PKISI *status, char *text, size_t size)
{
	if (!OSSL_CMP_snprint_PKIStatusInfo(status, text, size))
		*text = 0;
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return text;
}

/* No status is acceptance; libcrypto 3.0 tells its value in words only, before the host's. */
static bool was_refused(const OSSL_CMP_PKISI *status, char *text, size_t size)
{
	static const char accepted[] = "PKIStatus: accepted";

	return status && strncmp(words(status, text, size), accepted, strlen(accepted));
}

/* What a client does not take is revoked: nobody will use it. */
static int on_confirm(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message, int id,
		      const ASN1_OCTET_STRING *hash, const OSSL_CMP_PKISI *status)
{
	struct transaction *t = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
	char text[OSSL_CMP_PKISI_BUFLEN], serial[CA_SERIAL_MAX];
	struct failure failure;

	(void)message;
	(void)id;
	if (!t->issued || !is_hash_of(hash, t->issued))
		return 0;
	store_serial(X509_get0_serialNumber(t->issued), serial);
	X509_free(t->issued);
	t->issued = NULL;
	if (!was_refused(status, text, sizeof(text))) {
		log_line(LOG_INFO, "%s: confirmed %s", t->name, serial);
		return 1;
	}
	log_line(LOG_WARNING, "%s: did not take %s: %s", t->name, serial, text);
	if (revoke_serial(t->server->ca, serial, &failure))
		log_line(LOG_ERR, "%s: %s", t->name, failure.text);
	return 1;
}

static bool is_own(struct transaction *t, const char *serial)
{
	X509 *cert = store_find(t->server->ca, serial);
	char name[CA_NAME_MAX + 1] = "";

	if (cert)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name,
					  sizeof(name));
	X509_free(cert);
	return !strcasecmp(name, t->name);
}

static OSSL_CMP_PKISI *on_revoke(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message,
				 const X509_NAME *issuer, const ASN1_INTEGER *number)
{
	struct transaction *t = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
	struct failure failure = { 0 };
	char serial[CA_SERIAL_MAX];
	int ret;

	(void)message;
	(void)issuer;
	if (t->server->mode == TESTMODE_FORGE_REVOKED)
		return rejection(t, OSSL_CMP_PKIFAILUREINFO_certRevoked, "is revoked already");
	store_serial(number, serial);
	if (!is_own(t, serial))
		return rejection(t, OSSL_CMP_PKIFAILUREINFO_notAuthorized,
				 "a host revokes its own certificates only");
	ret = revoke_serial(t->server->ca, serial, &failure);
	if (ret)
		return rejection(t, ret == -EALREADY ? OSSL_CMP_PKIFAILUREINFO_certRevoked :
				 OSSL_CMP_PKIFAILUREINFO_systemFailure, failure.text);
	log_line(LOG_INFO, "%s: revoked %s", t->name, serial);
	return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

/* What "azattest-sync --check" asks: are you there, and am I known? */
static int on_question(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message,
		       const STACK_OF(OSSL_CMP_ITAV) *in, STACK_OF(OSSL_CMP_ITAV) **out)
{
	(void)srv;
	(void)message;
	(void)in;
	*out = sk_OSSL_CMP_ITAV_new_null();
	return !!*out;
}

static void on_error(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *message,
		     const OSSL_CMP_PKISI *status, const ASN1_INTEGER *code,
		     const OSSL_CMP_PKIFREETEXT *details)
{
	struct transaction *t = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
	char text[OSSL_CMP_PKISI_BUFLEN];

	(void)message;
	(void)code;
	(void)details;
	log_line(LOG_WARNING, "%s: reports an error: %s", t->name,
		 words(status, text, sizeof(text)));
}

/* who asks */

/* A revoked identity is none, whichever issuing CA it is of: the record counts, not a CRL. */
static int check_revocation(X509_STORE_CTX *verify)
{
	struct ca *ca = X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(verify), 0);
	char serial[CA_SERIAL_MAX];

	store_serial(X509_get0_serialNumber(X509_STORE_CTX_get0_cert(verify)), serial);
	if (!revoke_is_revoked(ca, serial))
		return 1;
	X509_STORE_CTX_set_error(verify, X509_V_ERR_CERT_REVOKED);
	return 0;
}

static X509_STORE *identity_store(struct ca *ca)
{
	X509_STORE *store = X509_STORE_new();

	if (store && X509_STORE_add_cert(store, ca->root) == 1 &&
	    X509_STORE_set_ex_data(store, 0, ca) == 1) {
		X509_STORE_set_check_revocation(store, check_revocation);
		return store;
	}
	X509_STORE_free(store);
	return NULL;
}

static bool use_secret(struct transaction *t, OSSL_CMP_CTX *ctx, const char *reference)
{
	char secret[CA_SECRET_MAX];
	bool ok;

	if (store_secret(t->server->ca, reference, secret))
		return false;
	ok = OSSL_CMP_CTX_set1_referenceValue(ctx, (const unsigned char *)reference,
					      (int)strlen(reference)) == 1 &&
	     OSSL_CMP_CTX_set1_secretValue(ctx, (const unsigned char *)secret,
					   (int)strlen(secret)) == 1;
	OPENSSL_cleanse(secret, sizeof(secret));
	strcpy(t->name, reference);
	return ok;
}

static bool show_own(struct server *server, OSSL_CMP_CTX *ctx)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool ok = chain && X509_add_cert(chain, server->ca->issuing, X509_ADD_FLAG_UP_REF) == 1 &&
		  OSSL_CMP_CTX_set1_cert(ctx, server->cert) == 1 &&
		  OSSL_CMP_CTX_set1_pkey(ctx, server->key) == 1 &&
		  OSSL_CMP_CTX_set1_extraCertsOut(ctx, chain) == 1;

	sk_X509_pop_free(chain, X509_free);
	return ok;
}

/* An identity may be of any issuing CA that was, and its file has no chain. */
static bool trust_identities(struct ca *ca, OSSL_CMP_CTX *ctx)
{
	STACK_OF(X509) *issuers = issuing_all(ca);
	X509_STORE *store = identity_store(ca);
	bool ok = issuers && store && OSSL_CMP_CTX_set1_untrusted(ctx, issuers) == 1 &&
		  OSSL_CMP_CTX_set0_trustedStore(ctx, store) == 1;

	sk_X509_pop_free(issuers, X509_free);
	if (!ok)
		X509_STORE_free(store);
	return ok;
}

static bool use_signatures(struct transaction *t, OSSL_CMP_CTX *ctx, const char *name)
{
	char secret[CA_SECRET_MAX];
	bool ok = show_own(t->server, ctx);

	/* Not enrolled: its message is verified against nothing, so it is refused. */
	if (!ok || store_secret(t->server->ca, name, secret))
		return ok;
	OPENSSL_cleanse(secret, sizeof(secret));
	if (!trust_identities(t->server->ca, ctx))
		return false;
	strcpy(t->name, name);
	return true;
}

static bool begin(struct transaction *t, struct server *server, const ASN1_OCTET_STRING *id,
		  const struct message_from *from)
{
	bool forge = server->mode == TESTMODE_FORGE_REVOKED;
	OSSL_CMP_CTX *ctx;

	t->server = server;
	t->turn = ++turns;
	strcpy(t->name, "?");
	t->srv = OSSL_CMP_SRV_CTX_new(NULL, NULL);
	t->id = ASN1_OCTET_STRING_dup(id);
	if (!t->srv || !t->id ||
	    OSSL_CMP_SRV_CTX_init(t->srv, t, on_request, on_revoke, on_question, on_error,
				  on_confirm, on_poll) != 1 ||
	    OSSL_CMP_SRV_CTX_set_send_unprotected_errors(t->srv, forge) != 1)
		return false;
	ctx = OSSL_CMP_SRV_CTX_get0_cmp_ctx(t->srv);
	OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG);
	return use_secret(t, ctx, from->reference) || use_signatures(t, ctx, from->name);
}

static struct transaction *find(const ASN1_OCTET_STRING *id)
{
	for (int i = 0; i < TRANSACTIONS; i++)
		if (transactions[i].srv && !ASN1_OCTET_STRING_cmp(transactions[i].id, id))
			return &transactions[i];
	return NULL;
}

static struct transaction *oldest(void)
{
	struct transaction *old = &transactions[0];

	for (int i = 1; i < TRANSACTIONS; i++)
		if (transactions[i].turn < old->turn)
			old = &transactions[i];
	end(old);
	return old;
}

static struct transaction *open_transaction(struct server *server, const OSSL_CMP_MSG *message,
					    const uint8_t *der, size_t length)
{
	const ASN1_OCTET_STRING *id =
		OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message));
	struct transaction *t = id ? find(id) : NULL;
	struct message_from from;

	if (t || !id || message_read_from(der, length, &from))
		return t;
	t = oldest();
	if (begin(t, server, id, &from))
		return t;
	end(t);
	return NULL;
}

static uint8_t *encode(const OSSL_CMP_MSG *message, size_t *length)
{
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t *der = NULL;
	char *bytes;

	if (bio && i2d_OSSL_CMP_MSG_bio(bio, message) == 1) {
		*length = (size_t)BIO_get_mem_data(bio, &bytes);
		der = OPENSSL_memdup(bytes, *length);
	}
	BIO_free(bio);
	return der;
}

uint8_t *cmp_answer(struct server *server, const uint8_t *der, size_t length, size_t *answer_len)
{
	BIO *bio = BIO_new_mem_buf(der, (int)length);
	OSSL_CMP_MSG *message = bio ? d2i_OSSL_CMP_MSG_bio(bio, NULL) : NULL, *answer = NULL;
	struct transaction *t = NULL;
	uint8_t *out = NULL;

	BIO_free(bio);
	if (message)
		t = open_transaction(server, message, der, length);
	if (t)
		answer = OSSL_CMP_SRV_process_request(t->srv, message);
	if (answer)
		out = encode(answer, answer_len);
	ERR_clear_error();
	OSSL_CMP_MSG_free(answer);
	OSSL_CMP_MSG_free(message);
	return out;
}
