# SPDX-License-Identifier: GPL-2.0
# Fetching from a host that lies, stalls, hangs up or answers well.
client_tests := test-fetch test-fetch-request test-rest-fetch test-rest-request

# What the test programs share, under sanitizers like them, built once.
LIBRARIES += azclientrig
azclientrig_SRCS := selftests/client/host.c selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)
azclientrig_PKGS := $(azclient_PKGS)
azclientrig_CFLAGS := $(azclient_CFLAGS) $(SANITIZE) -U_FORTIFY_SOURCE

ASAN_PROGRAMS += $(client_tests)
$(foreach t,$(client_tests),$(eval $(t)_SRCS := selftests/client/$(t).c))
$(foreach t,$(client_tests),$(eval $(t)_STATIC := azclientrig))
$(foreach t,$(client_tests),$(eval $(t)_PKGS := $(azclient_PKGS)))
$(foreach t,$(client_tests),$(eval $(t)_CFLAGS := $(azclient_CFLAGS)))

# The program itself, as built for use, against a fake host.
PROGRAMS += fake-host
fake-host_SRCS := selftests/client/fake-host.c
PROGRAMS += fake-rest
fake-rest_SRCS := selftests/client/fake-rest.c

UNIT_TESTS += $(client_tests) selftests/client/test-cli.sh selftests/client/test-doors.sh \
	selftests/client/test-guest-net.sh
