// SPDX-License-Identifier: GPL-2.0
// Owns the order of measurements: short blocks of all paths in turns, several times.

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <selftests/lib/tap.h>
#include <selftests/speed/bench.h>

/* Documents of each client in a block. RSA renews its blinding every 32 signatures. */
static const unsigned int each[KEY_COUNT][BENCH_SIZES] = {
	[KEY_NULL] = { 1000, 200, 40 },
	[KEY_P_256] = { 250, 50, 10 },
	[KEY_RSA_2048] = { 32, 8, 1 },
};

static const unsigned int raw_count[KEY_COUNT] = { [KEY_P_256] = 250, [KEY_RSA_2048] = 32 };

static const char *const path_names[PATH_COUNT] = {
	[PATH_IOCTL] = "ATTEST ioctl", [PATH_VSOCK] = "vsock, module",
	[PATH_DAEMON] = "vsock, daemon (b)", [PATH_UNIX] = "AF_UNIX, daemon (c)",
};

static struct results results = { .clients = { 1, 8, 64 } };

static struct {
	int repeats;
	int signers;
	int bindings;		/* of the crowd */
	int only_key;		/* -1: all */
	int only_size;
	int only_path;
} options = { 5, 2, 1000, -1, -1, -1 };

void bench_die(const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	fputs("bench: ", stdout);
	vprintf(text, ap);
	va_end(ap);
	puts("");
	servers_stop_all();
	exit(2);
}

static bool has_path(enum bench_key key, unsigned int path)
{
	if (options.only_path >= 0 && (unsigned int)options.only_path != path)
		return false;
	return path != PATH_UNIX || key == KEY_NULL;
}

static bool has_size(unsigned int size)
{
	return options.only_size < 0 || (unsigned int)options.only_size == size;
}

static void run_block(enum bench_key key, unsigned int size, enum bench_path path,
		      struct cell *cell)
{
	unsigned int clients = results.clients[size], n = each[key][size];
	struct block block;

	block = clients_run(path, clients, n, stats_latency_room(cell, (size_t)clients * n));
	stats_add(cell, &block);
}

static void run_round(enum bench_key key)
{
	struct block block;

	if (raw_count[key]) {
		block = raw_run(key, raw_count[key]);
		stats_add(&results.raw[key], &block);
	}
	for (unsigned int size = 0; size < BENCH_SIZES; size++)
		for (unsigned int path = 0; path < PATH_COUNT; path++)
			if (has_size(size) && has_path(key, path))
				run_block(key, size, path, &results.cell[key][size][path]);
}

static void start_servers(enum bench_key key)
{
	servers_start_signers(key, (unsigned int)options.signers);
	if (has_path(key, PATH_DAEMON)) {
		servers_start_daemon(key, PATH_DAEMON);
		clients_connect(PATH_DAEMON);
	}
	if (!has_path(key, PATH_UNIX))
		return;
	servers_start_daemon(key, PATH_UNIX);
	clients_connect(PATH_UNIX);
}

static void stop_servers(enum bench_key key)
{
	if (has_path(key, PATH_DAEMON))
		clients_disconnect(PATH_DAEMON);
	if (has_path(key, PATH_UNIX))
		clients_disconnect(PATH_UNIX);
	servers_stop_all();
}

static void show_key(enum bench_key key)
{
	table_cell(key, 1, "raw signature (a)", &results.raw[key]);
	for (unsigned int size = 0; size < BENCH_SIZES; size++)
		for (unsigned int path = 0; path < PATH_COUNT; path++)
			table_cell(key, results.clients[size], path_names[path],
				   &results.cell[key][size][path]);
	fflush(stdout);
}

static void measure_doors(void)
{
	table_head();
	for (int key = 0; key < KEY_COUNT; key++) {
		if (options.only_key >= 0 && options.only_key != key)
			continue;
		start_servers(key);
		for (int i = 0; i < options.repeats; i++)
			run_round(key);
		stop_servers(key);
		show_key(key);
	}
	table_goals_head();
	judge_doors(&results);
}

static void measure_crowd(void)
{
	static struct cell before, after;
	struct memory_result crowd;

	servers_start_signers(KEY_NULL, (unsigned int)options.signers);
	for (int i = 0; i < options.repeats; i++)
		run_block(KEY_NULL, 1, PATH_VSOCK, &before);
	memory_fill((unsigned int)options.bindings, 10, &crowd);
	for (int i = 0; i < options.repeats; i++)
		run_block(KEY_NULL, 1, PATH_VSOCK, &after);
	servers_stop_all();
	judge_crowd(&crowd, &before, &after);
}

static void usage(void)
{
	puts("bench-host [options] PROGRAMS TESTS KEYS\n"
	     "PROGRAMS has azattest-signer, TESTS the bench's programs, KEYS what bench-keys made.\n"
	     "  --repeats N   blocks of each row (5)\n"
	     "  --signers N   signer processes (2)\n"
	     "  --bindings N  VMs of the crowd, ten connections each; 0: no crowd (1000)\n"
	     "  --key 0|1|2   only null, P-256 or RSA-2048\n"
	     "  --size 0|1|2  only 1, 8 or 64 clients\n"
	     "  --journal     null signers report each document, as real ones do\n"
	     "  --path 0|1|2|3  only ioctl, module, daemon or AF_UNIX");
	exit(2);
}

static int *number_of(int option)
{
	switch (option) {
	case 'r':
		return &options.repeats;
	case 's':
		return &options.signers;
	case 'b':
		return &options.bindings;
	case 'k':
		return &options.only_key;
	case 'z':
		return &options.only_size;
	default:
		return &options.only_path;
	}
}

static void parse(int argc, char **argv)
{
	static const struct option table[] = {
		{ "repeats", required_argument, NULL, 'r' },
		{ "signers", required_argument, NULL, 's' },
		{ "bindings", required_argument, NULL, 'b' },
		{ "key", required_argument, NULL, 'k' },
		{ "size", required_argument, NULL, 'z' },
		{ "journal", no_argument, NULL, 'j' },
		{ "path", required_argument, NULL, 'p' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 'j')
			servers_journal(true);
		else if (c == '?')
			usage();
		else
			*number_of(c) = atoi(optarg);
	}
	if (argc - optind != 3 || options.repeats < 1 ||
	    options.repeats > BENCH_REPEATS_MAX || options.signers < 1 || options.bindings < 0)
		usage();
	servers_folders(argv[optind], argv[optind + 1], argv[optind + 2]);
}

/* Status: 0 all goals met, 1 not, 2 could not measure. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	tap_raise_nofile();
	clients_open(BENCH_CLIENTS_MAX);
	clients_connect(PATH_VSOCK);
	measure_doors();
	if (options.bindings)
		measure_crowd();
	return table_missed() ? 1 : 0;
}
