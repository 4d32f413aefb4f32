// SPDX-License-Identifier: GPL-2.0
// Owns the running of another program: how it ends, and what it prints.

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void program_path(const char *name, char *path, size_t size)
{
	char self[512], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = 0;
	slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	snprintf(path, size, "%s/%s", self, name);
	if (access(path, X_OK))
		snprintf(path, size, "%s/../sbin/%s", self, name);
	if (access(path, X_OK))
		snprintf(path, size, "%s/../libexec/%s", self, name);
}

static int start(enum program_ties ties, char *const argv[], int out, pid_t *pid)
{
	static char *const nothing[] = { NULL };
	posix_spawn_file_actions_t actions;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (ties == PROGRAM_APART) {
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	}
	err = posix_spawn(pid, argv[0], &actions, NULL, argv,
			  ties == PROGRAM_APART ? nothing : environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static void each_line(int fd, void (*take)(const char *line, void *arg), void *arg)
{
	FILE *file = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		abort();
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			take(line, arg);
	}
	free(line);
	fclose(file);
}

int program_lines(enum program_ties ties, char *const argv[],
		  void (*take)(const char *line, void *arg), void *arg)
{
	int pipes[2], status = 0, ret;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	ret = start(ties, argv, pipes[1], &pid);
	close(pipes[1]);
	if (ret) {
		close(pipes[0]);
		return ret;
	}
	each_line(pipes[0], take, arg);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct last {
	char *text;
	size_t size;
};

static void keep_last(const char *line, void *arg)
{
	struct last *last = arg;

	snprintf(last->text, last->size, "%s", line);
}

int program_run(char *const argv[], char *text, size_t size)
{
	struct last last = { text, size };
	int ret;

	text[0] = 0;
	ret = program_lines(PROGRAM_APART, argv, keep_last, &last);
	if (ret < 0)
		snprintf(text, size, "%s: %s", argv[0], strerror(-ret));
	return ret;
}
