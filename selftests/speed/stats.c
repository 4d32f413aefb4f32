// SPDX-License-Identifier: GPL-2.0
// Owns what becomes of blocks: medians over them, percentiles over their exchanges.

#include <stdlib.h>

#include <selftests/speed/bench.h>

void stats_add(struct cell *cell, const struct block *block)
{
	if (cell->blocks < BENCH_REPEATS_MAX)
		cell->block[cell->blocks++] = *block;
}

uint32_t *stats_latency_room(struct cell *cell, size_t count)
{
	if (cell->latencies + count > cell->latency_space) {
		cell->latency_space = 2 * (cell->latencies + count);
		cell->latency = realloc(cell->latency,
					cell->latency_space * sizeof(*cell->latency));
		if (!cell->latency)
			bench_die("memory");
	}
	cell->latencies += count;
	return cell->latency + cell->latencies - count;
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int by_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

double stats_median(double *value, unsigned int n)
{
	if (!n)
		return 0;
	qsort(value, n, sizeof(value[0]), by_double);
	return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* Median over the blocks of (ns of some kinds) / documents. */
static double median(const struct cell *cell, int all, int clients, int servers)
{
	double value[BENCH_REPEATS_MAX];
	unsigned int n = cell->blocks;

	for (unsigned int i = 0; i < n; i++) {
		const struct block *b = &cell->block[i];

		value[i] = (all * (double)b->ns + clients * (double)b->client_ns +
			    servers * (double)b->server_ns) / (double)b->docs;
	}
	return stats_median(value, n);
}

double stats_ns(const struct cell *cell)
{
	return median(cell, 1, 0, 0);
}

double stats_client_ns(const struct cell *cell)
{
	return median(cell, 0, 1, 0);
}

double stats_server_ns(const struct cell *cell)
{
	return median(cell, 0, 0, 1);
}

double stats_host_ns(const struct cell *cell)
{
	return median(cell, 1, -1, 0);
}

double stats_percentile_us(struct cell *cell, double part)
{
	if (!cell->latencies)
		return 0;
	qsort(cell->latency, cell->latencies, sizeof(cell->latency[0]), by_u32);
	return cell->latency[(size_t)((double)(cell->latencies - 1) * part)] / 1000.0;
}

double stats_best_ns(const struct cell *cell)
{
	double best = 0;

	for (unsigned int i = 0; i < cell->blocks; i++) {
		double ns = (double)cell->block[i].ns / (double)cell->block[i].docs;

		if (!i || ns < best)
			best = ns;
	}
	return best;
}
