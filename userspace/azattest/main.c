// SPDX-License-Identifier: GPL-2.0
// Owns the command table of azattest; help comes out of it.
#include <string.h>

#include "cli.h"

static const char *const get_options[] = {
	"  --nonce N       1 to 32 of A-Z a-z 0-9 - _ (default: random, shown)",
	"  --no-nonce      without: the document can be replayed for its life",
	"  --api-version V version of the content, a date (2020-09-01)",
	"  --json          the REST body instead of one line of base64",
	"  --der           raw bytes instead",
	"  --output FILE   write there instead of standard output",
	ASK_WAIT_OPTION,
	DOOR_OPTIONS,
	NULL
};

static const char *const verify_options[] = {
	"  --trust FILE    root certificate(s) to trust; several times",
	"  --issuer FILE   issuing certificate(s) to build the chain; several times",
	"  --nonce N       the nonce that was asked with",
	"  --vm-id U       UUID of the VM it must be of",
	"  --name N        DNS name of the signer; .example.net: any name under it",
	"  --at TIME       as of 2026-01-31T12:00:00Z or @SECONDS (now)",
	"  --skew S        seconds that the host's clock may be ahead (300)",
	"  --require-issued refuse hosts that are their own CA",
	"  --azure-digest  accept the digest name that Azure itself writes",
	"  --json          the verdict as JSON",
	"  FILE            DER, base64 or REST body (default: standard input)",
	NULL
};

static const char *const issuer_options[] = {
	"  --pem           as PEM (default)",
	"  --der           as DER",
	"  --output FILE   write there instead of standard output",
	ASK_WAIT_OPTION,
	DOOR_OPTIONS,
	NULL
};

static const char *const hello_options[] = {
	"  --wait S        keep trying for S seconds (0: once)",
	DOOR_VSOCK_OPTION,
	NULL
};

static const char *const no_options[] = { NULL };

static const struct command commands[] = {
	{ "get", "[--nonce N | --no-nonce] [--json | --der] [--output FILE] ...",
	  "ask this VM's host for an attested document", get_options, get_run },
	{ "verify", "--trust FILE [--issuer FILE] [--nonce N] ... [FILE]",
	  "verify a document and print what it says", verify_options,
	  verify_run },
	{ "issuer", "[--pem | --der] [--output FILE] ...",
	  "ask the host for the certificate that issued its own",
	  issuer_options, host_run_issuer },
	{ "hello", "[--wait S]", "ask the host for its state", hello_options,
	  host_run_hello },
	{ "exits", "", "list the exit codes", no_options, exits_run },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

void main_command_help(const struct command *command, FILE *to)
{
	const char *const *line;

	fprintf(to, "usage: azattest %s %s\n%s\n", command->name,
		command->synopsis, command->summary);
	for (line = command->options; *line; line++)
		fprintf(to, "%s\n", *line);
}

int main_usage_error(const struct command *command)
{
	return report_usage(command->name, "see azattest %s --help",
			    command->name);
}

static int help(FILE *to, int rc)
{
	size_t i;

	fprintf(to, "usage: azattest COMMAND [OPTION]...\n\n");
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name,
			commands[i].summary);
	fprintf(to, "\nazattest COMMAND --help tells a command's options, "
		"azattest(1) all.\n");
	return rc;
}

/* getopt() begins its complaints with the name it finds in front. */
static int run(const struct command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "azattest %s", command->name);
	argv[0] = name;
	return command->run(command, argc, argv);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return help(stderr, EXIT_USAGE);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return help(stdout, 0);
	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run(&commands[i], argc - 1, argv + 1);
	fprintf(stderr, "azattest: no command \"%s\": see azattest --help\n",
		argv[1]);
	return EXIT_USAGE;
}
