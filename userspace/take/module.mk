# SPDX-License-Identifier: GPL-2.0
# Takes a VMM's vhost-vsock descriptor: one question, one capability.

PROGRAMS += azattest-take
azattest-take_SRCS := $(addprefix userspace/take/,main.c vmm.c search.c fence.c link.c)
azattest-take_PKGS := uuid libseccomp libcap-ng
