// SPDX-License-Identifier: GPL-2.0
// Owns the three questions in frames: for a document, its issuer, the host's state.
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "exchange.h"
#include "frame.h"
#include "lib.h"

struct frames {
	struct exchange x;
	unsigned char request[AZATTEST_REQUEST_MAX];
	unsigned char reply[AZATTEST_FRAME_MAX + 1];
	uint8_t type;
	uint32_t id;
};

static int whole_frame(const struct exchange *x, const char **why)
{
	const struct frames *f = (const struct frames *)x;
	struct frame_header header;

	return frame_check_reply(x->reply, x->reply_len, f->type, f->id,
				 &header, why);
}

static struct frames *frames_new(uint8_t type, struct azattest_fault *fault)
{
	struct frames *f = calloc(1, sizeof(*f));

	if (!f || getrandom(&f->id, sizeof(f->id), 0) != sizeof(f->id)) {
		free(f);
		fault_set(fault, AZATTEST_E_MEMORY, "no memory for a request");
		return NULL;
	}
	f->type = type;
	f->x = (struct exchange){
		.request = f->request, .reply = f->reply,
		.reply_size = sizeof(f->reply), .whole = whole_frame,
	};
	return f;
}

/* Answers that are no OK become their own code; 0 for OK. */
static int reply_status(const struct frames *f, struct azattest_fault *fault)
{
	struct frame_header header;
	int code;

	frame_get(f->reply, &header);
	if (header.status == AZATTEST_STATUS_OK)
		return 0;
	code = AZATTEST_E_RETRY + header.status - AZATTEST_STATUS_RETRY;
	return fault_set(fault, code, "the host answers: %s",
			 azattest_code_meaning(code));
}

static int run(int fd, struct frames *f, int timeout_ms,
	       struct azattest_fault *fault)
{
	int rc = exchange_run(fd, &f->x, timeout_ms, fault);

	return rc ? rc : reply_status(f, fault);
}

/* Takes the payload out of a reply with OK. */
static int take_payload(const struct frames *f, unsigned char **der,
			size_t *len, struct azattest_fault *fault)
{
	*len = f->x.reply_len - FRAME_HEADER;
	*der = malloc(*len);
	if (!*der)
		return fault_set(fault, AZATTEST_E_MEMORY,
				 "no memory for the reply");
	memcpy(*der, f->reply + FRAME_HEADER, *len);
	return 0;
}

static int fetch_payload(int fd, struct frames *f, int timeout_ms,
			 unsigned char **der, size_t *len,
			 struct azattest_fault *fault)
{
	int rc = run(fd, f, timeout_ms, fault);

	if (!rc)
		rc = take_payload(f, der, len, fault);
	free(f);
	return rc;
}

int azattest_fetch_document(int fd, const struct azattest_request *request,
			    int timeout_ms, unsigned char **der, size_t *len,
			    struct azattest_fault *fault)
{
	unsigned int version = request->api_version ?: API_VERSION_DEFAULT;
	struct frames *f;

	if (request->nonce && !azattest_nonce_valid(request->nonce))
		return fault_set(fault, AZATTEST_E_ARGUMENT,
				 "a nonce is 1 to 32 of A-Z a-z 0-9 - _");
	f = frames_new(AZATTEST_FRAME_ATTEST, fault);
	if (!f)
		return AZATTEST_E_MEMORY;
	f->x.request_len = frame_put_attest(f->request, f->id, version,
					    request->host_timeout_ms,
					    request->nonce);
	return fetch_payload(fd, f, timeout_ms, der, len, fault);
}

int azattest_fetch_issuer(int fd, int timeout_ms, unsigned char **der,
			  size_t *len, struct azattest_fault *fault)
{
	struct frames *f = frames_new(AZATTEST_FRAME_ISSUER, fault);

	if (!f)
		return AZATTEST_E_MEMORY;
	f->x.request_len = frame_put_request(f->request, f->type, f->id);
	return fetch_payload(fd, f, timeout_ms, der, len, fault);
}

int azattest_fetch_hello(int fd, int timeout_ms, struct azattest_hello *hello,
			 struct azattest_fault *fault)
{
	struct frames *f = frames_new(AZATTEST_FRAME_HELLO, fault);
	struct azattest_frame_hello wire;
	int rc;

	if (!f)
		return AZATTEST_E_MEMORY;
	f->x.request_len = frame_put_request(f->request, f->type, f->id);
	rc = run(fd, f, timeout_ms, fault);
	if (!rc) {
		memcpy(&wire, f->reply + FRAME_HEADER, sizeof(wire));
		hello->version_min = wire.version_min;
		hello->version_max = wire.version_max;
		hello->host_state = wire.host_state;
		hello->max_frame = le32toh(wire.max_frame);
	}
	free(f);
	return rc;
}
