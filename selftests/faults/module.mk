# SPDX-License-Identifier: GPL-2.0
# The module without memory, on the debug kernel: each allocation fails in its turn.

define fault_test
PROGRAMS += test-$(1)-faults
test-$(1)-faults_SRCS := selftests/faults/test-$(1)-faults.c selftests/faults/fault.c
test-$(1)-faults_STATIC := aznetlink azrig aztest
test-$(1)-faults_PKGS := libnl-3.0 libnl-genl-3.0
DEBUG_TESTS += test-$(1)-faults
endef

$(foreach t,device signer netlink vsock load,$(eval $(call fault_test,$(t))))

test-vsock-faults_SRCS += selftests/vsock/door.c

# Last, since it unloads the module.
DEBUG_TESTS += selftests/faults/test-leaks
