# SPDX-License-Identifier: GPL-2.0
# The fence: its programs on single packets, and all of it in network namespaces.

define fence_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := $(addprefix selftests/fence/,rig.c test-$(1).c)
test-$(1)_STATIC := aztest
test-$(1)_SKELETONS := fence
test-$(1)_PKGS := libbpf
test-$(1)_LDLIBS := -lpthread
endef

$(foreach t,fence-packets fence-host,$(eval $(call fence_test,$(t))))

# The build machine's kernel is one more kernel to run on.
UNIT_TESTS += test-fence-packets test-fence-host
HOST_TESTS += test-fence-packets test-fence-host
