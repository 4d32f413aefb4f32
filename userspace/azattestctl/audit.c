// SPDX-License-Identifier: GPL-2.0
// Owns "azattestctl audit verify" and "head": whether the audit journal is one chain, and its end.

#include "ctl.h"
#include "audit_source.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verify_options {
	struct audit_head head;
	bool closed;
};

/* SEQ:HASH, as "head" prints it. */
static bool read_head(const char *text, struct audit_head *head)
{
	char *end;

	errno = 0;
	head->seq = strtoull(text, &end, 10);
	if (isdigit((unsigned char)*text) && !errno && head->seq && *end == ':' &&
	    strlen(end + 1) == AUDIT_HASH_SIZE - 1 &&
	    strspn(end + 1, "0123456789abcdef") == AUDIT_HASH_SIZE - 1) {
		strcpy(head->hash, end + 1);
		return true;
	}
	say("audit verify: \"%s\" is no head: write it as azattestctl audit head prints it", text);
	return false;
}

static bool read_verify(int argc, char **argv, struct verify_options *options)
{
	static const struct option table[] = {
		{ "head", required_argument, NULL, 'h' },
		{ "closed", no_argument, NULL, 'c' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'c')
			options->closed = true;
		else if (c != 'h' || !read_head(optarg, &options->head))
			return false;
	}
	return true;
}

static bool verify_next(const char *path, int fd, void *arg)
{
	return audit_verify_file(arg, path, fd);
}

/* What is not as after a clean end, though the chain is whole. */
static int judge_end(const struct audit_verify *verify, bool closed)
{
	if (verify->end == AUDIT_END_TORN) {
		say("audit verify: whole up to number %" PRIu64 ", then %" PRIu64 " bytes of a torn "
		    "line: azattestd was killed, or is writing now", verify->last.seq, verify->torn);
		return EXIT_TORN;
	}
	if (closed && verify->end != AUDIT_END_CLOSED) {
		say("audit verify: whole up to number %" PRIu64 ", which is no closing line: "
		    "azattestd runs, was killed, or lines at the end were removed",
		    verify->last.seq);
		return EXIT_TORN;
	}
	return EXIT_SUCCESS;
}

static void print_verified(const struct audit_verify *verify)
{
	printf("audit: whole: %" PRIu64 " lines in %u files, number %" PRIu64 " to %" PRIu64 ", %s\n",
	       verify->lines, verify->files, verify->first.seq, verify->last.seq,
	       verify->end == AUDIT_END_CLOSED ? "closed" : "not closed: azattestd runs or was killed");
	if (verify->lost)
		printf("audit: it says itself that %" PRIu64 " lines are missing\n", verify->lost);
	if (verify->crashes)
		printf("audit: azattestd ended without a closing line %" PRIu64 " times\n",
		       verify->crashes);
}

int audit_verify_command(const struct ctl *ctl, int argc, char **argv)
{
	struct verify_options options = { 0 };
	struct audit_verify verify = { 0 };
	struct audit_source source;
	int ret;

	(void)ctl;
	if (!read_verify(argc, argv, &options))
		return EXIT_USAGE;
	verify.want = options.head;
	ret = audit_source_open(&source, "audit verify", argc, argv);
	if (ret)
		return ret;
	verify.whole = source.whole;
	ret = audit_source_each(&source, verify_next, &verify);
	if (!ret && !*verify.wrong)
		audit_verify_end(&verify);
	if (!ret && *verify.wrong) {
		say("audit verify: %s", verify.wrong);
		ret = EXIT_BROKEN;
	}
	if (!ret)
		ret = judge_end(&verify, options.closed);
	if (!ret)
		print_verified(&verify);
	audit_source_close(&source);
	return ret ? ret : output_end(argv[0]);
}

/* The last file is enough: the head vouches for all others. */
int audit_head_command(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option no_options[] = { { 0 } };
	struct audit_verify verify = { 0 };
	struct audit_source source;
	int ret;

	(void)ctl;
	if (getopt_long(argc, argv, "", no_options, NULL) != -1)
		return EXIT_USAGE;
	ret = audit_source_open(&source, "audit head", argc, argv);
	if (ret)
		return ret;
	audit_source_last(&source);
	ret = audit_source_each(&source, verify_next, &verify);
	if (!ret && (*verify.wrong || !audit_verify_end(&verify))) {
		say("audit head: %s", verify.wrong);
		ret = EXIT_BROKEN;
	}
	if (!ret)
		printf("%" PRIu64 ":%s\n", verify.last.seq, verify.last.hash);
	audit_source_close(&source);
	return ret ? ret : output_end(argv[0]);
}
