// SPDX-License-Identifier: GPL-2.0
// The fake hostd as a program, for tests of azattestctl:
//
//   fake-hostd RUN [GID [STATE]]
//
// GID may change something too. With STATE there is an azattestd as well, that
// says it is in that state and nothing else.

#include "fakehostd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Until its parent, who is the hostd, has ended. */
static void be_azattestd(const char *run, const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	char line[256], answer[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/azattestd.sock", run);
	snprintf(answer, sizeof(answer),
		 "{\"ok\":true,\"host\":{\"state\":\"%s\",\"age\":5,\"reason\":\"\"}}\n", state);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 8))
		exit(1);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (read(client, line, sizeof(line)) > 0 &&
		    write(client, answer, strlen(answer)) < 0)
			perror("write");
		close(client);
	}
	exit(1);
}

int main(int argc, char **argv)
{
	static struct hostd hostd = { .tells = true };

	if (argc < 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (argc > 3 && !fork())
		be_azattestd(argv[1], argv[3]);
	return fakehostd_run(&hostd, argc > 2 ? (gid_t)atoi(argv[2]) : (gid_t)-1, argv[1]);
}
