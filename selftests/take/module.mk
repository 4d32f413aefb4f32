# SPDX-License-Identifier: GPL-2.0
# azattest-take: its parts with sanitizers, and the program itself.

ASAN_PROGRAMS += test-take
test-take_SRCS := selftests/take/test-take.c $(addprefix userspace/take/,vmm.c search.c link.c) \
	selftests/lib/tap.c selftests/lib/child.c
test-take_PKGS := uuid
UNIT_TESTS += test-take
