# SPDX-License-Identifier: GPL-2.0
# The form of the audit journal, for who writes it and who reads it.

LIBRARIES += azaudit
azaudit_SRCS := $(addprefix userspace/audit/,text.c chain.c files.c reader.c verify.c)
azaudit_PKGS := libcrypto jansson
