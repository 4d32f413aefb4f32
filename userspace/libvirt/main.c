// SPDX-License-Identifier: GPL-2.0
// Owns azattest-libvirt's options.

#include <userspace/libvirt/libvirt.h>

#include <stdio.h>
#include <stdlib.h>

#include <userspace/daemon/options.h>

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
	const struct options_one options[] = {
		{ "connect", &agent->uri, NULL }, { "api", &agent->api, NULL },
		{ "pids", &agent->pids, NULL },
	};

	options_read(argc, argv, log_name, usage, options, sizeof(options) / sizeof(options[0]));
}

int main(int argc, char **argv)
{
	struct agent agent = { .uri = URI, .api = API, .pids = PIDS };

	log_name = "azattest-libvirt";
	parse(argc, argv, &agent);
	return watch_libvirt(&agent);
}
