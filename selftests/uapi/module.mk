# SPDX-License-Identifier: GPL-2.0
# The UAPI headers as user space sees them.

UNIT_TESTS += selftests/uapi/test-headers
