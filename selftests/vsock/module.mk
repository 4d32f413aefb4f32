# SPDX-License-Identifier: GPL-2.0
# The vsock door, driven by fake guests.
vsock_door := selftests/vsock/door.c selftests/vsock/vmm.c
vsock_tests := test-fakeguest test-exchange test-framing test-limits test-reuse \
	test-identity test-hostile test-scale test-teardown
PROGRAMS += $(vsock_tests)
HOST_TESTS += $(vsock_tests)
$(foreach t,$(vsock_tests),$(eval $(t)_SRCS := selftests/vsock/$(t).c $(vsock_door)))
$(foreach t,$(vsock_tests),$(eval $(t)_STATIC := aztest))
test-scale_STATIC := aznetlink azrig aztest
test-scale_PKGS := libnl-3.0 libnl-genl-3.0
