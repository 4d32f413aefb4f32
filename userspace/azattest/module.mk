# SPDX-License-Identifier: GPL-2.0
# azattest: the program for guests and consumers.
PROGRAMS += azattest
azattest_SRCS := $(addprefix userspace/azattest/,main.c get.c host.c verify.c ask.c door.c \
	exits.c files.c report.c)
azattest_PKGS := jansson libcrypto uuid
azattest_CFLAGS := -I$(TOP)/userspace/lib
azattest_STATIC := azclient
