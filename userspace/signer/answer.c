// SPDX-License-Identifier: GPL-2.0
// Owns the decision about one request, and its document.

#include "signer.h"

#include <errno.h>
#include <string.h>

/* The profile of a VM, NULL if the configuration has none of that name. */
static const struct content_fields *find_profile(const struct signer *signer,
						 const struct azattest_signer_request *request)
{
	const char *name = (const char *)request->profile;
	unsigned int i;

	if (!memchr(name, 0, sizeof(request->profile)))
		return NULL;
	if (!*name)
		return &signer->profile[0].fields;
	for (i = 0; i < signer->profiles; i++)
		if (!strcmp(signer->profile[i].name, name))
			return &signer->profile[i].fields;
	return NULL;
}

static bool valid_at(const struct signer *signer, int64_t now)
{
	return now >= signer->not_before && now < signer->not_after;
}

uint32_t answer_host_state(const struct signer *signer, int64_t now)
{
	return valid_at(signer, now) ? AZATTEST_HOST_READY : AZATTEST_HOST_EXPIRED;
}

/* AZATTEST_STATUS_OK if a document may be made. The module has checked most of
 * this; it is checked again, because what is signed here is believed elsewhere.
 */
static uint32_t check(const struct signer *signer, const struct azattest_signer_request *request,
		      const struct content_fields *fields, int64_t now)
{
	if (!versions_has_document(request->api_version))
		return AZATTEST_STATUS_UNSUPPORTED;
	if (request->nonce_len && !content_nonce_ok(request->nonce, request->nonce_len))
		return AZATTEST_STATUS_BAD_REQUEST;
	if (!fields)
		return AZATTEST_STATUS_DENIED;
	if (!valid_at(signer, now))
		return AZATTEST_STATUS_EXPIRED;
	return AZATTEST_STATUS_OK;
}

/* Bytes of the document at @out, or a negative error. */
static int make_document(struct signer *signer, const struct azattest_signer_request *request,
			 const struct content_fields *fields, int64_t now, uint8_t *out)
{
	struct content content = {
		.api_version = request->api_version,
		.fields = fields,
		.uuid = request->uuid,
		.nonce = request->nonce,
		.nonce_len = request->nonce_len,
		.now = now,
		.not_after = signer->not_after,
	};
	uint8_t whole[AZATTEST_DOCUMENT_MAX], *first;
	char text[CONTENT_MAX];
	int length;

	length = content_build(&content, text, sizeof(text));
	if (length < 0)
		return length;
	length = cms_sign(signer->cms, text, (size_t)length, whole, sizeof(whole), &first);
	if (length > 0)
		memcpy(out, first, (size_t)length);
	return length;
}

static uint32_t attest(struct signer *signer, const struct azattest_signer_request *request,
		       int64_t now, uint8_t *out, uint32_t *length)
{
	const struct content_fields *fields = find_profile(signer, request);
	uint32_t status = check(signer, request, fields, now);
	int made;

	if (status != AZATTEST_STATUS_OK)
		return status;
	made = make_document(signer, request, fields, now, out);
	if (made < 0)
		return AZATTEST_STATUS_FAULT;
	*length = (uint32_t)made;
	return AZATTEST_STATUS_OK;
}

static uint32_t issuer(const struct signer *signer, uint8_t *out, uint32_t *length)
{
	memcpy(out, signer->issuer, signer->issuer_len);
	*length = (uint32_t)signer->issuer_len;
	return AZATTEST_STATUS_OK;
}

static void tell(struct report *report, const struct azattest_signer_request *request,
		 uint32_t status, int64_t now, int64_t not_after)
{
	memset(report, 0, sizeof(*report));
	report->kind = REPORT_REQUEST;
	report->request.cid = request->cid;
	report->request.generation = request->generation;
	report->request.time = now;
	report->request.expires = content_expiry(now, not_after);
	memcpy(report->request.uuid, request->uuid, sizeof(report->request.uuid));
	report->request.status = status;
	report->request.api_version = request->api_version;
	report->request.type = request->type;
	report->request.transport = request->transport;
	report->request.attempt = request->attempt;
	report->request.nonce_len = request->nonce_len;
	memcpy(report->request.nonce, request->nonce, sizeof(report->request.nonce));
	memcpy(report->request.name, request->name, sizeof(report->request.name) - 1);
}

size_t answer_make(struct signer *signer, const struct azattest_signer_request *request,
		   int64_t now, void *out, struct report *report)
{
	struct azattest_signer_answer *answer = out;
	uint8_t *der = (uint8_t *)(answer + 1);
	size_t space;

	answer->cookie = request->cookie;
	answer->length = 0;
	if (request->type == AZATTEST_FRAME_ATTEST)
		answer->status = attest(signer, request, now, der, &answer->length);
	else if (request->type == AZATTEST_FRAME_ISSUER)
		answer->status = issuer(signer, der, &answer->length);
	else
		answer->status = AZATTEST_STATUS_UNSUPPORTED;
	if (report)
		tell(report, request, answer->status, now, signer->not_after);
	space = AZATTEST_SIGNER_ANSWER_SPACE(answer->length);
	memset(der + answer->length, 0, space - sizeof(*answer) - answer->length);
	return space;
}
