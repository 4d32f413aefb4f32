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
test-$(1)_SRCS := $(addprefix selftests/fence/,world.c scene.c test-$(1).c) userspace/daemon/log.c
test-$(1)_STATIC := azfence aztest
test-$(1)_PKGS := libbpf
test-$(1)_LDLIBS := -lpthread
endef

fence_packet_tests := fence-packets fence-arp fence-slots fence-host
fence_world_tests := fence-path fence-accidents fence-restart fence-config
$(foreach t,$(fence_packet_tests),$(eval $(call fence_packet_test,$(t))))
$(foreach t,$(fence_world_tests),$(eval $(call fence_world_test,$(t))))

# The build machine's kernel is one more kernel to run on.
UNIT_TESTS += $(addprefix test-,$(fence_packet_tests) $(fence_world_tests))
HOST_TESTS += $(addprefix test-,$(fence_packet_tests) $(fence_world_tests))
