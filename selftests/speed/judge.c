// SPDX-License-Identifier: GPL-2.0
// Owns the goals: which rows are compared with which, and what is enough.

#include <stdio.h>

#include <selftests/speed/bench.h>

/* Counts repeat within a few per cent: "not slower" is no less than this. */
#define NOT_SLOWER	0.95
#define FASTER		1.00

/*
 * Ratios of documents for the same instructions, ours to theirs. A guest's
 * instructions are no host's, and would level the ratio: they are left out of
 * what is judged. Callers of the ioctl and of AF_UNIX are processes of the
 * host: all they do counts.
 */
static void against_daemon(const struct results *r, enum bench_key key, unsigned int size,
			   enum bench_path path, double goal)
{
	const struct cell *ours = &r->cell[key][size][path];
	const struct cell *theirs = &r->cell[key][size][PATH_DAEMON];
	double spent = path == PATH_IOCTL ? stats_ns(ours) : stats_host_ns(ours);
	char row[80];

	if (!ours->blocks || !theirs->blocks)
		return;
	snprintf(row, sizeof(row), "%-9s %2u  %-5s against the vsock daemon (b)",
		 raw_key_name(key), r->clients[size], path == PATH_IOCTL ? "ioctl" : "vsock");
	table_ratio(row, stats_ns(theirs) / stats_ns(ours), stats_host_ns(theirs) / spent, goal);
}

static void against_unix(const struct results *r, unsigned int size)
{
	const struct cell *ours = &r->cell[KEY_NULL][size][PATH_IOCTL];
	const struct cell *theirs = &r->cell[KEY_NULL][size][PATH_UNIX];
	char row[80];

	if (!ours->blocks || !theirs->blocks)
		return;
	snprintf(row, sizeof(row), "%-9s %2u  ioctl against the AF_UNIX daemon (c)",
		 raw_key_name(KEY_NULL), r->clients[size]);
	table_ratio(row, 0, stats_ns(theirs) / stats_ns(ours), FASTER);
}

static void against_raw(const struct results *r, enum bench_key key, unsigned int size,
			enum bench_path path, double goal)
{
	const struct cell *ours = &r->cell[key][size][path];
	double raw = stats_ns(&r->raw[key]);
	double spent = path == PATH_IOCTL ? stats_ns(ours) : stats_host_ns(ours);
	char row[80];

	if (!ours->blocks || !r->raw[key].blocks)
		return;
	snprintf(row, sizeof(row), "%-9s %2u  %-5s against raw signatures (a)",
		 raw_key_name(key), r->clients[size], path == PATH_IOCTL ? "ioctl" : "vsock");
	table_ratio(row, raw / stats_ns(ours), raw / spent, goal);
}

void judge_doors(const struct results *r)
{
	for (unsigned int size = 0; size < BENCH_SIZES; size++) {
		against_unix(r, size);
		against_daemon(r, KEY_NULL, size, PATH_VSOCK, 0.85);
	}
	for (unsigned int size = 0; size < BENCH_SIZES; size++) {
		against_daemon(r, KEY_P_256, size, PATH_IOCTL, FASTER);
		against_daemon(r, KEY_P_256, size, PATH_VSOCK, 0.85);
	}
	for (unsigned int size = 0; size < BENCH_SIZES; size++) {
		against_raw(r, KEY_RSA_2048, size, PATH_IOCTL, 0.95);
		against_raw(r, KEY_RSA_2048, size, PATH_VSOCK, 0.95);
		against_daemon(r, KEY_RSA_2048, size, PATH_IOCTL, NOT_SLOWER);
		against_daemon(r, KEY_RSA_2048, size, PATH_VSOCK, NOT_SLOWER);
	}
}

void judge_crowd(const struct memory_result *crowd, const struct cell *before,
		 const struct cell *after)
{
	char row[80];

	snprintf(row, sizeof(row), "%u bindings, bytes of kernel memory for each",
		 crowd->bindings);
	table_limit(row, crowd->bytes_per_binding, 1024);
	snprintf(row, sizeof(row), "%u idle connections, bytes for each", crowd->connections);
	table_limit(row, crowd->bytes_per_connection, 3072);
	table_limit("kernel threads for all of them", crowd->kernel_threads, 0);
	table_ratio("null       8  vsock among them, against alone",
		    stats_ns(before) / stats_ns(after),
		    stats_host_ns(before) / stats_host_ns(after), NOT_SLOWER);
}
