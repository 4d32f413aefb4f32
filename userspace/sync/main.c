// SPDX-License-Identifier: GPL-2.0
// Owns azattest-sync's options, and the order in which it gives up what it needs no more.

#include "sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include <userspace/daemon/options.h>

struct options {
	const char *config;
	bool check;
};

void sync_rules(const struct sync *sync, struct accept_rules *rules)
{
	*rules = (struct accept_rules) {
		.key = X509_REQ_get0_pubkey(sync->request),
		.name = sync->config.name,
		.lifetime_days = sync->config.lifetime_days,
		.renew_days = sync->config.renew_days,
		.trust = sync->trust,
		.now = time(NULL),
	};
}

void sync_clean(char *text)
{
	size_t length = strlen(text);

	while (length && (unsigned char)text[length - 1] <= ' ')
		text[--length] = 0;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static int usage(FILE *to)
{
	fputs("usage: azattest-sync [--config FILE] [--check]\n"
	      "Fetches a certificate from the configured source: a request (PKCS#10) on standard\n"
	      "input, certificates in PEM on standard output, or one line that says why not.\n"
	      "  --config FILE  configuration (" CONFIG_PATH ")\n"
	      "  --check        tries everything and changes nothing; reads no request\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static void parse(int argc, char **argv, struct options *o)
{
	const struct options_one options[] = {
		{ "config", &o->config, NULL }, { "check", NULL, &o->check },
	};

	options_read(argc, argv, log_name, usage, options, sizeof(options) / sizeof(options[0]));
}

/* All that is read as root, if that is who we are. */
static int load(struct sync *sync, const struct options *options, struct failure *failure)
{
	int ret = config_read(&sync->config, options->config, failure);
	char why[300];

	if (ret)
		return ret;
	if (sync->config.source != CONFIG_CMP && sync->config.source != CONFIG_EXEC)
		return failure_set(failure, EXIT_CONFIG, -EINVAL,
				   "source = %s: needs no azattest-sync, which is for cmp and exec",
				   config_sources[sync->config.source]);
	sync->trust = accept_read_trust(sync->config.ca_trust, why, sizeof(why));
	if (!sync->trust)
		return failure_set(failure, EXIT_CONFIG, -ENOENT,
				   "ca-trust %s: put the CA's root certificate there", why);
	return sync->config.source == CONFIG_CMP ? credential_load(sync, failure) : 0;
}

static int give_up_rights(const struct sync *sync, struct failure *failure)
{
	int ret;

	tzset();	/* its file cannot be opened later by who has no time for it */
	ret = fence_drop(&sync->config);
	if (!ret && sync->config.source == CONFIG_CMP)
		ret = fence_close(FENCE_NETWORK);
	if (!ret)
		return 0;
	return failure_set(failure, EXIT_FAILURE, ret, "giving up rights: %s", strerror(-ret));
}

static int fetch(struct sync *sync, struct sync_answer *answer, struct failure *failure)
{
	struct accept_rules rules;
	STACK_OF(X509) *chain = NULL;
	char why[300];
	int ret = sync->config.source == CONFIG_CMP ? cmp_fetch(sync, answer, failure) :
		exec_fetch(sync, answer, failure);

	if (ret)
		return ret;
	sync_rules(sync, &rules);
	ret = accept_check(&rules, answer->leaf, answer->others, &chain, why, sizeof(why));
	if (ret)
		return failure_set(failure, SYNC_EXIT_ANSWER, ret,
				   "CA's certificate not taken: it %s", why);
	sk_X509_pop_free(answer->others, X509_free);
	answer->others = chain;
	return 0;
}

/* The whole chain, leaf first. */
static int put(const struct sync_answer *answer, struct failure *failure)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;
	int ret = -ENOMEM;
	bool ok = bio;

	for (int i = 0; ok && i < sk_X509_num(answer->others); i++)
		ok = PEM_write_bio_X509(bio, sk_X509_value(answer->others, i)) == 1;
	if (ok) {
		length = BIO_get_mem_data(bio, &text);
		ret = setup_write_bytes(STDOUT_FILENO, text, (size_t)length);
	}
	BIO_free(bio);
	return ret ? failure_set(failure, EXIT_FAILURE, ret, "standard output: %s", strerror(-ret)) : 0;
}

static int check(struct sync *sync, struct failure *failure)
{
	const struct config *config = &sync->config;

	if (config->source == CONFIG_CMP && cmp_check(sync, failure))
		return -EIO;
	if (config->source == CONFIG_EXEC && access(config->exec, X_OK))
		return failure_set(failure, EXIT_CONFIG, -errno, "exec %s: user %u cannot run it: %s",
				   config->exec, geteuid(), strerror(errno));
	printf("ok: %s\n", config->source == CONFIG_CMP ? config->ca_url : config->exec);
	return 0;
}

static int have_revoked(struct sync *sync, struct failure *failure)
{
	int ret;

	if (sync->config.source != CONFIG_CMP)
		return failure_set(failure, EXIT_USAGE, -EINVAL,
				   "source = %s: has no way to revoke: tell the CA yourself",
				   config_sources[sync->config.source]);
	ret = cmp_revoke(sync, failure);
	if (!ret)
		puts("revoked");
	return ret;
}

static int run(struct sync *sync, const struct options *options, struct failure *failure)
{
	struct sync_answer answer = { 0 };
	int ret = load(sync, options, failure);

	if (ret)
		return ret;
	limit_start(sync->config.sync_timeout_s,
		    sync->config.source == CONFIG_CMP ? sync->config.ca_url : sync->config.exec);
	if (!options->check) {
		ret = request_read(STDIN_FILENO, sync, failure);
		if (ret)
			return ret;
	}
	ret = give_up_rights(sync, failure);
	if (ret || options->check)
		return ret ? ret : check(sync, failure);
	if (sync->revoke)
		return have_revoked(sync, failure);
	ret = fetch(sync, &answer, failure);
	return ret ? ret : put(&answer, failure);
}

/* What was allocated goes with the process. */
int main(int argc, char **argv)
{
	static struct sync sync;
	struct options options = { 0 };
	struct failure failure = { 0 };

	log_name = "azattest-sync";
	parse(argc, argv, &options);
	clearenv();	/* a proxy of whoever calls is no way to a CA */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return EXIT_FAILURE;
	if (!run(&sync, &options, &failure))
		return EXIT_SUCCESS;
	log_line(LOG_ERR, "%s", failure.text);
	return failure.exit ?: EXIT_FAILURE;
}
