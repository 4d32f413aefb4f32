// SPDX-License-Identifier: GPL-2.0
// Owns the question to azattest-take: whose vhost-vsock descriptor, with how much patience.

#include "core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <userspace/take/take.h>

/* The service manager starts a process for it, on a host that may be busy. */
#define PATIENCE_S	10

static int connect_taker(const char *path, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), error;

	if (fd >= 0 && (size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) <
		       sizeof(address.sun_path) &&
	    !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return failure_set(failure, EXIT_FAILURE, -ECONNREFUSED,
			   "%s: %s: systemctl start azattest-take.socket", path, strerror(error));
}

/* Its own words, if it sent any. */
static int judge(const struct take_answer *answer, int vhost, struct failure *failure)
{
	if (answer->error < 0 && memchr(answer->text, 0, sizeof(answer->text)))
		return failure_set(failure, EXIT_FAILURE, answer->error, "%s", answer->text);
	if (!answer->error && vhost >= 0 && answer->cid >= AZATTEST_CID_MIN)
		return 0;
	return failure_set(failure, EXIT_FAILURE, -EPROTO, "azattest-take: its answer cannot be read: "
			   "are both of one release?");
}

static int ask(int sock, const struct take_question *question, int pidfd,
	       struct take_answer *answer, int *vhost, struct failure *failure)
{
	int ret = take_send(sock, question, sizeof(*question), pidfd);

	if (!ret)
		ret = take_receive(sock, answer, sizeof(*answer), vhost);
	return ret ? failure_set(failure, EXIT_FAILURE, -ECONNREFUSED, "azattest-take: no answer: %s: "
				 "see journalctl -u 'azattest-take@*'", strerror(-ret)) : 0;
}

int taker_take(const char *socket, int pidfd, const uint8_t uuid[AZATTEST_UUID_LEN], bool named,
	       uint32_t *cid, struct failure *failure)
{
	struct take_question question = {
		.magic = TAKE_MAGIC, .flags = named ? TAKE_NAMED : 0, .cid = *cid,
	};
	int sock = connect_taker(socket, failure), vhost = -1, ret;
	struct take_answer answer;

	if (sock < 0)
		return sock;
	memcpy(question.uuid, uuid, sizeof(question.uuid));
	ret = ask(sock, &question, pidfd, &answer, &vhost, failure);
	close(sock);
	if (!ret)
		ret = judge(&answer, vhost, failure);
	if (!ret) {
		*cid = answer.cid;
		return vhost;
	}
	if (vhost >= 0)
		close(vhost);
	return ret;
}
