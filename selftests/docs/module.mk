# SPDX-License-Identifier: GPL-2.0
# The documentation against the tree: names, numbers, links, commands.
UNIT_TESTS += selftests/docs/test-docs

PROGRAMS += make-document
make-document_SRCS := selftests/docs/make-document.c userspace/common/certificate.c \
	userspace/common/keytype.c
make-document_STATIC := azdocument
make-document_PKGS := libcrypto uuid
