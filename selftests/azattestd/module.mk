# SPDX-License-Identifier: GPL-2.0
# The daemon and its signers, without and with the module.

azattestd_TAP := selftests/lib/tap.c selftests/lib/child.c

# The real signer, but its ioctl() is ours: see fakemodule.h.
PROGRAMS += azattest-signer-fake
azattest-signer-fake_SRCS := $(azattest-signer_SRCS) selftests/azattestd/fakeioctl.c
azattest-signer-fake_STATIC := $(azattest-signer_STATIC)
azattest-signer-fake_PKGS := $(azattest-signer_PKGS)
azattest-signer-fake_LDLIBS := -Wl,--wrap=ioctl -Wl,--wrap=write

# Beside the daemon of tests.
PROGRAMS += azattest-keeper

# The real daemon under sanitizers.
ASAN_PROGRAMS += azattestd-asan
azattestd-asan_SRCS := $(azattestd_SRCS) $(azdocument_SRCS) $(azseal_SRCS) $(azaudit_SRCS)
azattestd-asan_PKGS := $(azattestd_PKGS)

PROGRAMS += azask
azask_SRCS := selftests/azattestd/azask.c
azask_STATIC := aztest

# Parts of the daemon, each with what it calls.
azattestd_CONFIG := userspace/azattestd/config.c userspace/azattestd/config_rules.c userspace/daemon/log.c \
	userspace/common/keytype.c userspace/document/content.c userspace/document/versions.c \
	userspace/seal/kek.c
azattestd_EMBEDDED := $(addprefix userspace/azattestd/,config.c config_rules.c embedded.c leaf.c \
	request.c source.c source_file.c source_sync.c spawn.c state.c) $(addprefix userspace/daemon/,log.c format.c) \
	userspace/daemon/watch.c $(addprefix userspace/common/,accept.c certificate.c keytype.c \
	ownfile.c) $(azdocument_SRCS) $(azseal_SRCS)

ASAN_PROGRAMS += test-config test-state test-embedded
test-config_SRCS := selftests/azattestd/test-config.c $(azattestd_CONFIG) $(azattestd_TAP)
test-config_PKGS := libcrypto inih uuid
test-state_SRCS := selftests/azattestd/test-state.c userspace/azattestd/state.c \
	$(addprefix userspace/daemon/,log.c format.c) $(azattestd_TAP)
test-embedded_SRCS := selftests/azattestd/test-embedded.c $(azattestd_EMBEDDED) $(azattestd_TAP)
test-embedded_PKGS := libcrypto inih uuid
UNIT_TESTS += test-config test-state test-embedded

# The whole of it, on a module that is a file.
daemon_tests := test-daemon test-daemon-signers test-ctl-schemas
ASAN_PROGRAMS += $(daemon_tests)
$(foreach t,$(daemon_tests),$(eval $(t)_SRCS := $(addprefix selftests/azattestd/,$(t).c rig.c fakemodule.c) \
	$(azattestd_TAP)))
$(foreach t,$(daemon_tests),$(eval $(t)_PKGS := libcrypto jansson))
test-ctl-schemas_CFLAGS := -DAZ_TOP='"$(TOP)"'
UNIT_TESTS += $(daemon_tests)
HOST_TESTS += selftests/azattestd/test-daemon.sh

# What an operator sees and does.
HOST_TESTS += selftests/azattestd/test-ctl.sh

# A VMM's taps, for it.
PROGRAMS += hold-tap
hold-tap_SRCS := selftests/azattestd/hold-tap.c

ASAN_PROGRAMS += test-answer
test-answer_SRCS := selftests/azattestd/test-answer.c selftests/document/pki.c \
	userspace/signer/answer.c userspace/signer/arena.c $(azdocument_SRCS) $(azattestd_TAP)
test-answer_PKGS := libcrypto
UNIT_TESTS += test-answer
