// SPDX-License-Identifier: GPL-2.0
// Promises of the signer's parts: one answer for each request, and its arena.

#include <stdlib.h>

#include <selftests/document/pki.h>
#include <selftests/lib/tap.h>
#include <userspace/signer/signer.h>

#define BEGIN	1769900000
#define END	(BEGIN + 30 * 86400)
#define NOW	(BEGIN + 3600)

static struct signer signer;
static uint8_t issuer_der[700];
static _Alignas(8) uint8_t out[ANSWER_MAX];
static struct report report;

static void prepare(void)
{
	struct pki pki;

	pki_make(&pki, "p-256");
	tap_need_eq(cms_open(&signer.cms, pki.key, pki.leaf, NULL, 0), 0);
	pki_free(&pki);
	signer.not_before = BEGIN;
	signer.not_after = END;
	signer.issuer = issuer_der;
	signer.issuer_len = sizeof(issuer_der);
	signer.profile[0].name = SETUP_DEFAULT_PROFILE;
	signer.profile[1].name = "gold";
	signer.profile[1].fields.sku = "golden-sku";
	signer.profiles = 2;
}

static struct azattest_signer_request sample(void)
{
	return (struct azattest_signer_request) {
		.cookie = 77, .type = AZATTEST_FRAME_ATTEST, .transport = AZATTEST_TRANSPORT_VSOCK,
		.attempt = 1, .api_version = 20201001, .nonce = "abc", .nonce_len = 3,
		.uuid = { 1, 2, 3 }, .name = "vm",
	};
}

/* Status of the answer, whose form is checked; the text of its document is in @out. */
static uint32_t answer(const struct azattest_signer_request *request, int64_t now)
{
	struct azattest_signer_answer *head = (void *)out;
	size_t space;

	memset(out, 0xee, sizeof(out));
	space = answer_make(&signer, request, now, out, &report);
	tap_need_eq(space % 8, 0);
	tap_need_eq(space, AZATTEST_SIGNER_ANSWER_SPACE(head->length));
	tap_need_eq(head->cookie, request->cookie);
	tap_need_eq(head->status == AZATTEST_STATUS_OK, head->length > 0);
	for (size_t i = sizeof(*head) + head->length; i < space; i++)
		tap_need_eq(out[i], 0);
	tap_need_eq(out[space < sizeof(out) ? space : 0] == 0xee, space < sizeof(out));
	tap_need_eq(report.kind, REPORT_REQUEST);
	tap_need_eq(report.request.status, head->status);
	return head->status;
}

static bool document_has(const char *text)
{
	return memmem(out, sizeof(out), text, strlen(text));
}

static void certificate_decides_by_the_clock(void)
{
	struct azattest_signer_request request = sample();

	prepare();
	tap_need_eq(answer(&request, BEGIN - 1), AZATTEST_STATUS_EXPIRED);
	tap_need_eq(answer(&request, BEGIN), AZATTEST_STATUS_OK);
	tap_need_eq(answer(&request, END - 1), AZATTEST_STATUS_OK);
	tap_need_eq(report.request.expires, END);
	tap_need_eq(answer(&request, END), AZATTEST_STATUS_EXPIRED);
	tap_need_eq(answer(&request, END + 86400), AZATTEST_STATUS_EXPIRED);
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_OK);
	tap_need_eq(answer_host_state(&signer, BEGIN - 1), AZATTEST_HOST_EXPIRED);
	tap_need_eq(answer_host_state(&signer, NOW), AZATTEST_HOST_READY);
	tap_need_eq(answer_host_state(&signer, END), AZATTEST_HOST_EXPIRED);
	cms_close(signer.cms);
}

static void issuer_is_served_even_when_expired(void)
{
	struct azattest_signer_request request = sample();

	prepare();
	request.type = AZATTEST_FRAME_ISSUER;
	tap_need_eq(answer(&request, END + 1), AZATTEST_STATUS_OK);
	tap_need(!memcmp(out + sizeof(struct azattest_signer_answer), issuer_der,
			 sizeof(issuer_der)));
	cms_close(signer.cms);
}

static void profile_chooses_the_fields(void)
{
	struct azattest_signer_request request = sample();

	prepare();
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_OK);
	tap_need(document_has("\"sku\":\"\"") && document_has("\"nonce\":\"abc\""));
	strcpy((char *)request.profile, "gold");
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_OK);
	tap_need(document_has("\"sku\":\"golden-sku\""));
	strcpy((char *)request.profile, "default");
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_OK);
	strcpy((char *)request.profile, "gol");
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_DENIED);
	memset(request.profile, 'g', sizeof(request.profile));
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_DENIED);
	cms_close(signer.cms);
}

static void nothing_out_of_its_table_is_signed(void)
{
	struct azattest_signer_request request;

	prepare();
	for (unsigned int type = 0; type < 256; type++) {
		request = sample();
		request.type = (uint8_t)type;
		if (type != AZATTEST_FRAME_ATTEST && type != AZATTEST_FRAME_ISSUER)
			tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_UNSUPPORTED);
	}
	for (unsigned int length = CONTENT_NONCE_MAX + 1; length < 256; length++) {
		request = sample();
		memset(request.nonce, 'a', sizeof(request.nonce));
		request.nonce_len = (uint8_t)length;
		tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_BAD_REQUEST);
	}
	request = sample();
	request.nonce[1] = '"';
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_BAD_REQUEST);
	request = sample();
	request.api_version = 20180402;
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_UNSUPPORTED);
	cms_close(signer.cms);
}

static void field_that_cannot_be_said_is_a_fault(void)
{
	struct azattest_signer_request request = sample();

	prepare();
	signer.profile[0].fields.plan_name = "\xff";
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_FAULT);
	cms_close(signer.cms);
}

static void longest_fields_fit_an_answer(void)
{
	struct azattest_signer_request request = sample();
	char longest[CONTENT_FIELD_MAX + 1];

	prepare();
	memset(longest, '"', CONTENT_FIELD_MAX);
	longest[CONTENT_FIELD_MAX] = 0;
	signer.profile[0].fields = (struct content_fields) {
		longest, longest, longest, longest, longest, longest,
	};
	tap_need_eq(answer(&request, NOW), AZATTEST_STATUS_OK);
	cms_close(signer.cms);
}

/* Blocks do not overlap, are aligned, and come back. */
static void arena_gives_each_block_to_one_owner(void)
{
	enum { BLOCKS = 300 };
	static uint8_t *block[BLOCKS];
	static size_t size[BLOCKS];
	size_t used;

	tap_need(arena_open() >= 0);
	srand(3);
	for (unsigned int turn = 0; turn < 20000; turn++) {
		size_t i = (size_t)(rand() % BLOCKS);

		for (size_t k = 0; k < size[i]; k++)
			tap_need_eq(block[i][k], i % 251);
		if (rand() % 3 == 0) {
			arena_free(block[i]);
			block[i] = NULL;
			size[i] = 0;
			continue;
		}
		size[i] = 1 + (size_t)rand() % 2000;
		block[i] = arena_realloc(block[i], size[i]);
		tap_need(block[i] && (uintptr_t)block[i] % 16 == 0);
		memset(block[i], (int)(i % 251), size[i]);
	}
	used = arena_used();
	for (unsigned int turn = 0; turn < 1000; turn++)
		arena_free(arena_alloc(1000));
	tap_need(arena_used() - used <= 2048);
	tap_need(!arena_alloc(64 << 20) && !arena_alloc(0) && !arena_alloc(SIZE_MAX));
	while (arena_alloc(100000))
		;
	tap_need(arena_used() <= 4 << 20);
}

static const struct tap_test tests[] = {
	TAP_TEST(certificate_decides_by_the_clock),
	TAP_TEST(issuer_is_served_even_when_expired),
	TAP_TEST(profile_chooses_the_fields),
	TAP_TEST(nothing_out_of_its_table_is_signed),
	TAP_TEST(field_that_cannot_be_said_is_a_fault),
	TAP_TEST(longest_fields_fit_an_answer),
	TAP_TEST(arena_gives_each_block_to_one_owner),
};

int main(int argc, char **argv)
{
	return tap_main(tests, TAP_COUNT(tests), argc, argv);
}
