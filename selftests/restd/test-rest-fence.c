// SPDX-License-Identifier: GPL-2.0
// Promises about what restd cannot do: rights, system calls, and that what it does needs no more.

#include "rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/azattest.h>
#include <userspace/restd/restd.h>

#define DOCUMENT	"/metadata/attested/document?api-version=2018-10-01"
#define TRUE		"Metadata: true\r\n"

static struct rig rig;

struct call {
	const char *name;
	long number;
	long args[6];
};

static int make_call(void *arg)
{
	const struct call *call = arg;
	struct failure failure;

	if (seccomp_close(&failure))
		return 99;
	syscall(call->number, call->args[0], call->args[1], call->args[2], call->args[3],
		call->args[4], call->args[5]);
	_exit(0);
}

static void forbidden_calls_kill(void)
{
	static struct call calls[] = {
		{ "open", SYS_open, { 0 } }, { "openat", SYS_openat, { AT_FDCWD } },
		{ "ATTACH", SYS_ioctl, { 0, AZATTEST_IOC_ATTACH } }, { "execve", SYS_execve, { 0 } },
		{ "clone", SYS_clone, { 0 } }, { "fork", SYS_fork, { 0 } },
		{ "ptrace", SYS_ptrace, { 0 } }, { "kill", SYS_kill, { 0 } },
		{ "bind", SYS_bind, { 0 } }, { "listen", SYS_listen, { 0 } },
		{ "TCP socket", SYS_socket, { AF_INET, SOCK_STREAM } },
		{ "netlink socket", SYS_socket, { AF_NETLINK, SOCK_RAW } },
		{ "vsock socket", SYS_socket, { AF_VSOCK, SOCK_STREAM } },
		{ "mmap to run", SYS_mmap, { 0, 4096, PROT_READ | PROT_EXEC,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "mprotect to run", SYS_mprotect, { 0, 0, PROT_EXEC } },
		{ "setuid", SYS_setuid, { 0 } }, { "capset", SYS_capset, { 0 } },
		{ "prctl", SYS_prctl, { 0 } }, { "bpf", SYS_bpf, { 0 } },
		{ "unlink", SYS_unlink, { 0 } }, { "fcntl F_SETOWN", SYS_fcntl, { 0, F_SETOWN } },
		{ "process_vm_readv", SYS_process_vm_readv, { 0 } },
		{ "io_uring_setup", SYS_io_uring_setup, { 0 } },
	};

	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		int status = tap_join(tap_spawn(make_call, &calls[i], -1));

		tap_need_msg(status == 128 + SIGSYS, "%s: %d", calls[i].name, status);
	}
}

/* The control: what restd needs does not. */
static void allowed_calls_do_not(void)
{
	static struct call calls[] = {
		{ "read", SYS_read, { -1 } }, { "connect", SYS_connect, { -1 } },
		{ "Unix socket", SYS_socket, { AF_UNIX, SOCK_SEQPACKET } },
		{ "mmap", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
		{ "F_DUPFD_CLOEXEC", SYS_fcntl, { -1, F_DUPFD_CLOEXEC } },
	};

	for (size_t i = 0; i < TAP_COUNT(calls); i++)
		tap_need_msg(!tap_join(tap_spawn(make_call, &calls[i], -1)), "%s", calls[i].name);
}

static void begin(void)
{
	rig_prepare(&rig);
	rig.program = "restd-fenced";
}

static void need_line(const char *status, const char *line)
{
	tap_need_msg(strstr(status, line), "no \"%s\"", line);
}

static void nothing_is_left_of_its_rights(void)
{
	char path[64], status[5000] = "";
	FILE *in;

	if (geteuid())
		tap_skip("needs root to change users");
	begin();
	rig_start(&rig);
	snprintf(path, sizeof(path), "/proc/%d/status", rig.restd);
	in = fopen(path, "r");
	tap_need(in && fread(status, 1, sizeof(status) - 1, in) > 0);
	need_line(status, "\nUid:\t65534\t65534\t65534\t65534\n");
	need_line(status, "\nGid:\t65534\t65534\t65534\t65534\n");
	need_line(status, "\nGroups:\t");
	tap_need(!strstr(status, "\nGroups:\t0"));
	for (const char *set = "Inh\0Prm\0Eff\0Bnd\0Amb\0"; *set; set += 4) {
		char line[64];

		snprintf(line, sizeof(line), "\nCap%s:\t0000000000000000\n", set);
		need_line(status, line);
	}
	need_line(status, "\nNoNewPrivs:\t1\n");
	need_line(status, "\nSeccomp:\t2\n");
	/* Not dumpable: its files in /proc are root's. */
	snprintf(path, sizeof(path), "stat -c %%u /proc/%d/maps", rig.restd);
	in = popen(path, "r");
	tap_need(in && fgetc(in) == '0');
	pclose(in);
}

/* Where a service manager listens; -1 if there was no READY. */
static int notify_socket(char *path, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(path, size, "%s/notify", rig.dir);
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	tap_need(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address)));
	tap_need(!chmod(path, 0666) && !setenv("NOTIFY_SOCKET", path, 1));
	return fd;
}

static void need_notice(int fd, const char *want)
{
	char text[500];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	tap_need(n > 0);
	text[n] = 0;
	tap_need_msg(strstr(text, want), "\"%s\"", text);
}

/* Every way through the program, with the list closed. */
static void all_it_does_is_allowed(void)
{
	int module, notices, sock, kept;
	struct frame_header header;
	struct rig_answer answer;
	char path[100], nonce[33];
	uint32_t version;

	begin();
	rig.config.idle_ms = 400;
	notices = notify_socket(path, sizeof(path));
	rig_start(&rig);
	need_notice(notices, "READY=1");
	need_notice(notices, "STATUS=Serving");
	module = rig_grant(&rig, 7, 1001);
	rig_serve(rig_grant(&rig, 8, 1002), 8, 1);
	rig_get(&rig, 8, DOCUMENT, TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_get(&rig, 8, "/metadata/attested/issuer.cer", "", &answer);
	tap_need_eq(answer.status, 200);
	rig_get(&rig, 8, "/metadata/instance?api-version=2025-04-07", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_get(&rig, 8, "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	rig_get(&rig, 8, "/nothing", TRUE "Connection: close\r\n", &answer);
	tap_need_eq(answer.status, 404);
	rig_get(&rig, 8, "bad", TRUE, &answer);
	tap_need(answer.status == 400 && answer.closed);
	sock = rig_connect(&rig, 7);
	rig_send(sock, "GET " DOCUMENT " HTTP/1.1\r\nHost: 127.0.0.1\r\n" TRUE "\r\n");
	rig_take(module, &header, nonce, &version);
	rig_revoke(&rig, 7, 1001);
	rig_need_closed(sock);
	kept = rig_connect(&rig, 8);
	rig_need_closed(kept);
	close(rig.session);
	need_notice(notices, "STATUS=Waiting");
	rig_accept_session(&rig);
	rig_sync(&rig);
	need_notice(notices, "STATUS=Serving");
	rig_grant(&rig, 9, 1003);
	rig_get(&rig, 9, "/metadata/versions", TRUE, &answer);
	tap_need_eq(answer.status, 200);
	tap_need(!kill(rig.restd, 0));
}

static int run_with(const char *const *arguments)
{
	char self[500] = "", path[600];
	int nowhere = open("/dev/null", O_WRONLY);

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		return 126;
	*strrchr(self, '/') = 0;
	snprintf(path, sizeof(path), "%s/restd-fenced", self);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	execv(path, (char **)arguments);
	return 126;
}

static int run_arguments(void *arg)
{
	return run_with(arg);
}

static void bad_options_are_refused(void)
{
	static const char *const rows[][4] = {
		{ "restd", "--listen", "127.0.0.1" }, { "restd", "--listen", "127.0.0.1:" },
		{ "restd", "--listen", "127.0.0.1:0" }, { "restd", "--listen", "127.0.0.1:65536" },
		{ "restd", "--listen", "127.0.0.1: 80" }, { "restd", "--listen", "127.0.0.1:80x" },
		{ "restd", "--listen", "localhost:80" }, { "restd", "--listen", ":80" },
		{ "restd", "--nothing" }, { "restd", "word" },
	};
	static const char *const user[] = {
		"restd", "--listen", "127.0.0.1:1", "--user", "nobody-of-that-name", NULL,
	};
	static const char *const root[] = { "restd", "--listen", "127.0.0.1:1", "--user", "root", NULL };
	static const char *const version[] = { "restd", "--version", NULL };

	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		tap_need_msg(tap_join(tap_spawn(run_arguments, (void *)rows[i], -1)) == EXIT_USAGE,
			     "row %zu", i);
	tap_need_eq(tap_join(tap_spawn(run_arguments, (void *)version, -1)), 0);
	if (geteuid())
		return;
	tap_need_eq(tap_join(tap_spawn(run_arguments, (void *)user, -1)), EXIT_FAILURE);
	tap_need_eq(tap_join(tap_spawn(run_arguments, (void *)root, -1)), EXIT_FAILURE);
}

static const struct tap_test tests[] = {
	TAP_TEST(forbidden_calls_kill),
	TAP_TEST(allowed_calls_do_not),
	TAP_TEST(nothing_is_left_of_its_rights),
	TAP_TEST(all_it_does_is_allowed),
	TAP_TEST(bad_options_are_refused),
};

int main(int argc, char **argv)
{
	return rig_main(tests, TAP_COUNT(tests), argc, argv);
}
