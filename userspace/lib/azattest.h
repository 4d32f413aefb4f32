/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libazattest: a guest asks its host for an attested document, and whoever
 * must decide verifies it.
 *
 *   guest      azattest_connect() -> azattest_fetch_document() -> close()
 *         or   azattest_rest_connect() -> azattest_rest_fetch_document() ->
 *              close()
 *   consumer   azattest_trust_new() -> azattest_trust_add() ->
 *              azattest_decode() -> azattest_verify() -> read the document ->
 *              azattest_document_free()
 *
 * Results: functions that return int give 0 (AZATTEST_E_OK) or one of enum
 * azattest_code, not an errno: a host's answer and a failed check have no
 * errno of their own. The last argument, where there is one, takes the same
 * code and one sentence that names the object; it may be NULL. On failure no
 * output is set and nothing has to be freed.
 *
 * Memory: what a function hands out is freed by the function its comment
 * names. Strings in arguments are only read during the call.
 *
 * Threads: all functions may run in parallel, on the same struct
 * azattest_trust too once nobody adds to it. No global state is kept; a
 * private OpenSSL library context is used, so the program's own OpenSSL
 * configuration and providers change nothing. Nothing is ever looked up over
 * a network or in the system's certificate stores.
 */
#ifndef _AZATTEST_H
#define _AZATTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Numbers never change; new ones may be added. */
enum azattest_code {
	AZATTEST_E_OK			= 0,

	/* the caller, this machine */
	AZATTEST_E_ARGUMENT		= 1,	/* an argument breaks a rule */
	AZATTEST_E_MEMORY		= 2,
	AZATTEST_E_SYSTEM		= 3,	/* a system call failed */

	/* fetch: the way to the host */
	AZATTEST_E_NO_VSOCK		= 10,	/* this machine has no vsock */
	AZATTEST_E_RESET		= 11,	/* the host hung up, or listens not */
	AZATTEST_E_TIMEOUT		= 12,	/* no whole reply in time */
	AZATTEST_E_REPLY		= 13,	/* the reply breaks the protocol */
	AZATTEST_E_NO_ROUTE		= 14,	/* this machine has no way to REST */

	/* fetch: what the host answered, AZATTEST_STATUS_* + 19 */
	AZATTEST_E_RETRY		= 20,	/* no signer in time */
	AZATTEST_E_EXPIRED		= 21,	/* host has no valid certificate */
	AZATTEST_E_BUSY			= 22,	/* over this VM's rate */
	AZATTEST_E_UNBOUND		= 23,	/* host does not know this VM */
	AZATTEST_E_DENIED		= 24,	/* known, but not allowed this */
	AZATTEST_E_BAD_REQUEST		= 25,	/* host refuses the request */
	AZATTEST_E_UNSUPPORTED		= 26,	/* host speaks another version */
	AZATTEST_E_FAULT		= 27,	/* host's own fault */

	/* verify: the bytes */
	AZATTEST_E_ENCODING		= 40,	/* not DER, base64 or JSON body */
	AZATTEST_E_DER			= 41,	/* not strict DER, or more after it */

	/* verify: the envelope */
	AZATTEST_E_SIGNED_DATA		= 42,	/* no PKCS#7 SignedData version 1 */
	AZATTEST_E_SIGNERS		= 43,	/* not exactly one signer */
	AZATTEST_E_DIGEST		= 44,	/* digest is not SHA-256 */
	AZATTEST_E_ALGORITHM		= 45,	/* signature algorithm */
	AZATTEST_E_CONTENT_TYPE		= 46,	/* content is not id-data */
	AZATTEST_E_DETACHED		= 47,	/* no content inside */
	AZATTEST_E_ATTRIBUTES		= 48,	/* signer info has attributes */
	AZATTEST_E_REVOCATIONS		= 49,	/* revocation lists inside */
	AZATTEST_E_SIGNER_CERT		= 50,	/* signer's certificate not inside */

	/* verify: the signature over the content */
	AZATTEST_E_SIGNATURE		= 51,

	/* verify: the signer's certificate, up to the anchor */
	AZATTEST_E_ISSUER		= 52,	/* an issuer's certificate is missing */
	AZATTEST_E_UNTRUSTED		= 53,	/* chain ends at no given anchor */
	AZATTEST_E_CERT_TIME		= 54,	/* not valid yet, or expired */
	AZATTEST_E_CHAIN		= 55,	/* chain is bad otherwise */

	/* verify: what the certificate is for */
	AZATTEST_E_KEY			= 56,	/* neither RSA 2048..4096 nor P-256 */
	AZATTEST_E_CA			= 57,	/* not marked CA:FALSE */
	AZATTEST_E_KEY_USAGE		= 58,	/* no digitalSignature */
	AZATTEST_E_EXT_KEY_USAGE	= 59,	/* see azattest_verify() */
	AZATTEST_E_NAME			= 60,	/* name rule does not hold */

	/* verify: the content */
	AZATTEST_E_JSON			= 61,	/* not strict, compact JSON */
	AZATTEST_E_MEMBERS		= 62,	/* a member missing, foreign, wrong */
	AZATTEST_E_NONCE		= 63,	/* another nonce */
	AZATTEST_E_FUTURE		= 64,	/* created in the future */
	AZATTEST_E_STALE		= 65,	/* document has expired */
	AZATTEST_E_LIFETIME		= 66,	/* lives longer than allowed */
	AZATTEST_E_VM_ID		= 67,	/* another VM */
	AZATTEST_E_SELF_ISSUED		= 68,	/* self-issued, and not wanted */

	/* verify: the caller's trust files */
	AZATTEST_E_TRUST		= 69,	/* unreadable, or without anchor */
};

struct azattest_fault {
	int code;		/* enum azattest_code */
	char text[480];		/* one sentence without full stop, ASCII */
};

/* Stable short name ("nonce"), what it means, what to do; never NULL. */
const char *azattest_code_name(int code);
const char *azattest_code_meaning(int code);
const char *azattest_code_hint(int code);

/* True for what may heal by itself: RESET, RETRY, BUSY, UNBOUND. */
bool azattest_code_retryable(int code);

/* ---- nonces ------------------------------------------------------------ */

#define AZATTEST_NONCE_SIZE	33	/* longest nonce and its NUL */

/* Fills @nonce with 32 random characters of the contract's table. */
int azattest_nonce_make(char nonce[AZATTEST_NONCE_SIZE]);

/* 1 to 32 characters out of A-Z a-z 0-9 - _ */
bool azattest_nonce_valid(const char *nonce);

/* ---- fetch ------------------------------------------------------------- */

#define AZATTEST_CONNECT_CID	2	/* the host */
#define AZATTEST_CONNECT_PORT	253

/* Time for one exchange: the host's own deadline and the way. */
#define AZATTEST_TIMEOUT_MS	8000

/*
 * Connects to AF_VSOCK @cid @port within @timeout_ms and stores a
 * non-blocking, close-on-exec descriptor in @fd, the caller's to close.
 *
 *   NO_VSOCK  no AF_VSOCK, no transport to @cid, or not permitted
 *   RESET     nobody listens there
 *   TIMEOUT, SYSTEM
 */
int azattest_connect(unsigned int cid, unsigned int port, int timeout_ms,
		     int *fd, struct azattest_fault *fault);

struct azattest_request {
	unsigned int api_version;	/* 20200901 is 2020-09-01; 0: that one */
	const char *nonce;		/* NULL: none, the document is replayable */
	unsigned int host_timeout_ms;	/* host gives up after; 0: its default */
};

/*
 * One exchange on @fd: a descriptor of azattest_connect(), any connected
 * stream that leads to such a door, or a bound /dev/azattest. It is made
 * non-blocking and stays open; after a failure other than RETRY, EXPIRED,
 * BUSY, DENIED and FAULT close it. Every field of the reply is checked.
 *
 *   ARGUMENT  the nonce or the version breaks its rule
 *   RESET     end of file or connection reset before a whole reply
 *   TIMEOUT   no whole reply within @timeout_ms
 *   REPLY     wrong magic, version, type, id, status or length, or more bytes
 *             after it
 *   RETRY..FAULT  the host's answer
 *   SYSTEM, MEMORY
 *
 * @der is the document, 1 to 8176 unverified bytes; free() it.
 */
int azattest_fetch_document(int fd, const struct azattest_request *request,
			    int timeout_ms, unsigned char **der, size_t *len,
			    struct azattest_fault *fault);

/* The same for the certificate that issued the host's (DER, X.509). */
int azattest_fetch_issuer(int fd, int timeout_ms, unsigned char **der,
			  size_t *len, struct azattest_fault *fault);

struct azattest_hello {
	unsigned int version_min;	/* frame versions that the host speaks */
	unsigned int version_max;
	unsigned int host_state;	/* AZATTEST_HOST_* of azattest_frame.h */
	unsigned int max_frame;
};

/* The same for the host's state. */
int azattest_fetch_hello(int fd, int timeout_ms, struct azattest_hello *hello,
			 struct azattest_fault *fault);

/* ---- fetch over REST ---------------------------------------------------- */

#define AZATTEST_REST_ADDRESS		"169.254.169.253"
#define AZATTEST_REST_PORT		80

/*
 * Time for a connection. A host's fence is silent to a VM that may not use
 * REST: more than a few seconds are for nothing.
 */
#define AZATTEST_REST_CONNECT_MS	3500

/*
 * Connects to the REST door within @timeout_ms, for guests without vsock:
 * @address an IPv4 address (NULL: AZATTEST_REST_ADDRESS), @port (0:
 * AZATTEST_REST_PORT), @interface the network card that leads there (NULL: as
 * the routes say). The descriptor is as azattest_connect()'s. No proxy, no
 * name service and no environment variable has a part in it.
 *
 *   ARGUMENT  not an address, a port, the name of an interface
 *   NO_ROUTE  no such interface, no route, no IPv4
 *   RESET     nobody listens there, or not for this VM: no answer in time
 *   SYSTEM
 */
int azattest_rest_connect(const char *address, unsigned int port,
			  const char *interface, int timeout_ms, int *fd,
			  struct azattest_fault *fault);

/*
 * One exchange on @fd, after which it must be closed. As
 * azattest_fetch_document(), without @request->host_timeout_ms, and:
 *
 *   REPLY     not HTTP/1.1 with one Content-Length and nothing after the body;
 *             a body that is not the document's; a redirect or any other status
 *             that is not below
 *   BAD_REQUEST 400, DENIED 403, UNSUPPORTED 404 (or 400 with the versions that
 *             there are), RETRY 410, BUSY 429, FAULT 500, EXPIRED 503
 */
int azattest_rest_fetch_document(int fd, const struct azattest_request *request,
				 int timeout_ms, unsigned char **der, size_t *len,
				 struct azattest_fault *fault);

/* The same for the certificate that issued the host's (DER, X.509). */
int azattest_rest_fetch_issuer(int fd, int timeout_ms, unsigned char **der,
			       size_t *len, struct azattest_fault *fault);

/* ---- forms of a document ----------------------------------------------- */

#define AZATTEST_INPUT_MAX	65536

/*
 * Takes a document as DER, as base64 on one line (one line end may follow), or
 * as the REST body {"encoding":"pkcs7","signature":"<base64>"}; which of them
 * is told by the first byte. Does not look into the DER. free() @der.
 *
 *   ENCODING  none of the three, not strictly one of them, or too long
 *   MEMORY
 */
int azattest_decode(const void *data, size_t size, unsigned char **der,
		    size_t *len, struct azattest_fault *fault);

/* Base64 on one line, without line end; NULL: no memory. free() it. */
char *azattest_encode_base64(const unsigned char *der, size_t len);

/* ---- verify ------------------------------------------------------------ */

struct azattest_trust;

/* An empty set; azattest_trust_free() it. NULL: no memory. */
struct azattest_trust *azattest_trust_new(void);
void azattest_trust_free(struct azattest_trust *trust);

#define AZATTEST_TRUST_ANCHORS	1
#define AZATTEST_TRUST_ISSUERS	2

/*
 * Adds the certificates in @data (PEM, several, or one in DER). ANCHORS: the
 * self-signed among them are trusted, the others only serve to build chains.
 * ISSUERS: all only serve to build chains.
 *
 *   TRUST   no certificate in it, or something that is none
 *   MEMORY
 */
int azattest_trust_add(struct azattest_trust *trust, int role,
		       const void *data, size_t size,
		       struct azattest_fault *fault);

/* azattest_verify_options.flags */
#define AZATTEST_VERIFY_REQUIRE_ISSUED	(1u << 0) /* refuse self-issued */
#define AZATTEST_VERIFY_AZURE_DIGEST	(1u << 1) /* see DIGEST below */

struct azattest_verify_options {
	size_t size;		/* sizeof(struct azattest_verify_options) */
	unsigned int flags;
	unsigned int skew;	/* seconds that createdOn may lie ahead */
	int64_t at;		/* verify as of this time; 0: now */
	const char *nonce;	/* must be equal; NULL: not checked */
	const char *vm_id;	/* UUID, must be equal; NULL: not checked */
	const char *name;	/* name rule; NULL: not checked */
};

#define AZATTEST_SKEW_DEFAULT	300
#define AZATTEST_VERIFY_OPTIONS_INIT \
	{ sizeof(struct azattest_verify_options), 0, AZATTEST_SKEW_DEFAULT, \
	  0, NULL, NULL, NULL }

#define AZATTEST_LIFETIME_MAX	(6 * 3600)

/* What a verified document says. Text is UTF-8 as signed. */
struct azattest_document {
	const char *content;		/* the signed bytes, NUL after them */
	size_t content_len;
	const char *vm_id;		/* lower-case UUID */
	const char *nonce;
	int64_t created_on;		/* seconds since 1970, UTC */
	int64_t expires_on;
	const char *subscription_id;	/* this and below: "" if absent */
	const char *sku;
	const char *license_type;
	const char *plan_name;
	const char *plan_product;
	const char *plan_publisher;
	const char *signer_name;	/* dNSName that matched, or the first */
	const char *signer_subject;	/* RFC 2253 text, ASCII */
	const char *issuer_subject;
	const char *anchor_subject;
	int64_t signer_not_after;
	const char *signer_sha256;	/* fingerprint, 64 hex digits */
	bool self_issued;		/* by a host's own CA: proves the host's
					 * say-so, no more than its root file
					 */
};

/*
 * Verifies @der in this order, stops at the first failure and says which.
 * Nothing of the content is looked at before signature and chain hold.
 *
 *   DER          strict DER, all of it, re-encoding gives the same bytes
 *   SIGNED_DATA  PKCS#7 SignedData version 1
 *   SIGNERS      exactly one, by issuer and serial number, version 1
 *   DIGEST       SHA-256, in both places; with AZURE_DIGEST also the OID
 *                sha256WithRSAEncryption that Azure writes there
 *   ATTRIBUTES   neither signed nor unsigned ones
 *   ALGORITHM    rsaEncryption, or ecdsa-with-SHA256, as the key is
 *   CONTENT_TYPE, DETACHED  content is id-data and inside
 *   REVOCATIONS  no revocation lists inside
 *   SIGNER_CERT  exactly one certificate inside, wherever, has the signer's
 *                issuer and serial number
 *   KEY          RSA of 2048 to 4096 bits, or P-256
 *   SIGNATURE    that certificate's key signed this content
 *   ISSUER, UNTRUSTED, CERT_TIME, CHAIN  chain to an anchor of @trust, valid
 *                at the given time; issuers are CAs that may sign
 *                certificates; at least 112 bits everywhere (so no SHA-1)
 *   CA           certificate has basicConstraints CA:FALSE
 *   KEY_USAGE    and keyUsage with digitalSignature, without keyCertSign
 *   EXT_KEY_USAGE  and extendedKeyUsage with emailProtection or serverAuth
 *   NAME         a dNSName of the subjectAltName is equal to @name, or, when
 *                that begins with a dot, ends with it after at least one
 *                further label. Case does not count, a wildcard never
 *                matches, the common name is not looked at
 *   JSON         compact UTF-8 JSON object, no member twice, nothing after it
 *   MEMBERS      the contract's members, all strings, in their form
 *   NONCE        equal, byte by byte
 *   FUTURE       createdOn is not more than skew ahead
 *   LIFETIME     createdOn < expiresOn <= createdOn + 6 h, and expiresOn is
 *                not past the certificate's end
 *   STALE        expiresOn is not over
 *   VM_ID        equal
 *   SELF_ISSUED  with REQUIRE_ISSUED: no CA of the chain is one that a host
 *                made for itself (organizationName "azattest self-issued")
 *   ARGUMENT     an option breaks a rule
 *   TRUST        @trust has no anchor
 *   MEMORY
 *
 * Revocation is not looked up: certificates live 30 days. @document is freed
 * by azattest_document_free().
 */
int azattest_verify(const struct azattest_trust *trust,
		    const void *der, size_t len,
		    const struct azattest_verify_options *options,
		    struct azattest_document **document,
		    struct azattest_fault *fault);
void azattest_document_free(struct azattest_document *document);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* _AZATTEST_H */
