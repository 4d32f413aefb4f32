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

void tpmrig_embedded(struct rig *rig, const struct swtpm *tpm, const char *key)
{
	tpmrig_key(rig, tpm, key);
	rig_configure(rig, "source = embedded\n");
}

void tpmrig_open_embedded(struct rig *rig, struct swtpm *tpm, const char *name, const char *key)
{
	tpmrig_open(rig, tpm, name, key);
	rig_configure(rig, "source = embedded\n");
}

bool tpmrig_level_is(struct rig *rig, const char *level)
{
	return rig_says(rig, "key", "level", level);
}

void tpmrig_need_error(struct rig *rig, const char *words)
{
	tap_need_wait(rig_says(rig, "host", "state", "Error"));
	tap_need_msg(tap_wait(rig_says(rig, "host", "reason", words)), "\"%s\" lacks \"%s\"",
		     json_string_value(rig_status(rig, "host", "reason")), words);
	tap_need_eq(rig_number(rig, "signers", "ready"), 0);
}
