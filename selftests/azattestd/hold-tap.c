// SPDX-License-Identifier: GPL-2.0
// Plays a VMM's network cards: hold-tap IF... -- COMMAND... becomes COMMAND, with these taps open.

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The descriptor stays open in what the process becomes. */
static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return fd < 0 ? fd : ioctl(fd, TUNSETIFF, &request);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!open_tap(argv[i]))
			continue;
		perror(argv[i]);
		return 1;
	}
	if (i + 1 >= argc)
		return 2;
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 1;
}
