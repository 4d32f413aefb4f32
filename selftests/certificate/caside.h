/* SPDX-License-Identifier: GPL-2.0 */
/* azattest-ca without its door, and libcrypto's CMP client in the same process. */
#ifndef SELFTESTS_CERTIFICATE_CASIDE_H
#define SELFTESTS_CERTIFICATE_CASIDE_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/cmp.h>

#include <selftests/lib/tap.h>
#include <userspace/ca/ca.h>

#define CASIDE_NAME	"node1.test"

struct caside {
	char top[32];		/* a folder that goes with the program */
	char path[64];		/* of the CA's state */
	struct ca ca;
	struct server server;
	struct failure failure;
	char secret[CA_SECRET_MAX];	/* of CASIDE_NAME */
	uint8_t request[8192];	/* the last p10cr that was sent */
	size_t request_len;
};

extern struct caside caside;

/* tap_main(), in a folder that goes with it. */
int caside_main(const struct tap_test *tests, size_t count, int argc, char **argv);
/* A new CA with CASIDE_NAME enrolled. */
void caside_make(const char *name);
/* Another process: what is on disk now. */
void caside_reopen(void);
X509_REQ *caside_request(const char *name);
/* Speaks to caside.server, with a request for @name; shows no credential yet. */
OSSL_CMP_CTX *caside_stranger(const char *name);
/* Under the secret, and takes errors of anybody. */
OSSL_CMP_CTX *caside_client(const char *reference, const char *name);

#endif
