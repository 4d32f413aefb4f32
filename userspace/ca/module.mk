# SPDX-License-Identifier: GPL-2.0
# A small CA over CMP, for fleets that have none, and for tests.

PROGRAMS += azattest-ca
azattest-ca_SRCS := $(addprefix userspace/ca/,main.c folder.c store.c issuing.c issue.c revoke.c \
	message.c cmp.c http.c testmode.c) userspace/daemon/log.c \
	$(addprefix userspace/common/,certificate.c keytype.c setup.c)
azattest-ca_STATIC := azdocument
azattest-ca_PKGS := libcrypto libmicrohttpd
