// SPDX-License-Identifier: GPL-2.0
// Owns azattest-ca's table of commands, which is also its help.

#include "ca.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>

#define STATE_PATH	"/var/lib/azattest-ca"
#define DAYS_MAX	3653	/* of the CAs themselves */

struct options {
	const char *state;
	const char *name;
	const char *output;
	const char *listen;
	const char *tls_name;
	const char *issuers_url;
	unsigned int days;
	enum keytype type;
	enum testmode mode;
};

struct command {
	const char *name;
	const char *options;
	const char *help;
	bool takes_word;
	int (*run)(const struct options *options, const char *word, struct failure *failure);
};

static int run_init(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_init(&ca, options->state, options->name ?: CA_ORGANIZATION,
			     options->type, failure);

	(void)word;
	if (!ret)
		ret = revoke_write_crl(&ca, failure);
	store_close(&ca);
	return ret;
}

static int bad_name(const char *name, struct failure *failure)
{
	return failure_set(failure, EXIT_USAGE, -EINVAL,
			   "\"%s\" is no DNS name of at most %d characters", name, CA_NAME_MAX);
}

/* To a file only its owner can read, or to standard output. */
static int put(const char *path, const char *text, struct failure *failure)
{
	FILE *out = path ? fopen(path, "wxe") : stdout;
	int ret = 0;

	if (!out)
		return failure_set(failure, EXIT_FAILURE, -errno, "%s: cannot be made: %s", path,
				   strerror(errno));
	if (fputs(text, out) < 0 || (path ? fclose(out) : fflush(out)))
		ret = failure_set(failure, EXIT_FAILURE, -EIO, "%s: cannot be written",
				  path ?: "standard output");
	return ret;
}

static int run_enrol(const struct options *options, const char *word, struct failure *failure)
{
	char secret[CA_SECRET_MAX];
	struct ca ca = { 0 };
	int ret;

	if (!store_name_ok(word))
		return bad_name(word, failure);
	ret = store_open(&ca, options->state, failure);
	if (!ret)
		ret = store_enrol(&ca, word, secret, failure);
	if (!ret)
		ret = put(options->output, secret, failure);
	if (!ret && !options->output)
		putchar('\n');
	store_close(&ca);
	return ret;
}

static int run_remove(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret;

	if (!store_name_ok(word))
		return bad_name(word, failure);
	ret = store_open(&ca, options->state, failure);
	if (!ret)
		ret = store_remove_host(&ca, word, failure);
	store_close(&ca);
	return ret;
}

static int print_file(const char *file, void *arg)
{
	(void)arg;
	return puts(file) < 0 ? -EIO : 0;
}

static int run_hosts(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_open(&ca, options->state, failure);

	(void)word;
	if (!ret)
		ret = folder_each(&ca.folder, "hosts", print_file, NULL, failure);
	store_close(&ca);
	return ret;
}

static char *pem_of(EVP_PKEY *key, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL, *bytes;
	long length;

	if (bio && (!cert || PEM_write_bio_X509(bio, cert) == 1) &&
	    (!key || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)) {
		length = BIO_get_mem_data(bio, &bytes);
		text = strndup(bytes, (size_t)length);
	}
	BIO_free(bio);
	return text;
}

static int put_pem(const char *path, EVP_PKEY *key, X509 *cert, struct failure *failure)
{
	char *text = pem_of(key, cert);
	int ret = text ? put(path, text, failure) :
		failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");

	free(text);
	return ret;
}

static int run_identity(const struct options *options, const char *word, struct failure *failure)
{
	char secret[CA_SECRET_MAX];
	EVP_PKEY *key = keytype_generate(KEYTYPE_P_256);
	struct ca ca = { 0 };
	X509 *cert = NULL;
	int ret = store_open(&ca, options->state, failure);

	if (!ret && store_secret(&ca, word, secret))
		ret = failure_set(failure, EXIT_FAILURE, -ENOENT,
				  "%s: is not enrolled: \"azattest-ca enrol %s\" first", word, word);
	if (!ret) {
		cert = issue_identity(&ca, key, word, options->days ?: 3653, failure);
		ret = cert ? put_pem(options->output, key, cert, failure) : -EIO;
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	store_close(&ca);
	return ret;
}

static int print_issued(const char *serial, void *arg)
{
	struct ca *ca = arg;
	X509 *cert = store_find(ca, serial);
	char name[CA_NAME_MAX + 1] = "";
	int64_t begin = 0, end = 0;

	if (!cert)
		return 0;
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	certificate_times(cert, &begin, &end);
	printf("%s %lld %s%s\n", serial, (long long)end, name,
	       revoke_is_revoked(ca, serial) ? " revoked" : "");
	X509_free(cert);
	return 0;
}

static int run_list(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_open(&ca, options->state, failure);

	(void)word;
	if (!ret)
		ret = folder_each(&ca.folder, "issued", print_issued, &ca, failure);
	store_close(&ca);
	return ret;
}

static int run_revoke(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_open(&ca, options->state, failure);

	if (!ret)
		ret = revoke_serial(&ca, word, failure);
	store_close(&ca);
	return ret;
}

static int run_crl(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	char *pem = NULL;
	int ret = store_open(&ca, options->state, failure);

	(void)word;
	if (!ret)
		ret = revoke_write_crl(&ca, failure);
	if (!ret) {
		pem = revoke_read_crl(&ca, failure);
		ret = pem ? put(options->output, pem, failure) : -EIO;
	}
	free(pem);
	store_close(&ca);
	return ret;
}

static int run_trust(const struct options *options, const char *word, struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_open(&ca, options->state, failure);

	(void)word;
	if (!ret)
		ret = put_pem(options->output, NULL, ca.root, failure);
	store_close(&ca);
	return ret;
}

static int run_roll_over(const struct options *options, const char *word,
			 struct failure *failure)
{
	struct ca ca = { 0 };
	int ret = store_open(&ca, options->state, failure);

	(void)word;
	if (!ret)
		ret = store_roll_over(&ca, failure);
	if (!ret)
		ret = revoke_write_crl(&ca, failure);
	store_close(&ca);
	return ret;
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT" */
static int parse_listen(const char *text, char host[64], struct http_address *address)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (!length || length >= 64)
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end || port > 65535)
		return -EINVAL;
	if (*text == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	snprintf(host, 64, "%.*s", (int)length, text);
	address->host = host;
	address->port = (uint16_t)port;
	return 0;
}

static int serve(struct server *server, const struct options *options,
		 const struct http_address *address, struct failure *failure)
{
	int ret = store_open(server->ca, options->state, failure);

	if (ret)
		return ret;
	server->key = keytype_generate(KEYTYPE_P_256);
	server->cert = server->key ? issue_server(server->ca, server->key,
						  options->tls_name ?: address->host) : NULL;
	if (!server->cert)
		return failure_set(failure, EXIT_FAILURE, -EIO, "cannot make the server's certificate");
	if (server->mode != TESTMODE_NONE)
		log_line(LOG_WARNING, "answers wrongly: a test mode is set");
	return http_serve(server, address, failure);
}

static int run_serve(const struct options *options, const char *word, struct failure *failure)
{
	struct http_address address = { .tls = options->tls_name };
	struct ca ca = { 0 };
	struct server server = {
		.ca = &ca, .issuers_url = options->issuers_url, .days = options->days ?: 30,
		.mode = options->mode,
	};
	char host[64];
	int ret;

	(void)word;
	if (parse_listen(options->listen, host, &address))
		return failure_set(failure, EXIT_USAGE, -EINVAL,
				   "--listen \"%s\": is not ADDRESS:PORT", options->listen);
	ret = serve(&server, options, &address, failure);
	X509_free(server.cert);
	EVP_PKEY_free(server.key);
	store_close(&ca);
	return ret;
}

static const struct command commands[] = {
	{ "init", "[--name ORGANIZATION] [--key-type TYPE]", "makes a root and an issuing CA", false, run_init },
	{ "enrol", "NAME [--output FILE]",
	  "lets that host have certificates; prints the secret that it must show", true, run_enrol },
	{ "identity", "NAME [--output FILE] [--days N]",
	  "a certificate and its key by which an enrolled host asks, instead of the secret", true,
	  run_identity },
	{ "remove", "NAME", "that host gets no certificates any more", true, run_remove },
	{ "hosts", "", "the hosts that are enrolled", false, run_hosts },
	{ "list", "", "what was issued: serial, end, name", false, run_list },
	{ "revoke", "SERIAL", "revokes it, and writes the CRL", true, run_revoke },
	{ "crl", "[--output FILE]", "a fresh CRL, PEM", false, run_crl },
	{ "trust", "[--output FILE]", "the root certificate, PEM", false, run_trust },
	{ "roll-over", "", "a new issuing CA under the same root", false, run_roll_over },
	{ "serve", "[--listen ADDRESS:PORT] [--tls NAME] [--days N] [--ca-issuers-url URL]\n"
	  "      [--test-mode MODE]",
	  "answers CMP (RFC 4210, p10cr) over HTTP; --tls: over HTTPS under that name", false,
	  run_serve },
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static int usage(FILE *to)
{
	char modes[400];

	testmode_list(modes, sizeof(modes));
	fputs("usage: azattest-ca [--state DIR] COMMAND\n"
	      "A small CA for the hosts of one fleet; its keys are in DIR (" STATE_PATH ").\n", to);
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].options,
			commands[i].help);
	fprintf(to, "Test modes answer wrongly, for tests of clients: %s\n", modes);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; name && i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool parse_days(const char *text, unsigned int *days)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*days = (unsigned int)number;
	return *text >= '0' && *text <= '9' && !*end && number >= 1 && number <= DAYS_MAX;
}

/* Commas would begin another entry in the certificate. */
static bool url_ok(const char *url)
{
	return !strncmp(url, "http://", 7) && strlen(url) <= CA_URL_MAX && !strchr(url, ',');
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "state", required_argument, NULL, 's' },
		{ "key-type", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ "output", required_argument, NULL, 'o' },
		{ "listen", required_argument, NULL, 'l' },
		{ "tls", required_argument, NULL, 't' },
		{ "ca-issuers-url", required_argument, NULL, 'u' },
		{ "days", required_argument, NULL, 'd' },
		{ "test-mode", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		bool ok = true;

		switch (c) {
		case 's': options->state = optarg; break;
		case 'n': options->name = optarg; break;
		case 'o': options->output = optarg; break;
		case 'l': options->listen = optarg; break;
		case 't': options->tls_name = optarg; break;
		case 'u': options->issuers_url = optarg; ok = url_ok(optarg); break;
		case 'd': ok = parse_days(optarg, &options->days); break;
		case 'k': ok = !keytype_parse(optarg, &options->type); break;
		case 'm': ok = !testmode_parse(optarg, &options->mode); break;
		default: exit(usage(c == 'h' ? stdout : stderr));
		}
		if (!ok) {
			log_line(LOG_ERR, "\"%s\": cannot be used here: see --help", optarg);
			exit(EXIT_USAGE);
		}
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.state = STATE_PATH, .listen = "127.0.0.1:8829", .type = KEYTYPE_RSA_3072,
	};
	const struct command *command;
	struct failure failure = { 0 };

	log_name = "azattest-ca";
	umask(077);
	parse(argc, argv, &options);
	command = find(argv[optind]);
	if (!command || argc - optind != 1 + command->takes_word)
		return usage(stderr);
	if (!command->run(&options, argv[optind + 1], &failure))
		return EXIT_SUCCESS;
	log_line(LOG_ERR, "%s", failure.text);
	return failure.exit ?: EXIT_FAILURE;
}
