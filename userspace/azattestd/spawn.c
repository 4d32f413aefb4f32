// SPDX-License-Identifier: GPL-2.0
// Owns the way into our other programs: what a new process has, and that it has nothing else.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The signer's locked arena and room for the pages it grows by. */
#define MEMLOCK_BYTES	(16ul << 20)
#define FIRST_FD	3
#define FREE_FD		20	/* above every number that a child gets */

static void raise_memlock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur >= MEMLOCK_BYTES)
		return;
	if (limit.rlim_max < MEMLOCK_BYTES)
		limit.rlim_max = MEMLOCK_BYTES;
	limit.rlim_cur = MEMLOCK_BYTES;
	setrlimit(RLIMIT_MEMLOCK, &limit);	/* without it the signer says so */
}

/* First out of the way of the numbers, then onto them (which clears CLOEXEC). */
static bool place_descriptors(const struct spawn *spawn)
{
	const int *fds = spawn->fds;
	int moved[SPAWN_FDS];
	int null = open("/dev/null", O_RDWR);
	unsigned int last = 0;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return false;
	for (unsigned int i = 0; i < spawn->count; i++) {
		moved[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD, FREE_FD);
		if (fds[i] >= 0 && moved[i] < 0)
			return false;
	}
	for (unsigned int i = 0; i < spawn->count; i++) {
		if (moved[i] < 0)
			continue;
		if (dup2(moved[i], FIRST_FD + (int)i) < 0)
			return false;
		last = i;
	}
	return !syscall(SYS_close_range, FIRST_FD + last + 1, ~0u, 0);
}

__attribute__((noreturn))
static void child(const struct spawn *spawn)
{
	static char *const no_environment[] = { NULL };
	sigset_t none;

	raise_memlock();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (place_descriptors(spawn))
		execve(spawn->path, spawn->argv, no_environment);
	log_line(LOG_ERR, "%s: cannot be executed: %s", spawn->path, strerror(errno));
	_exit(127);
}

pid_t spawn_signer(const struct spawn *spawn)
{
	pid_t pid = fork();

	if (!pid)
		child(spawn);
	return pid < 0 ? -errno : pid;
}

/* Nothing of ours goes with it, not even an environment. */
__attribute__((noreturn))
static void sync_child(const char *path, const char *config_path, int socket)
{
	static char *const no_environment[] = { NULL };
	char *const argv[] = {
		(char *)"azattest-sync", config_path ? (char *)"--config" : NULL,
		(char *)config_path, NULL
	};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(socket, fd) != fd)
			_exit(126);
	if (!syscall(SYS_close_range, 3, ~0u, 0))
		execve(path, argv, no_environment);
	log_line(LOG_ERR, "%s: cannot be executed: %s", path, strerror(errno));
	_exit(127);
}

pid_t spawn_sync(const char *path, const char *config_path, int socket)
{
	pid_t pid = fork();

	if (!pid)
		sync_child(path, config_path, socket);
	return pid < 0 ? -errno : pid;
}

void spawn_default_path(char *path, size_t size, const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (slash && (size_t)(slash - path) + strlen(name) + 2 <= size)
		strcpy(slash + 1, name);
	else
		*path = 0;
}
