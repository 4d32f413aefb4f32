// SPDX-License-Identifier: GPL-2.0
// A REST service on this machine's loopback that does what its words say, one
// for a connection:
//
//   fake-rest WORD...
//
//   ok:FILE      200 and the file's bytes
//   status:N     that status, with an error
//   reset        hangs up without a word
//   garbage      answers with bytes that are no HTTP
//   redirect     to another path
//
// Prints "listening PORT" when it is, and then the request line of each.
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_here(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&address, &len))
		die("listen");
	printf("listening %u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) < 0)
		perror("write");
}

static void put_answer(int fd, const char *status, const void *body, size_t len)
{
	char head[256];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %s X\r\nContent-Length: %zu\r\n\r\n",
			 status, len);

	put(fd, head, (size_t)n);
	put(fd, body, len);
}

static void put_file(int fd, const char *path)
{
	char body[65536];
	int file = open(path, O_RDONLY);
	ssize_t n = file < 0 ? -1 : read(file, body, sizeof(body));

	if (n < 0)
		die(path);
	close(file);
	put_answer(fd, "200", body, (size_t)n);
}

/* False: it hung up. */
static int read_request(int fd)
{
	char request[2048] = "";
	size_t len = 0;

	while (!strstr(request, "\r\n\r\n")) {
		ssize_t n = read(fd, request + len, sizeof(request) - 1 - len);

		if (n <= 0)
			return 0;
		len += (size_t)n;
	}
	printf("%.*s\n", (int)strcspn(request, "\r"), request);
	fflush(stdout);
	return 1;
}

static void answer(int fd, const char *word)
{
	static const char error[] = "{\"error\":\"said so\"}";
	static const char moved[] = "HTTP/1.1 302 X\r\nLocation: /there\r\n"
		"Content-Length: 0\r\n\r\n";

	if (!strcmp(word, "reset") || !read_request(fd))
		return;
	if (!strncmp(word, "ok:", 3))
		put_file(fd, word + 3);
	else if (!strncmp(word, "status:", 7))
		put_answer(fd, word + 7, error, strlen(error));
	else if (!strcmp(word, "redirect"))
		put(fd, moved, strlen(moved));
	else
		put(fd, "SSH-2.0-x\r\n", 11);
}

int main(int argc, char **argv)
{
	int listener, fd;

	if (argc < 2)
		return 2;
	listener = listen_here();
	for (int i = 1; i < argc; i++) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			die("accept");
		answer(fd, argv[i]);
		close(fd);
	}
	return 0;
}
