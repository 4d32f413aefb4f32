/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Map of azattest-sync: a certificate request in, a certificate out, then it
 * ends. It has a network, and neither the key nor a right.
 *
 *   main.c        options; the order in which rights are given up
 *   request.c     standard input -> the request
 *   credential.c  how this host proves itself to its CA
 *   fence.c       user, capabilities, system calls
 *   limit.c       the time that all of it may take
 *   probe.c       is the CA there at all: TCP, and TLS with pinned trust
 *   cmp.c         RFC 4210 with libcrypto
 *   exec.c        a program of the operator's
 */
#ifndef AZATTEST_SYNC_H
#define AZATTEST_SYNC_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <userspace/azattestd/azattestd.h>
#include <userspace/common/accept.h>

/* Exit codes, as in azattest-sync(8); EXIT_USAGE and EXIT_CONFIG are azattestd's. */
#define SYNC_EXIT_UNREACHABLE	4
#define SYNC_EXIT_REFUSED	5
#define SYNC_EXIT_ANSWER	6
#define SYNC_EXIT_TIME		7

#define SYNC_SECRET_MAX		256

/* What one run knows. */
struct sync {
	struct config config;
	X509_REQ *request;		/* NULL with --check, and for @revoke */
	X509 *revoke;			/* instead: what the CA shall revoke */
	STACK_OF(X509) *trust;
	char secret[SYNC_SECRET_MAX + 1];	/* "": the identity is used */
	X509 *identity;
	EVP_PKEY *identity_key;
	STACK_OF(X509) *identity_chain;
};

/* The certificate and others that may be its chain. */
struct sync_answer {
	X509 *leaf;
	STACK_OF(X509) *others;
};

/* request.c: a request, PEM or DER, or the line "revoke" and a certificate in DER. */
int request_read(int fd, struct sync *sync, struct failure *failure);

/* credential.c: the identity if there is one, else the secret. */
int credential_load(struct sync *sync, struct failure *failure);

/* fence.c */

/* Becomes the configured user, without capabilities, for good. */
int fence_drop(const struct config *config);

enum fence_kind { FENCE_NETWORK, FENCE_NO_NETWORK };

/* From here on any other system call kills the process. */
int fence_close(enum fence_kind kind);

/* limit.c */

/* After @seconds the process says "@what did not ..." and ends. */
void limit_start(unsigned int seconds, const char *what);
/* Dies with us; 0: none. */
void limit_child(pid_t pid);

/* probe.c */

struct probe_url {
	char *host, *port, *path;
	bool tls;
};

int probe_parse(const char *url, struct probe_url *out, struct failure *failure);
void probe_free(struct probe_url *url);
/* @trust alone is believed. NULL: no memory. */
SSL_CTX *probe_tls(STACK_OF(X509) *trust);
/* Demands the name or address of the URL. */
SSL *probe_ssl(SSL_CTX *ctx, const struct probe_url *url);
/* One connection, closed again: says why there is none. @ctx NULL: no TLS. */
int probe_run(const char *text, const struct probe_url *url, SSL_CTX *ctx,
	      struct failure *failure);

/* cmp.c */
int cmp_fetch(struct sync *sync, struct sync_answer *answer, struct failure *failure);
/* Has the CA revoke sync->revoke: 0, also if it was revoked before. */
int cmp_revoke(struct sync *sync, struct failure *failure);
/* Asks whether the CA knows us; nothing is issued. */
int cmp_check(struct sync *sync, struct failure *failure);

/* exec.c */
int exec_fetch(struct sync *sync, struct sync_answer *answer, struct failure *failure);

/* main.c: what was asked for, for accept_check(). */
void sync_rules(const struct sync *sync, struct accept_rules *rules);
/* Foreign text made fit for one line. */
void sync_clean(char *text);

#endif
