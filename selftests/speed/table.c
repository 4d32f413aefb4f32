// SPDX-License-Identifier: GPL-2.0
// Owns what a person reads.

#include <stdio.h>

#include <selftests/speed/bench.h>

static unsigned int missed;

void table_head(void)
{
	printf("\nThousands of instructions for one document; documents in a second of %d million\n"
	       "instructions; latencies in microseconds of the same clock. No figure of real\n"
	       "hardware: caches, system call entry and contention do not count here.\n\n",
	       1000 / BENCH_NS_PER_INSTRUCTION);
	printf("%-9s %4s  %-20s %8s %8s  %8s %8s %8s %8s %8s\n", "key", "ask", "path", "docs/s",
	       "all", "clients", "servers", "kernel", "p50", "p99");
}

void table_cell(enum bench_key key, unsigned int clients, const char *path, struct cell *cell)
{
	double ns = stats_ns(cell), client = stats_client_ns(cell), server = stats_server_ns(cell);
	const double k = 1000.0 * BENCH_NS_PER_INSTRUCTION;

	if (!cell->blocks)
		return;
	printf("%-9s %4u  %-20s %8.0f %8.1f  ", raw_key_name(key), clients, path,
	       1e9 / ns, ns / k);
	if (client > 0)
		printf("%8.1f %8.1f %8.1f %8.0f %8.0f\n", client / k, server / k,
		       (ns - client - server) / k, stats_percentile_us(cell, 0.5),
		       stats_percentile_us(cell, 0.99));
	else
		printf("%8s %8s %8s %8s %8s\n", "-", "-", "-", "-", "-");
}

void table_goals_head(void)
{
	printf("\n%-56s %9s %8s %8s\n", "what, clients at once, path", "w. guests", "value", "goal");
}

void table_ratio(const char *row, double whole, double value, double goal)
{
	bool met = value >= goal;
	char text[16] = "-";

	if (whole > 0)
		snprintf(text, sizeof(text), "%.2f", whole);
	printf("%-56s %9s %8.2f   >=%4.2f  %s\n", row, text, value, goal, met ? "met" : "NOT MET");
	missed += !met;
}

void table_limit(const char *row, double value, double most)
{
	bool met = value <= most;

	printf("%-56s %9s %8.0f   <=%4.0f  %s\n", row, "-", value, most, met ? "met" : "NOT MET");
	missed += !met;
}

void table_at_most(const char *row, double value, double most)
{
	bool met = value <= most;

	printf("%-56s %9s %8.2f   <=%4.2f  %s\n", row, "-", value, most, met ? "met" : "NOT MET");
	missed += !met;
}

unsigned int table_missed(void)
{
	return missed;
}
