# SPDX-License-Identifier: GPL-2.0
# What make install leaves behind: units, sources for dkms, Debian packages; what scripts/deps brings; what removal does by hand.
# packaging/check has what takes minutes: packages on a host at work, and the walk of the README.

UNIT_TESTS += $(addprefix selftests/packaging/,test-units test-dkms test-deb test-deps test-prerm)
SYSTEMD_TESTS += $(addprefix selftests/packaging/,test-systemd test-reload)
