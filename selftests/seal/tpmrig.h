/* SPDX-License-Identifier: GPL-2.0 */
/* tpmrig.c: a host of selftests/certificate/rig.h that has a TPM of its own. */
#ifndef SELFTESTS_SEAL_TPMRIG_H
#define SELFTESTS_SEAL_TPMRIG_H

#include <selftests/certificate/rig.h>
#include <selftests/seal/swtpm.h>

/* rig_open(), with a TPM that is on; @key: as of tpmrig_key(). It is not configured yet. */
void tpmrig_open(struct rig *rig, struct swtpm *tpm, const char *name, const char *key);
/* From the next rig_configure() on [key] has these lines, after the one that names the TPM. */
void tpmrig_key(struct rig *rig, const struct swtpm *tpm, const char *key);

/* Both, for a host whose certificates are its own; and again, when it is configured otherwise. */
void tpmrig_open_embedded(struct rig *rig, struct swtpm *tpm, const char *name, const char *key);
void tpmrig_embedded(struct rig *rig, const struct swtpm *tpm, const char *key);

bool tpmrig_level_is(struct rig *rig, const char *level);
/* Error, for a reason with these words, and nobody signs. */
void tpmrig_need_error(struct rig *rig, const char *words);

#endif
