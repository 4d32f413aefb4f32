# SPDX-License-Identifier: GPL-2.0
# The verifier against documents that OpenSSL makes, good ones and hostile ones.
verify_COMMON := selftests/verify/maker.c selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)

define verify_test
ASAN_PROGRAMS += test-verify-$(1)
test-verify-$(1)_SRCS := selftests/verify/test-verify-$(1).c $(verify_COMMON)
test-verify-$(1)_PKGS := $(azclient_PKGS)
test-verify-$(1)_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-verify-$(1)
endef

$(foreach t,envelope signer content mutate,$(eval $(call verify_test,$(t))))

UNIT_TESTS += selftests/verify/fuzz-verify
