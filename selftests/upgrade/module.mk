# SPDX-License-Identifier: GPL-2.0
# State directories of earlier versions, kept, and what today's daemons make of them.

ASAN_PROGRAMS += test-upgrade
test-upgrade_SRCS := selftests/upgrade/test-upgrade.c $(days_RIG)
test-upgrade_PKGS := $(azclient_PKGS)
test-upgrade_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-upgrade

ASAN_PROGRAMS += test-format
test-format_SRCS := selftests/upgrade/test-format.c userspace/daemon/format.c userspace/daemon/log.c \
	selftests/lib/tap.c selftests/lib/child.c
UNIT_TESTS += test-format selftests/upgrade/test-upgrade-hostd
