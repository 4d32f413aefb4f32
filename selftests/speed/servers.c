// SPDX-License-Identifier: GPL-2.0
// Owns those who answer: azattest-signer as its control process starts it, or daemons.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <selftests/speed/bench.h>
#include <userspace/common/common.h>

#define SERVERS_MAX	16
#define SLOTS_NULL	"16"

static struct {
	const char *programs, *tests, *keys;
	pid_t pid[SERVERS_MAX];
	unsigned int count;
	bool journal;
} servers;

void servers_journal(bool on)
{
	servers.journal = on;
}

void servers_folders(const char *programs, const char *tests, const char *keys)
{
	servers.programs = programs;
	servers.tests = tests;
	servers.keys = keys;
}

pid_t servers_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0 || servers.count == SERVERS_MAX)
		bench_die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	} else {
		servers.pid[servers.count++] = pid;
	}
	return pid;
}

/* What the control process does with reports, but for writing them down. */
static void read_reports(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	_exit(0);
}

void servers_read_setup(enum bench_key key, struct setup *setup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", servers.keys, raw_key_name(key));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setup_read(fd, setup))
		bench_die("%s: cannot be read", path);
	close(fd);
	setup->parent = getpid();
}

/* In the child: descriptors to their places, over those that are not needed. */
static void become_signer(enum bench_key key, int setup, int report)
{
	int device = open(AZATTEST_SIGNER_DEVICE, O_RDWR | O_CLOEXEC);
	char path[4096];
	int from[3] = { fcntl(setup, F_DUPFD, 100), fcntl(device, F_DUPFD, 100),
			fcntl(report, F_DUPFD, 100) };

	for (int i = 0; i < 3; i++)
		if (dup2(from[i], SIGNER_FD_SETUP + i) < 0)
			_exit(1);
	if (key == KEY_NULL) {
		snprintf(path, sizeof(path), "%s/bench-signer-null", servers.tests);
		execl(path, "bench-signer-null", SLOTS_NULL,
		      servers.journal ? "journal" : NULL, NULL);
	} else {
		snprintf(path, sizeof(path), "%s/azattest-signer", servers.programs);
		execl(path, "azattest-signer", NULL);
	}
	_exit(1);
}

static void wait_ready(int fd)
{
	struct report report;

	if (read(fd, &report, sizeof(report)) != sizeof(report))
		bench_die("signer did not start");
	if (report.kind != REPORT_READY)
		bench_die("signer: %s", report.failure.text);
}

static void start_signer(enum bench_key key)
{
	static struct setup setup;
	int pipe_setup[2], pipe_report[2];

	if (pipe2(pipe_setup, O_CLOEXEC) || pipe2(pipe_report, O_CLOEXEC))
		bench_die("pipe: %s", strerror(errno));
	fcntl(pipe_report[1], F_SETFL, O_NONBLOCK);
	if (!servers_fork())
		become_signer(key, pipe_setup[0], pipe_report[1]);
	if (key != KEY_NULL) {
		servers_read_setup(key, &setup);
		if (setup_write(pipe_setup[1], &setup))
			bench_die("signer does not read");
	}
	close(pipe_setup[0]);
	close(pipe_setup[1]);
	close(pipe_report[1]);
	wait_ready(pipe_report[0]);
	if (!servers_fork())
		read_reports(pipe_report[0]);
	close(pipe_report[0]);
}

void servers_start_signers(enum bench_key key, unsigned int count)
{
	while (count--)
		start_signer(key);
}

/* A listener is there when its port or path is taken by a listening socket. */
static bool unix_listens(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = BENCH_SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there = !connect(fd, (void *)&addr, sizeof(addr));

	close(fd);
	return there;
}

static bool vsock_taken(void)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = BENCH_DAEMON_PORT,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken = bind(fd, (void *)&addr, sizeof(addr)) && errno == EADDRINUSE;

	close(fd);
	return taken;
}

static void wait_listening(enum bench_path path)
{
	struct timespec pause = { 0, 20000000 };

	for (unsigned int i = 0; i < 1000; i++) {
		if (path == PATH_UNIX ? unix_listens() : vsock_taken())
			return;
		nanosleep(&pause, NULL);
	}
	bench_die("a daemon did not start");
}

void servers_start_daemon(enum bench_key key, enum bench_path path)
{
	const char *program = key == KEY_NULL ? "bench-daemon-null" : "bench-daemon";
	char file[4096], name[4096], port[16];

	snprintf(file, sizeof(file), "%s/%s", servers.tests, program);
	snprintf(name, sizeof(name), "%s/%s", servers.keys, raw_key_name(key));
	snprintf(port, sizeof(port), "%d", BENCH_DAEMON_PORT);
	if (!servers_fork()) {
		if (path == PATH_UNIX)
			execl(file, program, "unix", BENCH_SOCKET, name, NULL);
		else
			execl(file, program, "vsock", port, name, NULL);
		_exit(1);
	}
	wait_listening(path);
}

void servers_stop_all(void)
{
	while (servers.count) {
		kill(servers.pid[--servers.count], SIGKILL);
		waitpid(servers.pid[servers.count], NULL, 0);
	}
	unlink(BENCH_SOCKET);
}

uint64_t servers_cpu_ns(void)
{
	struct timespec ts;
	uint64_t sum = 0;
	clockid_t clock;

	for (unsigned int i = 0; i < servers.count; i++)
		if (!clock_getcpuclockid(servers.pid[i], &clock) && !clock_gettime(clock, &ts))
			sum += (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	return sum;
}
