# SPDX-License-Identifier: GPL-2.0
# Certificates over the months: the real programs, on a clock of the test's (fakeclock.h).

days_CLOCK := selftests/days/fakeclock.c
PROGRAMS += azattest-signer-days azattest-sync-days azattest-ca-days
azattest-signer-days_SRCS := $(azattest-signer-fake_SRCS) $(days_CLOCK)
azattest-signer-days_STATIC := $(azattest-signer-fake_STATIC)
azattest-signer-days_PKGS := $(azattest-signer-fake_PKGS)
azattest-signer-days_LDLIBS := $(azattest-signer-fake_LDLIBS)
azattest-sync-days_SRCS := $(azattest-sync_SRCS) $(days_CLOCK)
azattest-sync-days_STATIC := $(azattest-sync_STATIC)
azattest-sync-days_PKGS := $(azattest-sync_PKGS)
azattest-ca-days_SRCS := $(azattest-ca_SRCS) $(days_CLOCK)
azattest-ca-days_STATIC := $(azattest-ca_STATIC)
azattest-ca-days_PKGS := $(azattest-ca_PKGS)

ASAN_PROGRAMS += azattestd-days
azattestd-days_SRCS := $(azattestd-asan_SRCS) $(days_CLOCK)
azattestd-days_PKGS := $(azattestd-asan_PKGS)

days_RIG := selftests/days/days.c selftests/certificate/rig.c selftests/azattestd/fakemodule.c \
	selftests/lib/tap.c selftests/lib/child.c $(azclient_SRCS)
ASAN_PROGRAMS += test-clock
test-clock_SRCS := selftests/days/test-clock.c $(days_RIG)
test-clock_PKGS := $(azclient_PKGS)
test-clock_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-clock

ASAN_PROGRAMS += test-history
test-history_SRCS := selftests/days/test-history.c $(days_RIG)
test-history_PKGS := $(azclient_PKGS)
test-history_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-history

# What all of it is for.
ASAN_PROGRAMS += test-days
test-days_SRCS := selftests/days/test-days.c selftests/seal/swtpm.c $(days_RIG)
test-days_PKGS := $(azclient_PKGS)
test-days_CFLAGS := $(azclient_CFLAGS)
UNIT_TESTS += test-days
