# SPDX-License-Identifier: GPL-2.0
# The daemon and its signers, without and with the module.

azattestd_TAP := selftests/lib/tap.c selftests/lib/child.c

# The real signer, but its ioctl() is ours: see fakemodule.h.
PROGRAMS += azattest-signer-fake
azattest-signer-fake_SRCS := $(azattest-signer_SRCS) selftests/azattestd/fakeioctl.c
azattest-signer-fake_STATIC := $(azattest-signer_STATIC)
azattest-signer-fake_PKGS := $(azattest-signer_PKGS)
azattest-signer-fake_LDLIBS := -Wl,--wrap=ioctl -Wl,--wrap=write

# The real daemon under sanitizers.
ASAN_PROGRAMS += azattestd-asan
azattestd-asan_SRCS := $(azattestd_SRCS) $(azdocument_SRCS)
azattestd-asan_PKGS := $(azattestd_PKGS)

PROGRAMS += azask
azask_SRCS := selftests/azattestd/azask.c
azask_STATIC := aztest
