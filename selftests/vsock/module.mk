# SPDX-License-Identifier: GPL-2.0
# The vsock door, driven by fake guests.
vsock_door := selftests/vsock/door.c selftests/vsock/vmm.c
vsock_tests := test-fakeguest test-exchange test-framing test-limits test-reuse \
	test-identity test-hostile test-door-counters test-tracepoints test-scale test-teardown
PROGRAMS += $(vsock_tests)
HOST_TESTS += $(vsock_tests)
$(foreach t,$(vsock_tests),$(eval $(t)_SRCS := selftests/vsock/$(t).c $(vsock_door)))
$(foreach t,$(vsock_tests),$(eval $(t)_STATIC := aztest))

# These ask the module, over netlink, what it has counted.
vsock_counting := test-exchange test-door-counters test-tracepoints test-scale
$(foreach t,$(vsock_counting),$(eval $(t)_STATIC := aznetlink azrig aztest))
$(foreach t,$(vsock_counting),$(eval $(t)_PKGS := libnl-3.0 libnl-genl-3.0))
