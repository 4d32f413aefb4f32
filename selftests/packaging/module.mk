# SPDX-License-Identifier: GPL-2.0
# What make install leaves behind: units, and sources for dkms; what scripts/deps brings.

UNIT_TESTS += selftests/packaging/test-units selftests/packaging/test-dkms selftests/packaging/test-deps
SYSTEMD_TESTS += selftests/packaging/test-systemd
