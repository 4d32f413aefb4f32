// SPDX-License-Identifier: GPL-2.0
// Owns a signer out of a file of bench-keys, for the daemon; answers are azsigner's.

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <selftests/speed/answers.h>

static struct setup setup;

bool answers_open(struct signer *signer, const char *path)
{
	const char *why = "cannot be read";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -1 : setup_read(fd, &setup);

	if (fd >= 0)
		close(fd);
	if (!ret)
		ret = key_open(signer, &setup, NULL, &why);
	if (ret)
		fprintf(stderr, "bench-daemon: %s: %s\n", path, why);
	return !ret;
}
