// SPDX-License-Identifier: GPL-2.0
/* Lets libFuzzer look for bytes on which frame.c and the manual disagree. */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	const char *why = oracle_compare(data, size);

	if (why) {
		fprintf(stderr, "fuzz-frame: %s\n", why);
		abort();
	}
	return 0;
}
