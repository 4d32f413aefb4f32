// SPDX-License-Identifier: GPL-2.0
// Owns a host for tests of the audit journal: the real daemon and signers, a module that is a file.

#include "host.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct fakemodule *host_module;
pid_t host_pid;
char host_said[65536];
const char *host_daemon = "azattestd-asan";
const char *host_key_type = "p-256";

static char top[] = "/tmp/azattest-audit-XXXXXX";
static char dir[64];
static char bin[400];		/* where the tests are */

int host_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);
	char command[80];
	int ret;

	if (n <= 0 || !mkdtemp(top) || chmod(top, 0755))
		return 1;
	*strrchr(bin, '/') = 0;
	ret = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}

const char *host_path(const char *name)
{
	static char path[4][128];
	static unsigned int turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

void host_configure(const char *journal)
{
	FILE *out = fopen(host_path("conf"), "w");

	tap_need(out && fprintf(out, "[host]\nname = node1.test\n[signer]\nuser = nobody\n"
				"key-type = %s\nprocesses = 2\n[journal]\ndocuments = none\n%s",
				host_key_type, journal) > 0 && !fclose(out));
}

void host_make(const char *journal)
{
	if (geteuid())
		tap_skip("needs root to change users");
	snprintf(dir, sizeof(dir), "%s/XXXXXX", top);
	tap_need(mkdtemp(dir) && !chmod(dir, 0755));
	host_configure(journal);
	host_module = fakemodule_make(host_path("device"));
	tap_need(host_module);
}

static int exec_daemon(void *arg)
{
	char program[500], signer[500];
	int log = open(host_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)arg;
	snprintf(program, sizeof(program), "%s/%s", bin, host_daemon);
	snprintf(signer, sizeof(signer), "%s/azattest-signer-fake", bin);
	dup2(log, STDERR_FILENO);
	execl(program, "azattestd", "--config", host_path("conf"), "--state", host_path("state"),
	      "--run", host_path("run"), "--device", host_path("device"), "--signer", signer, NULL);
	return 126;
}

void host_start(void)
{
	host_pid = tap_spawn(exec_daemon, NULL, -1);
}

bool host_ready(void)
{
	const char *state = host_text("host", "state");

	return !strcmp(state, "Active") &&
	       host_number("signers", "ready") == host_number("signers", "wanted");
}

void host_start_ready(void)
{
	host_start();
	tap_need_wait(host_ready());
}

void host_need_end(int code)
{
	int end = tap_join(host_pid);

	tap_need_eq(end, code);
	tap_need(!host_log_has("ERROR: AddressSanitizer") && !host_log_has("ERROR: LeakSanitizer"));
}

void host_stop(void)
{
	kill(host_pid, SIGTERM);
	host_need_end(0);
}

static size_t read_all(int fd, char *buf, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size && (n = read(fd, buf + length, size - length)) > 0)
		length += (size_t)n;
	return length;
}

bool host_log_has(const char *text)
{
	static char log[262144];
	int fd = open(host_path("log"), O_RDONLY | O_CLOEXEC);

	log[fd < 0 ? 0 : read_all(fd, log, sizeof(log) - 1)] = 0;
	close(fd);
	return strstr(log, text);
}

static json_t *status(void)
{
	static const char line[] = "{\"request\":\"status\"}\n";
	static char answer[65536];
	static json_t *last;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/azattestd.sock", dir);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    write(fd, line, strlen(line)) == (ssize_t)strlen(line))
		length = read_all(fd, answer, sizeof(answer));
	close(fd);
	json_decref(last);
	last = json_loadb(answer, length, 0, NULL);
	return last;
}

const char *host_text(const char *a, const char *b)
{
	const char *text = json_string_value(json_object_get(json_object_get(status(), a), b));

	return text ? text : "";
}

long long host_number(const char *a, const char *b)
{
	return json_integer_value(json_object_get(json_object_get(status(), a), b));
}

size_t host_signers(pid_t *pids, size_t max)
{
	const json_t *all = json_object_get(json_object_get(status(), "signers"), "pids");
	size_t count = json_array_size(all);

	for (size_t i = 0; i < count && i < max; i++)
		pids[i] = (pid_t)json_integer_value(json_array_get(all, i));
	return count;
}

uint32_t host_ask(const char *nonce, const char *profile)
{
	int place = fakemodule_ask(host_module, 20201001, nonce, profile);
	uint32_t answer;

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(host_module, place));
	answer = host_module->request[place].answer.status;
	fakemodule_free(host_module, place);
	return answer;
}

/* A document, or the one word for who asked too early; no other is good. */
static bool got_retry(int place)
{
	uint32_t status = host_module->request[place].answer.status;

	tap_need_msg(status == AZATTEST_STATUS_OK || status == AZATTEST_STATUS_RETRY, "status %u", status);
	return status == AZATTEST_STATUS_RETRY;
}

unsigned int host_ask_many(void)
{
	unsigned int refused = 0;

	for (int i = 0; i < FAKEMODULE_REQUESTS; i++)
		tap_need(fakemodule_ask(host_module, 20201001, "n", "") == i);
	for (int i = 0; i < FAKEMODULE_REQUESTS; i++) {
		tap_need_wait(fakemodule_answered(host_module, i));
		refused += got_retry(i);
		fakemodule_free(host_module, i);
	}
	return refused;
}

int host_audit(const char *words, ...)
{
	char command[1200], rest[500];
	va_list args;
	FILE *in;
	int end;

	va_start(args, words);
	vsnprintf(rest, sizeof(rest), words, args);
	va_end(args);
	snprintf(command, sizeof(command), "%s/../bin/azattestctl audit %s 2>&1", bin, rest);
	in = popen(command, "r");
	tap_need(in);
	host_said[fread(host_said, 1, sizeof(host_said) - 1, in)] = 0;
	end = pclose(in);
	return WIFEXITED(end) ? WEXITSTATUS(end) : 128;
}

unsigned int host_events(const char *event)
{
	host_audit("show --json %s | grep -c '\"event\":\"%s\"'", host_path("state/audit"), event);
	return (unsigned int)strtoul(host_said, NULL, 10);
}

json_t *host_event(const char *event)
{
	json_t *line;

	host_audit("show --json %s | grep '\"event\":\"%s\"' | tail -n 1",
		   host_path("state/audit"), event);
	line = json_loads(host_said, JSON_REJECT_DUPLICATES, NULL);
	tap_need_msg(line, "no line of event %s", event);
	return line;
}
