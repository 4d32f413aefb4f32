# SPDX-License-Identifier: GPL-2.0
# The host's API on a hostd that is a fake, and azattestctl as its client.
api_SRCS := $(addprefix userspace/hostd/,api.c api_http.c api_calls.c) \
	$(addprefix userspace/daemon/,watch.c log.c) selftests/api/fakehostd.c
api_PKGS := libmicrohttpd jansson uuid

ASAN_PROGRAMS += test-api
test-api_SRCS := selftests/api/test-api.c selftests/lib/tap.c selftests/lib/child.c $(api_SRCS)
test-api_PKGS := $(api_PKGS)
UNIT_TESTS += test-api selftests/api/test-ctl-api.sh

PROGRAMS += fake-hostd
fake-hostd_SRCS := selftests/api/fake-hostd.c $(api_SRCS)
fake-hostd_PKGS := $(api_PKGS)
