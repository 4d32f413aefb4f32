# SPDX-License-Identifier: GPL-2.0
# Certificate sources: the daemon, azattest-sync and azattest-ca on loopback.

ASAN_PROGRAMS += test-certificate
test-certificate_SRCS := $(addprefix selftests/certificate/,test-certificate.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-certificate_PKGS := libcrypto jansson
UNIT_TESTS += test-certificate
