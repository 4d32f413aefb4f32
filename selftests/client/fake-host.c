// SPDX-License-Identifier: GPL-2.0
// A host on a Unix socket that does what its words say, one for a connection:
//
//   fake-host SOCKET WORD...
//
//   ok:FILE      answers with OK and the file's bytes
//   status:N     answers with that status
//   refused:N    says so before the request is read, and hangs up
//   reset        hangs up without a word
//   garbage      answers with bytes that are no frame
//
// Prints "listening" when it is. Exits 0 after the last word.
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/azattest_frame.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8))
		die(path);
	return fd;
}

static size_t read_file(const char *path, unsigned char *to, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size);

	if (n < 0)
		die(path);
	close(fd);
	return (size_t)n;
}

static void reply(int fd, uint8_t type, uint32_t id, unsigned int status,
		  const unsigned char *data, size_t len)
{
	unsigned char frame[AZATTEST_FRAME_MAX];
	struct azattest_frame header = {
		.magic = htole32(AZATTEST_FRAME_MAGIC),
		.version = AZATTEST_FRAME_VERSION,
		.type = type,
		.status = htole16(status),
		.length = htole32((uint32_t)len),
		.id = id,
	};

	memcpy(frame, &header, sizeof(header));
	memcpy(frame + sizeof(header), data, len);
	if (write(fd, frame, sizeof(header) + len) < 0)
		perror("write");
}

static void answer(int fd, const char *word)
{
	unsigned char data[AZATTEST_FRAME_MAX - sizeof(struct azattest_frame)];
	unsigned char request[AZATTEST_REQUEST_MAX] = { 0 };
	struct azattest_frame header;
	size_t len = 0;

	if (!strncmp(word, "refused:", 8)) {
		reply(fd, AZATTEST_FRAME_REFUSED, 0, (unsigned int)
		      atoi(word + 8), data, 0);
		return;
	}
	if (!strcmp(word, "reset") || read(fd, request, sizeof(request)) <= 0)
		return;
	memcpy(&header, request, sizeof(header));
	if (!strncmp(word, "ok:", 3))
		len = read_file(word + 3, data, sizeof(data));
	if (!strcmp(word, "garbage")) {
		if (write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19) < 0)
			perror("write");
		return;
	}
	reply(fd, header.type | AZATTEST_FRAME_REPLY, header.id,
	      strncmp(word, "status:", 7) ? 0 :
	      (unsigned int)atoi(word + 7), data, len);
}

int main(int argc, char **argv)
{
	int i, fd, listener;

	if (argc < 3)
		return 2;
	listener = listen_at(argv[1]);
	puts("listening");
	fflush(stdout);
	for (i = 2; i < argc; i++) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			die("accept");
		answer(fd, argv[i]);
		close(fd);
	}
	return 0;
}
