/* SPDX-License-Identifier: GPL-2.0 */
/* swtpm.c: TPMs for tests: swtpm behind a socket, each with a seed of its own. */
#ifndef SELFTESTS_SEAL_SWTPM_H
#define SELFTESTS_SEAL_SWTPM_H

#include <sys/types.h>

struct swtpm {
	char dir[80];
	char tcti[120];
	pid_t pid;
};

/* Makes a TPM in the new folder @dir and starts it; skips where there is no swtpm. */
void swtpm_make(struct swtpm *tpm, const char *dir);
/* Power on: PCRs are zero, seeds and sealed objects are as before. */
void swtpm_start(struct swtpm *tpm);
void swtpm_stop(struct swtpm *tpm);
void swtpm_reboot(struct swtpm *tpm);
/* A program of tpm2-tools on it; its exit status. */
int swtpm_tool(struct swtpm *tpm, const char *command);
/* As a boot does that measures something else. */
void swtpm_extend(struct swtpm *tpm, unsigned int pcr);

#endif
