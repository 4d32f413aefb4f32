// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl trust": what a verifier of this host's documents must be given.

#include "ctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_out(const char *path, const char *root, const char *issuing)
{
	FILE *out = path ? fopen(path, "w") : stdout;

	if (!out) {
		say("trust: %s: %s", path, strerror(errno));
		return EXIT_FAILURE;
	}
	fputs(root, out);
	fputs(issuing, out);
	if (path ? fclose(out) : fflush(out)) {
		say("trust: %s: %s", path ? path : "standard output", strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

int trust_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option table[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "issuer", no_argument, NULL, 'i' },
		{ 0 }
	};
	const char *path = NULL, *root, *issuing;
	bool with_issuer = false;
	json_t *trust;
	int exit, c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'o')
			path = optarg;
		else if (c == 'i')
			with_issuer = true;
		else
			return EXIT_USAGE;
	}
	if (optind < argc) {
		say("trust: takes no \"%s\": see azattestctl help", argv[optind]);
		return EXIT_USAGE;
	}
	trust = ask_daemon(ctl, "trust", &exit);
	if (!trust)
		return exit;
	root = json_string_value(json_object_get(trust, "root"));
	issuing = json_string_value(json_object_get(trust, "issuing"));
	exit = write_out(path, root ? root : "", with_issuer && issuing ? issuing : "");
	json_decref(trust);
	return exit;
}
