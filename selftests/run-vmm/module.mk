# SPDX-License-Identifier: GPL-2.0
# azattest-run: its parts natively, the whole on a host with the module.
run_vmm_TAP := selftests/lib/tap.c selftests/lib/child.c

run_mux_tests := test-mux test-mux-limits
ASAN_PROGRAMS += $(run_mux_tests) test-launch
$(foreach t,$(run_mux_tests),$(eval $(t)_SRCS := $(addprefix selftests/run-vmm/,$(t).c rig.c) \
	$(run_mux_SRCS) $(run_vmm_TAP)))
test-launch_SRCS := selftests/run-vmm/test-launch.c $(run_vmm_TAP) \
	$(addprefix userspace/azattest-run/,words.c options.c device.c socket.c child.c say.c)
test-launch_PKGS := uuid

UNIT_TESTS += $(run_mux_tests) test-launch
HOST_TESTS += selftests/run-vmm/test-run.sh
