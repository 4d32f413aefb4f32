// SPDX-License-Identifier: GPL-2.0
// Owns "azattest get": a document from the host, in one of three forms.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum form { FORM_BASE64, FORM_JSON, FORM_DER };

struct get {
	struct door door;
	double wait;
	struct azattest_request request;
	const char *output;
	enum form form;
	bool no_nonce;
	char nonce[AZATTEST_NONCE_SIZE];
	unsigned char *der;
	size_t len;
};

static int question(enum door_kind kind, int fd, int timeout_ms, void *arg,
		    struct azattest_fault *fault)
{
	struct get *get = arg;

	if (kind == DOOR_REST)
		return azattest_rest_fetch_document(fd, &get->request,
						    timeout_ms, &get->der,
						    &get->len, fault);
	return azattest_fetch_document(fd, &get->request, timeout_ms, &get->der,
				       &get->len, fault);
}

/* yyyy-mm-dd as the number that travels. */
static int parse_version(const char *text, unsigned int *version)
{
	unsigned int y, m, d;
	int end = 0;

	if (strlen(text) != 10 ||
	    sscanf(text, "%4u-%2u-%2u%n", &y, &m, &d, &end) != 3 || end != 10)
		return report_usage("get", "--api-version %s: not a date like "
				    "2020-09-01", text);
	*version = y * 10000 + m * 100 + d;
	return 0;
}

static int set_form(struct get *get, enum form form)
{
	if (get->form != FORM_BASE64)
		return report_usage("get", "--json and --der exclude each other");
	get->form = form;
	return 0;
}

static int take_option(struct get *get, int option)
{
	switch (option) {
	case 'n':
		get->request.nonce = optarg;
		return 0;
	case 'N':
		get->no_nonce = true;
		return 0;
	case 'a':
		return parse_version(optarg, &get->request.api_version);
	case 'j':
		return set_form(get, FORM_JSON);
	case 'd':
		return set_form(get, FORM_DER);
	case 'w':
		return ask_parse_wait("get", optarg, &get->wait);
	case 'o':
		get->output = optarg;
		return 0;
	default:
		return door_take_option(&get->door, option, optarg) ? 0 : EXIT_USAGE;
	}
}

static const struct option options[] = {
	{ "nonce", required_argument, NULL, 'n' },
	{ "no-nonce", no_argument, NULL, 'N' },
	{ "api-version", required_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ "der", no_argument, NULL, 'd' },
	{ "wait", required_argument, NULL, 'w' },
	{ "output", required_argument, NULL, 'o' },
	DOOR_GETOPT,
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int choose_nonce(struct get *get)
{
	if (get->no_nonce && get->request.nonce)
		return report_usage("get", "--nonce and --no-nonce exclude each "
				    "other");
	if (get->request.nonce && !azattest_nonce_valid(get->request.nonce))
		return report_usage("get", "--nonce %s: not 1 to 32 of "
				    "A-Z a-z 0-9 - _", get->request.nonce);
	if (get->no_nonce || get->request.nonce)
		return 0;
	if (azattest_nonce_make(get->nonce))
		return report_usage("get", "no random numbers for a nonce");
	get->request.nonce = get->nonce;
	report_note("get", "nonce %s", get->nonce);
	return 0;
}

static int write_text(const struct get *get, struct azattest_fault *fault)
{
	char *base64 = azattest_encode_base64(get->der, get->len);
	const char *form = get->form == FORM_JSON ?
		"{\"encoding\":\"pkcs7\",\"signature\":\"" : "";
	size_t size = base64 ? strlen(base64) + 64 : 0;
	char *text = base64 ? malloc(size) : NULL;
	int n, rc;

	fault->code = AZATTEST_E_MEMORY;
	strcpy(fault->text, "no memory");
	rc = fault->code;
	if (text) {
		n = snprintf(text, size, "%s%s%s\n", form, base64,
			     get->form == FORM_JSON ? "\"}" : "");
		rc = files_write(get->output, text, (size_t)n, fault);
	}
	free(text);
	free(base64);
	return rc;
}

static int run(struct get *get, struct azattest_fault *fault)
{
	int rc = ask_run(&get->door, get->wait, question, get, fault);

	if (rc)
		return rc;
	if (get->form == FORM_DER)
		rc = files_write(get->output, get->der, get->len, fault);
	else
		rc = write_text(get, fault);
	free(get->der);
	return rc;
}

int get_run(const struct command *self, int argc, char **argv)
{
	struct get get = {
		.door = { .command = "get", .timeout_ms = AZATTEST_TIMEOUT_MS },
		.wait = ASK_WAIT_DEFAULT,
	};
	struct azattest_fault fault;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			main_command_help(self, stdout);
			return 0;
		}
		if (option == '?')
			return main_usage_error(self);
		if (take_option(&get, option))
			return EXIT_USAGE;
	}
	if (optind != argc)
		return main_usage_error(self);
	if (door_check(&get.door) || choose_nonce(&get))
		return EXIT_USAGE;
	return run(&get, &fault) ? report_fault("get", NULL, &fault) : 0;
}
