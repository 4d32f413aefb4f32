// SPDX-License-Identifier: GPL-2.0
// Owns azattest-hostd's options and the order in which it starts.

#include "core.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <systemd/sd-daemon.h>

#include <userspace/common/common.h>

#define SIGNER_CONFIG	"/etc/azattest/azattestd.conf"
#define TAKE_SOCKET	"/run/azattest-take.sock"

static int usage(FILE *to)
{
	fputs("usage: azattest-hostd [options]\n"
	      "Says which VMs may use the REST door; stays in the foreground.\n"
	      "  --config FILE            configuration (" CONFIG_PATH ")\n"
	      "  --signer-config FILE     azattestd's (" SIGNER_CONFIG ")\n"
	      "  --state DIR              records (/var/lib/azattest/hostd)\n"
	      "  --run DIR                sockets (/run/azattest)\n"
	      "  --device PATH            the module's (" AZATTEST_DEVICE ")\n"
	      "  --pin-dir DIR            where BPF programs are pinned (" FENCE_PIN_DIR ")\n"
	      "  --take SOCKET            azattest-take's (" TAKE_SOCKET ")\n"
	      "  --audit SECONDS          between audits (30); 0: on events only\n"
	      "  --check                  checks the configuration and ends\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

static unsigned int seconds(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || value > 86400) {
		fprintf(stderr, "azattest-hostd: --audit %s: not seconds from 0 to 86400\n", text);
		exit(EXIT_USAGE);
	}
	return (unsigned int)value;
}

static bool parse(int argc, char **argv, struct hostd_options *options)
{
	static const struct option table[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "signer-config", required_argument, NULL, 'g' },
		{ "state", required_argument, NULL, 's' },
		{ "run", required_argument, NULL, 'r' },
		{ "device", required_argument, NULL, 'd' },
		{ "pin-dir", required_argument, NULL, 'p' },
		{ "take", required_argument, NULL, 't' },
		{ "audit", required_argument, NULL, 'a' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'c': options->config = optarg; break;
		case 'g': options->signer_config = optarg; break;
		case 's': options->state = optarg; break;
		case 'r': options->run = optarg; break;
		case 'd': options->device = optarg; break;
		case 'p': options->pin_dir = optarg; break;
		case 't': options->take_socket = optarg; break;
		case 'a': options->audit_s = seconds(optarg); break;
		case 'k': check = true; break;
		case 'v':
			puts("azattest-hostd " AZATTEST_PRODUCT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			exit(usage(c == 'h' ? stdout : stderr));
		}
	}
	if (optind < argc)
		exit(usage(stderr));
	return check;
}

/* Two descriptors for each VM. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct hostd_options options = {
		.state = "/var/lib/azattest/hostd", .run = "/run/azattest",
		.device = AZATTEST_DEVICE, .pin_dir = FENCE_PIN_DIR,
		.signer_config = SIGNER_CONFIG, .take_socket = TAKE_SOCKET, .audit_s = 30,
	};
	static struct hostd hostd;
	struct failure failure;
	bool check;
	int ret;

	log_name = "azattest-hostd";
	check = parse(argc, argv, &options);
	ret = config_read(&hostd.config, options.config, &failure);
	if (!ret && check) {
		printf("%s: ok\n", options.config ? options.config : CONFIG_PATH);
		return EXIT_SUCCESS;
	}
	raise_limit();
	if (!ret)
		ret = hostd_open(&hostd, &options, &failure);
	if (!ret)
		ret = rights_drop(&failure);
	if (!ret) {
		sd_notify(0, "READY=1");
		hostd_run(&hostd);
		return EXIT_SUCCESS;
	}
	log_line(LOG_CRIT, "%s", failure.text);
	return failure.exit;
}
