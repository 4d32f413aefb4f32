// SPDX-License-Identifier: GPL-2.0
// Owns the search of one device's open file among a process's descriptors.

#include <userspace/take/take.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kcmp.h>

/*
 * The process's table is walked by number, each descriptor taken, looked at and
 * given back: the list in /proc belongs to its owner, and reading it would
 * take a second capability. The table has no fewer places than descriptors.
 */
static int table_size(pid_t pid)
{
	char path[40], line[200];
	int size = -EPROTO;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	if (!status)
		return errno == ENOENT ? -ESRCH : -errno;
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "FDSize: %d", &size) == 1)
			break;
	if (ferror(status))
		size = -ESRCH;
	fclose(status);
	return size > TAKE_FDS_MAX ? -E2BIG : size;
}

/* A duplicate if it is of @device; -ENOENT if it is not, or not open. */
static int take(int pidfd, int number, dev_t device)
{
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	struct stat st;

	if (fd < 0)
		return errno == EBADF ? -ENOENT : -errno;
	if (!fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == device)
		return fd;
	close(fd);
	return -ENOENT;
}

/* A kernel that cannot tell is one that says no. */
static bool same_file(int a, int b)
{
	pid_t self = getpid();

	return !syscall(SYS_kcmp, self, self, KCMP_FILE, a, b);
}

int search_device(int pidfd, pid_t pid, dev_t device)
{
	int size = table_size(pid), found = -ENOENT;

	if (size < 0)
		return size;
	for (int number = 0; number < size; number++) {
		int fd = take(pidfd, number, device);

		if (fd == -ENOENT)
			continue;
		if (fd >= 0 && found < 0) {
			found = fd;
			continue;
		}
		if (fd >= 0 && same_file(found, fd)) {
			close(fd);
			continue;
		}
		if (fd >= 0)
			close(fd);
		if (found >= 0)
			close(found);
		return fd >= 0 ? -ENOTUNIQ : fd;
	}
	return found;
}
