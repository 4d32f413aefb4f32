# SPDX-License-Identifier: GPL-2.0
# The host's network as the REST door needs it, in namespaces of the tests' own.

define hostnet_test
PROGRAMS += test-$(1)
test-$(1)_SRCS := selftests/hostnet/test-$(1).c selftests/hostnet/hostnet.c userspace/daemon/log.c \
	userspace/daemon/watch.c
test-$(1)_STATIC := aznet aztest
test-$(1)_PKGS := libnl-3.0 jansson
HOST_TESTS += test-$(1)
endef

$(foreach t,hostnet ports netevents firewall,$(eval $(call hostnet_test,$(t))))
test-firewall_SRCS += userspace/hostd/rights.c
test-firewall_PKGS += libcap-ng

# What it makes of other programs' output, with sanitizers.
ASAN_PROGRAMS += test-filter
test-filter_SRCS := selftests/hostnet/test-filter.c selftests/lib/tap.c selftests/lib/child.c \
	$(addprefix userspace/hostd/,filter.c filter_nft.c filter_iptables.c)
test-filter_PKGS := libnl-3.0 jansson
UNIT_TESTS += test-filter

# A neighbour, where scripts/networkmanager has fetched it; check-long does.
UNIT_TESTS += selftests/hostnet/test-networkmanager
