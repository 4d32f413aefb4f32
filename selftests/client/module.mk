# SPDX-License-Identifier: GPL-2.0
# Fetching from a host that lies, stalls, hangs up or answers well.
client_COMMON := selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)

ASAN_PROGRAMS += test-fetch
test-fetch_SRCS := selftests/client/test-fetch.c $(client_COMMON)
test-fetch_PKGS := $(azclient_PKGS)
test-fetch_CFLAGS := $(azclient_CFLAGS)

# The program itself, as built for use, against a fake host.
PROGRAMS += fake-host
fake-host_SRCS := selftests/client/fake-host.c

UNIT_TESTS += test-fetch selftests/client/test-cli.sh
