# SPDX-License-Identifier: GPL-2.0
# The verifier against documents that OpenSSL makes, good ones and hostile ones.

# What the test programs share, under sanitizers like them, built once.
LIBRARIES += azverifyrig
azverifyrig_SRCS := selftests/verify/maker.c selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)
azverifyrig_PKGS := $(azclient_PKGS)
azverifyrig_CFLAGS := $(azclient_CFLAGS) $(SANITIZE) -U_FORTIFY_SOURCE

define verify_test
ASAN_PROGRAMS += test-verify-$(1)
test-verify-$(1)_SRCS := selftests/verify/test-verify-$(1).c
test-verify-$(1)_STATIC := azverifyrig
test-verify-$(1)_PKGS := $(azclient_PKGS)
test-verify-$(1)_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-verify-$(1)
endef

$(foreach t,der envelope signer content mutate,$(eval $(call verify_test,$(t))))

UNIT_TESTS += selftests/verify/fuzz-verify
