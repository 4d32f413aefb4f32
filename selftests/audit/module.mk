# SPDX-License-Identifier: GPL-2.0
# The audit journal: the chain, its files, the daemon that writes it, the command that judges it.

audit_TRAIL := $(addprefix selftests/audit/,journal.c) selftests/lib/tap.c selftests/lib/child.c \
	$(addprefix userspace/azattestd/,trail.c trail_resume.c state.c) \
	$(addprefix userspace/daemon/,log.c watch.c format.c) $(azaudit_SRCS)

ASAN_PROGRAMS += test-audit-chain
test-audit-chain_SRCS := selftests/audit/test-audit-chain.c $(audit_TRAIL)
test-audit-chain_PKGS := libcrypto jansson
UNIT_TESTS += test-audit-chain

ASAN_PROGRAMS += test-audit-trail
test-audit-trail_SRCS := selftests/audit/test-audit-trail.c $(audit_TRAIL)
test-audit-trail_PKGS := libcrypto jansson
UNIT_TESTS += test-audit-trail

ASAN_PROGRAMS += test-audit-daemon
test-audit-daemon_SRCS := selftests/audit/test-audit-daemon.c selftests/audit/host.c \
	selftests/azattestd/fakemodule.c selftests/lib/tap.c selftests/lib/child.c
test-audit-daemon_PKGS := jansson
UNIT_TESTS += test-audit-daemon

# Native: what the signers' confinement costs, and the journal.
PROGRAMS += bench-audit
bench-audit_SRCS := selftests/audit/bench-audit.c selftests/audit/host.c \
	selftests/azattestd/fakemodule.c selftests/document/pki.c selftests/lib/tap.c \
	selftests/lib/child.c
bench-audit_PKGS := jansson libcrypto
