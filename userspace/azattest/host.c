// SPDX-License-Identifier: GPL-2.0
// Owns "azattest issuer" and "azattest hello": what a host says of itself.
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <linux/azattest_frame.h>
#include <openssl/pem.h>

#include "cli.h"

struct host {
	struct door door;
	double wait;
	const char *output;
	bool der;
	unsigned char *data;
	size_t len;
	struct azattest_hello hello;
};

static const struct option options[] = {
	{ "pem", no_argument, NULL, 'p' },
	{ "der", no_argument, NULL, 'd' },
	{ "output", required_argument, NULL, 'o' },
	{ "wait", required_argument, NULL, 'w' },
	DOOR_GETOPT,
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

/* The host's state is told over vsock alone. */
static const struct option hello_options[] = {
	{ "wait", required_argument, NULL, 'w' },
	{ "connect", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int take_option(struct host *host, int option)
{
	switch (option) {
	case 'p':
	case 'd':
		host->der = option == 'd';
		return 0;
	case 'o':
		host->output = optarg;
		return 0;
	case 'w':
		return ask_parse_wait(host->door.command, optarg, &host->wait);
	default:
		return door_take_option(&host->door, option, optarg) ? 0 :
		       EXIT_USAGE;
	}
}

/* -1: go on; else the exit code. */
static int parse(const struct command *self, const struct option *mine,
		 int argc, char **argv, struct host *host)
{
	int option;

	while ((option = getopt_long(argc, argv, "", mine, NULL)) != -1) {
		if (option == 'h') {
			main_command_help(self, stdout);
			return 0;
		}
		if (option == '?')
			return main_usage_error(self);
		if (take_option(host, option))
			return EXIT_USAGE;
	}
	if (optind != argc)
		return main_usage_error(self);
	return door_check(&host->door) ? EXIT_USAGE : -1;
}

static int ask_issuer(enum door_kind kind, int fd, int timeout_ms, void *arg,
		      struct azattest_fault *fault)
{
	struct host *host = arg;

	if (kind == DOOR_REST)
		return azattest_rest_fetch_issuer(fd, timeout_ms, &host->data,
						  &host->len, fault);
	return azattest_fetch_issuer(fd, timeout_ms, &host->data, &host->len,
				     fault);
}

/* PEM of what must be one certificate. */
static int to_pem(struct host *host, struct azattest_fault *fault)
{
	const unsigned char *p = host->data;
	X509 *cert = d2i_X509(NULL, &p, (long)host->len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int rc;

	if (cert && bio && p == host->data + host->len &&
	    PEM_write_bio_X509(bio, cert)) {
		len = BIO_get_mem_data(bio, &text);
		rc = files_write(host->output, text, (size_t)len, fault);
	} else {
		rc = fault->code = AZATTEST_E_REPLY;
		strcpy(fault->text, "the host's answer is no certificate");
	}
	BIO_free(bio);
	X509_free(cert);
	return rc;
}

int host_run_issuer(const struct command *self, int argc, char **argv)
{
	struct host host = {
		.door = { .command = "issuer", .timeout_ms = AZATTEST_TIMEOUT_MS },
		.wait = ASK_WAIT_DEFAULT,
	};
	struct azattest_fault fault;
	int rc = parse(self, options, argc, argv, &host);

	if (rc >= 0)
		return rc;
	rc = ask_run(&host.door, host.wait, ask_issuer, &host, &fault);
	if (!rc && host.der)
		rc = files_write(host.output, host.data, host.len, &fault);
	else if (!rc)
		rc = to_pem(&host, &fault);
	free(host.data);
	return rc ? report_fault("issuer", NULL, &fault) : 0;
}

static int ask_hello(enum door_kind kind, int fd, int timeout_ms, void *arg,
		     struct azattest_fault *fault)
{
	struct host *host = arg;

	(void)kind;
	return azattest_fetch_hello(fd, timeout_ms, &host->hello, fault);
}

/* The exit code says whether a document could be had now. */
static int show_hello(const struct azattest_hello *hello)
{
	const char *state = "unknown";
	int code = AZATTEST_E_FAULT;

	if (hello->host_state == AZATTEST_HOST_READY) {
		state = "ready";
		code = AZATTEST_E_OK;
	} else if (hello->host_state == AZATTEST_HOST_NO_SIGNER) {
		state = "no-signer";
		code = AZATTEST_E_RETRY;
	} else if (hello->host_state == AZATTEST_HOST_EXPIRED) {
		state = "expired";
		code = AZATTEST_E_EXPIRED;
	}
	printf("state %s\nversions %u to %u\nlargest-frame %u\n", state,
	       hello->version_min, hello->version_max, hello->max_frame);
	return exits_code(code);
}

int host_run_hello(const struct command *self, int argc, char **argv)
{
	struct host host = {
		.door = { .command = "hello", .via = "vsock",
			  .timeout_ms = AZATTEST_TIMEOUT_MS },
	};
	struct azattest_fault fault;
	int rc = parse(self, hello_options, argc, argv, &host);

	if (rc >= 0)
		return rc;
	rc = ask_run(&host.door, host.wait, ask_hello, &host, &fault);
	return rc ? report_fault("hello", NULL, &fault) : show_hello(&host.hello);
}
