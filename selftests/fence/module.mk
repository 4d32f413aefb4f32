# SPDX-License-Identifier: GPL-2.0
# The fence: its programs on single packets, and all of it in network namespaces.

define fence_packet_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := $(addprefix selftests/fence/,rig.c test-$(1).c)
test-$(1)_STATIC := aztest
test-$(1)_SKELETONS := fence
test-$(1)_PKGS := libbpf
test-$(1)_LDLIBS := -lpthread
endef

define fence_world_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := selftests/fence/world.c selftests/fence/test-$(1).c userspace/daemon/log.c
test-$(1)_STATIC := azfence aztest
test-$(1)_PKGS := libbpf
test-$(1)_LDLIBS := -lpthread
endef

$(foreach t,fence-packets fence-host,$(eval $(call fence_packet_test,$(t))))
$(foreach t,fence-path fence-accidents,$(eval $(call fence_world_test,$(t))))

# The build machine's kernel is one more kernel to run on.
UNIT_TESTS += test-fence-packets test-fence-host test-fence-path test-fence-accidents
HOST_TESTS += test-fence-packets test-fence-host test-fence-path test-fence-accidents
