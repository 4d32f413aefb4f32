# SPDX-License-Identifier: GPL-2.0
# The netlink family: commands, rights, grants, events, dumps, counters.

LIBRARIES += aznetlink
aznetlink_SRCS := $(addprefix selftests/netlink/,client.c deltas.c)
aznetlink_PKGS := libnl-3.0 libnl-genl-3.0

define netlink_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := selftests/netlink/test-$(1).c
test-$(1)_STATIC := aznetlink azrig aztest
test-$(1)_PKGS := libnl-3.0 libnl-genl-3.0
test-$(1)_LDLIBS := -lpthread
HOST_TESTS += test-$(1)
endef

$(foreach t,netlink netlink-rights grants events dump counters,$(eval $(call netlink_test,$(t))))
