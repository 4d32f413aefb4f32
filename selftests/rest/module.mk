# SPDX-License-Identifier: GPL-2.0
# The REST door as a whole: all daemons, and VMs that are network namespaces.

HOST_TESTS += selftests/rest/test-rest selftests/rest/test-neighbours
