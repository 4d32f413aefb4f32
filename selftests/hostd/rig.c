// SPDX-License-Identifier: GPL-2.0
// Owns the host that azattest-hostd is tried on: directories, API calls, guests.

#include <selftests/hostd/rig.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uuid/uuid.h>

#define PIN_DIR	"/sys/fs/bpf/azattest-test"

static char bin[400];		/* where the programs are */
static char dir[64] = "/tmp/azattest-hostd-XXXXXX";	/* of this promise */
static pid_t hostd_pid;
static int manager = -1, stored = -1;
static char stored_name[256];

static bool shell(const char *format, va_list args)
{
	char *command;
	int status;

	tap_need(vasprintf(&command, format, args) > 0);
	status = system(command);
	free(command);
	return !status;
}

void rig_sh(const char *format, ...)
{
	va_list args;
	bool ok;

	va_start(args, format);
	ok = shell(format, args);
	va_end(args);
	tap_need_msg(ok, "failed: %s", format);
}

bool rig_can(const char *format, ...)
{
	va_list args;
	bool ok;

	va_start(args, format);
	ok = shell(format, args);
	va_end(args);
	return ok;
}

void rig_begin(int argc, char **argv)
{
	char *slash;

	(void)argc;
	azbind_need_module();
	if (geteuid())
		tap_skip_all("needs root");
	snprintf(bin, sizeof(bin), "%s", argv[0]);
	slash = strrchr(bin, '/');
	if (slash)
		*slash = 0;
	/* Kernels that have these built in know no such modules. */
	if (!rig_can("modprobe -qa bridge veth tun sch_ingress cls_bpf tcp_diag inet_diag >/dev/null 2>&1"))
		tap_diag("not all modules could be loaded");
	if (!rig_can("grep -q ' /sys/fs/bpf bpf ' /proc/mounts || mount -t bpf bpf /sys/fs/bpf") ||
	    !rig_can("grep -q ' cgroup2 ' /proc/mounts || mount -t cgroup2 none /sys/fs/cgroup"))
		tap_skip_all("no bpffs or no cgroup2");
}

/* ---- hostd ---- */

const char *rig_path(const char *name)
{
	static char path[8][160];
	static unsigned int turn;
	char *out = path[turn++ % 8];

	snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

const char *rig_bin(void)
{
	return bin;
}

static void write_text(const char *name, const char *text)
{
	FILE *out = fopen(rig_path(name), "we");

	tap_need(out && fputs(text, out) >= 0 && !fclose(out));
}

/* As a service manager would: the stored descriptor is number 3. */
static void give_stored(void)
{
	char pid[16];

	if (manager < 0)
		return;
	setenv("NOTIFY_SOCKET", rig_path("notify"), 1);
	if (stored < 0)
		return;
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", stored_name, 1);
	if (stored == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(stored, 3);
}

static int exec_hostd(void *arg)
{
	char program[500];
	int log = open(rig_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)arg;
	snprintf(program, sizeof(program), "%s/azattest-hostd-asan", bin);
	dup2(log, STDERR_FILENO);
	close(log);
	give_stored();
	execl(program, "azattest-hostd", "--config", rig_path("conf"), "--state", rig_path("state"),
	      "--run", rig_path("run"), "--pin-dir", PIN_DIR, "--audit", "0",
	      "--signer-config", rig_path("signer.conf"), "--take", rig_path("take.sock"), NULL);
	return 126;
}

static bool answers(void)
{
	return rig_call("GET", "/v1/status", NULL, NULL) == 200;
}

/* A service manager reads what it is told: a full queue would hold hostd up. */
static void manager_reads(void)
{
	char text[256];

	while (manager >= 0 && recv(manager, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

void rig_restart(void)
{
	manager_reads();
	hostd_pid = tap_spawn(exec_hostd, NULL, stored);
	tap_need_wait(answers());
}

void rig_manager(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig_path("notify"));
	tap_need(!bind(manager, (struct sockaddr *)&address, sizeof(address)));
}

void rig_manager_takes(void)
{
	char text[256] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { text, sizeof(text) - 1 };
	struct msghdr in = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control };

	do {
		memset(text, 0, sizeof(text));
		in.msg_controllen = sizeof(control);
		tap_need(recvmsg(manager, &in, MSG_CMSG_CLOEXEC) > 0);
	} while (strncmp(text, "FDSTORE=1\nFDNAME=", 17));
	tap_need(CMSG_FIRSTHDR(&in));
	memcpy(&stored, CMSG_DATA(CMSG_FIRSTHDR(&in)), sizeof(int));
	snprintf(stored_name, sizeof(stored_name), "%s", text + 17);
}

/* What an earlier promise left is turned off first: pins and bridge are the host's. */
static void prepare(void)
{
	tap_need(mkdtemp(dir));
	write_text("conf", "[rest]\nuser = nobody\nanswer-ms = 700\n[instance]\nlocation = cellar\n");
	write_text("signer.conf", "[host]\nsubscription-id = AAAAAAAA-0000-4000-8000-000000000001\n"
		   "[document]\nsku = base\nlicense-type = L0\n[profile gold]\nsku = golden\n");
}

void rig_start(void)
{
	prepare();
	rig_restart();
}

void rig_kill(void)
{
	tap_kill(hostd_pid);
}

void rig_stop(void)
{
	kill(hostd_pid, SIGTERM);
	tap_need_eq(tap_join(hostd_pid), 0);
	tap_need(!rig_log_has("Sanitizer"));
	rig_sh("rm -rf %s", dir);
}

int rig_refuses(void)
{
	return tap_join(tap_spawn(exec_hostd, NULL, -1));
}

bool rig_log_has(const char *text)
{
	return rig_can("grep -qF -- '%s' %s", text, rig_path("log"));
}

/* ---- its API ---- */

static int connect_api(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/api.sock", dir);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

int rig_call(const char *method, const char *path, const char *body, json_t **answer)
{
	static char text[262144];
	int fd = connect_api(), status = 0;
	size_t length = 0;
	ssize_t n;
	char *end;

	if (answer)
		*answer = NULL;
	if (fd < 0)
		return 0;
	dprintf(fd, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, body ? strlen(body) : 0, body ? body : "");
	while (length < sizeof(text) - 1 && (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = 0;
	close(fd);
	end = strstr(text, "\r\n\r\n");
	if (!end || sscanf(text, "HTTP/1.1 %d", &status) != 1)
		return 0;
	if (answer)
		*answer = json_loads(end + 4, 0, NULL);
	return status;
}

void rig_legacy(bool on)
{
	json_t *answer;
	int status = rig_call("PUT", "/v1/legacy", on ? "{\"enabled\":true}" : "{\"enabled\":false}",
			      &answer);

	if (status != 200)
		tap_diag("%s", json_dumps(answer, 0));
	tap_need_eq(status, 200);
	json_decref(answer);
}

static const char *vm_path(unsigned int number)
{
	static char path[64] = "/v1/vms/";
	uint8_t uuid[AZATTEST_UUID_LEN];

	azbind_uuid(uuid, number);
	uuid_unparse_lower(uuid, path + 8);
	return path;
}

void rig_add(unsigned int number, const char *tap, pid_t pid)
{
	char body[200];
	json_t *answer;
	int status;

	snprintf(body, sizeof(body), "{\"tap\":\"%s\",\"pid\":%d%s}", tap, pid,
		 pid ? ",\"name\":\"by-hostd\",\"profile\":\"gold\"" : "");
	status = rig_call("PUT", vm_path(number), body, &answer);
	if (status != 201 && status != 200)
		tap_diag("%s", json_dumps(answer, 0));
	tap_need(status == 201 || status == 200);
	json_decref(answer);
}

void rig_remove(unsigned int number)
{
	tap_need_eq(rig_call("DELETE", vm_path(number), NULL, NULL), 204);
}

static json_t *vm_of(unsigned int number)
{
	static json_t *last;

	json_decref(last);
	if (rig_call("GET", vm_path(number), NULL, &last) != 200) {
		json_decref(last);
		last = NULL;
	}
	return last;
}

const char *rig_vm_text(unsigned int number, const char *member)
{
	const char *text = json_string_value(json_object_get(vm_of(number), member));

	return text ? text : "";
}

long long rig_vm_number(unsigned int number, const char *member)
{
	json_t *value = json_object_get(vm_of(number), member);

	return value ? json_integer_value(value) : -1;
}

bool rig_vm_is(unsigned int number, const char *state)
{
	return !strcmp(rig_vm_text(number, "state"), state);
}

long long rig_status_number(const char *object, const char *member)
{
	json_t *status;
	long long value;

	rig_call("GET", "/v1/status", NULL, &status);
	value = json_integer_value(json_object_get(json_object_get(status, object), member));
	json_decref(status);
	return value;
}

/* ---- guests ---- */

void rig_guest(struct rig_guest *guest, const char *tap)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	snprintf(guest->tap, sizeof(guest->tap), "%s", tap);
	tap_need(home >= 0 && !unshare(CLONE_NEWNET));
	guest->netns = open("/proc/self/ns/net", O_RDONLY);
	tap_need(guest->netns >= 0 && !setns(home, CLONE_NEWNET));
	close(home);
	rig_can("ip link del %s 2>/dev/null", tap);
	rig_guest_plug(guest);
}

/* All guests have the same address, and it does not matter. */
void rig_guest_plug(const struct rig_guest *guest)
{
	rig_sh("ip link add %s type veth peer name eth0 netns /proc/%d/fd/%d", guest->tap, getpid(),
	       guest->netns);
	rig_sh("nsenter --net=/proc/%d/fd/%d sh -c 'ip link set eth0 address 02:00:00:00:00:07 && "
	       "ip addr add 169.254.7.7/16 dev eth0 && ip link set eth0 up'", getpid(), guest->netns);
}

static int connect_guest(const struct rig_guest *guest, int ms)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(80),
		.sin_addr.s_addr = inet_addr("169.254.169.253"),
	};
	struct pollfd ready = { .events = POLLOUT };
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd, ret;

	tap_need(home >= 0 && !setns(guest->netns, CLONE_NEWNET));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	tap_need(fd >= 0 && !setns(home, CLONE_NEWNET));
	close(home);
	ret = connect(fd, (struct sockaddr *)&address, sizeof(address));
	ready.fd = fd;
	if (ret && (errno != EINPROGRESS || poll(&ready, 1, ms) != 1)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char *greeting(int fd, int ms)
{
	static char text[64];
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t n = -1;

	if (poll(&ready, 1, ms) == 1)
		n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	return text;
}

const char *rig_guest_ask(const struct rig_guest *guest, int ms)
{
	int fd = connect_guest(guest, ms);
	const char *text;

	if (fd < 0)
		return "";
	text = greeting(fd, ms);
	close(fd);
	return text;
}

bool rig_guest_served(const struct rig_guest *guest, unsigned int number)
{
	long long slot = rig_vm_number(number, "slot");
	char want[64];

	snprintf(want, sizeof(want), "%lld %lld", slot, rig_vm_number(number, "generation"));
	return slot > 0 && !strcmp(rig_guest_ask(guest, 2000), want);
}

int rig_guest_connect(const struct rig_guest *guest)
{
	int fd = connect_guest(guest, tap_patience_ms());

	tap_need(fd >= 0 && *greeting(fd, tap_patience_ms()));
	return fd;
}
