# SPDX-License-Identifier: GPL-2.0
# Fetching from a host that lies, stalls, hangs up or answers well.
client_COMMON := selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)

ASAN_PROGRAMS += test-fetch
test-fetch_SRCS := selftests/client/test-fetch.c $(client_COMMON)
test-fetch_PKGS := $(azclient_PKGS)
test-fetch_CFLAGS := $(azclient_CFLAGS)

ASAN_PROGRAMS += test-rest-fetch
test-rest-fetch_SRCS := selftests/client/test-rest-fetch.c $(client_COMMON)
test-rest-fetch_PKGS := $(azclient_PKGS)
test-rest-fetch_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-rest-fetch

# The program itself, as built for use, against a fake host.
PROGRAMS += fake-host
fake-host_SRCS := selftests/client/fake-host.c
PROGRAMS += fake-rest
fake-rest_SRCS := selftests/client/fake-rest.c

UNIT_TESTS += test-fetch selftests/client/test-cli.sh selftests/client/test-doors.sh \
	selftests/client/test-guest-net.sh
