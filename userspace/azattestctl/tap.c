// SPDX-License-Identifier: GPL-2.0
// Owns the question which tap a VMM holds for its VM's REST card.

#include "vm.h"

#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel says of an open /dev/net/tun: "iff:\ttap7". */
static bool read_interface(const char *process, const char *fd, char name[IF_NAMESIZE])
{
	char path[PATH_MAX], line[128];
	bool found = false;
	FILE *info;

	snprintf(path, sizeof(path), "%s/fdinfo/%s", process, fd);
	info = fopen(path, "re");
	while (info && !found && fgets(line, sizeof(line), info))
		found = sscanf(line, "iff: %15s", name) == 1;
	if (info)
		fclose(info);
	return found;
}

static bool has_address(const char *name)
{
	struct ifaddrs *all, *one;
	bool found = false;

	if (getifaddrs(&all))
		return true;
	for (one = all; one && !found; one = one->ifa_next)
		found = one->ifa_addr && one->ifa_addr->sa_family == AF_INET &&
			!strcmp(one->ifa_name, name);
	freeifaddrs(all);
	return found;
}

/*
 * A port of another bridge, or an interface with an address, is the VM's way
 * into some other network: that card would be cut off from it. One that is
 * not in this network namespace nobody here can enrol.
 */
static bool is_free(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
	return if_nametoindex(name) && access(path, F_OK) && !has_address(name);
}

/* A tap with several queues is open several times. */
static bool is_known(const struct taps *taps, const char *name)
{
	for (int i = 0; i < taps->count; i++)
		if (!strcmp(taps->name[i], name))
			return true;
	return false;
}

static void look_at(struct taps *taps, const char *process, const char *fd)
{
	char path[PATH_MAX], target[32], name[IF_NAMESIZE];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/fd/%s", process, fd);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = 0;
	if (strcmp(target, "/dev/net/tun") || !read_interface(process, fd, name) ||
	    is_known(taps, name) || !is_free(name) || taps->count == TAPS_MAX)
		return;
	strcpy(taps->name[taps->count++], name);
}

int taps_of_process(pid_t pid, struct taps *taps)
{
	char process[32], path[48];
	const struct dirent *entry;
	DIR *fds;

	taps->count = 0;
	snprintf(process, sizeof(process), "/proc/%d", (int)pid);
	snprintf(path, sizeof(path), "%s/fd", process);
	fds = opendir(path);
	if (!fds)
		return -errno;
	while ((entry = readdir(fds)))
		look_at(taps, process, entry->d_name);
	closedir(fds);
	return 0;
}
