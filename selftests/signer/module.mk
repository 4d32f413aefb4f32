# SPDX-License-Identifier: GPL-2.0
# The manual of /dev/azattest-signer, row by row, and the queue behind it.

# $(1): name, $(2): "32" or nothing
define signer_test
PROGRAMS += test-$(1)$(2)
test-$(1)$(2)_SRCS := selftests/signer/test-$(1).c
HOST_TESTS += test-$(1)$(2)
endef

$(foreach t,signer signer-exchange signer-queue signer-storm signer-winner,$(eval $(call signer_test,$(t))))
$(foreach t,signer signer-exchange,$(eval $(call signer_test,$(t),32)))

test-signer_STATIC := azrig aztest
test-signer-exchange_STATIC := azrig aztest
test-signer-queue_STATIC := azrig aztest
test-signer-storm_STATIC := azrig aztest
test-signer-winner_STATIC := azrig aztest
test-signer-winner_LDLIBS := -lpthread
test-signer32_STATIC := azrig32
test-signer32_CFLAGS := -m32 -fno-pie
test-signer32_LDLIBS := -m32 -no-pie -static
test-signer-exchange32_STATIC := azrig32
test-signer-exchange32_CFLAGS := -m32 -fno-pie
test-signer-exchange32_LDLIBS := -m32 -no-pie -static
