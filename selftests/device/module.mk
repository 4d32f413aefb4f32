# SPDX-License-Identifier: GPL-2.0
# The manual of /dev/azattest, row by row, for 64-bit and 32-bit callers.

device_BOTH := bind proof life attest file file-wait copy rights
device_ONLY64 := proof-race device-race life-edge freeze

# A 32-bit VMM on a 64-bit kernel: the same sources, static, since the test
# host need not have the libraries.
LIBRARIES += azrig azrig32
azrig_SRCS := $(addprefix selftests/device/,rig.c talk.c freeze.c)
azrig32_SRCS := $(azrig_SRCS) \
	$(addprefix selftests/lib/,tap.c child.c frames.c azbind.c fakesigner.c)
azrig32_CFLAGS := -m32 -fno-pie

define device_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := selftests/device/test-$(1).c
test-$(1)_STATIC := azrig aztest
test-$(1)_LDLIBS := -lpthread
HOST_TESTS += test-$(1)
endef

define device_test32
PROGRAMS += test-$(1)32
test-$(1)32_SRCS := selftests/device/test-$(1).c
test-$(1)32_STATIC := azrig32
test-$(1)32_CFLAGS := -m32 -fno-pie
test-$(1)32_LDLIBS := -m32 -no-pie -static -lpthread
HOST_TESTS += test-$(1)32
endef

$(foreach t,$(device_BOTH) $(device_ONLY64),$(eval $(call device_test,$(t))))
$(foreach t,$(device_BOTH),$(eval $(call device_test32,$(t))))

# The packaged udev rule.
HOST_TESTS += selftests/device/test-udev
