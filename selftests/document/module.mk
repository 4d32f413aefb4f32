# SPDX-License-Identifier: GPL-2.0
# Content and envelope of documents, against OpenSSL as the oracle.

document_TESTED := $(azdocument_SRCS) selftests/document/pki.c
document_TAP := selftests/lib/tap.c selftests/lib/child.c

ASAN_PROGRAMS += test-content test-cms test-der
test-content_SRCS := selftests/document/test-content.c $(document_TESTED) $(document_TAP)
test-content_PKGS := libcrypto jansson
test-cms_SRCS := selftests/document/test-cms.c $(document_TESTED) $(document_TAP)
test-cms_PKGS := libcrypto
test-der_SRCS := selftests/document/test-der.c $(document_TESTED) $(document_TAP)
test-der_PKGS := libcrypto

PROGRAMS += bench-document
bench-document_SRCS := selftests/document/bench-document.c selftests/document/pki.c
bench-document_STATIC := azdocument
bench-document_PKGS := libcrypto

UNIT_TESTS += test-content test-cms test-der
