# SPDX-License-Identifier: GPL-2.0
# azattest-hostd: its parts with sanitizers, and the whole of it on a host with the module.

ASAN_PROGRAMS += azattest-hostd-asan
azattest-hostd-asan_SRCS := $(azattest-hostd_SRCS) $(aznet_SRCS) $(azfence_SRCS)
azattest-hostd-asan_SKELETONS := fence
azattest-hostd-asan_PKGS := $(azattest-hostd_PKGS)

hostd_host_tests := test-hostd test-hostd-accidents test-hostd-repair
PROGRAMS += $(hostd_host_tests)
$(foreach t,$(hostd_host_tests),$(eval $(t)_SRCS := \
	$(addprefix selftests/hostd/,$(t).c scene.c rig.c fakerestd.c) userspace/common/restlink.c))
$(foreach t,$(hostd_host_tests),$(eval $(t)_STATIC := aztest))
$(foreach t,$(hostd_host_tests),$(eval $(t)_PKGS := jansson uuid))
HOST_TESTS += $(hostd_host_tests) test-hostd-bind
PROGRAMS += test-hostd-bind
test-hostd-bind_SRCS := $(addprefix selftests/hostd/,test-hostd-bind.c vmm.c rig.c fakerestd.c) \
	userspace/common/restlink.c
test-hostd-bind_STATIC := aztest
test-hostd-bind_PKGS := jansson uuid

hostd_TAP := selftests/lib/tap.c selftests/lib/child.c userspace/daemon/log.c

hostd_UNITS := test-hostd-config test-hostd-store test-hostd-process test-hostd-module \
	test-hostd-facts test-hostd-session test-hostd-slots test-hostd-ask test-hostd-keep \
	test-hostd-audit
ASAN_PROGRAMS += $(hostd_UNITS)
test-hostd-config_SRCS := selftests/hostd/test-hostd-config.c userspace/hostd/config.c \
	userspace/daemon/inifile.c $(hostd_TAP)
test-hostd-config_PKGS := inih jansson
test-hostd-store_SRCS := selftests/hostd/test-hostd-store.c userspace/hostd/store.c \
	userspace/daemon/format.c $(hostd_TAP)
test-hostd-store_PKGS := jansson
test-hostd-process_SRCS := selftests/hostd/test-hostd-process.c userspace/hostd/process.c \
	$(hostd_TAP)
test-hostd-process_PKGS := jansson
test-hostd-module_SRCS := $(addprefix selftests/hostd/,test-hostd-module.c) \
	userspace/hostd/module.c userspace/daemon/watch.c $(hostd_TAP)
test-hostd-module_PKGS := libnl-3.0 libnl-genl-3.0 jansson
test-hostd-module_LDLIBS := -Wl,--wrap=ioctl
test-hostd-facts_SRCS := selftests/hostd/test-hostd-facts.c userspace/hostd/facts.c \
	userspace/daemon/inifile.c $(hostd_TAP)
test-hostd-facts_PKGS := inih jansson
hostd_SESSION := selftests/hostd/session.c \
	$(addprefix userspace/hostd/,rest.c rest_socket.c drain.c slot.c backoff.c) \
	userspace/daemon/watch.c userspace/daemon/local.c userspace/common/restlink.c $(hostd_TAP)
test-hostd-session_SRCS := selftests/hostd/test-hostd-session.c $(hostd_SESSION)
test-hostd-session_PKGS := jansson
test-hostd-slots_SRCS := selftests/hostd/test-hostd-slots.c $(hostd_SESSION)
test-hostd-slots_PKGS := jansson
test-hostd-audit_SRCS := selftests/hostd/test-hostd-audit.c userspace/hostd/audit.c $(hostd_TAP)
test-hostd-audit_PKGS := jansson
test-hostd-audit_LDLIBS := -Wl,--wrap=watch_now_ms
hostd_ASKING := $(addprefix selftests/hostd/,asking.c around.c) \
	$(addprefix userspace/hostd/,bind.c bind_ask.c bind_record.c rules.c taker.c process.c store.c backoff.c) \
	$(addprefix userspace/daemon/,watch.c format.c) userspace/take/link.c $(hostd_TAP)
$(foreach t,ask keep,$(eval test-hostd-$(t)_SRCS := selftests/hostd/test-hostd-$(t).c $(hostd_ASKING)))
$(foreach t,ask keep,$(eval test-hostd-$(t)_PKGS := jansson uuid))
$(foreach t,ask keep,$(eval test-hostd-$(t)_LDLIBS := -Wl,--wrap=watch_now_ms))
UNIT_TESTS += $(hostd_UNITS)
