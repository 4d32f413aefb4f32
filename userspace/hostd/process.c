// SPDX-License-Identifier: GPL-2.0
// Owns what /proc says of another process: whether it is still the same, and its cgroup.

#include "core.h"

#include <errno.h>
#include <mntent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of /proc/PID/stat; its process may end at any moment. */
static int read_start(FILE *stat, uint64_t *start)
{
	unsigned long long ticks;
	char line[1024], *p;

	if (!fgets(line, sizeof(line), stat))
		return ferror(stat) && errno != ESRCH ? -errno : -ESRCH;
	/* The name may have blanks and brackets: fields are counted from the last one. */
	p = strrchr(line, ')');
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			 "%*d %*d %*d %llu", &ticks) != 1)
		return -EPROTO;
	*start = ticks;
	return 0;
}

int process_start(pid_t pid, uint64_t *start)
{
	char path[32];
	FILE *stat;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	if (!stat)
		return errno == ENOENT || errno == ESRCH ? -ESRCH : -errno;
	ret = read_start(stat, start);
	fclose(stat);
	return ret;
}

int process_open(pid_t pid, uint64_t start)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0), ret;
	uint64_t now = 0;

	if (fd < 0)
		return errno == ESRCH || errno == EINVAL ? -ESRCH : -errno;
	/* While we hold it, the number cannot become another process's. */
	ret = process_start(pid, &now);
	if (!ret && now == start)
		return fd;
	close(fd);
	return ret ? ret : -ESRCH;
}

bool process_gone(pid_t pid, uint64_t start)
{
	struct pollfd end = { .fd = process_open(pid, start), .events = POLLIN };
	bool gone;

	if (end.fd < 0)
		return end.fd == -ESRCH;
	gone = poll(&end, 1, 0) == 1;
	close(end.fd);
	return gone;
}

static int cgroup_mount(char *path, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int ret = -ENOENT;

	if (!mounts)
		return -errno;
	while (ret && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			ret = (size_t)snprintf(path, size, "%s", entry->mnt_dir) < size ? 0 : -E2BIG;
	endmntent(mounts);
	return ret;
}

static int cgroup_of(pid_t pid, char *path, size_t size)
{
	char name[32], line[600];
	int ret = -ENOENT;
	FILE *cgroup;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	cgroup = fopen(name, "re");
	if (!cgroup)
		return -errno;
	while (ret && fgets(line, sizeof(line), cgroup)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "0::", 3))
			ret = (size_t)snprintf(path, size, "%s", line + 3) < size ? 0 : -E2BIG;
	}
	fclose(cgroup);
	return ret;
}

/* A process in it that is not @pid; 0: none; -errno. */
static int other_in_cgroup(const char *cgroup, pid_t pid, uint64_t *id)
{
	char path[1100], mount[512], line[32];
	int other = 0, ret = cgroup_mount(mount, sizeof(mount));
	struct stat st;
	FILE *procs;

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s%s", mount, cgroup);
	if (stat(path, &st))
		return -errno;
	*id = st.st_ino;
	strcat(path, "/cgroup.procs");
	procs = fopen(path, "re");
	if (!procs)
		return -errno;
	while (!other && fgets(line, sizeof(line), procs))
		if (atoi(line) != pid)
			other = atoi(line);
	fclose(procs);
	return other;
}

int process_own_cgroup(pid_t pid, char *path, size_t size, uint64_t *id, struct failure *failure)
{
	int ret = cgroup_of(pid, path, size);
	int other;

	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret,
				   "process %d: its cgroup cannot be told: %s: is cgroup2 mounted?", pid,
				   strerror(-ret));
	if (!strcmp(path, "/") || strstr(path, "/.."))
		return failure_set(failure, EXIT_FAILURE, -EPERM,
				   "process %d: is in cgroup %s, not in one of its own: start it as a "
				   "service, or by systemd-run", pid, path);
	other = other_in_cgroup(path, pid, id);
	if (other < 0)
		return failure_set(failure, EXIT_FAILURE, other, "cgroup %s: %s", path,
				   strerror(-other));
	if (other)
		return failure_set(failure, EXIT_FAILURE, -EPERM,
				   "process %d: shares cgroup %s with process %d: start it as a service "
				   "of its own, or by systemd-run", pid, path, other);
	return 0;
}
