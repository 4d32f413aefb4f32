# SPDX-License-Identifier: GPL-2.0
# The vsock door, driven by fake guests.
PROGRAMS += test-fakeguest
test-fakeguest_SRCS := selftests/vsock/test-fakeguest.c
test-fakeguest_STATIC := aztest
HOST_TESTS += test-fakeguest
