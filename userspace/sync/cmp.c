// SPDX-License-Identifier: GPL-2.0
// Owns the source "cmp": one p10cr and its confirmation, and the reason when there is none.

#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

struct session {
	struct sync *sync;
	struct probe_url url;
	SSL_CTX *tls;
	OSSL_CMP_CTX *ctx;
	char why[300];		/* we did not take it */
};

static void end(struct session *s)
{
	OSSL_CMP_CTX_free(s->ctx);
	SSL_CTX_free(s->tls);
	probe_free(&s->url);
}

/* transport */

/* libcrypto's HTTP client: put TLS on a new connection, take it off an old one. */
static BIO *tls_callback(BIO *bio, void *arg, int connect, int detail)
{
	struct session *s = arg;
	BIO *tls;
	SSL *ssl;

	(void)detail;
	if (!s->tls)
		return bio;
	if (!connect) {
		tls = BIO_pop(bio);
		BIO_free(bio);
		return tls;
	}
	ssl = probe_ssl(s->tls, &s->url);
	tls = ssl ? BIO_new(BIO_f_ssl()) : NULL;
	if (!tls) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	BIO_set_ssl(tls, ssl, BIO_CLOSE);
	return BIO_push(tls, bio);
}

static bool set_transport(struct session *s)
{
	unsigned int seconds = s->sync->config.sync_timeout_s;
	int limit = (int)(seconds > 1 ? seconds - 1 : 1);	/* it explains better than an alarm */
	char path[CONFIG_TEXT_MAX + 2];

	snprintf(path, sizeof(path), "%s", s->url.path);
	return OSSL_CMP_CTX_set1_server(s->ctx, s->url.host) == 1 &&
	       OSSL_CMP_CTX_set_serverPort(s->ctx, atoi(s->url.port)) == 1 &&
	       OSSL_CMP_CTX_set1_serverPath(s->ctx, path + (*path == '/')) == 1 &&
	       OSSL_CMP_CTX_set_option(s->ctx, OSSL_CMP_OPT_MSG_TIMEOUT, limit) == 1 &&
	       OSSL_CMP_CTX_set_option(s->ctx, OSSL_CMP_OPT_TOTAL_TIMEOUT, limit) == 1 &&
	       (!s->tls || (OSSL_CMP_CTX_set_http_cb(s->ctx, tls_callback) == 1 &&
			    OSSL_CMP_CTX_set_http_cb_arg(s->ctx, s) == 1));
}

/* who is who */

static bool set_trust(struct session *s)
{
	STACK_OF(X509) *trust = s->sync->trust;
	X509_STORE *store = X509_STORE_new();
	bool ok = store;

	for (int i = 0; ok && i < sk_X509_num(trust); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(trust, i)) == 1;
	if (ok && OSSL_CMP_CTX_set0_trustedStore(s->ctx, store) == 1)
		return true;
	X509_STORE_free(store);
	return false;
}

static bool set_credential(struct session *s)
{
	const struct sync *sync = s->sync;
	const char *reference = sync->config.ca_reference;

	if (sync->identity)
		return OSSL_CMP_CTX_set1_cert(s->ctx, sync->identity) == 1 &&
		       OSSL_CMP_CTX_set1_pkey(s->ctx, sync->identity_key) == 1 &&
		       OSSL_CMP_CTX_set1_extraCertsOut(s->ctx, sync->identity_chain) == 1;
	return OSSL_CMP_CTX_set1_referenceValue(s->ctx, (const unsigned char *)reference,
						(int)strlen(reference)) == 1 &&
	       OSSL_CMP_CTX_set1_secretValue(s->ctx, (const unsigned char *)sync->secret,
					     (int)strlen(sync->secret)) == 1;
}

static STACK_OF(X509) *all_others(OSSL_CMP_CTX *ctx)
{
	STACK_OF(X509) *all = X509_chain_up_ref(OSSL_CMP_CTX_get0_untrusted(ctx));
	STACK_OF(X509) *more = OSSL_CMP_CTX_get1_extraCertsIn(ctx);

	if (!all)
		all = sk_X509_new_null();
	if (all && more)
		X509_add_certs(all, more, X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP);
	sk_X509_pop_free(more, X509_free);
	return all;
}

/* Before anything is accepted: the CA is told what is wrong, and so is the operator. */
static int confirm(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **text)
{
	struct session *s = OSSL_CMP_CTX_get_certConf_cb_arg(ctx);
	STACK_OF(X509) *others = all_others(ctx);
	struct accept_rules rules;

	sync_rules(s->sync, &rules);
	if (accept_check(&rules, cert, others, NULL, s->why, sizeof(s->why)))
		fail_info |= 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
	sk_X509_pop_free(others, X509_free);
	if (fail_info)
		*text = *s->why ? s->why : "not accepted";
	return fail_info;
}

/*
 * Errors of the server may come unprotected: they end the attempt, and are text
 * only. But "certRevoked" ends a revocation well: it needs CMP's protection or TLS.
 */
static bool set_session(struct session *s)
{
	int unprotected = !s->sync->revoke || s->tls;

	OSSL_CMP_CTX_set_log_verbosity(s->ctx, OSSL_CMP_LOG_EMERG);
	return set_transport(s) && set_trust(s) && set_credential(s) &&
	       OSSL_CMP_CTX_set_option(s->ctx, OSSL_CMP_OPT_UNPROTECTED_ERRORS,
				       unprotected) == 1 &&
	       OSSL_CMP_CTX_set_certConf_cb(s->ctx, confirm) == 1 &&
	       OSSL_CMP_CTX_set_certConf_cb_arg(s->ctx, s) == 1 &&
	       (!s->sync->request || OSSL_CMP_CTX_set1_p10CSR(s->ctx, s->sync->request) == 1);
}

static int begin(struct session *s, struct failure *failure)
{
	const char *text = s->sync->config.ca_url;
	int ret = probe_parse(text, &s->url, failure);

	if (ret)
		return ret;
	if (s->url.tls && !(s->tls = probe_tls(s->sync->trust)))
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "TLS does not start");
	ret = probe_run(text, &s->url, s->tls, failure);
	if (ret)
		return ret;
	s->ctx = OSSL_CMP_CTX_new(NULL, NULL);
	if (s->ctx && set_session(s))
		return 0;
	ERR_clear_error();
	return failure_set(failure, EXIT_FAILURE, -ENOMEM, "CMP does not start");
}

/* reasons */

/* "reason (data); reason": the queue, oldest last, without what says nothing. */
static void tell_queue(char *out, size_t size)
{
	const char *data;
	unsigned long code;
	size_t length = 0;
	int flags;

	*out = 0;
	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		const char *reason = ERR_reason_error_string(code);
		bool has = (flags & ERR_TXT_STRING) && *data;

		if (!reason || length >= size || (strstr(out, reason) && !has))
			continue;
		length += (size_t)snprintf(out + length, size - length, "%s%s%s%s%s",
					   length ? "; " : "", reason, has ? " (" : "",
					   has ? data : "", has ? ")" : "");
	}
	sync_clean(out);
}

static int explain_refusal(struct session *s, struct failure *failure)
{
	char text[OSSL_CMP_PKISI_BUFLEN] = "";

	OSSL_CMP_CTX_snprint_PKIStatus(s->ctx, text, sizeof(text));
	sync_clean(text);
	return failure_set(failure, SYNC_EXIT_REFUSED, -EACCES,
			   "CA refuses: %.300s: look in its log; is \"%s\" enrolled there?", text,
			   s->sync->config.ca_reference);
}

static int explain(struct session *s, struct failure *failure)
{
	const char *url = s->sync->config.ca_url;
	int status = OSSL_CMP_CTX_get_status(s->ctx);
	char queue[400];

	tell_queue(queue, sizeof(queue));
	if (*s->why)
		return failure_set(failure, SYNC_EXIT_ANSWER, -EKEYREJECTED,
				   "CA's certificate not taken: it %s", s->why);
	if (status == OSSL_CMP_PKISTATUS_rejection)
		return explain_refusal(s, failure);
	if (status == OSSL_CMP_PKISTATUS_waiting)
		return failure_set(failure, SYNC_EXIT_TIME, -ETIMEDOUT,
				   "CA has not decided within %u s: somebody must approve the request "
				   "there, or sync-timeout be longer", s->sync->config.sync_timeout_s);
	if (strstr(queue, "timeout"))
		return failure_set(failure, SYNC_EXIT_TIME, -ETIMEDOUT,
				   "CA did not answer within %u s (sync-timeout): tried %s (%.200s)",
				   s->sync->config.sync_timeout_s, url, queue);
	return failure_set(failure, SYNC_EXIT_ANSWER, -EPROTO,
			   "CA's answer cannot be used: tried %s: %.300s", url, queue);
}

int cmp_fetch(struct sync *sync, struct sync_answer *answer, struct failure *failure)
{
	struct session s = { .sync = sync };
	int ret = begin(&s, failure);

	if (!ret) {
		X509 *leaf = OSSL_CMP_exec_P10CR_ses(s.ctx);

		if (leaf && X509_up_ref(leaf) == 1) {
			answer->leaf = leaf;
			answer->others = all_others(s.ctx);
		} else {
			ret = explain(&s, failure);
		}
	}
	end(&s);
	return ret;
}

static bool set_revocation(struct session *s)
{
	return OSSL_CMP_CTX_set1_oldCert(s->ctx, s->sync->revoke) == 1 &&
	       OSSL_CMP_CTX_set_option(s->ctx, OSSL_CMP_OPT_REVOCATION_REASON,
				       CRL_REASON_CESSATION_OF_OPERATION) == 1;
}

/* A second time is no failure: what was wanted is so. */
static bool was_revoked(const struct session *s)
{
	int bits = OSSL_CMP_CTX_get_failInfoCode(s->ctx);

	return OSSL_CMP_CTX_get_status(s->ctx) == OSSL_CMP_PKISTATUS_rejection && bits > 0 &&
	       (bits & 1 << OSSL_CMP_PKIFAILUREINFO_certRevoked);
}

int cmp_revoke(struct sync *sync, struct failure *failure)
{
	struct session s = { .sync = sync };
	int ret = begin(&s, failure);

	if (!ret && !set_revocation(&s))
		ret = failure_set(failure, EXIT_FAILURE, -ENOMEM, "CMP does not start");
	else if (!ret && OSSL_CMP_exec_RR_ses(s.ctx) != 1 && !was_revoked(&s))
		ret = explain(&s, failure);
	ERR_clear_error();
	end(&s);
	return ret;
}

int cmp_check(struct sync *sync, struct failure *failure)
{
	struct session s = { .sync = sync };
	int ret = begin(&s, failure);

	if (!ret) {
		STACK_OF(OSSL_CMP_ITAV) *answer = OSSL_CMP_exec_GENM_ses(s.ctx);

		if (!answer)
			ret = explain(&s, failure);
		sk_OSSL_CMP_ITAV_pop_free(answer, OSSL_CMP_ITAV_free);
	}
	end(&s);
	return ret;
}
