// SPDX-License-Identifier: GPL-2.0
// Owns the command line: words to a checked struct run.
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "run.h"

static const char usage[] =
	"usage: azattest-run --uuid U --cid N [OPTION]... -- VMM [WORD]...\n"
	"       azattest-run --uuid U --uds PATH [OPTION]... [-- VMM [WORD]...]\n"
	"Gives a VM its identity for as long as its VMM lives.\n"
	"  --uuid U          the VM's UUID\n"
	"  --cid N           its vsock CID, 3 to 4294967294; " WORDS_VHOSTFD
	" in the\n"
	"                    VMM's words becomes the vhost-vsock descriptor\n"
	"  --uds PATH        for VMMs with a Unix socket: answer on PATH_253\n"
	"  --name S          the VM's name, for people\n"
	"  --profile P       profile in the signing daemon's configuration\n"
	"  --socket-owner U[:G]  owner of PATH_253 (whoever runs this)\n"
	"  --socket-mode M   its mode (0600)\n";

static const struct option options[] = {
	{ "uuid", required_argument, NULL, 'u' },
	{ "cid", required_argument, NULL, 'c' },
	{ "uds", required_argument, NULL, 's' },
	{ "name", required_argument, NULL, 'n' },
	{ "profile", required_argument, NULL, 'p' },
	{ "socket-owner", required_argument, NULL, 'o' },
	{ "socket-mode", required_argument, NULL, 'm' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int refuse(const char *option, const char *text, const char *rule)
{
	return say_failed(EXIT_USAGE, "--%s %s: %s", option, text, rule);
}

/* A number without sign or blank, and nothing after it. */
static bool parse_number(const char *text, int base, unsigned long long max,
			 unsigned long long *to)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*to = strtoull(text, &end, base);
	return !errno && *end == '\0' && *to <= max;
}

static int take_cid(struct run *run, const char *text)
{
	unsigned long long cid;

	if (!parse_number(text, 10, AZATTEST_CID_MAX, &cid) ||
	    cid < AZATTEST_CID_MIN)
		return refuse("cid", text, "not a number from 3 to 4294967294");
	run->bind.cid = cid;
	run->bind.flags |= AZATTEST_BIND_CID;
	return 0;
}

static int take_uuid(struct run *run, const char *text)
{
	uuid_t uuid;

	if (uuid_parse(text, uuid) || uuid_is_null(uuid))
		return refuse("uuid", text, "not a UUID, or all zero");
	memcpy(run->bind.uuid, uuid, sizeof(run->bind.uuid));
	run->uuid = text;
	return 0;
}

static int take_text(const char *option, const char *text, uint8_t *to,
		     size_t size)
{
	if (strlen(text) >= size)
		return refuse(option, text, "too long");
	memset(to, 0, size);
	memcpy(to, text, strlen(text));
	return 0;
}

static int take_mode(struct run *run, const char *text)
{
	unsigned long long mode;

	if (!parse_number(text, 8, 0777, &mode))
		return refuse("socket-mode", text, "not an octal mode");
	run->socket_mode = (mode_t)mode;
	return 0;
}

static bool find_user(const char *text, uid_t *uid, gid_t *gid)
{
	const struct passwd *user = getpwnam(text);
	unsigned long long number;

	if (user) {
		*uid = user->pw_uid;
		*gid = user->pw_gid;
		return true;
	}
	if (!parse_number(text, 10, 0xfffffffeu, &number))
		return false;
	*uid = (uid_t)number;
	return true;
}

static bool find_group(const char *text, gid_t *gid)
{
	const struct group *group = getgrnam(text);
	unsigned long long number;

	if (group) {
		*gid = group->gr_gid;
		return true;
	}
	if (!parse_number(text, 10, 0xfffffffeu, &number))
		return false;
	*gid = (gid_t)number;
	return true;
}

static int take_owner(struct run *run, const char *text)
{
	char user[256];
	const char *colon = strchr(text, ':');

	snprintf(user, sizeof(user), "%.*s",
		 (int)(colon ? colon - text : (long)strlen(text)), text);
	if (!find_user(user, &run->socket_uid, &run->socket_gid))
		return refuse("socket-owner", text, "no such user");
	if (colon && !find_group(colon + 1, &run->socket_gid))
		return refuse("socket-owner", text, "no such group");
	return 0;
}

static int take_option(struct run *run, int option)
{
	switch (option) {
	case 'u':
		return take_uuid(run, optarg);
	case 'c':
		return take_cid(run, optarg);
	case 's':
		run->uds = optarg;
		return 0;
	case 'n':
		return take_text("name", optarg, run->bind.name,
				 sizeof(run->bind.name));
	case 'p':
		return take_text("profile", optarg, run->bind.profile,
				 sizeof(run->bind.profile));
	case 'o':
		return take_owner(run, optarg);
	case 'm':
		return take_mode(run, optarg);
	default:
		return say_failed(EXIT_USAGE, "see azattest-run --help");
	}
}

static int check(const struct run *run)
{
	bool cid = run->bind.flags & AZATTEST_BIND_CID;

	if (!run->uuid)
		return say_failed(EXIT_USAGE, "--uuid is missing: say which VM");
	if (cid == !!run->uds)
		return say_failed(EXIT_USAGE, "give either --cid or --uds");
	if (cid && !run->command)
		return say_failed(EXIT_USAGE, "--cid needs a VMM: give its "
				  "command after --");
	return 0;
}

/* -1: go on; else the exit code. */
int options_parse(struct run *run, int argc, char **argv)
{
	int option, rc;

	memset(run, 0, sizeof(*run));
	run->bind.vhost_fd = -1;
	run->bind.life_fd = -1;
	run->socket_uid = (uid_t)-1;
	run->socket_gid = (gid_t)-1;
	run->socket_mode = 0600;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		rc = take_option(run, option);
		if (rc)
			return rc;
	}
	if (optind < argc)
		run->command = argv + optind;
	rc = check(run);
	return rc ? rc : -1;
}
