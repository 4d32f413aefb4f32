# SPDX-License-Identifier: GPL-2.0
# What make install leaves behind: units, and sources for dkms.

UNIT_TESTS += selftests/packaging/test-units selftests/packaging/test-dkms
SYSTEMD_TESTS += selftests/packaging/test-systemd
