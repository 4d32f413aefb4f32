// SPDX-License-Identifier: GPL-2.0
// Owns the source "exec": a program gets the request as PEM, and its output is the answer.

#include "sync.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include <openssl/pem.h>

struct run {
	pid_t pid;
	int in, out, err;	/* our ends; -1: closed */
	char *request;		/* what is left to be written */
	size_t request_len;
	char answer[ACCEPT_TEXT_MAX + 1];
	size_t answer_len;
	char said[400];		/* the end of its standard error */
	size_t said_len;
};

__attribute__((noreturn))
static void child(const struct config *config, int in, int out, int err)
{
	char name[100], days[40];
	char *const argv[] = { (char *)config->exec, NULL };
	char *const environment[] = {
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		name, days, NULL
	};

	snprintf(name, sizeof(name), "AZATTEST_NAME=%s", config->name);
	snprintf(days, sizeof(days), "AZATTEST_LIFETIME_DAYS=%u", config->lifetime_days);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2)
		execve(config->exec, argv, environment);
	dprintf(2, "%s: %s\n", config->exec, strerror(errno));
	_exit(127);
}

static int open_pipes(int pipes[3][2])
{
	for (int i = 0; i < 3; i++) {
		if (!pipe2(pipes[i], O_CLOEXEC))
			continue;
		while (i--) {
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
		return -errno;
	}
	return 0;
}

static int start(struct run *run, const struct config *config)
{
	int pipes[3][2], ret = open_pipes(pipes);

	if (ret)
		return ret;
	run->pid = fork();
	if (!run->pid)
		child(config, pipes[0][0], pipes[1][1], pipes[2][1]);
	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	run->in = pipes[0][1];
	run->out = pipes[1][0];
	run->err = pipes[2][0];
	fcntl(run->in, F_SETFL, O_NONBLOCK);
	if (run->pid > 0) {
		setpgid(run->pid, run->pid);
		limit_child(run->pid);
		return 0;
	}
	return -EAGAIN;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(struct run *run)
{
	ssize_t n = write(run->in, run->request, run->request_len);

	if (n > 0) {
		run->request += n;
		run->request_len -= (size_t)n;
	}
	/* One that does not read may still answer. */
	if (!run->request_len || (n < 0 && errno != EAGAIN))
		shut(&run->in);
}

static int hear_answer(struct run *run)
{
	ssize_t n = read(run->out, run->answer + run->answer_len,
			 sizeof(run->answer) - run->answer_len);

	if (n <= 0)
		shut(&run->out);
	else
		run->answer_len += (size_t)n;
	return run->answer_len == sizeof(run->answer) ? -EFBIG : 0;
}

/* Its end is what matters: the older half gives way. */
static void hear_words(struct run *run)
{
	size_t size = sizeof(run->said) - 1;
	ssize_t n;

	if (run->said_len == size) {
		run->said_len = size / 2;
		memmove(run->said, run->said + size - run->said_len, run->said_len);
	}
	n = read(run->err, run->said + run->said_len, size - run->said_len);
	if (n <= 0)
		shut(&run->err);
	else
		run->said_len += (size_t)n;
	run->said[run->said_len] = 0;
}

static int talk(struct run *run)
{
	int ret = 0;

	while (!ret && (run->out >= 0 || run->err >= 0)) {
		struct pollfd wait[] = {
			{ .fd = run->in, .events = POLLOUT },
			{ .fd = run->out, .events = POLLIN },
			{ .fd = run->err, .events = POLLIN },
		};

		if (poll(wait, 3, -1) < 0)
			return -errno;
		if (wait[0].revents)
			feed(run);
		if (wait[1].revents)
			ret = hear_answer(run);
		if (wait[2].revents)
			hear_words(run);
	}
	return ret;
}

static int finish(struct run *run, int ret)
{
	int status = 0;

	shut(&run->in);
	shut(&run->out);
	shut(&run->err);
	if (ret)
		kill(-run->pid, SIGKILL);
	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	limit_child(0);
	return status;
}

static int explain(const struct run *run, const char *path, int ret, int status,
		   struct failure *failure)
{
	char said[sizeof(run->said)];

	memcpy(said, run->said, sizeof(said));
	sync_clean(said);
	if (ret == -EFBIG)
		return failure_set(failure, SYNC_EXIT_ANSWER, ret,
				   "%s: wrote more than %d bytes: it must write certificates in PEM "
				   "and nothing else", path, ACCEPT_TEXT_MAX);
	if (WIFSIGNALED(status))
		return failure_set(failure, SYNC_EXIT_REFUSED, -EIO, "%s: killed by signal %d%s%s",
				   path, WTERMSIG(status), *said ? ": " : "", said);
	return failure_set(failure, SYNC_EXIT_REFUSED, -EIO, "%s: exit code %d%s%s", path,
			   WEXITSTATUS(status), *said ? ": " : "", said);
}

static int parse(const struct run *run, const char *path, struct sync_answer *answer,
		 struct failure *failure)
{
	answer->others = accept_parse(run->answer, run->answer_len);
	if (!answer->others)
		return failure_set(failure, SYNC_EXIT_ANSWER, -EPROTO,
				   "%s: its output is not 1 to %d certificates in PEM, the host's first",
				   path, ACCEPT_CERTIFICATES_MAX);
	answer->leaf = sk_X509_shift(answer->others);
	return 0;
}

static int converse(struct sync *sync, struct run *run, struct sync_answer *answer,
		    struct failure *failure)
{
	const char *path = sync->config.exec;
	int ret = start(run, &sync->config), status;

	if (ret)
		return failure_set(failure, EXIT_FAILURE, ret, "%s: cannot be started: %s", path,
				   strerror(-ret));
	/* The program has begun; what reads its output needs nothing else. */
	ret = fence_close(FENCE_NO_NETWORK);
	if (!ret)
		ret = talk(run);
	status = finish(run, ret);
	if (ret || status)
		return explain(run, path, ret, status, failure);
	return parse(run, path, answer, failure);
}

int exec_fetch(struct sync *sync, struct sync_answer *answer, struct failure *failure)
{
	struct run *run = calloc(1, sizeof(*run));
	BIO *bio = BIO_new(BIO_s_mem());
	int ret = -ENOMEM;

	signal(SIGPIPE, SIG_IGN);
	if (run && bio && PEM_write_bio_X509_REQ(bio, sync->request) == 1) {
		run->request_len = (size_t)BIO_get_mem_data(bio, &run->request);
		ret = converse(sync, run, answer, failure);
	} else {
		failure_set(failure, EXIT_FAILURE, ret, "no memory");
	}
	BIO_free(bio);
	free(run);
	return ret;
}
