# SPDX-License-Identifier: GPL-2.0
# The attested document: its content, its envelope. Needs libcrypto only.

LIBRARIES += azdocument
azdocument_SRCS := $(addprefix userspace/document/,versions.c content.c der.c cms.c)
azdocument_PKGS := libcrypto
