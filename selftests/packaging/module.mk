# SPDX-License-Identifier: GPL-2.0
# What make install leaves behind: units, sources for dkms, Debian packages; what scripts/deps brings.

UNIT_TESTS += $(addprefix selftests/packaging/,test-units test-dkms test-deb test-deps)
SYSTEMD_TESTS += $(addprefix selftests/packaging/,test-systemd test-reload)
