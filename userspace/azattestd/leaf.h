/* SPDX-License-Identifier: GPL-2.0 */
/* The newest leaf in the state directory: certificate, chain, and what seals its key. */
#ifndef AZATTESTD_LEAF_H
#define AZATTESTD_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include <userspace/common/common.h>

#include "config.h"
#include "state.h"

/* leaf.c */

struct leaf {
	uint64_t number;	/* of its folder; the generation. 0: none */
	enum config_source source;
	bool sealed;
	struct seal_head head;	/* of its key, if sealed */
	enum seal_level level;	/* of its key */
	X509 *cert;
	X509 *issuer;
	X509 *root;
	int64_t not_before;
	int64_t not_after;
};

/* The newest one, without its key. -ENOENT if there is none. */
int leaf_load(struct leaf *leaf, struct state *state, struct failure *failure);
void leaf_free(struct leaf *leaf);
/* Whether it is what @config would have made: name, type of key, URL. */
bool leaf_fits(const struct leaf *leaf, const struct config *config);
/* Bytes of a sealed key of any folder and its head; -ENOENT if there is none. */
int leaf_read_sealed(struct state *state, const char *folder, const char *name, uint8_t *blob,
		     size_t size, struct seal_head *head, struct failure *failure);
/* Adds its key and certificates to @setup. */
int leaf_setup(const struct leaf *leaf, struct state *state, struct setup *setup,
	       struct failure *failure);

#endif
