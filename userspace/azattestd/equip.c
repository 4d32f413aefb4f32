// SPDX-License-Identifier: GPL-2.0
// Owns what a signer is started with: key, certificates and document fields, and what opens the key.

#include "azattestd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

/*
 * Requests a signer holds: what it signs in about a millisecond. More would
 * only let requests wait behind one signer while another is idle.
 */
#define SLOTS_RSA		1
#define SLOTS_P256		16

static int fill_setup(struct azattestd *d, struct setup *setup, struct failure *failure)
{
	const struct config *config = &d->config;

	setup->magic = SETUP_MAGIC;
	setup->size = sizeof(*setup);
	setup->parent = getpid();
	setup->uid = config->uid;
	setup->gid = config->gid;
	setup->flags = (config->azure_exact ? CMS_AZURE_EXACT : 0) |
		       (config->embed_chain ? CMS_EMBED_CHAIN : 0);
	setup->slots = config->key_type == KEYTYPE_P_256 ? SLOTS_P256 : SLOTS_RSA;
	setup->profiles = config->profiles;
	setup->must_report = config->audit_required;
	memcpy(setup->subscription_id, config->subscription_id, sizeof(setup->subscription_id));
	memcpy(setup->profile, config->profile, sizeof(setup->profile));
	return leaf_setup(&d->leaf, &d->state, setup, failure);
}

int equip_open_setup(struct azattestd *d, struct failure *failure)
{
	struct setup *setup = OPENSSL_zalloc(sizeof(*setup));
	int pipe[2], ret;

	if (!setup)
		return failure_set(failure, EXIT_FAILURE, -ENOMEM, "no memory");
	if (pipe2(pipe, O_CLOEXEC)) {
		ret = failure_set(failure, EXIT_FAILURE, -errno, "pipe: %s", strerror(errno));
		goto out;
	}
	fcntl(pipe[1], F_SETFL, O_NONBLOCK);
	ret = fill_setup(d, setup, failure);
	if (!ret && setup_write(pipe[1], setup))
		ret = failure_set(failure, EXIT_FAILURE, -EAGAIN,
				  "pipe: takes less than %zu bytes: see pipe-user-pages-soft in "
				  "proc(5)", sizeof(*setup));
	close(pipe[1]);
	if (ret)
		close(pipe[0]);
	else
		ret = pipe[0];
out:
	OPENSSL_clear_free(setup, sizeof(*setup));
	return ret;
}

int equip_ask_grant(struct azattestd *d)
{
	struct seal_ask ask;

	memcpy(ask.kek, d->leaf.head.kek, sizeof(ask.kek));
	memcpy(ask.id, d->leaf.head.id, sizeof(ask.id));
	return seal_grant_ask(d->keeper.now.ask, &ask);
}
