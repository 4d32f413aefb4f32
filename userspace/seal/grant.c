// SPDX-License-Identifier: GPL-2.0
// Owns a blob's own key: how it is made, and how it gets to who opens or makes that blob.

#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* A signer that is taken over has its own blob's key, and no other's. */
int seal_grant_make(struct seal_grant *grant, const uint8_t kek[SEAL_ID_LEN],
		    const uint8_t key[SEAL_KEY_LEN], const uint8_t id[SEAL_ID_LEN])
{
	unsigned int length = sizeof(grant->key);

	memcpy(grant->kek, kek, sizeof(grant->kek));
	memcpy(grant->id, id, sizeof(grant->id));
	return HMAC(EVP_sha256(), key, SEAL_KEY_LEN, id, SEAL_ID_LEN, grant->key, &length) ?
		0 : -EIO;
}

static int send_ask(int keeper, const struct seal_ask *ask, int pipe)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)ask, sizeof(*ask) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &pipe, sizeof(int));
	return sendmsg(keeper, &message, MSG_NOSIGNAL) == sizeof(*ask) ? 0 : -errno;
}

int seal_grant_ask(int keeper, const struct seal_ask *ask)
{
	int pipe[2], ret;

	if (pipe2(pipe, O_CLOEXEC))
		return -errno;
	ret = send_ask(keeper, ask, pipe[1]);
	close(pipe[1]);
	if (!ret)
		return pipe[0];
	close(pipe[0]);
	return ret;
}

int seal_grant_read(int fd, struct seal_grant *grant)
{
	uint8_t *p = (uint8_t *)grant;
	size_t have = 0;

	while (have < sizeof(*grant)) {
		ssize_t n = read(fd, p + have, sizeof(*grant) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ENOKEY;
		have += (size_t)n;
	}
	return 0;
}
