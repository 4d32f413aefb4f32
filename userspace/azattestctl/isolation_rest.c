// SPDX-License-Identifier: GPL-2.0
// Owns attempts at the REST door: of a process of the host, of a stranger on the bridge.

#include "isolation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES	3

static const char request[] =
	"GET /metadata/attested/document?api-version=2020-09-01 HTTP/1.1\r\n"
	"Host: 169.254.169.253\r\nMetadata: true\r\nConnection: close\r\n\r\n";

static bool wait_for(int fd, short events)
{
	struct pollfd ready = { .fd = fd, .events = events };

	return poll(&ready, 1, ISOLATION_PATIENCE_MS) > 0;
}

static int error_of(int fd)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

/* -EISCONN: connected, and not a byte came; or bytes that came. */
static ssize_t hear(int fd)
{
	char answer[256];
	ssize_t n;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 || !wait_for(fd, POLLIN))
		return -EISCONN;
	n = recv(fd, answer, sizeof(answer), 0);
	return n > 0 ? n : -EISCONN;
}

/* Bytes, or -errno: -ETIMEDOUT if nothing at all came back. */
static ssize_t try_door(const struct sockaddr_in *door)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ssize_t ret = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)door, sizeof(*door)) && errno != EINPROGRESS)
		ret = -errno;
	else if (!wait_for(fd, POLLOUT))
		ret = -ETIMEDOUT;
	else
		ret = -error_of(fd);
	if (!ret)
		ret = hear(fd);
	close(fd);
	return ret;
}

static enum outcome judge(ssize_t got, struct said *line)
{
	if (got > 0)
		return said(line, OUTCOME_FAIL, "%zd bytes came back", got);
	if (got == -EISCONN)
		return said(line, OUTCOME_FAIL, "a connection was made");
	return said(line, OUTCOME_PASS, "%s", got == -ETIMEDOUT ? "nothing came back" :
		    strerror((int)-got));
}

enum outcome isolation_process(const struct isolation *host, struct said *line)
{
	if (!host->rest)
		return said(line, OUTCOME_SKIP, "REST access is off, or azattest-restd is away");
	return judge(try_door(&host->door), line);
}

/* An interface that has just come up loses what is sent first. */
static ssize_t knock(const struct sockaddr_in *door, const struct wire *wire)
{
	ssize_t got = -ETIMEDOUT;

	for (int tries = 0; tries < TRIES; tries++) {
		got = try_door(door);
		if (got != -ETIMEDOUT || wire_received(wire) > 0)
			break;
	}
	return got;
}

/* A stranger must not even be refused: that would be the host's own voice. */
static enum outcome judge_stranger(ssize_t got, bool arrived, struct said *line)
{
	if (got == -ETIMEDOUT && !arrived)
		return said(line, OUTCOME_SKIP, "what was sent did not arrive at the bridge");
	if (got == -ECONNREFUSED || got == -ECONNRESET)
		return said(line, OUTCOME_FAIL, "it heard: %s", strerror((int)-got));
	return judge(got, line);
}

static enum outcome be_stranger(const struct isolation *host, struct in_addr address,
				struct said *line)
{
	struct wire wire = { 0 };
	enum outcome outcome;
	const char *what;
	ssize_t got;
	int ret;

	ret = wire_open(&wire, host->bridge, address, host->door.sin_addr, &what);
	if (ret)
		return said(line, OUTCOME_SKIP, "cannot %s: %s", what, strerror(-ret));
	got = knock(&host->door, &wire);
	outcome = judge_stranger(got, wire_received(&wire) > 0, line);
	wire_close(&wire);
	return outcome;
}

struct told {
	enum outcome outcome;
	struct said line;
};

static void child(const struct isolation *host, struct in_addr address, pid_t parent, int out)
{
	struct told told = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	told.outcome = be_stranger(host, address, &told.line);
	_exit(write(out, &told, sizeof(told)) != sizeof(told));
}

/* In a child: with it goes its namespace, and with that the cable, however it ends. */
static enum outcome in_child(const struct isolation *host, struct in_addr address,
			     struct said *line)
{
	struct told told;
	pid_t parent = getpid(), pid;
	int pipes[2];
	ssize_t n;

	if (!host->rest)
		return said(line, OUTCOME_SKIP, "REST access is off, or azattest-restd is away");
	if (pipe2(pipes, O_CLOEXEC))
		return said(line, OUTCOME_SKIP, "%s", strerror(errno));
	pid = fork();
	if (!pid)
		child(host, address, parent, pipes[1]);
	close(pipes[1]);
	n = read(pipes[0], &told, sizeof(told));
	close(pipes[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (n != sizeof(told))
		return said(line, OUTCOME_SKIP, "the attempt ended by itself");
	*line = told.line;
	return told.outcome;
}

/* With an address as guests have them. */
enum outcome isolation_foreign_port(const struct isolation *host, struct said *line)
{
	struct in_addr guest = { htonl(0xa9fec8c8) };	/* 169.254.200.200 */

	return in_child(host, guest, line);
}

/* With the address that is a slot's: what the fence makes of enrolled VMs. */
enum outcome isolation_stolen_slot(const struct isolation *host, struct said *line)
{
	return in_child(host, host->slot, line);
}
