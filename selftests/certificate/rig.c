// SPDX-License-Identifier: GPL-2.0
// Owns a host with its CA, for tests of certificate sources.

#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include <selftests/lib/tap.h>

static char top[] = "/tmp/azattest-certificate-XXXXXX";

int rig_main(const struct tap_test *tests, size_t count, int argc, char **argv)
{
	char command[160];
	int status;

	if (!mkdtemp(top) || chmod(top, 0755))
		return 1;
	status = tap_main(tests, count, argc, argv);
	snprintf(command, sizeof(command), "umount -l %s/*/state 2>/dev/null; rm -rf %s", top, top);
	return system(command) ? 1 : status;
}

const char *rig_path(struct rig *rig, const char *name)
{
	static char path[4][192];
	static unsigned int turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof(path[0]), "%s/%s", rig->dir, name);
	return out;
}

int rig_shell(struct rig *rig, const char *format, ...)
{
	char command[2000];
	va_list args;
	int length, status;

	length = snprintf(command, sizeof(command),
			  "cd %s && CA='%s/azattest-ca --state ca' SYNC=%s/azattest-sync && ",
			  rig->dir, rig->bin, rig->bin);
	va_start(args, format);
	length += vsnprintf(command + length, sizeof(command) - (size_t)length, format, args);
	va_end(args);
	tap_need(length < (int)sizeof(command));
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void rig_open_bare(struct rig *rig, const char *name)
{
	ssize_t length;

	if (geteuid())
		tap_skip("needs root to change users");
	memset(rig, 0, sizeof(*rig));
	length = readlink("/proc/self/exe", rig->tests, sizeof(rig->tests) - 1);
	tap_need(length > 0);
	*strrchr(rig->tests, '/') = 0;
	snprintf(rig->bin, sizeof(rig->bin), "%.380s/../bin", rig->tests);
	snprintf(rig->dir, sizeof(rig->dir), "%s/%s", top, name);
	tap_need(!mkdir(rig->dir, 0755));
	rig->module = fakemodule_make(rig_path(rig, "device"));
	tap_need(rig->module);
}

void rig_make_ca(struct rig *rig)
{
	tap_need_eq(rig_shell(rig, "$CA init --key-type p-256 && $CA trust --output trust.pem && chmod 644 trust.pem && "
			      "$CA enrol " RIG_NAME " --output secret"), 0);
}

void rig_open(struct rig *rig, const char *name)
{
	rig_open_bare(rig, name);
	rig_make_ca(rig);
}

/* the CA */

static bool ca_serves(struct rig *rig)
{
	char line[200];
	FILE *log = fopen(rig_path(rig, "ca.log"), "r");
	const char *colon = NULL;

	while (log && fgets(line, sizeof(line), log))
		if (strstr(line, "serving http"))
			colon = strrchr(line, ':');
	if (colon)
		rig->port = (unsigned int)atoi(colon + 1);
	if (log)
		fclose(log);
	return colon;
}

void rig_start_ca(struct rig *rig, const char *options)
{
	char command[1200];

	snprintf(command, sizeof(command),
		 "exec %.400s/azattest-ca --state %s/ca serve --listen 127.0.0.1:%u %s >%s/ca.log 2>&1",
		 rig->bin, rig->dir, rig->port, options, rig->dir);
	rig->ca = fork();
	if (!rig->ca) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(126);
	}
	tap_need_wait(ca_serves(rig));
}

void rig_stop_ca(struct rig *rig)
{
	kill(rig->ca, SIGTERM);
	tap_join(rig->ca);
	unlink(rig_path(rig, "ca.log"));
}

/* the daemon */

void rig_configure(struct rig *rig, const char *format, ...)
{
	FILE *out = fopen(rig_path(rig, "conf"), "w");
	va_list args;

	tap_need(out);
	fprintf(out, "[host]\nname = " RIG_NAME "\n[signer]\nuser = nobody\nkey-type = %s\n"
		"processes = 2\n[key]\n%s\n[certificate]\nsync-user = daemon\nsync-timeout = 20\n"
		"ca-trust = %s/trust.pem\nca-secret-file = %s/secret\n"
		"ca-identity-file = %s/identity.pem\n", rig->key_type ?: "p-256",
		rig->key ?: "level = file", rig->dir, rig->dir, rig->dir);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	tap_need(!fclose(out));
}

static int exec_daemon(void *arg)
{
	struct rig *rig = arg;
	int log = open(rig_path(rig, "log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	char program[500], signer[500], sync[500];

	snprintf(program, sizeof(program), "%.400s/azattestd-asan", rig->tests);
	snprintf(signer, sizeof(signer), "%.400s/azattest-signer-fake", rig->tests);
	snprintf(sync, sizeof(sync), "%.400s/%s", rig->socket ? rig->dir : rig->bin,
		 rig->socket ? "socket" : "azattest-sync");
	dup2(log, STDERR_FILENO);
	execl(program, "azattestd", "--config", rig_path(rig, "conf"), "--state",
	      rig_path(rig, "state"), "--run", rig_path(rig, "run"), "--device",
	      rig_path(rig, "device"), "--signer", signer, "--sync", sync, NULL);
	return 126;
}

/* As packaging/azattest-sync.socket does: a process for each connection. */
void rig_open_cmp(struct rig *rig, const char *name)
{
	rig_open(rig, name);
	rig_start_ca(rig, "");
	rig_configure(rig, RIG_CMP, rig->port);
}

void rig_start_socket(struct rig *rig)
{
	struct stat st;

	rig->socket = fork();
	if (!rig->socket) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open(rig_path(rig, "socket.log"), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
		execlp("systemd-socket-activate", "systemd-socket-activate", "--accept", "--inetd",
		       "-l", rig_path(rig, "socket"), "/bin/sh", "-c",
		       "exec \"$0\" --config \"$1\" 2>&1", rig_path(rig, "sync"),
		       rig_path(rig, "conf"), NULL);
		_exit(126);
	}
	tap_need_wait(!stat(rig_path(rig, "socket"), &st));
}

void rig_start(struct rig *rig)
{
	rig->daemon = tap_spawn(exec_daemon, rig, -1);
}

pid_t rig_signer(struct rig *rig, unsigned int index)
{
	return (pid_t)json_integer_value(json_array_get(rig_status(rig, "signers", "pids"), index));
}

pid_t rig_keeper(struct rig *rig)
{
	FILE *out;
	int pid = 0;

	tap_need_eq(rig_shell(rig, "pgrep -P %d -x azattest-keeper >keeper", rig->daemon), 0);
	out = fopen(rig_path(rig, "keeper"), "r");
	tap_need(out && fscanf(out, "%d", &pid) == 1 && !fclose(out));
	return pid;
}

bool rig_all_ready(struct rig *rig)
{
	return rig_says(rig, "host", "state", "Active") && rig_number(rig, "signers", "wanted") &&
	       rig_number(rig, "signers", "ready") == rig_number(rig, "signers", "wanted");
}

void rig_start_active(struct rig *rig)
{
	rig_start(rig);
	tap_need_wait(rig_all_ready(rig));
}

void rig_stop(struct rig *rig)
{
	int end;

	kill(rig->daemon, SIGTERM);
	end = tap_join(rig->daemon);
	tap_need_eq(end, 0);
	tap_need(!rig_log_has(rig, "Sanitizer"));
}

void rig_kill(struct rig *rig)
{
	tap_kill(rig->daemon);
}

/* answers */

static int connect_control(struct rig *rig)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/run/azattestd.sock", rig->dir);
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

json_t *rig_ask(struct rig *rig, const char *request)
{
	static char answer[65536];
	static json_t *last;
	int fd = connect_control(rig);
	size_t length = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	dprintf(fd, "{\"request\":\"%s\"}\n", request);
	while ((n = read(fd, answer + length, sizeof(answer) - length)) > 0)
		length += (size_t)n;
	close(fd);
	json_decref(last);
	last = json_loadb(answer, length, 0, NULL);
	return last;
}

json_t *rig_status(struct rig *rig, const char *a, const char *b)
{
	return json_object_get(json_object_get(rig_ask(rig, "status"), a), b);
}

long long rig_number(struct rig *rig, const char *a, const char *b)
{
	return json_integer_value(rig_status(rig, a, b));
}

bool rig_says(struct rig *rig, const char *a, const char *b, const char *text)
{
	const char *is = json_string_value(rig_status(rig, a, b));

	return is && (*text ? !!strstr(is, text) : !*is);
}

bool rig_log_has(struct rig *rig, const char *text)
{
	static char log[262144];
	int fd = open(rig_path(rig, "log"), O_RDONLY | O_CLOEXEC);
	ssize_t n;
	size_t length = 0;

	if (fd < 0)
		return false;
	while ((n = read(fd, log + length, sizeof(log) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	log[length] = 0;
	return strstr(log, text);
}

bool rig_only_leaf_is(struct rig *rig, unsigned int number)
{
	return !rig_shell(rig, "test \"$(cd state && ls -d leaf-*)\" = leaf-%06u && "
			  "openssl x509 -in state/leaf-%06u/cert.pem -noout -pubkey >pub && "
			  "openssl pkey -in state/leaf-%06u/key.pem -pubout | cmp -s - pub && "
			  "openssl verify -CAfile trust.pem -untrusted state/leaf-%06u/issuer.pem "
			  "state/leaf-%06u/cert.pem >/dev/null", number, number, number, number,
			  number);
}

const char *rig_sync(struct rig *rig)
{
	json_t *answer = rig_ask(rig, "sync");
	const char *error = json_string_value(json_object_get(answer, "error"));

	tap_need(answer);
	return error ? error : "";
}

static int sync_fails(void *rig)
{
	return *rig_sync(rig) != 0;
}

pid_t rig_begin_sync(struct rig *rig)
{
	return tap_spawn(sync_fails, rig, -1);
}

/* documents */

static time_t expires_on(PKCS7 *p7)
{
	ASN1_OCTET_STRING *content = p7->d.sign->contents->d.data;
	char text[600];
	const char *at;
	struct tm tm = { 0 };

	snprintf(text, sizeof(text), "%.*s", ASN1_STRING_length(content),
		 (const char *)ASN1_STRING_get0_data(content));
	at = strstr(text, "\"expiresOn\":\"");
	tap_need(at && strptime(at + 13, "%m/%d/%y %H:%M:%S", &tm));
	return timegm(&tm);
}

PKCS7 *rig_document(struct rig *rig)
{
	int place = fakemodule_ask(rig->module, 20201001, "abc", "");
	const struct fakemodule_request *r = &rig->module->request[place];
	const unsigned char *p = r->document;
	PKCS7 *p7;

	tap_need(place >= 0);
	tap_need_wait(fakemodule_answered(rig->module, place));
	tap_need_eq(r->answer.status, AZATTEST_STATUS_OK);
	p7 = d2i_PKCS7(NULL, &p, (long)r->answer.length);
	tap_need(p7);
	fakemodule_free(rig->module, place);
	return p7;
}

void rig_need_document(struct rig *rig)
{
	PKCS7 *p7 = rig_document(rig);
	X509 *leaf;

	tap_need(PKCS7_verify(p7, NULL, NULL, NULL, NULL, PKCS7_NOVERIFY) == 1);
	leaf = sk_X509_value(p7->d.sign->cert, 0);
	tap_need(leaf);
	tap_need(X509_cmp_time(X509_get0_notAfter(leaf), &(time_t){ expires_on(p7) - 1 }) > 0);
	PKCS7_free(p7);
}
