# SPDX-License-Identifier: GPL-2.0
# The process that has the host's wrapping keys, and asks the TPM for them.

PROGRAMS += azattest-keeper
azattest-keeper_SRCS := $(addprefix userspace/keeper/,main.c open.c serve.c) \
	userspace/seal/tpm.c $(addprefix userspace/signer/,arena.c fence.c) \
	$(addprefix userspace/common/,ownfile.c setup.c)
azattest-keeper_STATIC := azseal
azattest-keeper_PKGS := libcrypto libseccomp tss2-esys tss2-mu tss2-rc tss2-tctildr
