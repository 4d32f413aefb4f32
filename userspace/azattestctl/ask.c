// SPDX-License-Identifier: GPL-2.0
// Owns one question to azattestd: a line of JSON, and a line back.

#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX	65536
#define PATIENCE_S	10
#define TELL_S		5	/* between two signs of life */

static int open_socket(const char *path, unsigned int seconds)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = seconds };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -errno;
}

/* To who sits there; a script hears the end only. */
static void tell_wait(unsigned int seconds)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "still at it, %u s\n", seconds);
}

/* Length of the line, or -errno; @slow: as long as it takes. */
static ssize_t exchange(int fd, const char *request, bool slow, char *answer, size_t size)
{
	unsigned int waited = 0;
	size_t length = 0;
	ssize_t n;
	char line[128];

	n = snprintf(line, sizeof(line), "{\"request\":\"%s\"}\n", request);
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return -errno;
	while (length < size && !memchr(answer, '\n', length)) {
		n = recv(fd, answer + length, size - length, 0);
		if (n < 0 && errno == EAGAIN && slow) {
			tell_wait(waited += TELL_S);
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return -ECONNRESET;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* NULL and why not, without a newline; *@exit is an exit code. */
static json_t *parse(const char *text, size_t length, int *exit, char *why, size_t size)
{
	json_t *answer = json_loadb(text, length, JSON_DISABLE_EOF_CHECK, NULL);

	if (json_is_true(json_object_get(answer, "ok")))
		return answer;
	snprintf(why, size, "azattestd refuses: %s",
		 json_string_value(json_object_get(answer, "error")) ?:
		 "its answer cannot be read: are both of one release?");
	*exit = EXIT_REFUSED;
	json_decref(answer);
	return NULL;
}

static json_t *attempt(const struct ctl *ctl, const char *request, bool slow, int *exit,
		       char *why, size_t size)
{
	char *answer = calloc(1, ANSWER_MAX);
	json_t *json = NULL;
	ssize_t length;
	int fd;

	if (!answer)
		abort();
	fd = open_socket(ctl->socket, slow ? TELL_S : PATIENCE_S);
	length = fd < 0 ? fd : exchange(fd, request, slow, answer, ANSWER_MAX);
	if (fd >= 0)
		close(fd);
	if (length < 0) {
		snprintf(why, size, "%s: %s: is azattestd running? (systemctl status azattestd)",
			 ctl->socket, strerror((int)-length));
		*exit = EXIT_NO_DAEMON;
	} else {
		json = parse(answer, (size_t)length, exit, why, size);
	}
	free(answer);
	return json;
}

static json_t *ask(const struct ctl *ctl, const char *request, bool slow, int *exit)
{
	char why[1024];
	json_t *json = attempt(ctl, request, slow, exit, why, sizeof(why));

	if (!json)
		say("%s", why);
	return json;
}

json_t *ask_daemon(const struct ctl *ctl, const char *request, int *exit)
{
	return ask(ctl, request, false, exit);
}

json_t *ask_daemon_slow(const struct ctl *ctl, const char *request, int *exit)
{
	return ask(ctl, request, true, exit);
}

json_t *ask_daemon_quietly(const struct ctl *ctl, const char *request, char *why, size_t size)
{
	int exit;

	return attempt(ctl, request, false, &exit, why, size);
}
