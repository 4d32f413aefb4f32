# SPDX-License-Identifier: GPL-2.0
# The process that holds the key. azsigner is what it does all day; a bench
# links that too.

LIBRARIES += azsigner
azsigner_SRCS := $(addprefix userspace/signer/,answer.c loop.c)
azsigner_PKGS := libcrypto

PROGRAMS += azattest-signer
azattest-signer_SRCS := $(addprefix userspace/signer/,main.c arena.c fence.c key.c makekey.c) \
	$(addprefix userspace/common/,keytype.c setup.c)
azattest-signer_STATIC := azsigner azdocument azseal
azattest-signer_PKGS := libcrypto libseccomp
