// SPDX-License-Identifier: GPL-2.0
// Owns the bench of the REST door: which measurements, in which order.

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <selftests/lib/tap.h>
#include <selftests/speed/rest.h>

#define EXIT_SKIPPED	77

static unsigned int repeats = 5;

void bench_die(const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	fputs("bench: ", stdout);
	vprintf(text, ap);
	va_end(ap);
	puts("");
	servers_stop_all();
	door_clean_up();
	exit(2);
}

static void skip(const char *why)
{
	printf("skipped: %s\n", why);
	exit(EXIT_SKIPPED);
}

static void usage(void)
{
	puts("bench-rest [--repeats N] PART PROGRAMS TESTS KEYS\n"
	     "PROGRAMS has azattest-restd, TESTS the bench's programs, KEYS what bench-keys made.\n"
	     "Parts: packets the fence's programs, and from a tap to the stack, against nftables\n"
	     "       crowd   a thousand and two thousand enrolled taps\n"
	     "       http    restd behind the fence and without, signer replaced\n"
	     "In a test host whose processor counts instructions, with the module:\n"
	     "       host    the whole door, from memory, and nginx before a signer\n"
	     "       sign    documents with RSA-2048 against raw signatures\n"
	     "       flood   one VM floods, another one asks politely");
	exit(2);
}

static const struct {
	const char *name;
	void (*run)(unsigned int repeats);
} parts[] = {
	{ "packets", packets_native },
	{ "crowd", crowd_native },
	{ "http", http_native },
	{ "host", http_host },
	{ "sign", http_sign },
	{ "flood", flood_host },
};

/* Namespaces and mounts of its own: this machine's network is not touched. */
static void isolate(const char *programs, const char *tests)
{
	char run[] = "/tmp/azattest-bench.XXXXXX";

	if (geteuid())
		skip("needs root: network namespaces, taps, BPF");
	if (!mkdtemp(run) || unshare(CLONE_NEWNS | CLONE_NEWNET) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		bench_die("namespaces: %s", strerror(errno));
	door_base(programs, tests, run);
}

static void run_part(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(parts[i].name, name)) {
			parts[i].run(repeats);
			return;
		}
	usage();
}

/* Status: 0 all goals met, 1 not, 2 could not measure, 77 skipped. */
int main(int argc, char **argv)
{
	static const struct option table[] = {
		{ "repeats", required_argument, NULL, 'r' },
		{ 0 }
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getopt_long(argc, argv, "", table, NULL) == 'r')
		repeats = (unsigned int)atoi(optarg);
	if (argc - optind != 4 || !repeats || repeats > BENCH_REPEATS_MAX)
		usage();
	tap_raise_nofile();
	servers_folders(argv[optind + 1], argv[optind + 2], argv[optind + 3]);
	isolate(argv[optind + 1], argv[optind + 2]);
	run_part(argv[optind]);
	servers_stop_all();
	door_clean_up();
	return table_missed() ? 1 : 0;
}
