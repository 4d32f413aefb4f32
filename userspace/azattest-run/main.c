// SPDX-License-Identifier: GPL-2.0
// Owns the choice between a VM with a CID and one with a Unix socket.
#include <fcntl.h>
#include <unistd.h>

#include "run.h"

/* So that no device is opened as a standard stream. */
static int fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd;
}

int main(int argc, char **argv)
{
	struct run run;
	int rc;

	if (fill_standard_streams() < 0)
		return EXIT_REFUSED;
	rc = options_parse(&run, argc, argv);
	if (rc >= 0)
		return rc;
	return run.uds ? serve_run(&run) : launch_run(&run);
}
