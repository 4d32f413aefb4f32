# SPDX-License-Identifier: GPL-2.0
# Keys at rest and in memory, with TPMs of swtpm.

seal_TAP := selftests/lib/tap.c selftests/lib/child.c
seal_TPM := selftests/seal/swtpm.c userspace/seal/tpm.c
seal_TPM_PKGS := libcrypto tss2-esys tss2-mu tss2-rc tss2-tctildr

ASAN_PROGRAMS += test-blob
test-blob_SRCS := selftests/seal/test-blob.c $(seal_SRCS) $(seal_TAP)
test-blob_PKGS := libcrypto
UNIT_TESTS += test-blob

# The real program, which is beside it.
ASAN_PROGRAMS += test-keeper
test-keeper_SRCS := selftests/seal/test-keeper.c $(seal_SRCS) $(seal_TAP)
test-keeper_PKGS := libcrypto
UNIT_TESTS += test-keeper

ASAN_PROGRAMS += test-tpm
test-tpm_SRCS := selftests/seal/test-tpm.c $(seal_TPM) $(seal_SRCS) $(seal_TAP)
test-tpm_PKGS := $(seal_TPM_PKGS)
UNIT_TESTS += test-tpm

# The daemon as a whole, with the module that is a file.
seal_RIG := selftests/certificate/rig.c selftests/azattestd/fakemodule.c
seal_TPM_RIG := $(seal_RIG) $(addprefix selftests/seal/,swtpm.c tpmrig.c)

ASAN_PROGRAMS += test-sealed
test-sealed_SRCS := selftests/seal/test-sealed.c $(seal_TPM_RIG) $(seal_TAP)
test-sealed_PKGS := libcrypto jansson
UNIT_TESTS += test-sealed

ASAN_PROGRAMS += test-sealed-reload
test-sealed-reload_SRCS := selftests/seal/test-sealed-reload.c $(seal_TPM_RIG) $(seal_TAP)
test-sealed-reload_PKGS := libcrypto jansson
UNIT_TESTS += test-sealed-reload

ASAN_PROGRAMS += test-disk
test-disk_SRCS := selftests/seal/test-disk.c $(seal_RIG) $(seal_TAP)
test-disk_PKGS := libcrypto jansson
UNIT_TESTS += test-disk

# It opens what it may not find, so it has what azattest-keeper has.
ASAN_PROGRAMS += test-remains
test-remains_SRCS := $(addprefix selftests/seal/,test-remains.c memory.c thief.c) $(seal_TPM_RIG) \
	userspace/seal/tpm.c $(seal_SRCS) $(seal_TAP)
test-remains_PKGS := $(seal_TPM_PKGS) jansson
UNIT_TESTS += test-remains

ASAN_PROGRAMS += test-memory
test-memory_SRCS := $(patsubst %/test-remains.c,%/test-memory.c,$(test-remains_SRCS))
test-memory_PKGS := $(test-remains_PKGS)
UNIT_TESTS += test-memory

# On a host with a true /dev/tpmrm0.
TPM_TESTS += selftests/seal/test-tpm-device
