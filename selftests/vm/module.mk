# SPDX-License-Identifier: GPL-2.0
# The bench proves itself before anything it says is believed.

UNIT_TESTS += selftests/vm/test-runner selftests/vm/test-installed
