# SPDX-License-Identifier: GPL-2.0
# Keys at rest, for who wraps and opens them; azattest-keeper adds tpm.c.

seal_SRCS := $(addprefix userspace/seal/,blob.c kek.c grant.c)

LIBRARIES += azseal
azseal_SRCS := $(seal_SRCS)
azseal_PKGS := libcrypto
