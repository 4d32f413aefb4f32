# SPDX-License-Identifier: GPL-2.0
# The module's frame.c in user space, with sanitizers, against the manual.

frame_TESTED := kmod/frame.c selftests/frame/oracle.c
frame_TAP := selftests/lib/tap.c selftests/lib/child.c

ASAN_PROGRAMS += test-frame test-frame-mutate
test-frame_SRCS := selftests/frame/test-frame.c $(frame_TESTED) $(frame_TAP)
test-frame-mutate_SRCS := selftests/frame/test-frame-mutate.c $(frame_TESTED) $(frame_TAP)

UNIT_TESTS += test-frame test-frame-mutate selftests/frame/fuzz-frame
