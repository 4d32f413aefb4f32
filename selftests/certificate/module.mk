# SPDX-License-Identifier: GPL-2.0
# Certificate sources: the daemon, azattest-sync and azattest-ca on loopback.

ASAN_PROGRAMS += test-certificate
test-certificate_SRCS := $(addprefix selftests/certificate/,test-certificate.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-certificate_PKGS := libcrypto jansson
UNIT_TESTS += test-certificate

ASAN_PROGRAMS += test-sync
test-sync_SRCS := $(addprefix selftests/certificate/,test-sync.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-sync_PKGS := libcrypto jansson
UNIT_TESTS += test-sync

# What a monitoring reads.
ASAN_PROGRAMS += test-metrics
test-metrics_SRCS := $(addprefix selftests/certificate/,test-metrics.c promtext.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-metrics_PKGS := libcrypto jansson
UNIT_TESTS += test-metrics

# Certificates that change while guests ask.
ASAN_PROGRAMS += test-switch
test-switch_SRCS := $(addprefix selftests/certificate/,test-switch.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-switch_PKGS := libcrypto jansson
UNIT_TESTS += test-switch

# Out of service and back.
ASAN_PROGRAMS += test-retire
test-retire_SRCS := $(addprefix selftests/certificate/,test-retire.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-retire_PKGS := libcrypto jansson
UNIT_TESTS += test-retire

# What is there when a renewal ends half way.
ASAN_PROGRAMS += test-interrupt
test-interrupt_SRCS := $(addprefix selftests/certificate/,test-interrupt.c rig.c) \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-interrupt_PKGS := libcrypto jansson
UNIT_TESTS += test-interrupt

certificate_TAP := selftests/lib/tap.c selftests/lib/child.c

# The rules alone.
ASAN_PROGRAMS += test-accept
test-accept_SRCS := selftests/certificate/test-accept.c $(certificate_TAP) \
	$(addprefix userspace/common/,accept.c certificate.c keytype.c ownfile.c)
test-accept_PKGS := libcrypto
UNIT_TESTS += test-accept

# What a renewal writes, killed at each step; the signer and azattest-sync are programs.
ASAN_PROGRAMS += test-source
test-source_SRCS := selftests/certificate/test-source.c $(certificate_TAP) \
	$(addprefix userspace/azattestd/,config.c config_rules.c embedded.c leaf.c request.c \
	source.c source_file.c source_sync.c spawn.c state.c) $(addprefix userspace/daemon/,log.c format.c) \
	userspace/daemon/watch.c $(addprefix userspace/common/,accept.c certificate.c keytype.c \
	ownfile.c) $(azdocument_SRCS) $(azseal_SRCS)
test-source_PKGS := libcrypto inih uuid
UNIT_TESTS += test-source

# azattest-ca without its door.
certificate_CASIDE := selftests/certificate/caside.c $(certificate_TAP) \
	$(filter-out %/main.c %/http.c,$(azattest-ca_SRCS))
ASAN_PROGRAMS += test-ca
test-ca_SRCS := selftests/certificate/test-ca.c $(certificate_CASIDE)
test-ca_PKGS := libcrypto
UNIT_TESTS += test-ca

# A new issuing CA, killed at each step.
ASAN_PROGRAMS += test-issuing
test-issuing_SRCS := selftests/certificate/test-issuing.c $(certificate_CASIDE)
test-issuing_PKGS := libcrypto
UNIT_TESTS += test-issuing
