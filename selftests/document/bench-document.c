// SPDX-License-Identifier: GPL-2.0
// Measures whole documents against bare signatures of the same key.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rsa.h>

#include <selftests/document/pki.h>
#include <userspace/document/document.h>

/*
 * Short blocks of both, in turns, in one process; CPU time, and for each side
 * the 20th percentile: what else runs on the machine hits both alike and
 * falls out.
 */
#define BLOCKS		200
#define BLOCK_NS	8000000

struct side {
	const char *name;
	void (*once)(void);
	double ns[BLOCKS];
};

static struct {
	struct pki pki;
	struct cms *cms;
	EVP_PKEY_CTX *raw;
	uint8_t signature[512];
	uint32_t counter;
	size_t document_len;
} bench;

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench-document: %s failed\n", what);
		exit(1);
	}
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void raw_once(void)
{
	uint8_t hash[32] = { 0 };
	size_t length = sizeof(bench.signature);

	memcpy(hash, &bench.counter, sizeof(bench.counter));
	bench.counter++;
	must(EVP_PKEY_sign(bench.raw, bench.signature, &length, hash, sizeof(hash)) == 1, "raw");
}

static void document_once(void)
{
	static const struct content_fields fields = {
		.plan_name = "basic", .plan_product = "image", .plan_publisher = "maker",
		.sku = "2022-datacenter", .subscription_id = "11111111-2222-3333-4444-555555555555",
	};
	static const uint8_t uuid[16] = { 1, 2, 3 };
	static uint8_t answer[8192];
	uint8_t buf[8192], *first;
	char text[CONTENT_MAX], nonce[16];
	struct content content = {
		.api_version = 20201001, .fields = &fields, .uuid = uuid,
		.nonce = (const uint8_t *)nonce, .now = time(NULL), .not_after = INT64_MAX,
	};
	int length;

	content.nonce_len = (size_t)snprintf(nonce, sizeof(nonce), "%010u", bench.counter++);
	length = content_build(&content, text, sizeof(text));
	must(length > 0, "content");
	length = cms_sign(bench.cms, text, (size_t)length, buf, sizeof(buf), &first);
	must(length > 0, "cms");
	memcpy(answer, first, (size_t)length);	/* as into a batch of answers */
	bench.document_len = (size_t)length;
}

static struct side raw = { "raw", raw_once, { 0 } };
static struct side document = { "document", document_once, { 0 } };

static double block(void (*once)(void))
{
	int64_t start = cpu_ns(), end;
	unsigned int loops = 0;

	do {
		once();
		loops++;
		end = cpu_ns();
	} while (end - start < BLOCK_NS);
	return (double)(end - start) / loops;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double percentile20(struct side *side)
{
	qsort(side->ns, BLOCKS, sizeof(side->ns[0]), compare);
	return side->ns[BLOCKS / 5];
}

static void prepare(const char *type)
{
	memset(&bench, 0, sizeof(bench));
	pki_make(&bench.pki, type);
	must(!cms_open(&bench.cms, bench.pki.key, bench.pki.leaf, NULL, 0), "cms_open");
	bench.raw = EVP_PKEY_CTX_new(bench.pki.key, NULL);
	must(bench.raw && EVP_PKEY_sign_init(bench.raw) == 1, "sign_init");
	if (EVP_PKEY_is_a(bench.pki.key, "RSA"))
		must(EVP_PKEY_CTX_set_rsa_padding(bench.raw, RSA_PKCS1_PADDING) == 1, "padding");
	must(EVP_PKEY_CTX_set_signature_md(bench.raw, EVP_sha256()) == 1, "digest");
}

static void measure(const char *type, double goal)
{
	double r, d;

	prepare(type);
	block(raw.once);
	block(document.once);
	for (unsigned int i = 0; i < BLOCKS; i++) {
		raw.ns[i] = block(raw.once);
		document.ns[i] = block(document.once);
	}
	r = percentile20(&raw);
	d = percentile20(&document);
	printf("%-9s raw %8.1f us  document %8.1f us (%zu bytes)  ratio %.3f  goal %.2f\n", type,
	       r / 1000, d / 1000, bench.document_len, r / d, goal);
	cms_close(bench.cms);
	EVP_PKEY_CTX_free(bench.raw);
	pki_free(&bench.pki);
}

int main(void)
{
	printf("document building, native, one thread, CPU time, 20th percentile of %d blocks\n",
	       BLOCKS);
	measure("rsa-2048", 0.97);
	measure("rsa-3072", 0.97);
	measure("p-256", 0.90);
	return 0;
}
