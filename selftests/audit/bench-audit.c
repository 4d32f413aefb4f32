// SPDX-License-Identifier: GPL-2.0
// Measures what the audit journal costs: documents a second with and without it, and the daemon's share.

#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS		5
#define BATCHES		100

/* Microseconds of processor time that the daemon has used. */
static double used_us(void)
{
	unsigned long user, system;
	char path[64];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/stat", host_pid);
	in = fopen(path, "r");
	tap_need(in && fscanf(in, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
			      &user, &system) == 2);
	fclose(in);
	return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Documents a second; *@us: the daemon's processor time for each. */
static double measure(const char *journal, double *us)
{
	const double documents = BATCHES * FAKEMODULE_REQUESTS;
	int64_t begin;
	double before;

	host_make(journal);
	host_start_ready();
	host_ask_many();
	before = used_us();
	begin = tap_now_ms();
	for (int i = 0; i < BATCHES; i++)
		host_ask_many();
	begin = tap_now_ms() - begin;
	tap_need_wait(host_number("counters", "issued") + host_number("counters", "lines_lost") ==
		      (BATCHES + 1) * FAKEMODULE_REQUESTS);
	*us = (used_us() - before) / documents;
	host_stop();
	return documents * 1000 / (double)begin;
}

/* Alternating, and the best of each: what else runs here slows both. */
static void cost_of_a_document(void)
{
	double best[2] = { 0 }, least[2] = { 1e9, 1e9 };

	host_daemon = "../bin/azattestd";
	for (int i = 0; i < 2 * ROUNDS; i++) {
		double us, rate = measure(i % 2 ? "audit = yes\n" : "audit = no\n", &us);

		if (rate > best[i % 2])
			best[i % 2] = rate;
		if (us < least[i % 2])
			least[i % 2] = us;
	}
	tap_diag("P-256, 2 signers: %.0f documents/s without, %.0f with audit journal: %.2f", best[0],
		 best[1], best[1] / best[0]);
	tap_diag("daemon: %.1f us of processor time for each without, %.1f with", least[0], least[1]);
}

static const struct tap_test tests[] = {
	TAP_TEST_SLOW(cost_of_a_document, 600),
};

int main(int argc, char **argv)
{
	return host_main(tests, TAP_COUNT(tests), argc, argv);
}
