// SPDX-License-Identifier: GPL-2.0
// Owns one call of hostd's API: HTTP over a Unix socket, as little of it as hostd speaks.

#include <userspace/libvirt/libvirt.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#define PATIENCE_S	60
#define ANSWER_MAX	(16 << 20)	/* more than all VMs that there can be */

static int connect_hostd(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* The connection ends with the answer; NULL if it is cut off or too long. */
static char *read_all(int fd)
{
	size_t length = 0, room = 4096;
	char *text = malloc(room), *more;
	ssize_t n = 1;

	while (text && length < ANSWER_MAX) {
		n = read(fd, text + length, room - 1 - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		length += (size_t)n;
		if (length < room - 1)
			continue;
		room *= 2;
		more = realloc(text, room);
		if (!more)
			break;
		text = more;
	}
	if (text && !n) {
		text[length] = 0;
		return text;
	}
	free(text);
	return NULL;
}

static json_t *read_body(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");

	return body ? json_loads(body + 4, 0, NULL) : NULL;
}

static void read_message(const json_t *json, char *message, size_t size)
{
	const char *said = json_string_value(json_object_get(json_object_get(json, "error"), "message"));

	snprintf(message, size, "%s", said ? said : "azattest-hostd does not say why");
}

static int ask(const char *api, const char *method, const char *path, const char *body,
	       json_t **json, char *message, size_t size)
{
	int fd = connect_hostd(api), status = 0;
	char *text = NULL;

	*json = NULL;
	snprintf(message, size, "azattest-hostd does not answer: systemctl start azattest-hostd");
	if (fd < 0)
		return 0;
	if (dprintf(fd, "%s %s HTTP/1.1\r\nHost: hostd\r\nConnection: close\r\n"
		    "Content-Length: %zu\r\n\r\n%s", method, path, strlen(body), body) > 0)
		text = read_all(fd);
	close(fd);
	if (text && sscanf(text, "HTTP/1.1 %d", &status) == 1) {
		*json = read_body(text);
		read_message(*json, message, size);
	}
	free(text);
	return status;
}

const char *hostd_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

bool hostd_is_ours(const json_t *object)
{
	return !strcmp(hostd_text(object, "manager"), MANAGER);
}

int hostd_call(const char *api, const char *method, const char *path, const char *body,
	       char *message, size_t size)
{
	json_t *json;
	int status = ask(api, method, path, body, &json, message, size);

	json_decref(json);
	return status;
}

int hostd_get(const char *api, const char *path, json_t **json, char *message, size_t size)
{
	return ask(api, "GET", path, "", json, message, size);
}

bool hostd_refused(const char *name, int status, const char *message, struct failure *failure)
{
	failure_set(failure, status ? 1 : HOSTD_AWAY, -EIO, "%s: %s", name, message);
	return false;
}
