// SPDX-License-Identifier: GPL-2.0
// Owns answers without a signature: a constant, in place of userspace/signer/answer.c.

#include <string.h>

#include <selftests/speed/answers.h>

/* As long as a document with P-256. */
#define DOCUMENT_LENGTH	868

static uint8_t document[DOCUMENT_LENGTH] = { 0x30, 0x82 };

bool answers_open(struct signer *signer, const char *path)
{
	(void)path;
	memset(signer, 0, sizeof(*signer));
	return true;
}

uint32_t answer_host_state(const struct signer *signer, int64_t now)
{
	(void)signer;
	(void)now;
	return AZATTEST_HOST_READY;
}

size_t answer_make(struct signer *signer, const struct azattest_signer_request *request,
		   int64_t now, void *out, struct report *report)
{
	struct azattest_signer_answer *answer = out;

	(void)signer;
	answer->cookie = request->cookie;
	answer->status = AZATTEST_STATUS_OK;
	answer->length = sizeof(document);
	memcpy(answer + 1, document, sizeof(document));
	if (report) {
		memset(report, 0, sizeof(*report));
		report->kind = REPORT_REQUEST;
		report->request.time = now;
	}
	return AZATTEST_SIGNER_ANSWER_SPACE(sizeof(document));
}
