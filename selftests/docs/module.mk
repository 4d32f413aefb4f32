# SPDX-License-Identifier: GPL-2.0
# The documentation against the tree: names, numbers, links, commands.
UNIT_TESTS += selftests/docs/test-docs selftests/docs/test-manuals

PROGRAMS += make-document
make-document_SRCS := selftests/docs/make-document.c userspace/common/certificate.c \
	userspace/common/keytype.c
make-document_STATIC := azdocument
make-document_PKGS := libcrypto uuid

ASAN_PROGRAMS += test-config-manual
test-config-manual_SRCS := selftests/docs/test-config-manual.c $(azattestd_CONFIG) $(azattestd_TAP)
test-config-manual_PKGS := $(test-config_PKGS)
test-config-manual_CFLAGS := -DAZ_TOP='"$(TOP)"'
UNIT_TESTS += test-config-manual

ASAN_PROGRAMS += test-protocol-manual
test-protocol-manual_SRCS := selftests/docs/test-protocol-manual.c kmod/frame.c \
	selftests/lib/tap.c selftests/lib/child.c
test-protocol-manual_CFLAGS := -DAZ_TOP='"$(TOP)"'
UNIT_TESTS += test-protocol-manual
