// SPDX-License-Identifier: GPL-2.0
// Owns azattestd's options and the order in which it finds out what is wrong.

#include "azattestd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <userspace/daemon/options.h>

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

static void parse(int argc, char **argv, struct options *o)
{
	const struct options_one options[] = {
		{ "config", &o->config, NULL }, { "state", &o->state, NULL }, { "run", &o->run, NULL },
		{ "device", &o->device, NULL }, { "signer", &o->signer, NULL },
		{ "keeper", &o->keeper, NULL }, { "sync", &o->sync, NULL }, { "check", NULL, &o->check },
	};

	options_read(argc, argv, log_name, usage, options, sizeof(options) / sizeof(options[0]));
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
