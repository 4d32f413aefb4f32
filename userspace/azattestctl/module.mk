# SPDX-License-Identifier: GPL-2.0
# What an operator types.

PROGRAMS += azattestctl
azattestctl_SRCS := $(addprefix userspace/azattestctl/,main.c ask.c status.c trust.c)
azattestctl_PKGS := jansson
