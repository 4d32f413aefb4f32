# SPDX-License-Identifier: GPL-2.0
# Fetches certificates: a network, no key, no rights.

PROGRAMS += azattest-sync
azattest-sync_SRCS := $(addprefix userspace/sync/,main.c request.c credential.c fence.c limit.c \
	probe.c cmp.c exec.c) userspace/azattestd/config.c userspace/azattestd/config_rules.c \
	userspace/daemon/log.c userspace/daemon/options.c $(addprefix userspace/common/,accept.c certificate.c keytype.c \
	ownfile.c setup.c)
azattest-sync_STATIC := azdocument azseal
azattest-sync_PKGS := libcrypto libssl inih uuid libseccomp libcap-ng
