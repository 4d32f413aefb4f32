# SPDX-License-Identifier: GPL-2.0
# The host's API on a hostd that is a fake, and azattestctl as its client.
api_SRCS := $(addprefix userspace/hostd/,api.c api_http.c api_calls.c) \
	$(addprefix userspace/daemon/,watch.c local.c log.c) selftests/api/fakehostd.c
api_PKGS := libmicrohttpd jansson uuid

# What the test programs share, under sanitizers like them, built once.
LIBRARIES += azapirig
azapirig_SRCS := selftests/api/rig.c selftests/lib/tap.c selftests/lib/child.c $(api_SRCS)
azapirig_PKGS := $(api_PKGS)
azapirig_CFLAGS := $(SANITIZE) -U_FORTIFY_SOURCE

api_tests := test-api-calls test-api-bodies test-api-framing test-api-rights test-api-crowd
ASAN_PROGRAMS += $(api_tests)
$(foreach t,$(api_tests),$(eval $(t)_SRCS := selftests/api/$(t).c))
$(foreach t,$(api_tests),$(eval $(t)_STATIC := azapirig))
$(foreach t,$(api_tests),$(eval $(t)_PKGS := $(api_PKGS)))
UNIT_TESTS += $(api_tests) selftests/api/test-ctl-api.sh \
	selftests/api/test-ctl-table.sh selftests/api/test-ctl-shared.sh \
	selftests/api/test-ctl-vms.sh selftests/api/test-ctl-json.sh

PROGRAMS += fake-hostd
fake-hostd_SRCS := selftests/api/fake-hostd.c $(api_SRCS)
fake-hostd_PKGS := $(api_PKGS)
