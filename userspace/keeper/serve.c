// SPDX-License-Identifier: GPL-2.0
// Owns the keeper's working day: an ask with a pipe comes, a grant goes into that pipe.

#include "keeper.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <userspace/common/common.h>

static bool is_zero(const uint8_t id[SEAL_ID_LEN])
{
	static const uint8_t zero[SEAL_ID_LEN];

	return !memcmp(id, zero, sizeof(zero));
}

/*
 * The pipe that came along; it has the lowest number that is free, that of the setup.
 * There is room for one: a second that were taken could not be closed.
 */
static int receive(struct seal_ask *ask, bool *whole)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { ask, sizeof(*ask) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int)),
	};
	ssize_t n;

	do
		n = recvmsg(KEEPER_FD_ASK, &message, 0);
	while (n < 0 && errno == EINTR);
	*whole = n == sizeof(*ask) && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
		 message.msg_controllen >= CMSG_LEN(sizeof(int));
	return n > 0 ? 0 : -EPIPE;
}

static const struct keeper_key *find(const struct keeper *keeper, const struct seal_ask *ask)
{
	if (is_zero(ask->kek))
		return keeper->current < 0 ? NULL : &keeper->key[keeper->current];
	for (unsigned int i = 0; i < keeper->keys; i++)
		if (!memcmp(keeper->key[i].id, ask->kek, SEAL_ID_LEN))
			return &keeper->key[i];
	return NULL;
}

static void answer(const struct keeper *keeper, struct seal_ask *ask, struct seal_grant *grant)
{
	const struct keeper_key *key = find(keeper, ask);

	if (!key)
		return;
	if (is_zero(ask->id) && RAND_bytes(ask->id, sizeof(ask->id)) != 1)
		return;
	if (!seal_grant_make(grant, key->id, key->key, ask->id))
		setup_write_bytes(KEEPER_FD_SETUP, grant, sizeof(*grant));
	OPENSSL_cleanse(grant, sizeof(*grant));
}

void serve(const struct keeper *keeper)
{
	struct seal_grant *grant = OPENSSL_malloc(sizeof(*grant));
	struct seal_ask ask;
	bool whole;

	while (grant && !receive(&ask, &whole)) {
		if (whole)
			answer(keeper, &ask, grant);
		close(KEEPER_FD_SETUP);
	}
}
