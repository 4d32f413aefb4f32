// SPDX-License-Identifier: GPL-2.0
// Owns azattestd and its signers as they run, each promise in a folder of its own.

#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/pkcs7.h>

struct fakemodule *rig_module;
pid_t rig_daemon;

static char top[] = "/tmp/azattest-daemon-XXXXXX";
static char bin[400];		/* where the programs are */
static char dir[64];		/* of this promise */

const char *rig_path(const char *name)
{
	static char path[4][128];
	static unsigned int turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

void rig_config(const char *text)
{
	FILE *out = fopen(rig_path("conf"), "w");

	tap_need(out && fputs(text, out) >= 0 && !fclose(out));
}

static int exec_daemon(void *arg)
{
	char program[500], signer[500];
	int log = open(rig_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	(void)arg;
	snprintf(program, sizeof(program), "%s/azattestd-asan", bin);
	snprintf(signer, sizeof(signer), "%s/azattest-signer-fake", bin);
	dup2(log, STDERR_FILENO);
	execl(program, "azattestd", "--config", rig_path("conf"), "--state", rig_path("state"),
	      "--run", rig_path("run"), "--device", rig_path("device"), "--signer", signer, NULL);
	return 126;
}

void rig_prepare(const char *name, const char *config)
{
	if (geteuid())
		tap_skip("needs root to change users");
	snprintf(dir, sizeof(dir), "%s/%s", top, name);
	tap_need(!mkdir(dir, 0755));
	rig_config(config);
	rig_module = fakemodule_make(rig_path("device"));
	tap_need(rig_module);
}

/* tap_spawn() children die with us: so does the daemon, so do its signers. */
void rig_start(void)
{
	rig_daemon = tap_spawn(exec_daemon, NULL, -1);
}

int rig_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/azattestd.sock", dir);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

size_t rig_read(int fd, char *buf, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size && (n = read(fd, buf + length, size - length)) > 0)
		length += (size_t)n;
	return length;
}

json_t *rig_ask(const char *line)
{
	static char answer[65536];
	int fd = rig_connect();
	size_t length;

	if (fd < 0)
		return NULL;
	if (write(fd, line, strlen(line)) != (ssize_t)strlen(line)) {
		close(fd);
		return NULL;
	}
	length = rig_read(fd, answer, sizeof(answer));
	close(fd);
	return json_loadb(answer, length, 0, NULL);
}

json_t *rig_status(void)
{
	static json_t *last;

	json_decref(last);
	last = rig_ask("{\"request\":\"status\"}\n");
	return last;
}

json_t *rig_member(json_t *object, const char *a, const char *b)
{
	return json_object_get(json_object_get(object, a), b);
}

long long rig_number(const char *a, const char *b)
{
	return json_integer_value(rig_member(rig_status(), a, b));
}

bool rig_host_is(const char *state)
{
	const char *is = json_string_value(rig_member(rig_status(), "host", "state"));

	return is && !strcmp(is, state);
}

bool rig_all_ready(void)
{
	return rig_host_is("Active") && rig_number("signers", "ready") == rig_number("signers", "wanted");
}

pid_t rig_signer(size_t index)
{
	return (pid_t)json_integer_value(json_array_get(rig_member(rig_status(), "signers", "pids"), index));
}

static bool log_has(const char *text)
{
	static char log[262144];
	int fd = open(rig_path("log"), O_RDONLY | O_CLOEXEC);
	size_t length;

	if (fd < 0)
		return false;
	length = rig_read(fd, log, sizeof(log) - 1);
	close(fd);
	log[length] = 0;
	return strstr(log, text);
}

void rig_need_log(const char *text)
{
	if (tap_wait(log_has(text)))
		return;
	tap_fail(__FILE__, __LINE__, "the log never said \"%s\"", text);
}

void rig_start_ready(const char *name, const char *config)
{
	rig_prepare(name, config);
	rig_start();
	tap_need_wait(rig_all_ready());
}

void rig_need_end(int code)
{
	int end = tap_join(rig_daemon);

	tap_need_eq(end, code);
	tap_need(!log_has("ERROR: AddressSanitizer") && !log_has("ERROR: LeakSanitizer"));
}

void rig_stop(void)
{
	kill(rig_daemon, SIGTERM);
	rig_need_end(0);
}

bool rig_is_document(int place)
{
	const struct fakemodule_request *r = &rig_module->request[place];
	const unsigned char *p = r->document;
	PKCS7 *p7 = d2i_PKCS7(NULL, &p, (long)r->answer.length);
	bool ok = p7 && PKCS7_verify(p7, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1;

	PKCS7_free(p7);
	return ok;
}

uint32_t rig_ask_status(uint32_t version, const char *nonce, const char *profile)
{
	int place = fakemodule_ask(rig_module, version, nonce, profile);
	uint32_t end;

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(rig_module, place));
	end = rig_module->request[place].answer.status;
	if (end == AZATTEST_STATUS_OK)
		tap_need(rig_is_document(place));
	fakemodule_free(rig_module, place);
	return end;
}

int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[64];
	int ret;
	ssize_t n = readlink("/proc/self/exe", bin, sizeof(bin) - 1);

	if (n <= 0 || !mkdtemp(top) || chmod(top, 0755))
		return 1;
	*strrchr(bin, '/') = 0;
	ret = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) ? 1 : ret;
}
