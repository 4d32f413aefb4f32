// SPDX-License-Identifier: GPL-2.0
// Owns the list of processes that pin the module: who has one of its devices open.

#include "reload.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#define MISC_MAJOR	10

/* By number: in a VMM's own /dev the node may have another name. */
struct devices {
	dev_t number[2];
	size_t count;
};

static void find_devices(const char *root, struct devices *devices)
{
	char path[PATH_MAX], name[64];
	unsigned int minor_number;
	FILE *file;

	devices->count = 0;
	snprintf(path, sizeof(path), "%s/proc/misc", root);
	file = fopen(path, "re");
	while (file && devices->count < 2 && fscanf(file, "%u %63s", &minor_number, name) == 2)
		if (!strcmp(name, "azattest") || !strcmp(name, "azattest-signer"))
			devices->number[devices->count++] = makedev(MISC_MAJOR, minor_number);
	if (file)
		fclose(file);
}

static bool is_device(const struct devices *devices, const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISCHR(st.st_mode))
		return false;
	for (size_t i = 0; i < devices->count; i++)
		if (st.st_rdev == devices->number[i])
			return true;
	return false;
}

static bool has_open(const char *root, const char *pid, const struct devices *devices)
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%s/fd", root, pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/proc/%s/fd/%s", root, pid, entry->d_name);
		found = is_device(devices, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* "0::/system.slice/azattestd.service": only units of ours are given a name. */
static void read_unit(const char *root, const char *pid, char *unit, size_t size)
{
	char path[PATH_MAX], text[1024], *name;

	*unit = 0;
	snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	if (host_read(root, path, text, sizeof(text)) <= 0)
		return;
	name = strstr(text, ":/system.slice/azattest");	/* not that of a user's own manager */
	if (!name)
		return;
	name += strlen(":/system.slice/");
	name[strcspn(name, "/\n")] = 0;
	if (strlen(name) > 8 && !strcmp(name + strlen(name) - 8, ".service"))
		snprintf(unit, size, "%s", name);
}

static void add(const char *root, const char *pid, struct pins *pins)
{
	struct pin *pin;
	char path[PATH_MAX];

	if (pins->count++ >= PINS_MAX)
		return;
	pin = &pins->pin[pins->count - 1];
	pin->pid = atoi(pid);
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if (host_read(root, path, pin->name, sizeof(pin->name)) < 0)
		strcpy(pin->name, "?");
	pin->name[strcspn(pin->name, "\n")] = 0;
	output_plain(pin->name);
	read_unit(root, pid, pin->unit, sizeof(pin->unit));
	/* The service manager keeps descriptors for azattest-hostd, until that is stopped. */
	if (pin->pid == 1)
		strcpy(pin->unit, "azattest-hostd.service");
}

void pins_find(const char *root, struct pins *pins)
{
	struct devices devices;
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	pins->count = 0;
	find_devices(root, &devices);
	snprintf(path, sizeof(path), "%s/proc", root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) && has_open(root, entry->d_name, &devices))
			add(root, entry->d_name, pins);
	if (dir)
		closedir(dir);
}
