/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-ca: a small CA for fleets that have none, and for tests.
 *
 *   main.c      the table of commands
 *   folder.c    its state directory: locks, durable writes
 *   store.c     root, enrolled hosts, what was issued and revoked
 *   issuing.c   the issuing CA's pair, and those before it
 *   issue.c     leaves, host identities, its own server certificates
 *   revoke.c    revoking, and the CRL
 *   message.c   who a CMP message says it is from
 *   cmp.c       transactions: p10cr, certConf, genm, rr
 *   http.c      the door: POST of CMP messages, GET of issuer and CRL
 *   testmode.c  how to answer wrongly, for tests of clients
 */
#ifndef AZATTEST_CA_H
#define AZATTEST_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include <userspace/common/certificate.h>
#include <userspace/common/common.h>
#include <userspace/daemon/daemon.h>

#define EXIT_USAGE	2
#define EXIT_STATE	3

#define CA_ORGANIZATION	"azattest CA"
#define CA_NAME_MAX	64
#define CA_SECRET_MAX	128
#define CA_SERIAL_MAX	64	/* hexadecimal */
#define CA_URL_MAX	192

/* folder.c */

#define FOLDER_FILE_MAX	(16 << 20)	/* a CRL of 200,000 entries */

struct folder {
	char path[256];
	int dir;
};

/* Makes it (0700) if need be; refuses another's and one that others may enter. */
int folder_open(struct folder *folder, const char *path, struct failure *failure);
void folder_close(struct folder *folder);
/* Called at each step that a crash may separate; tests replace it. */
void folder_step(void);
/*
 * NAME may be in a folder of one level ("hosts/NAME"); it appears whole or not
 * at all. Writers of several processes wait for each other.
 */
int folder_write(struct folder *folder, const char *name, const void *bytes, size_t length,
		 struct failure *failure);
/* Bytes, a NUL behind them; -ENOENT without a failure's text. */
int folder_read(struct folder *folder, const char *name, char *buf, size_t size,
		struct failure *failure);
/* The same for a file of any size up to FOLDER_FILE_MAX, to be freed; NULL: @failure says why. */
char *folder_load(struct folder *folder, const char *name, struct failure *failure);
int folder_remove(struct folder *folder, const char *name, struct failure *failure);
/* Calls for each file of @name in no order; stops at the first that is not 0. */
int folder_each(struct folder *folder, const char *name,
		int (*each)(const char *file, void *arg), void *arg, struct failure *failure);

/* store.c */

struct ca {
	struct folder folder;
	X509 *root;
	X509 *issuing;
	EVP_PKEY *key;		/* of issuing */
};

/* A CA that is there, or none yet (-ENOENT with a text). */
int store_open(struct ca *ca, const char *path, struct failure *failure);
void store_close(struct ca *ca);
/* A new root and issuing CA; refuses where there is one. */
int store_init(struct ca *ca, const char *path, const char *organization, enum keytype type,
	       struct failure *failure);
/* A new issuing CA under the same root, whose key must still be there. */
int store_roll_over(struct ca *ca, struct failure *failure);
bool store_name_ok(const char *name);
/* Makes a secret for the host and gives it in @secret. */
int store_enrol(struct ca *ca, const char *name, char secret[CA_SECRET_MAX],
		struct failure *failure);
int store_remove_host(struct ca *ca, const char *name, struct failure *failure);
/* 0 or -ENOENT: not enrolled. */
int store_secret(struct ca *ca, const char *name, char secret[CA_SECRET_MAX]);
/* What was issued is written down before it is handed out. */
int store_issued(struct ca *ca, X509 *cert, struct failure *failure);
/* Remembers it as the one of its key, so that a request that comes again is not issued again. */
int store_issued_for(struct ca *ca, EVP_PKEY *key, X509 *cert, struct failure *failure);
/* The certificate that @key was given, NULL if none; whether it is revoked or over is not looked at. */
X509 *store_find_for(struct ca *ca, EVP_PKEY *key);
void store_serial(const ASN1_INTEGER *serial, char text[CA_SERIAL_MAX]);
/* An issued certificate, NULL if there is none of that serial. */
X509 *store_find(struct ca *ca, const char *serial);
X509 *store_load_certificate(struct ca *ca, const char *name, struct failure *failure);
int store_write_certificate(struct ca *ca, const char *name, X509 *cert, struct failure *failure);
/* @key, @cert or both in one file. */
int store_write_pem(struct ca *ca, const char *name, EVP_PKEY *key, X509 *cert,
		    struct failure *failure);
/* -EINVAL, and that @name does not parse. */
int store_damaged(struct ca *ca, const char *name, struct failure *failure);

/* issuing.c */

/* Sets key and issuing of @ca: 0, -ENOENT, -EINVAL or -EKEYREJECTED, with a text. */
int issuing_load(struct ca *ca, struct failure *failure);
int issuing_write(struct ca *ca, struct failure *failure);
/* Takes @key and @cert. On failure they stay the caller's, and @ca what it was. */
int issuing_replace(struct ca *ca, EVP_PKEY *key, X509 *cert, struct failure *failure);
/* Certificates of this one and of all before it, to be freed with them; NULL: no memory. */
STACK_OF(X509) *issuing_all(struct ca *ca);

/* issue.c */

/* A leaf for @name, NULL on failure; it and its key are written down before it is returned. */
X509 *issue_leaf(struct ca *ca, EVP_PKEY *key, const char *name, const char *issuers_url,
		 unsigned int days, struct failure *failure);
/* clientAuth only, no alternative name: it signs CMP messages and no documents. */
X509 *issue_identity(struct ca *ca, EVP_PKEY *key, const char *name, unsigned int days,
		     struct failure *failure);
/* This CA's own, for TLS and to sign its CMP messages; for a DNS name or an address. */
X509 *issue_server(struct ca *ca, EVP_PKEY *key, const char *name);

/* revoke.c */

/* 0, -ENOENT if it issued none such, -EALREADY. Writes the CRL. */
int revoke_serial(struct ca *ca, const char *serial, struct failure *failure);
/* Also if that cannot be found out. */
bool revoke_is_revoked(struct ca *ca, const char *serial);
/* Of this issuing CA's certificates, but those that ended long ago. */
int revoke_write_crl(struct ca *ca, struct failure *failure);
/* PEM, to be freed. */
char *revoke_read_crl(struct ca *ca, struct failure *failure);

/* message.c */

struct message_from {
	char reference[CA_NAME_MAX + 1];	/* senderKID, "" if it is no host's name */
	char name[CA_NAME_MAX + 1];		/* CN of the sender, "" if there is none */
};

/* Reads the header of a CMP message: 0 or -EPROTO. Says nothing about its truth. */
int message_read_from(const uint8_t *der, size_t length, struct message_from *from);

/* testmode.c */

enum testmode {
	TESTMODE_NONE,
	/* the certificate */
	TESTMODE_WRONG_KEY, TESTMODE_WRONG_NAME, TESTMODE_CA_LEAF, TESTMODE_NO_EKU,
	TESTMODE_FUTURE_DATED, TESTMODE_EXPIRED, TESTMODE_SHORT_LIVED, TESTMODE_LONG_LIVED,
	TESTMODE_FOREIGN_CHAIN,
	/* CMP */
	TESTMODE_REJECT, TESTMODE_WAIT,
	TESTMODE_FORGE_REVOKED,		/* as whoever is on the path can: nothing protects it */
	/* HTTP */
	TESTMODE_503, TESTMODE_HANG, TESTMODE_GARBAGE, TESTMODE_ENDLESS, TESTMODE_SLOW,
	TESTMODE_COUNT
};

/* 0 or -EINVAL. */
int testmode_parse(const char *name, enum testmode *mode);
void testmode_list(char *out, size_t size);
/* Makes a good leaf wrong; the same or another certificate, NULL on failure. */
X509 *testmode_spoil(enum testmode mode, X509 *leaf, const struct ca *ca);

/* cmp.c */

struct server {
	struct ca *ca;
	const char *issuers_url;
	unsigned int days;
	enum testmode mode;
	EVP_PKEY *key;		/* its CMP messages', and TLS's */
	X509 *cert;
};

/* DER of the answer, to be freed with OPENSSL_free(), or NULL: not a message. */
uint8_t *cmp_answer(struct server *server, const uint8_t *der, size_t length, size_t *answer_len);

/* http.c */

struct http_address {
	const char *host;	/* address to listen at */
	uint16_t port;		/* 0: any free one, which is said */
	bool tls;
};

/* Serves until SIGTERM or SIGINT. */
int http_serve(struct server *server, const struct http_address *address,
	       struct failure *failure);

#endif
