// SPDX-License-Identifier: GPL-2.0
// Owns one call of hostd's API: HTTP over a Unix socket, as little of it as hostd speaks.

#include <userspace/libvirt/libvirt.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#define PATIENCE_S	60
#define ANSWER_MAX	16384

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

/* The connection ends with the answer. */
static void read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		length += (size_t)n;
	}
	text[length] = 0;
}

static void read_message(const char *text, char *message, size_t size)
{
	const char *body = strstr(text, "\r\n\r\n");
	json_t *json = body ? json_loads(body + 4, 0, NULL) : NULL;
	const char *said = json_string_value(json_object_get(json_object_get(json, "error"), "message"));

	snprintf(message, size, "%s", said ? said : "azattest-hostd does not say why");
	json_decref(json);
}

int hostd_call(const char *api, const char *method, const char *path, const char *body,
	       char *message, size_t size)
{
	char text[ANSWER_MAX];
	int fd = connect_hostd(api), status = 0;

	snprintf(message, size, "azattest-hostd does not answer: systemctl start azattest-hostd");
	if (fd < 0)
		return 0;
	if (dprintf(fd, "%s %s HTTP/1.1\r\nHost: hostd\r\nConnection: close\r\n"
		    "Content-Length: %zu\r\n\r\n%s", method, path, strlen(body), body) > 0) {
		read_all(fd, text, sizeof(text));
		if (sscanf(text, "HTTP/1.1 %d", &status) != 1)
			status = 0;
	}
	close(fd);
	if (status)
		read_message(text, message, size);
	return status;
}
