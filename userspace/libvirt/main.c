// SPDX-License-Identifier: GPL-2.0
// Owns azattest-libvirt's options.

#include <userspace/libvirt/libvirt.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <userspace/common/common.h>

#define URI	"qemu:///system"
#define API	"/run/azattest/api.sock"
#define PIDS	"/run/libvirt/qemu"

static int usage(FILE *to)
{
	fputs("usage: azattest-libvirt [options]\n"
	      "Has azattest-hostd bind libvirt's domains while they run here; stays in the foreground.\n"
	      "  --connect URI  libvirt's (" URI ")\n"
	      "  --api PATH     azattest-hostd's socket (" API ")\n"
	      "  --pids DIR     where libvirt writes NAME.pid (" PIDS ")\n"
	      "  --version, --help\n", to);
	return to == stdout ? EXIT_SUCCESS : 2;
}

static void parse(int argc, char **argv, struct agent *agent)
{
	static const struct option table[] = {
		{ "connect", required_argument, NULL, 'c' },
		{ "api", required_argument, NULL, 'a' },
		{ "pids", required_argument, NULL, 'p' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'c': agent->uri = optarg; break;
		case 'a': agent->api = optarg; break;
		case 'p': agent->pids = optarg; break;
		case 'v':
			puts("azattest-libvirt " AZATTEST_PRODUCT_VERSION);
			exit(EXIT_SUCCESS);
		default:
			exit(usage(c == 'h' ? stdout : stderr));
		}
	}
	if (optind < argc)
		exit(usage(stderr));
}

int main(int argc, char **argv)
{
	struct agent agent = { .uri = URI, .api = API, .pids = PIDS };

	log_name = "azattest-libvirt";
	parse(argc, argv, &agent);
	return watch_libvirt(&agent);
}
