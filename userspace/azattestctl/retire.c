// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl decommission" and "recommission": asked twice before, told what is left to do after.

#include "ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct choice {
	bool yes, no_revoke, as_json;
};

static bool read_options(int argc, char **argv, struct choice *choice)
{
	static const struct option table[] = {
		{ "yes", no_argument, NULL, 'y' },
		{ "no-revoke", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'y')
			choice->yes = true;
		else if (c == 'n')
			choice->no_revoke = true;
		else if (c == 'j')
			choice->as_json = true;
		else
			return false;
	}
	return arguments_none_left(argc, argv);
}

/* Only the whole word counts; who has no terminal says --yes. */
static bool confirmed(void)
{
	char line[16] = "";

	if (!isatty(STDIN_FILENO)) {
		say("decommission: asks before it destroys keys, and there is no terminal: give --yes");
		return false;
	}
	fputs("This host's certificate is revoked, its keys are destroyed, its VMs get no documents.\n"
	      "Type yes to go on: ", stderr);
	if (fgets(line, sizeof(line), stdin) && !strcmp(line, "yes\n"))
		return true;
	say("decommission: not confirmed: nothing was changed");
	return false;
}

/* What no source but cmp can do is left to somebody: said to whom. */
static const char *left_to_do(const json_t *answer)
{
	const char *source = json_string_value(json_object_get(answer, "source")) ?: "";

	if (json_is_true(json_object_get(answer, "revoked")))
		return "";
	if (!strcmp(source, "embedded"))
		return "; self-issued, there is no CA to revoke it: take this host's root out of what "
		       "verifiers trust";
	return "; have the CA revoke it: azattestctl certificate show has its serial in the history";
}

static int finish(const char *command, json_t *answer, bool as_json)
{
	if (as_json)
		output_json(answer);
	else
		printf("%s%s\n", json_string_value(json_object_get(answer, "text")) ?: "done",
		       left_to_do(answer));
	json_decref(answer);
	return output_end(command);
}

int decommission_command(const struct ctl *ctl, int argc, char **argv)
{
	struct choice choice = { 0 };
	json_t *answer;
	int exit;

	if (!read_options(argc, argv, &choice))
		return EXIT_USAGE;
	if (!choice.yes && !confirmed())
		return EXIT_USAGE;
	answer = ask_daemon_slow(ctl, choice.no_revoke ? "decommission-no-revoke" : "decommission",
				 &exit);
	return answer ? finish(argv[0], answer, choice.as_json) : exit;
}

int recommission_command(const struct ctl *ctl, int argc, char **argv)
{
	json_t *answer;
	int exit;

	if (argc > 1) {
		say("recommission: takes no \"%s\": see azattestctl help", argv[1]);
		return EXIT_USAGE;
	}
	answer = ask_daemon(ctl, "recommission", &exit);
	if (!answer)
		return exit;
	puts("in service again: azattestctl status tells when there is a certificate");
	json_decref(answer);
	return output_end(argv[0]);
}
