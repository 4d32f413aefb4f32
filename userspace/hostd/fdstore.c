// SPDX-License-Identifier: GPL-2.0
// Owns binding descriptors in the service manager's store: they outlive a crash of hostd there.

#include "core.h"

#include <stdlib.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

void fdstore_each(void (*each)(const char *name, int fd, void *arg), void *arg)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < count; i++) {
		each(names[i], SD_LISTEN_FDS_START + i, arg);
		free(names[i]);
	}
	free(names);
}

void fdstore_put(const char *name, int fd)
{
	char state[128];

	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

void fdstore_remove(const char *name)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}
