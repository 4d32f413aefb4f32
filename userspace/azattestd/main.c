// SPDX-License-Identifier: GPL-2.0
// Owns azattestd's options and the order in which it finds out what is wrong.

#include "azattestd.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

struct options {
	const char *config;
	const char *state;
	const char *run;
	const char *device;
	const char *signer;
	const char *sync;
	const char *keeper;
	bool check;
};

static int usage(FILE *to)
{
	fputs("usage: azattestd [options]\n"
	      "Owns this host's attestation certificate; stays in the foreground.\n"
	      "  --config FILE  configuration (" CONFIG_PATH ")\n"
	      "  --state DIR    keys and certificates (/var/lib/azattest)\n"
	      "  --run DIR      control socket (/run/azattest)\n"
	      "  --device PATH  the module's (" AZATTEST_SIGNER_DEVICE ")\n"
	      "  --signer PATH  azattest-signer (beside this program)\n"
	      "  --keeper PATH  azattest-keeper (beside this program)\n"
	      "  --sync PATH    azattest-sync, or a socket that starts it\n"
	      "  --check        checks the configuration and ends\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "state", required_argument, NULL, 's' },
		{ "run", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{ "signer", required_argument, NULL, 'p' },
		{ "keeper", required_argument, NULL, 'e' },
		{ "sync", required_argument, NULL, 'y' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'c': options->config = optarg; break;
		case 's': options->state = optarg; break;
		case 'r': options->run = optarg; break;
		case 'd': options->device = optarg; break;
		case 'p': options->signer = optarg; break;
		case 'e': options->keeper = optarg; break;
		case 'y': options->sync = optarg; break;
		case 'k': options->check = true; break;
		case 'v':
			puts("azattestd " AZATTEST_PRODUCT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			exit(usage(c == 'h' ? stdout : stderr));
		}
	}
	if (optind < argc)
		exit(usage(stderr));
}

static int find_program(char path[512], const char *given, const char *name,
			struct failure *failure)
{
	char program[32];

	snprintf(program, sizeof(program), "azattest-%s", name);
	if (given)
		snprintf(path, 512, "%s", given);
	else
		spawn_default_path(path, 512, program);
	if (!access(path, X_OK))
		return 0;
	return failure_set(failure, EXIT_FAILURE, -errno,
			   "%s: not found at \"%s\": install it there, or give --%s", program, path, name);
}

/* The cheap and the telling first: nothing is made before all of it is right. */
static int start(struct azattestd *d, const struct options *options, struct failure *failure)
{
	int ret = find_program(d->signer, options->signer, "signer", failure);

	if (!ret)
		ret = find_program(d->keeper_path, options->keeper, "keeper", failure);
	if (ret)
		return ret;
	d->device = options->device;
	d->sync = options->sync;
	ret = watch_open();
	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "epoll: %s", strerror(-ret));
	ret = supervise_check_device(d->device, failure);
	if (!ret)
		ret = state_open(&d->state, options->state, failure);
	if (!ret)
		ret = control_open(d, options->run, failure);
	if (!ret)
		ret = audit_open(d, failure);
	if (!ret)
		ret = daemon_open(d, failure);
	if (ret)
		audit_close(d, failure->text);
	return ret;
}

int main(int argc, char **argv)
{
	struct options options = {
		.state = "/var/lib/azattest", .run = "/run/azattest",
		.device = AZATTEST_SIGNER_DEVICE, .sync = "",
	};
	static struct azattestd d;
	struct failure failure;
	int ret;

	log_name = "azattestd";
	parse(argc, argv, &options);
	d.config_path = options.config;
	ret = config_read(&d.config, options.config, &failure);
	if (!ret && options.check) {
		printf("%s: ok\n", options.config ? options.config : CONFIG_PATH);
		return EXIT_SUCCESS;
	}
	if (!ret && OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		ret = failure_set(&failure, EXIT_FAILURE, -1, "libcrypto does not start");
	if (!ret)
		ret = start(&d, &options, &failure);
	if (!ret)
		return daemon_run(&d);
	log_line(LOG_CRIT, "%s", failure.text);
	return failure.exit;
}
