/* SPDX-License-Identifier: GPL-2.0 */
/* A strict reader of Prometheus' text format: what it takes, every scraper does. */
#ifndef SELFTESTS_CERTIFICATE_PROMTEXT_H
#define SELFTESTS_CERTIFICATE_PROMTEXT_H

#include <stdbool.h>
#include <stddef.h>

#define PROMTEXT_SERIES	512

struct promtext {
	struct {
		char name[300];		/* with its labels, as they stand there */
		double value;
	} series[PROMTEXT_SERIES];
	size_t count;
	char why[200];			/* not taken: which line, and what is wrong */
};

/*
 * Stricter than the format: each family has HELP, TYPE and samples, in this
 * order and in one piece; counters end in _total and others do not; no
 * timestamps, no empty lines, no histograms; all names begin with @prefix.
 */
bool promtext_read(struct promtext *out, const char *text, const char *prefix);
/* Value of a series, or -1 if there is none. */
double promtext_value(const struct promtext *in, const char *name);

#endif
