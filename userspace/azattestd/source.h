/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where certificates come from: one way through, four sources. All of it runs
 * in the short-lived child of renew.c.
 *
 *   source.c       key, certificate, check, folder: the same for all
 *   request.c      has azattest-signer make a key and its request
 *   embedded.c     a CA of this host's own
 *   source_sync.c  cmp and exec: asks azattest-sync
 *   source_file.c  a directory, for hosts that no CA can be reached from
 */
#ifndef AZATTESTD_SOURCE_H
#define AZATTESTD_SOURCE_H

#include "azattestd.h"

/* A leaf and what leads from it to the root; all three, or none. */
struct source_certificates {
	X509 *leaf;
	X509 *issuer;
	X509 *root;
};

/*
 * What a source does. key: writes key.pem into the folder @dir and gives the
 * request. fetch: certificates for that request, not believed yet. done, may be
 * NULL: the new folder is in its place.
 */
struct source {
	int (*key)(const struct source_host *host, int dir, X509_REQ **request,
		   struct failure *failure);
	int (*fetch)(const struct source_host *host, X509_REQ *request,
		     struct source_certificates *out, struct failure *failure);
	void (*done)(const struct source_host *host);
};

/* PEM of a certificate or of a private key to a file of a folder that was begun. */
int source_write_pem(int dir, const char *name, X509 *cert, EVP_PKEY *key,
		     struct failure *failure);
/*
 * The first of @certs is the leaf, the others may be its chain: whether they
 * are what was asked for, by ca-trust.
 */
int source_accept(const struct source_host *host, X509_REQ *request, STACK_OF(X509) *certs,
		  struct source_certificates *out, struct failure *failure);

/* request.c: the key goes from its maker to the file, only the request comes here. */
int request_make(const struct source_host *host, int dir, X509_REQ **request,
		 struct failure *failure);

int embedded_fetch(const struct source_host *host, X509_REQ *request,
		   struct source_certificates *out, struct failure *failure);
int source_sync_fetch(const struct source_host *host, X509_REQ *request,
		      struct source_certificates *out, struct failure *failure);
/* Asks the CA to revoke @cert: 0, also if it was revoked before. */
int source_sync_revoke(const struct source_host *host, X509 *cert, struct failure *failure);
int source_file_key(const struct source_host *host, int dir, X509_REQ **request,
		    struct failure *failure);
int source_file_fetch(const struct source_host *host, X509_REQ *request,
		      struct source_certificates *out, struct failure *failure);
void source_file_done(const struct source_host *host);

#endif
