// SPDX-License-Identifier: GPL-2.0
// The fake hostd as a program, for tests of azattestctl:  fake-hostd RUN [GID]

#include "fakehostd.h"

#include <signal.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static struct hostd hostd;

	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	return fakehostd_run(&hostd, argc > 2 ? (gid_t)atoi(argv[2]) : (gid_t)-1, argv[1]);
}
