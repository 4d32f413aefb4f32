# SPDX-License-Identifier: GPL-2.0
# Help in trouble: what azattestctl finds on hosts that are folders, and on this one.
ASAN_PROGRAMS += test-doctor
test-doctor_SRCS := selftests/doctor/test-doctor.c selftests/doctor/fakehost.c \
	$(addprefix userspace/azattestctl/,doctor_finding.c doctor_kernel.c doctor_module.c \
	doctor_daemon.c doctor_rest.c doctor_files.c doctor_way.c bound.c program.c) \
	selftests/lib/tap.c selftests/lib/child.c
test-doctor_PKGS := jansson libcrypto
UNIT_TESTS += test-doctor selftests/doctor/test-doctor.sh

ASAN_PROGRAMS += test-bugreport
test-bugreport_SRCS := selftests/doctor/test-bugreport.c selftests/doctor/fakehost.c \
	$(addprefix userspace/azattestctl/,bugreport_gate.c bugreport_host.c doctor_finding.c output.c colour.c \
	program.c) selftests/lib/tap.c selftests/lib/child.c
test-bugreport_CFLAGS := -DAZ_TOP='"$(TOP)"'
test-bugreport_PKGS := jansson uuid libcrypto
UNIT_TESTS += test-bugreport selftests/doctor/test-bugreport.sh

UNIT_TESTS += selftests/doctor/test-isolation.sh

ASAN_PROGRAMS += test-reload
test-reload_SRCS := selftests/doctor/test-reload.c selftests/doctor/fakehost.c \
	$(addprefix userspace/azattestctl/,reload.c reload_pins.c doctor_finding.c output.c colour.c arguments.c \
	program.c) selftests/lib/tap.c selftests/lib/child.c
test-reload_PKGS := jansson uuid libcrypto
UNIT_TESTS += test-reload
