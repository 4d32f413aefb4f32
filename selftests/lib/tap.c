// SPDX-License-Identifier: GPL-2.0
/* Runs a table of promises, one process group each, and says how each ended. */
#include <selftests/lib/tap.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_BROKEN	1
#define EXIT_SKIPPED	4

/* What a promise's process says of its end; written by it, read by us. */
static struct verdict {
	bool finished;		/* returned from run(), did not just exit */
	char skip_reason[256];
} *verdict;

/* Files to write back after a promise; filled by its process, used by ours. */
#define RESTORES 16

static struct restores {
	unsigned int count;
	struct {
		char path[128];
		char text[64];
	} file[RESTORES];
} *restores;

/* As selftests/run does for whole programs. */
static unsigned int scale(void)
{
	const char *s = getenv("AZ_TIMEOUT_SCALE");
	unsigned long factor = s ? strtoul(s, NULL, 10) : 1;

	return factor ? factor : 1;
}

int tap_patience_ms(void)
{
	return (int)(60000 * scale());
}

int64_t tap_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void tap_pause(void)
{
	struct timespec ts = { .tv_nsec = 3000000 };

	nanosleep(&ts, NULL);
}

static bool is_set(const char *name)
{
	const char *s = getenv(name);

	return s && *s && strcmp(s, "0");
}

bool tap_long(void)
{
	return is_set("AZ_LONG");
}

unsigned int tap_loops(unsigned int normal, unsigned int when_long)
{
	if (is_set("AZ_SHORT"))
		return (normal + 9) / 10;
	return tap_long() ? when_long : normal;
}

/* One write per line: children share our standard output. */
static void say(const char *prefix, const char *text, va_list ap)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s", prefix);

	n += vsnprintf(line + n, sizeof(line) - n - 1, text, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (int i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(EXIT_BROKEN);
}

static void __attribute__((format(printf, 2, 3))) sayf(const char *prefix, const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	say(prefix, text, ap);
	va_end(ap);
}

void tap_diag(const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	say("# ", text, ap);
	va_end(ap);
}

void tap_fail(const char *file, int line, const char *text, ...)
{
	char prefix[256];
	va_list ap;

	snprintf(prefix, sizeof(prefix), "# %s:%d: ", file, line);
	va_start(ap, text);
	say(prefix, text, ap);
	va_end(ap);
	_exit(EXIT_BROKEN);
}

void tap_skip(const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	vsnprintf(verdict->skip_reason, sizeof(verdict->skip_reason), why, ap);
	va_end(ap);
	_exit(EXIT_SKIPPED);
}

void tap_skip_all(const char *why, ...)
{
	va_list ap;

	va_start(ap, why);
	say("1..0 # SKIP ", why, ap);
	va_end(ap);
	exit(EXIT_SKIPPED);
}

static bool is_remembered(const char *path)
{
	for (unsigned int i = 0; i < restores->count; i++)
		if (!strcmp(restores->file[i].path, path))
			return true;
	return false;
}

void tap_restore(const char *path)
{
	unsigned int i = restores->count;
	int fd;

	if (is_remembered(path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	tap_need_msg(fd >= 0 && i < RESTORES && strlen(path) < sizeof(restores->file[i].path),
		     "cannot remember %s", path);
	memset(&restores->file[i], 0, sizeof(restores->file[i]));
	strcpy(restores->file[i].path, path);
	tap_need(read(fd, restores->file[i].text, sizeof(restores->file[i].text) - 1) > 0);
	close(fd);
	restores->count = i + 1;
}

/* True when all are back. */
static bool restore_all(void)
{
	bool ok = true;

	while (restores->count) {
		unsigned int i = --restores->count;
		const char *text = restores->file[i].text;
		int fd = open(restores->file[i].path, O_WRONLY | O_CLOEXEC);

		/* A file that is gone went with the module that had it. */
		if (fd < 0)
			continue;
		ok &= write(fd, text, strlen(text)) == (ssize_t)strlen(text);
		close(fd);
	}
	return ok;
}

/*
 * When a promise ends, its whole group is killed and reaped, so that no child
 * of it holds a device into the next one.
 */
static pid_t start(const struct tap_test *t)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	t->run();
	verdict->finished = true;
	_exit(0);
}

/* Wait status, or -1 when it had to be killed for hanging. */
static int finish(pid_t pid, unsigned int timeout_s)
{
	int64_t end = tap_now_ms() + 1000LL * timeout_s;
	bool hung = false;
	siginfo_t si;
	int status;

	for (;;) {
		si.si_pid = 0;
		if (!waitid(P_PID, pid, &si, WEXITED | WNOHANG | WNOWAIT) && si.si_pid)
			break;
		if (tap_now_ms() > end) {
			hung = true;
			break;
		}
		tap_pause();
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* Orphans of the group come to us: see PR_SET_CHILD_SUBREAPER. */
	while (waitpid(-pid, NULL, 0) > 0)
		;
	return hung ? -1 : status;
}

static unsigned int timeout_of(const struct tap_test *t)
{
	return (t->timeout_s ? t->timeout_s : TAP_TIMEOUT_S) * (tap_long() ? 20 : 1);
}

static bool run_one(const struct tap_test *t, unsigned int number)
{
	unsigned int timeout_s = timeout_of(t) * scale();
	int64_t begin = tap_now_ms();
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	pid = start(t);
	status = pid < 0 ? -1 : finish(pid, timeout_s);
	if (!restore_all())
		tap_diag("%s: cannot restore what it changed", t->promise);
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && verdict->finished) {
		tap_diag("%s: %lld ms", t->promise, (long long)(tap_now_ms() - begin));
		sayf("ok ", "%u - %s", number, t->promise);
		return true;
	}
	if (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED) {
		sayf("ok ", "%u - %s # SKIP %s", number, t->promise, verdict->skip_reason);
		return true;
	}
	if (status == -1)
		tap_diag("%s: hung for %u s", t->promise, timeout_s);
	else if (WIFSIGNALED(status))
		tap_diag("%s: died of signal %d", t->promise, WTERMSIG(status));
	else if (WEXITSTATUS(status) != EXIT_BROKEN)
		tap_diag("%s: left with %d", t->promise, WEXITSTATUS(status));
	sayf("not ok ", "%u - %s", number, t->promise);
	return false;
}

static bool chosen(const struct tap_test *t, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], t->promise))
			return true;
	return false;
}

int tap_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	unsigned int plan = 0, number = 0, timeout_s = 0;
	bool held = true;

	verdict = tap_shared(sizeof(*verdict));
	restores = tap_shared(sizeof(*restores));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; i < count; i++)
		if (chosen(&tests[i], argc, argv)) {
			plan++;
			timeout_s += timeout_of(&tests[i]);
		}
	sayf("TAP version 14", "%s", "");
	/* To selftests/run: each promise is bounded here, so be patient. */
	tap_diag("timeout: %u", timeout_s);
	sayf("1..", "%u", plan);
	for (size_t i = 0; i < count; i++)
		if (chosen(&tests[i], argc, argv))
			held &= run_one(&tests[i], ++number);
	return held && plan ? 0 : 1;
}
