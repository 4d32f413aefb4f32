// SPDX-License-Identifier: GPL-2.0
// Owns the sources "cmp" and "exec" as seen from here: a request to azattest-sync, text back.

#include "source.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include <userspace/common/accept.h>

/*
 * This process has no network. azattest-sync has one, and is either started by
 * a service manager for each connection to its socket, or by us, with a socket
 * pair for its three standard descriptors. What comes back is certificates in
 * PEM, or its last line.
 */
#define SYNC_SOCKET	"/run/azattest-sync.sock"
/* Beyond its own limit: it has the better words. */
#define PATIENCE_MS	15000
#define ANSWER_MAX	(ACCEPT_TEXT_MAX + 1024)

struct talk {
	int fd;
	pid_t pid;	/* 0: another's child */
	int64_t until_ms;
	char *text;
	size_t length;
};

static bool is_socket(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISSOCK(st.st_mode);
}

static int connect_to(const char *path, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
	}
	if (fd >= 0)
		close(fd);
	return failure_set(failure, EXIT_FAILURE, -ECONNREFUSED,
			   "%s: cannot connect: is azattest-sync.socket started? (systemctl status "
			   "azattest-sync.socket)", path);
}

static int start(const struct source_host *host, const char *path, pid_t *pid,
		 struct failure *failure)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return failure_set(failure, EXIT_FAILURE, -errno, "socketpair: %s", strerror(errno));
	*pid = spawn_sync(path, host->config_path, pair[1]);
	close(pair[1]);
	if (*pid > 0)
		return pair[0];
	close(pair[0]);
	return failure_set(failure, EXIT_FAILURE, *pid, "fork: %s", strerror(-*pid));
}

/* --sync if it was given; else the socket if it is there; else the program beside ours. */
static int reach(const struct source_host *host, pid_t *pid, struct failure *failure)
{
	char beside[512];

	if (*host->sync && is_socket(host->sync))
		return connect_to(host->sync, failure);
	if (*host->sync)
		return start(host, host->sync, pid, failure);
	if (is_socket(SYNC_SOCKET))
		return connect_to(SYNC_SOCKET, failure);
	spawn_default_path(beside, sizeof(beside), "azattest-sync");
	return start(host, beside, pid, failure);
}

/* It fits a socket's buffer; a peer that is gone has said why. */
static void send_question(const struct talk *t, const char *word, const unsigned char *der,
			  size_t length)
{
	if (!*word || send(t->fd, word, strlen(word), MSG_NOSIGNAL) > 0)
		(void)!send(t->fd, der, length, MSG_NOSIGNAL);
	shutdown(t->fd, SHUT_WR);
}

static int hear(struct talk *t)
{
	struct pollfd wait = { .fd = t->fd, .events = POLLIN };
	ssize_t n;

	while (t->length < ANSWER_MAX) {
		int64_t left = t->until_ms - watch_now_ms();

		if (left <= 0 || poll(&wait, 1, (int)left) <= 0)
			return -ETIMEDOUT;
		n = recv(t->fd, t->text + t->length, ANSWER_MAX - t->length, 0);
		if (n <= 0)
			return 0;
		t->length += (size_t)n;
	}
	return -EFBIG;
}

/* 0 also when it failed: then it has said so. */
static int finish(const struct talk *t, int ret)
{
	close(t->fd);
	if (t->pid > 0 && ret)
		kill(t->pid, SIGKILL);
	if (t->pid > 0)
		waitpid(t->pid, NULL, 0);
	return ret;
}

static int say_text(struct talk *t, struct failure *failure)
{
	static const char prefix[] = "azattest-sync: ";
	char *line, *end = t->text + t->length;

	while (end > t->text && (unsigned char)end[-1] <= ' ')
		*--end = 0;
	line = memrchr(t->text, '\n', (size_t)(end - t->text));
	line = line ? line + 1 : t->text;
	if (!strncmp(line, prefix, strlen(prefix)))
		line += strlen(prefix);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	if (!*line)
		line = (char *)"azattest-sync ended without a word: look into the journal";
	return failure_set(failure, EXIT_FAILURE, -EIO, "%.500s", line);
}

static int use_text(const struct source_host *host, struct talk *t, X509_REQ *request,
		    struct source_certificates *out, struct failure *failure)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	STACK_OF(X509) *certs;
	int ret;

	if (strncmp(t->text, begin, strlen(begin)))
		return say_text(t, failure);
	certs = accept_parse(t->text, t->length);
	if (!certs)
		return failure_set(failure, EXIT_FAILURE, -EPROTO,
				   "azattest-sync: its output is no certificates in PEM");
	ret = source_accept(host, request, certs, out, failure);
	sk_X509_pop_free(certs, X509_free);
	return ret;
}

/* One question, and in @t->text what came back. */
static int talk(const struct source_host *host, struct talk *t, const char *word,
		const unsigned char *der, int length, struct failure *failure)
{
	int ret;

	t->until_ms = watch_now_ms() + 1000LL * host->config->sync_timeout_s + PATIENCE_MS;
	t->text = calloc(1, ANSWER_MAX + 1);
	if (!t->text || length <= 0)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	t->fd = reach(host, &t->pid, failure);
	if (t->fd < 0)
		return t->fd;
	send_question(t, word, der, (size_t)length);
	ret = finish(t, hear(t));
	if (!ret)
		return 0;
	return failure_set(failure, EXIT_FAILURE, ret, "azattest-sync: %s",
			   ret == -EFBIG ? "its answer does not end" :
			   "did not end in time: killed");
}

int source_sync_fetch(const struct source_host *host, X509_REQ *request,
		      struct source_certificates *out, struct failure *failure)
{
	unsigned char *der = NULL;
	struct talk t = { 0 };
	int length = i2d_X509_REQ(request, &der);
	int ret = talk(host, &t, "", der, length, failure);

	if (!ret)
		ret = use_text(host, &t, request, out, failure);
	OPENSSL_free(der);
	free(t.text);
	return ret;
}

int source_sync_revoke(const struct source_host *host, X509 *cert, struct failure *failure)
{
	unsigned char *der = NULL;
	struct talk t = { 0 };
	int length = i2d_X509(cert, &der);
	int ret = talk(host, &t, "revoke\n", der, length, failure);

	if (!ret && strcmp(t.text, "revoked\n"))
		ret = say_text(&t, failure);
	OPENSSL_free(der);
	free(t.text);
	return ret;
}
