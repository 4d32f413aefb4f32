// SPDX-License-Identifier: GPL-2.0
// Owns the three questions to a host: for a document, its issuer, its state.
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "exchange.h"
#include "lib.h"

/* The first version whose documents have every member. */
#define API_VERSION_DEFAULT	20200901

static struct exchange *exchange_new(uint8_t type, struct azattest_fault *fault)
{
	struct exchange *x = calloc(1, sizeof(*x));

	if (!x || getrandom(&x->id, sizeof(x->id), 0) != sizeof(x->id)) {
		free(x);
		fault_set(fault, AZATTEST_E_MEMORY, "no memory for a request");
		return NULL;
	}
	x->type = type;
	return x;
}

/* Takes the payload out of a reply with OK. */
static int take_payload(const struct exchange *x, unsigned char **der,
			size_t *len, struct azattest_fault *fault)
{
	*len = x->reply_len - FRAME_HEADER;
	*der = malloc(*len);
	if (!*der)
		return fault_set(fault, AZATTEST_E_MEMORY,
				 "no memory for the reply");
	memcpy(*der, x->reply + FRAME_HEADER, *len);
	return 0;
}

static int fetch_payload(int fd, struct exchange *x, int timeout_ms,
			 unsigned char **der, size_t *len,
			 struct azattest_fault *fault)
{
	int rc = exchange_run(fd, x, timeout_ms, fault);

	if (!rc)
		rc = take_payload(x, der, len, fault);
	free(x);
	return rc;
}

int azattest_fetch_document(int fd, const struct azattest_request *request,
			    int timeout_ms, unsigned char **der, size_t *len,
			    struct azattest_fault *fault)
{
	unsigned int version = request->api_version ?: API_VERSION_DEFAULT;
	struct exchange *x;

	if (request->nonce && !azattest_nonce_valid(request->nonce))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "a nonce is 1 to 32 of A-Z a-z 0-9 - _");
	x = exchange_new(AZATTEST_FRAME_ATTEST, fault);
	if (!x)
		return AZATTEST_E_MEMORY;
	x->request_len = frame_put_attest(x->request, x->id, version,
					  request->host_timeout_ms,
					  request->nonce);
	return fetch_payload(fd, x, timeout_ms, der, len, fault);
}

int azattest_fetch_issuer(int fd, int timeout_ms, unsigned char **der,
			  size_t *len, struct azattest_fault *fault)
{
	struct exchange *x = exchange_new(AZATTEST_FRAME_ISSUER, fault);

	if (!x)
		return AZATTEST_E_MEMORY;
	x->request_len = frame_put_request(x->request, x->type, x->id);
	return fetch_payload(fd, x, timeout_ms, der, len, fault);
}

int azattest_fetch_hello(int fd, int timeout_ms, struct azattest_hello *hello,
			 struct azattest_fault *fault)
{
	struct exchange *x = exchange_new(AZATTEST_FRAME_HELLO, fault);
	struct azattest_frame_hello wire;
	int rc;

	if (!x)
		return AZATTEST_E_MEMORY;
	x->request_len = frame_put_request(x->request, x->type, x->id);
	rc = exchange_run(fd, x, timeout_ms, fault);
	if (!rc) {
		memcpy(&wire, x->reply + FRAME_HEADER, sizeof(wire));
		hello->version_min = wire.version_min;
		hello->version_max = wire.version_max;
		hello->host_state = wire.host_state;
		hello->max_frame = le32toh(wire.max_frame);
	}
	free(x);
	return rc;
}
