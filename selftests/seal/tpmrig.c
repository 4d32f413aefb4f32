// SPDX-License-Identifier: GPL-2.0
// Owns how a test's host gets its TPM.

#include "tpmrig.h"

#include <stdio.h>

void tpmrig_key(struct rig *rig, const struct swtpm *tpm, const char *key)
{
	static char lines[300];

	snprintf(lines, sizeof(lines), "tcti = %s\n%s", tpm->tcti, key);
	rig->key = lines;
}

void tpmrig_open(struct rig *rig, struct swtpm *tpm, const char *name, const char *key)
{
	rig_open(rig, name);
	swtpm_make(tpm, rig_path(rig, "tpm"));
	tpmrig_key(rig, tpm, key);
}
