// SPDX-License-Identifier: GPL-2.0
// The signing loop of azattest-signer, with answers of null.c; descriptors as there.
// With the word "journal" it reports each document too.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <selftests/speed/answers.h>

int main(int argc, char **argv)
{
	static volatile sig_atomic_t stop;
	static struct signer signer;
	struct loop loop = {
		.signer = &signer, .device = SIGNER_FD_DEVICE, .report = SIGNER_FD_REPORT,
		.slots = argc > 1 ? (uint32_t)atoi(argv[1]) : 16, .stop = &stop,
	};
	struct report ready = { .kind = REPORT_READY };
	uint32_t version;

	if (!answers_open(&signer, NULL) || loop_open(&loop) || loop_join(&loop, &version))
		return EXIT_FAILURE;
	if (write(SIGNER_FD_REPORT, &ready, sizeof(ready)) != sizeof(ready))
		return EXIT_FAILURE;
	if (argc < 3 || strcmp(argv[2], "journal"))
		loop.report = -1;
	return loop_run(&loop) ? EXIT_FAILURE : EXIT_SUCCESS;
}
