// SPDX-License-Identifier: GPL-2.0
// Owns "azattest verify": options to checks, and the verdict as text or JSON.
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "cli.h"

struct verify {
	struct azattest_trust *trust;
	struct azattest_verify_options options;
	const char *file;
	bool json;
};

static const struct option long_options[] = {
	{ "trust", required_argument, NULL, 't' },
	{ "issuer", required_argument, NULL, 'i' },
	{ "nonce", required_argument, NULL, 'n' },
	{ "vm-id", required_argument, NULL, 'v' },
	{ "name", required_argument, NULL, 'm' },
	{ "at", required_argument, NULL, 'a' },
	{ "skew", required_argument, NULL, 's' },
	{ "require-issued", no_argument, NULL, 'r' },
	{ "azure-digest", no_argument, NULL, 'z' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int add_trust(struct verify *v, int role, const char *path)
{
	struct azattest_fault fault;
	unsigned char *data;
	size_t len;
	int rc = files_read(path, &data, &len, &fault);

	if (rc)
		return report_fault("verify", NULL, &fault);
	rc = azattest_trust_add(v->trust, role, data, len, &fault);
	free(data);
	return rc ? report_fault("verify", path, &fault) : 0;
}

/* @SECONDS or YYYY-MM-DDTHH:MM:SSZ */
static int parse_at(const char *text, int64_t *at)
{
	struct tm tm = { 0 };
	char *end;

	if (*text == '@') {
		*at = strtoll(text + 1, &end, 10);
	} else {
		end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
		*at = end ? timegm(&tm) : 0;
	}
	if (*at > 0 && end && *end == '\0')
		return 0;
	return report_usage("verify", "--at %s: neither a time like "
			    "2026-01-31T12:00:00Z nor @SECONDS", text);
}

static int parse_skew(const char *text, unsigned int *skew)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*skew = (unsigned int)n;
	if (*text >= '0' && *text <= '9' && *end == '\0' && n <= 86400)
		return 0;
	return report_usage("verify", "--skew %s: not a number of seconds from "
			    "0 to 86400", text);
}

static int take_option(struct verify *v, int option)
{
	switch (option) {
	case 't':
		return add_trust(v, AZATTEST_TRUST_ANCHORS, optarg);
	case 'i':
		return add_trust(v, AZATTEST_TRUST_ISSUERS, optarg);
	case 'n':
		v->options.nonce = optarg;
		return 0;
	case 'v':
		v->options.vm_id = optarg;
		return 0;
	case 'm':
		v->options.name = optarg;
		return 0;
	case 'a':
		return parse_at(optarg, &v->options.at);
	case 's':
		return parse_skew(optarg, &v->options.skew);
	case 'r':
		v->options.flags |= AZATTEST_VERIFY_REQUIRE_ISSUED;
		return 0;
	case 'z':
		v->options.flags |= AZATTEST_VERIFY_AZURE_DIGEST;
		return 0;
	case 'j':
		v->json = true;
		return 0;
	default:
		return EXIT_USAGE;
	}
}

static int print_json(json_t *root)
{
	int rc = root ? json_dumpf(root, stdout, JSON_INDENT(2)) : -1;

	putchar('\n');
	json_decref(root);
	return rc;
}

static void json_refused(const struct azattest_fault *fault)
{
	print_json(json_pack("{s:s, s:s, s:s, s:i}", "verdict", "refused",
			     "check", azattest_code_name(fault->code),
			     "reason", fault->text,
			     "exit", exits_code(fault->code)));
}

static void json_verified(const struct verify *v,
			  const struct azattest_document *d)
{
	print_json(json_pack("{s:s, s:b, s:o, s:{s:b, s:b, s:b},"
			     " s:I, s:I, s:{s:s, s:s, s:s, s:s, s:s, s:I}}",
		"verdict", "verified",
		"selfIssued", d->self_issued,
		"content", json_loadb(d->content, d->content_len, 0, NULL),
		"checked", "nonce", v->options.nonce != NULL,
			"vmId", v->options.vm_id != NULL,
			"name", v->options.name != NULL,
		"createdOn", (json_int_t)d->created_on,
		"expiresOn", (json_int_t)d->expires_on,
		"signer", "name", d->signer_name, "subject", d->signer_subject,
			"issuer", d->issuer_subject,
			"anchor", d->anchor_subject,
			"sha256", d->signer_sha256,
			"notAfter", (json_int_t)d->signer_not_after));
}

static void text_verified(const struct verify *v,
			  const struct azattest_document *d)
{
	fwrite(d->content, 1, d->content_len, stdout);
	putchar('\n');
	report_note("verify", "verified: VM %s, signed by %s (%s) under %s%s",
		    d->vm_id, *d->signer_name ? d->signer_name : "no DNS name",
		    d->signer_subject, d->anchor_subject,
		    d->self_issued ? ", self-issued: the host is its own CA" :
				     "");
	if (!v->options.nonce)
		report_note("verify", "the nonce was not checked: this document "
			    "may be a copy");
	if (!v->options.name)
		report_note("verify", "the signer's name was not checked: any "
			    "certificate under that root will do");
}

static int decide(struct verify *v, const unsigned char *data, size_t len)
{
	struct azattest_document *document;
	struct azattest_fault fault;
	unsigned char *der;
	size_t der_len;
	int rc = azattest_decode(data, len, &der, &der_len, &fault);

	if (!rc) {
		rc = azattest_verify(v->trust, der, der_len, &v->options,
				     &document, &fault);
		free(der);
	}
	if (rc) {
		if (v->json)
			json_refused(&fault);
		return report_fault("verify", v->file ?: "document", &fault);
	}
	if (v->json)
		json_verified(v, document);
	else
		text_verified(v, document);
	azattest_document_free(document);
	return 0;
}

static int run(struct verify *v)
{
	struct azattest_fault fault;
	unsigned char *data;
	size_t len;
	int rc = files_read(v->file, &data, &len, &fault);

	if (rc)
		return report_fault("verify", NULL, &fault);
	rc = decide(v, data, len);
	free(data);
	if (fflush(stdout))
		return report_usage("verify", "cannot write the verdict");
	return rc;
}

/* -1: go on; else the exit code. */
static int parse(const struct command *self, int argc, char **argv,
		 struct verify *v)
{
	bool trusted = false;
	int option, rc;

	while ((option = getopt_long(argc, argv, "", long_options,
				     NULL)) != -1) {
		if (option == 'h') {
			main_command_help(self, stdout);
			return 0;
		}
		if (option == '?')
			return main_usage_error(self);
		trusted |= option == 't';
		rc = take_option(v, option);
		if (rc)
			return rc;
	}
	if (argc - optind > 1)
		return main_usage_error(self);
	if (!trusted)
		return report_usage("verify", "--trust FILE is missing: say "
				    "which root to trust");
	v->file = argv[optind];
	return -1;
}

int verify_run(const struct command *self, int argc, char **argv)
{
	struct verify v = {
		.trust = azattest_trust_new(),
		.options = AZATTEST_VERIFY_OPTIONS_INIT,
	};
	int rc;

	if (!v.trust)
		return report_usage("verify", "no memory");
	rc = parse(self, argc, argv, &v);
	if (rc < 0)
		rc = run(&v);
	azattest_trust_free(v.trust);
	return rc;
}
